"""What a recipe may say about its inputs and about reading them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipelines.readers.spans import DEFAULT_ID
from pipelines.sizes import Size, parse_size

InputFormat = Literal["auto", "warc", "wet", "jsonl", "parquet", "text"]


class InputOptions(BaseModel):
    """One named input of a recipe: which files, and which of their fields are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        default="input", min_length=1, description="Name of the source in the shards."
    )
    paths: tuple[str, ...] = Field(
        default=(), description="Files, folders or globs; local paths or any fsspec URL."
    )
    format: InputFormat = Field(default="auto", description="'auto' goes by the file name.")
    text_field: str = Field(default="text", min_length=1, description="JSONL, Parquet: the text.")
    id_field: str | None = Field(
        default=DEFAULT_ID,
        description="JSONL, Parquet: an id that names the document; 'id', if it's there.",
    )
    url_field: str | None = Field(
        default="url", description="JSONL, Parquet: the address, if it's there."
    )
    date_field: str | None = Field(
        default="date", description="JSONL, Parquet: the date, if it's there."
    )
    lines: bool = Field(
        default=False, description="Text files: every line is a document of its own."
    )

    @field_validator("paths", mode="before")
    @classmethod
    def _one_path_is_a_list_of_one(cls, value: object) -> object:
        # A tuple for the strict mode too, in which recipes are checked.
        paths = [value] if isinstance(value, str) else value
        return tuple(paths) if isinstance(paths, list) else paths


class ReadOptions(BaseModel):
    """How inputs become records: what isn't worth parsing, and how much is read at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_record_bytes: Size = Field(
        default=8_000_000, gt=0, description="Longer documents are dropped without being parsed."
    )
    keep_http_status: tuple[int, ...] = Field(
        default=(200,), min_length=1, description="Pages answered with another status are dropped."
    )
    piece_bytes: Literal["auto"] | int = Field(
        default="auto",
        description="Stored bytes that one task reads; 'auto' goes by the input's size.",
    )
    batch_rows: int = Field(default=256, ge=1, description="Most records in one batch.")
    io_retries: int = Field(
        default=4, ge=0, description="Further tries when storage doesn't answer."
    )

    @field_validator("piece_bytes", mode="before")
    @classmethod
    def _auto_or_a_size(cls, value: object) -> object:
        if value == "auto":
            return value
        size = parse_size(value)
        if size < 1:
            raise ValueError("a piece has at least 1 byte; write 'auto' to let the size decide")
        return size
