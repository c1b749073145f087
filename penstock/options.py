"""What a loader can be asked for, checked in one place before anything is opened."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from penstock.batches import FIELDS
from penstock.best_fit import MAXIMUM_ROW_LENGTH
from penstock.errors import UsageError
from penstock.fill import ignored_label
from penstock.manifest import TokenizerInfo
from penstock.objectives import objective_names
from penstock.packing import LongDocuments, Packing
from penstock.places import cache_folder
from penstock.shard_cache import ShardCache
from penstock.windows import PackSettings, default_window_tokens

DTYPES = ("int64", "int32", "uint16", "uint32")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderOptions:
    """The options of a TokenLoader, whose docstring explains them.

    Raises:
        UsageError: an option is out of range; the message names it, its value and what is allowed.
    """

    sequence_length: int
    global_batch_size: int
    seed: int
    rank: int
    world_size: int
    objective: str
    packing: str
    long_documents: str
    drop_last: bool
    fields: tuple[str, ...]
    dtype: str
    windows_per_batch: int
    window_tokens: int | None
    prefetch: int
    pad_documents_to: int
    balance_ranks: bool
    cache_dir: str | None
    cache_bytes: int

    def __post_init__(self) -> None:
        _check_range("sequence_length", self.sequence_length, 1, MAXIMUM_ROW_LENGTH)
        _check_range("world_size", self.world_size, 1)
        _check_range("rank", self.rank, 0, self.world_size - 1)
        _check_range("global_batch_size", self.global_batch_size, 1)
        _check_range("seed", self.seed, 0, (1 << 63) - 1)
        _check_range("windows_per_batch", self.windows_per_batch, 1)
        _check_range("prefetch", self.prefetch, 0)
        if self.window_tokens is not None:
            _check_range("window_tokens", self.window_tokens, 1)
        if self.global_batch_size % self.world_size:
            raise UsageError(
                f"global_batch_size is {self.global_batch_size}, which world_size "
                f"{self.world_size} doesn't divide; every rank takes the same number of rows"
            )
        _check_range("cache_bytes", self.cache_bytes, 0)
        _check_range("pad_documents_to", self.pad_documents_to, 1)
        if self.sequence_length % self.pad_documents_to:
            raise UsageError(
                f"pad_documents_to is {self.pad_documents_to}; allowed: what divides the "
                f"sequence_length {self.sequence_length}"
            )
        _check_choice("objective", self.objective, objective_names())
        _check_choice("packing", self.packing, tuple(Packing))
        _check_choice("long_documents", self.long_documents, tuple(LongDocuments))
        _check_choice("dtype", self.dtype, DTYPES)
        _check_fields(self.fields)
        for name in ("drop_last", "balance_ranks"):
            if not isinstance(getattr(self, name), bool):
                raise UsageError(f"{name} is {getattr(self, name)!r}; allowed: True or False")

    @property
    def rank_rows(self) -> int:
        """How many rows of a batch are this rank's."""
        return self.global_batch_size // self.world_size

    @property
    def pack_settings(self) -> PackSettings:
        """The part that decides how windows are packed."""
        tokens = self.window_tokens or default_window_tokens(self.sequence_length)
        return PackSettings(
            sequence_length=self.sequence_length,
            packing=Packing(self.packing),
            long_documents=LongDocuments(self.long_documents),
            window_tokens=tokens,
            multiple=self.pad_documents_to,
        )

    @property
    def cache(self) -> ShardCache | None:
        """Where the shards of a remote dataset are kept."""
        if not self.cache_bytes:
            return None
        folder = Path(self.cache_dir) if self.cache_dir else cache_folder() / "shards"
        return ShardCache(folder, self.cache_bytes)

    def check_dtype(self, tokenizer: TokenizerInfo) -> None:
        """Raise if the dtype can't hold every token id and position, and -100 apart from them."""
        largest = max(tokenizer.vocabulary_size - 1, self.sequence_length - 1)
        limit = min(int(np.iinfo(self.dtype).max), ignored_label(self.dtype) % (1 << 63) - 1)
        if np.issubdtype(self.dtype, np.unsignedinteger) and largest > limit:
            raise UsageError(
                f"dtype is {self.dtype!r}, which holds values up to {limit} beside the label -100 "
                f"(as {limit + 1}), but ids and positions reach {largest}; allowed: a wider one"
            )


def _check_range(name: str, value: Any, least: int, most: int | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise UsageError(f"{name} is {value!r}; allowed: an integer")
    if value < least or (most is not None and value > most):
        wanted = f"at least {least}" if most is None else f"{least} to {most}"
        raise UsageError(f"{name} is {value}; allowed: {wanted}")


def _check_fields(fields: tuple[str, ...]) -> None:
    if not set(fields) <= set(FIELDS) or "input_ids" not in fields:
        raise UsageError(
            f"fields is {list(fields)}; allowed: a list of {', '.join(FIELDS)}, input_ids among "
            "them in any case"
        )


def _check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{name} is {value!r}; allowed: {', '.join(map(str, allowed))}")
