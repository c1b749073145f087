"""Text to tokens with the tokenizer that a recipe names: SentencePiece, Hugging Face or tiktoken.

Each library encodes a batch of documents on one thread, the engines bring the parallelism, and
beginning and end of document are put between rows for the whole batch. Ids are uint16 where the
vocabulary allows, else uint32.

Cost (2-core AMD EPYC, English reviews of 1.3 kB, million tokens/s on one core): the shipped
SentencePiece unigram model 10, GPT-2's tokenizer.json 8 (`tokenizers` itself 0.8), tiktoken cl100k
4.6, Mixtral's SentencePiece BPE 1.2, a Llama-style tokenizer.json 1.0; within 1 to 11 % of the
libraries alone (`make bench ARGS=tokens`). Hugging Face's own engine takes 110 bytes of memory for
each byte of the longest document.
"""

import functools
import gzip
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from transforms.fast_bpe import EncodeRows
from transforms.tokenizer_json import read_huggingface
from transforms.tokenizer_kinds import (
    Codec,
    Engine,
    Kind,
    detect_kind,
    read_sentencepiece,
    read_tiktoken,
)

QUICKSTART = "builtin:quickstart"
"""Path of the small model that ships with Penstock."""

Pattern = Literal["gpt2", "p50k_base", "cl100k_base", "o200k_base"]

_SHIPPED = Path(__file__).parent / "models" / "quickstart.model"
_SMALL_VOCABULARY = 2**16


class FitOptions(BaseModel):
    """Recipe section `tokenizer.fit`: a SentencePiece model trained on the kept text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vocabulary_size: int = Field(
        default=32_000, ge=300, le=1_000_000, description="Pieces, with 256 bytes and 3 specials."
    )
    model_type: Literal["unigram", "bpe"] = Field(
        default="unigram", description="unigram encodes four times faster, bpe trains faster."
    )
    character_coverage: float = Field(
        default=0.9995, ge=0.9, le=1, description="Share of characters with pieces of their own."
    )
    sample_documents: int = Field(
        default=5_000, ge=1, description="Most kept documents to learn from."
    )
    sample_bytes: int = Field(
        default=8_000_000,
        ge=10_000,
        description="Most UTF-8 bytes to learn from; unigram training takes 30 times that.",
    )


class TokenizerOptions(BaseModel):
    """Recipe section `tokenizer`: which tokenizer, and what it puts around each document.

    The default, 'builtin:quickstart', is a small model that ships with Penstock.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(
        default=QUICKSTART,
        description="SentencePiece .model, tokenizer.json or tiktoken rank file, maybe gzipped.",
    )
    fit: FitOptions | None = Field(
        default=None, description="Train one on a sample of the kept text instead."
    )
    kind: Literal["auto", "sentencepiece", "huggingface", "tiktoken"] = Field(
        default="auto", description="What the file is; auto looks into it."
    )
    pattern: Pattern | None = Field(
        default=None, description="tiktoken: how text is cut; null: by the number of ranks."
    )
    add_bos: bool = Field(default=False, description="Begin each document with BOS.")
    add_eos: bool = Field(default=True, description="End each document with EOS.")
    bos_token: str | None = Field(
        default=None, description="Name of BOS; null: what the file says, or a usual name."
    )
    eos_token: str | None = Field(
        default=None, description="Name of EOS; null: what the file says, or a usual name."
    )

    @model_validator(mode="after")
    def _is_given_or_fitted(self) -> "TokenizerOptions":
        if self.fit is not None and self.path != QUICKSTART:
            raise ValueError(f"path ({self.path!r}) and fit exclude each other: remove one of them")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenizer:
    """A loaded tokenizer: `special_ids` has bos, eos, pad and unk, None where there is none.

    `digest` is xxh3_128 of the file in hex, unpacked if it was gzipped; `bos` and `eos` are the
    ids that each document gets at its ends, None for none. `engine` is what encodes,
    and `engine_note` why it isn't a faster one, if that's so.
    """

    kind: Kind
    engine: Engine
    engine_note: str
    digest: str
    vocabulary_size: int
    special_ids: Mapping[str, int | None]
    bos: int | None
    eos: int | None
    encode_rows: EncodeRows

    @property
    def token_type(self) -> pa.DataType:
        """uint16 if the vocabulary fits it, else uint32."""
        return pa.uint16() if self.vocabulary_size <= _SMALL_VOCABULARY else pa.uint32()

    def encode(self, text: pa.Array) -> pa.ListArray:
        """Token ids of each text, list<uint16|uint32>, with BOS and EOS by the options.

        Special tokens that a text spells are encoded as the letters that they are.

        Raises:
            ValueError: a text is null.
        """
        if text.null_count:
            raise ValueError(f"text: got {text.null_count} nulls among {len(text)} rows")
        dtype = np.dtype(str(self.token_type))
        before, after = _ends(self.bos), _ends(self.eos)
        rows = self.encode_rows(text)
        lengths = np.fromiter(map(len, rows), np.int64, len(text)) + len(before) + len(after)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        parts = [part for row in rows for part in (before, row, after)]
        values = np.concatenate([before[:0], *parts], dtype=dtype, casting="unsafe")
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values))


