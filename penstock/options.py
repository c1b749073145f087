"""What a loader can be asked for, checked in one place before anything is opened."""

from collections.abc import Iterable
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
        self._check_integer("sequence_length", 1, MAXIMUM_ROW_LENGTH)
        self._check_integer("world_size", 1)
        self._check_integer("rank", 0, self.world_size - 1)
        self._check_integer("global_batch_size", 1)
        self._check_integer("seed", 0, (1 << 63) - 1)
        self._check_integer("windows_per_batch", 1)
        self._check_integer("prefetch", 0)
        if self.window_tokens is not None:
            self._check_integer("window_tokens", 1)
        self._check_integer("cache_bytes", 0)
        self._check_integer("pad_documents_to", 1)
        if self.global_batch_size % self.world_size:
            raise UsageError(
                f"global_batch_size is {self.global_batch_size}, which world_size "
                f"{self.world_size} doesn't divide; every rank takes the same number of rows"
            )
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
        folder = Path(self.cache_dir).expanduser() if self.cache_dir else cache_folder() / "shards"
        return ShardCache(folder.absolute(), self.cache_bytes)

    def _check_integer(self, name: str, least: int, most: int | None = None) -> None:
        value: Any = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise UsageError(f"{name} is {value!r}; allowed: an integer")
        if value < least or (most is not None and value > most):
            wanted = f"at least {least}" if most is None else f"{least} to {most}"
            raise UsageError(f"{name} is {value}; allowed: {wanted}")
        # One of NumPy's would overflow in products, and isn't JSON in a state.
        object.__setattr__(self, name, int(value))

    def check_dtype(self, tokenizer: TokenizerInfo) -> None:
        """Raise if the dtype can't hold every token id and position, and -100 apart from them."""
        largest = max(tokenizer.vocabulary_size - 1, self.sequence_length - 1)
        limit = min(int(np.iinfo(self.dtype).max), ignored_label(self.dtype) % (1 << 63) - 1)
        if np.issubdtype(self.dtype, np.unsignedinteger) and largest > limit:
            raise UsageError(
                f"dtype is {self.dtype!r}, which holds values up to {limit} beside the label -100 "
                f"(as {limit + 1}), but ids and positions reach {largest}; allowed: a wider one"
            )


def name_of_dtype(dtype: Any) -> str:
    """The name of a type that is given as a name, or as NumPy's or torch's type.

    >>> name_of_dtype("uint16"), name_of_dtype(np.int64), name_of_dtype(np.dtype("int32"))
    ('uint16', 'int64', 'int32')
    """
    return dtype.__name__ if isinstance(dtype, type) else str(dtype).removeprefix("torch.")


def names_of_fields(fields: Any) -> tuple[str, ...]:
    """The names of fields, of which a single one needn't be in a list.

    Raises:
        UsageError: they are neither a name nor a list.
    """
    if not isinstance(fields, Iterable):
        raise _wrong_fields(fields)
    return (fields,) if isinstance(fields, str) else tuple(fields)


def _check_fields(fields: tuple[str, ...]) -> None:
    if not set(fields) <= set(FIELDS) or "input_ids" not in fields:
        raise _wrong_fields(list(fields))


def _wrong_fields(fields: Any) -> UsageError:
    return UsageError(
        f"fields is {fields}; allowed: a list of {', '.join(FIELDS)}, input_ids among them in any "
        "case"
    )


def _check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{name} is {value!r}; allowed: {', '.join(map(str, allowed))}")
