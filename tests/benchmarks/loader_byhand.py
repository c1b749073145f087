"""What a good engineer writes by hand: the contenders for the loader, over one raw token file.

`numpy_gather` is the unpacked reader that most training scripts have: a memory map, a permutation
of row starts, one slice for inputs and one for labels. `packed_fill` plans with LightBinPack (C++)
and fills every field of the contract with a Numba kernel.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit


def open_tokens(path: Path) -> npt.NDArray[np.uint16]:
    """A raw token file, mapped into memory."""
    return np.asarray(np.memmap(path, np.uint16, "r"))


def numpy_gather(
    tokens: npt.NDArray[np.uint16], *, row_length: int, rows: int
) -> Iterator[tuple[Any, Any]]:
    """Batches of (inputs, labels) as torch tensors."""
    import torch

    starts = np.random.default_rng(0).permutation((len(tokens) - 1) // row_length) * row_length
    for first in range(0, len(starts) - rows + 1, rows):
        inputs = np.empty((rows, row_length), np.int64)
        labels = np.empty((rows, row_length), np.int64)
        for row, start in enumerate(starts[first : first + rows].tolist()):
            inputs[row] = tokens[start : start + row_length]
            labels[row] = tokens[start + 1 : start + row_length + 1]
        yield torch.from_numpy(inputs), torch.from_numpy(labels)


@njit(nogil=True)
def _fill(
    bins: Any,
    offsets: Any,
    items: Any,
    starts: Any,
    lengths: Any,
    tokens: Any,
    inputs: Any,
    labels: Any,
    positions: Any,
    ends: Any,
) -> tuple[int, int]:
    count = longest = 0
    for row in range(len(bins)):
        place = 0
        for index in range(offsets[bins[row]], offsets[bins[row] + 1]):
            start, length = starts[items[index]], lengths[items[index]]
            for token in range(length):
                inputs[row, place + token] = tokens[start + token]
                positions[row, place + token] = token
            for token in range(length - 1):
                labels[row, place + token] = tokens[start + token + 1]
            labels[row, place + length - 1] = -100
            place += length
            longest = max(longest, length)
            count += 1
            ends[count] = row * inputs.shape[1] + place
        if place < inputs.shape[1]:
            inputs[row, place:] = 0
            labels[row, place:] = -100
            positions[row, place:] = np.arange(inputs.shape[1] - place)
            longest = max(longest, inputs.shape[1] - place)
            count += 1
            ends[count] = (row + 1) * inputs.shape[1]
    return count, longest


def packed_fill(
    path: Path, document_lengths: npt.NDArray[Any], *, row_length: int, rows: int
) -> Iterator[tuple[Any, ...]]:
    """Batches of all fields as torch tensors; needs LightBinPack. Long documents are cut up."""
    import lightbinpack
    import torch

    tokens = open_tokens(path)
    starts, lengths = _pieces(document_lengths, row_length)
    bins = lightbinpack.obfd(lengths, row_length)
    sizes = np.fromiter(map(len, bins), np.int64, len(bins))
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    items = np.fromiter((item for bin_ in bins for item in bin_), np.int64, int(offsets[-1]))
    order = np.random.default_rng(0).permutation(len(bins))
    for first in range(0, len(order) - rows + 1, rows):
        chosen = order[first : first + rows]
        fields = [np.empty((rows, row_length), np.int64) for _ in range(3)]
        ends = np.zeros(int(sizes[chosen].sum()) + rows + 1, np.int32)
        count, longest = _fill(chosen, offsets, items, starts, lengths, tokens, *fields, ends)
        yield (*map(torch.from_numpy, fields), torch.from_numpy(ends[: count + 1]), longest)


def _pieces(lengths: npt.NDArray[Any], row_length: int) -> tuple[Any, Any]:
    """The start and length of each piece of at most a row."""
    firsts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    counts = -(-lengths // row_length)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = np.repeat(firsts, counts) + number * row_length
    return starts, np.minimum(np.repeat(lengths, counts) - number * row_length, row_length)
