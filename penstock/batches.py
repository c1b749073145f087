"""One training batch: a mapping that is also an object, in NumPy arrays or torch tensors."""

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import xxhash

from penstock.errors import UsageError

FIELDS = ("input_ids", "labels", "position_ids", "cu_seqlens")
"""The arrays of a batch that a loader can be asked for."""


class Batch(Mapping[str, Any]):
    """What one rank gets for one step; `model(**batch)` and `batch.labels` both work.

    R is the rank's number of rows, S the sequence length.

    input_ids     (R, S): token ids; a row ends with padding where nothing fits.
    labels        (R, S): the target of each input (already shifted), -100 where there is none.
    position_ids  (R, S): places within each segment, from 0.
    cu_seqlens    (segments + 1,) int32: where segments end in the flattened rows, from 0 to
                  R * S; a row's padding is a segment of its own.
    true_cu_seqlens  (segments + 1,) int32: sums of the segments' lengths without the padding of
                  documents; there only where documents are padded.
    max_seqlen    int: the longest segment's length.
    num_label_tokens, global_num_label_tokens  int: labels that count, in this rank's rows and in
                  the whole global batch.

    An array that the loader wasn't asked for isn't in the mapping, and its attribute is None.
    `first_row`, the batch's place in its epoch, and `epoch` are attributes only; they are -1 where
    a batch is made from a mapping, as in `Batch({name: move(value) for name, value in …})`.
    """

    epoch: int
    first_row: int
    input_ids: Any
    labels: Any
    position_ids: Any
    cu_seqlens: Any
    true_cu_seqlens: Any
    max_seqlen: int
    num_label_tokens: int
    global_num_label_tokens: int

    __slots__ = (
        "cu_seqlens",
        "epoch",
        "first_row",
        "global_num_label_tokens",
        "input_ids",
        "labels",
        "max_seqlen",
        "num_label_tokens",
        "position_ids",
        "true_cu_seqlens",
    )

    _KEYS = (
        *FIELDS,
        "true_cu_seqlens",
        "max_seqlen",
        "num_label_tokens",
        "global_num_label_tokens",
    )

    def __init__(self, values: Mapping[str, Any]) -> None:
        """A batch of these values, as libraries make one when they move each array of another.

        Raises:
            TypeError: there is no input_ids among them, or a name that a batch hasn't got.
        """
        unknown = sorted(set(values) - set(self._KEYS))
        if unknown or "input_ids" not in values:
            raise TypeError(f"a batch has input_ids, and no {unknown}; it got {sorted(values)}")
        self.epoch = self.first_row = -1
        for name in self._KEYS:
            setattr(self, name, values.get(name))

    def __getitem__(self, name: str) -> Any:
        value = getattr(self, name) if name in self._KEYS else None
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._KEYS if getattr(self, name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def digest(self) -> str:
        """The xxh3_128 of the arrays' bytes: equal for equal batches, on any framework."""
        digest = xxhash.xxh3_128()
        for name in FIELDS:
            if name in self:
                value = self[name]
                host = value.cpu() if hasattr(value, "cpu") else value
                digest.update(np.ascontiguousarray(host).data)
        return str(digest.hexdigest())

    def __repr__(self) -> str:
        shapes = (
            f"{name}={value if isinstance(value, int) else tuple(value.shape)}"
            for name, value in self.items()
        )
        return f"Batch({', '.join(shapes)})"


def assembled(
    epoch: int,
    first_row: int,
    input_ids: Any,
    labels: Any,
    position_ids: Any,
    cu_seqlens: Any,
    true_cu_seqlens: Any,
    max_seqlen: int,
    num_label_tokens: int,
    global_num_label_tokens: int,
) -> Batch:
    """A batch of its parts, in 0.3 us; of a mapping it takes 1.5."""
    batch = Batch.__new__(Batch)
    batch.epoch = epoch
    batch.first_row = first_row
    batch.input_ids = input_ids
    batch.labels = labels
    batch.position_ids = position_ids
    batch.cu_seqlens = cu_seqlens
    batch.true_cu_seqlens = true_cu_seqlens
    batch.max_seqlen = max_seqlen
    batch.num_label_tokens = num_label_tokens
    batch.global_num_label_tokens = global_num_label_tokens
    return batch


def converter(framework: str | None) -> Callable[[Any], Any] | None:
    """The function from a NumPy array to the framework's, or None where that's NumPy itself.

    None asks for torch where it is installed. Torch is imported here, not with the module.

    Raises:
        UsageError: the framework isn't one of these, or isn't installed.
    """
    if framework not in (None, "torch", "numpy"):
        raise UsageError(f"framework is {framework!r}; allowed: 'torch', 'numpy' or None")
    if framework == "numpy":
        return None
    if importlib.util.find_spec("torch") is None:
        if framework == "torch":
            raise UsageError(
                "framework is 'torch', which isn't installed; run: pip install penstock[torch]"
            )
        return None
    import torch

    return torch.from_numpy