def load_tokenizer(options: TokenizerOptions) -> Tokenizer:
    """The tokenizer in the file that the options name; read anew, built once for each process.

    Raises:
        ValueError: the file is absent, broken, or lacks a token that the options ask for; the
            message names the recipe's key, the file and what is wrong.
    """
    if options.fit is not None:
        raise ValueError("tokenizer.fit: there is no file to load; pass the fitted model's bytes")
    path = _SHIPPED if options.path == QUICKSTART else Path(options.path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"tokenizer.path: can't read {str(path)!r} ({error.strerror}); give a SentencePiece "
            f".model, a tokenizer.json or a tiktoken rank file, or {QUICKSTART!r}"
        ) from error
    return tokenizer_from_bytes(data, options=options)


@functools.lru_cache(maxsize=4)
def tokenizer_from_bytes(data: bytes, *, options: TokenizerOptions) -> Tokenizer:
    """The tokenizer in a file's bytes, gzipped or not, wherever they came from.

    Raises:
        ValueError: as `load_tokenizer`.
    """
    try:
        data = _unpacked(data)
        kind: Kind = detect_kind(data) if options.kind == "auto" else options.kind
        if options.pattern is not None and kind != "tiktoken":
            raise ValueError(
                f"tokenizer.pattern is {options.pattern!r}, but only tiktoken's files need one, "
                f"and this one is of {kind}; remove it"
            )
        codec = _READERS[kind](data, options.pattern)
        bos = _end_token(codec, "bos", options.bos_token) if options.add_bos else None
        eos = _end_token(codec, "eos", options.eos_token) if options.add_eos else None
    except ValueError as error:
        key = "tokenizer.fit" if options.fit else f"tokenizer.path: {options.path!r}"
        raise ValueError(f"{key}: {error}") from error
    chosen = {role: id_ for role, id_ in (("bos", bos), ("eos", eos)) if id_ is not None}
    return Tokenizer(
        kind=kind,
        engine=codec.engine,
        engine_note=codec.engine_note,
        digest=xxhash.xxh3_128_hexdigest(data),
        vocabulary_size=codec.vocabulary_size,
        special_ids={**codec.special_ids, **chosen},
        bos=bos,
        eos=eos,
        encode_rows=codec.encode,
    )


_READERS: Mapping[Kind, Callable[[bytes, str | None], Codec]] = {
    "sentencepiece": lambda data, _: read_sentencepiece(data),
    "huggingface": lambda data, _: read_huggingface(data),
    "tiktoken": lambda data, pattern: read_tiktoken(data, pattern=pattern),
}


def _unpacked(data: bytes) -> bytes:
    if not data:
        raise ValueError("the file is empty")
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"a gzip file that doesn't unpack ({error})") from error


def _end_token(codec: Codec, role: str, name: str | None) -> int:
    """Id of the token that begins or ends documents, if no page text can spell it."""
    id_ = codec.special_ids[role] if name is None else codec.find(name)
    if id_ is None:
        problem = f"has no {role.upper()} token" if name is None else f"has no token {name!r}"
        raise ValueError(
            f"{problem}; set tokenizer.{role}_token to the name of one that it has, "
            f"or tokenizer.add_{role}: false"
        )
    spelled = codec.spell(id_)
    if id_ in list(codec.encode(pa.array([spelled]))[0]):
        raise ValueError(
            f"its token {spelled!r} isn't a special one: a page that contains these letters "
            f"would get it in mid-text; set tokenizer.{role}_token to another, "
            f"or tokenizer.add_{role}: false"
        )
    return id_


def _ends(end: int | None) -> NDArray[np.uint32]:
    return np.array([] if end is None else [end], np.uint32)
