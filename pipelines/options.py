"""Options of the stages that belong to the plan itself: what a recipe may say about them."""

from pydantic import BaseModel, ConfigDict, Field

from pipelines.sizes import Size
from transforms.minhash import MinHashOptions


class DedupOptions(BaseModel):
    """Which documents count as the same; one keeper is chosen by (snapshot, date, doc_id)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    exact: bool = Field(default=True, description="Drop documents whose normalized text is equal.")
    minhash: MinHashOptions | None = Field(
        default=MinHashOptions(),
        description="Drop near duplicates found by MinHash; null turns it off.",
    )


class ShardOptions(BaseModel):
    """How tokens are cut into shard files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target_text_bytes: Size = Field(
        default=256_000_000, gt=0, description="Text behind one shard, before tokenizing."
    )
    rows_per_batch: int = Field(
        default=1024, ge=1, description="Documents in one Arrow batch of a shard."
    )


class ValidationOptions(BaseModel):
    """A second split, chosen by duplicate cluster so that nothing leaks into it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fraction: float = Field(
        default=0.0, ge=0, le=0.5, description="Share of the clusters held out."
    )


class RejectOptions(BaseModel):
    """How many dropped documents are kept to look at, with their text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_rule: int = Field(default=20, ge=0, description="Examples of each rule in OUT/rejects.")


class ExchangeOptions(BaseModel):
    """How rows travel between tasks; results don't depend on it, memory and speed do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bucket_bytes: Size = Field(
        default=64_000_000, gt=0, description="Rows that one reducer receives."
    )
    fan_in: int = Field(default=1000, ge=2, description="Files that one reducer reads at a time.")
