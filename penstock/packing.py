"""Which pieces of which documents share a row: lengths in, rows as flat CSR arrays out.

A packing depends on the lengths (and their order) alone, so what it makes of a window is a number
that a sidecar can hold. Best fit wastes next to nothing and cuts only documents longer than a row;
concatenation wastes nothing and cuts a document at every row's end; next fit keeps the order and
wastes the most. Costs for an item on one core: best fit 10 ns, concatenation and next fit 2 ns,
first fit, kept for comparison, 100 ns.

A document longer than a row becomes full rows and a remainder that is packed (Ding et al.,
arXiv 2404.10830, section 3), or is cut to one row by choice.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from penstock.best_fit import (
    MAXIMUM_ROW_LENGTH,
    Int32s,
    Int64s,
    best_fit_decreasing,
    count_best_fit,
    count_lengths,
    sort_by_length,
)
from penstock.kernel import kernel


class Packing(StrEnum):
    """How documents are laid into rows."""

    BEST_FIT = "best_fit"
    FIRST_FIT = "first_fit"
    NEXT_FIT = "next_fit"
    CONCAT = "concat"


class LongDocuments(StrEnum):
    """What becomes of a document longer than a row; concatenation splits in any case."""

    SPLIT = "split"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows of segments, in CSR layout; a segment is a contiguous piece of one document.

    Row r holds the segments from `row_offsets[r]` to `row_offsets[r + 1]`; segment s is
    `lengths[s]` tokens of document `documents[s]` from its token `starts[s]` on. All are int32.
    """

    row_offsets: Int32s
    documents: Int32s
    starts: Int32s
    lengths: Int32s

    @property
    def num_rows(self) -> int:
        """The number of rows."""
        return len(self.row_offsets) - 1


def pack(
    lengths: npt.ArrayLike,
    row_length: int,
    *,
    packing: Packing = Packing.BEST_FIT,
    long_documents: LongDocuments = LongDocuments.SPLIT,
) -> Packed:
    """Rows of at most `row_length` tokens that hold each token once; empty documents are in none.

    >>> packed = pack([5, 3, 11], 8)
    >>> packed.row_offsets.tolist(), packed.documents.tolist(), packed.lengths.tolist()
    ([0, 1, 3, 4], [2, 0, 1, 2], [8, 5, 3, 3])

    Raises:
        ValueError: `row_length` is out of range, or a length is negative.
    """
    array = _checked(lengths, row_length)
    if packing is Packing.CONCAT:
        return Packed(*_concat(array, row_length))
    if long_documents is LongDocuments.CUT:
        array = np.minimum(array, row_length)
    full, documents, starts, pieces = _split(array, row_length)
    offsets, items = _BINS[packing](pieces, row_length)
    rests = (documents, starts, pieces)
    return Packed(*_join(array, row_length, full, rests, offsets, items))


def count_rows(
    lengths: npt.ArrayLike,
    row_length: int,
    *,
    packing: Packing = Packing.BEST_FIT,
    long_documents: LongDocuments = LongDocuments.SPLIT,
) -> int:
    """How many rows `pack` makes of these lengths, without making them.

    >>> count_rows([5, 3, 11], 8)
    3
    """
    array = _checked(lengths, row_length)
    if packing is Packing.CONCAT:
        return int(-(-int(array.sum()) // row_length))
    if long_documents is LongDocuments.CUT:
        array = np.minimum(array, row_length)
    full, _, _, pieces = _split(array, row_length)
    if packing is Packing.BEST_FIT:
        return int(full + count_best_fit(pieces, row_length))
    return int(full + len(_BINS[packing](pieces, row_length)[0]) - 1)


def _checked(lengths: npt.ArrayLike, row_length: int) -> Int64s:
    array = np.ascontiguousarray(lengths, np.int64)
    if not 1 <= row_length <= MAXIMUM_ROW_LENGTH:
        raise ValueError(f"row_length is {row_length}; allowed: 1 to {MAXIMUM_ROW_LENGTH}")
    if len(array) and array.min() < 0:
        raise ValueError(f"a length is {array.min()}; lengths are at least 0")
    return array


@kernel
def _split(lengths: Int64s, row_length: int) -> tuple[int, Int32s, Int32s, Int32s]:
    """The number of full rows; then the document, start and length of each document's rest."""
    documents, starts = np.empty(len(lengths), np.int32), np.empty(len(lengths), np.int32)
    pieces = np.empty(len(lengths), np.int32)
    full = count = 0
    for document in range(len(lengths)):
        rows = lengths[document] // row_length if lengths[document] >= row_length else 0
        rest = lengths[document] - rows * row_length
        full += rows
        if rest:
            documents[count], starts[count], pieces[count] = document, rows * row_length, rest
            count += 1
    return full, documents[:count], starts[:count], pieces[:count]


@kernel
def _join(
    lengths: Int64s,
    row_length: int,
    full: int,
    rests: tuple[Int32s, Int32s, Int32s],
    offsets: Int32s,
    items: Int32s,
) -> tuple[Int32s, Int32s, Int32s, Int32s]:
    """The full rows of long documents, then the bins of `offsets` and `items`, as segments."""
    row_offsets = np.empty(full + len(offsets), np.int32)
    documents = np.empty(full + len(items), np.int32)
    starts, pieces = np.empty_like(documents), np.empty_like(documents)
    row = 0
    for document in range(len(lengths)):
        for start in range(0, lengths[document] - row_length + 1, row_length):
            row_offsets[row] = row
            documents[row], starts[row], pieces[row] = document, start, row_length
            row += 1
    for index in range(len(offsets)):
        row_offsets[full + index] = full + offsets[index]
    for index in range(len(items)):
        item, target = items[index], full + index
        documents[target], starts[target] = rests[0][item], rests[1][item]
        pieces[target] = rests[2][item]
    return row_offsets, documents, starts, pieces


@kernel
def _concat(lengths: Int64s, row_length: int) -> tuple[Int32s, Int32s, Int32s, Int32s]:
    """All documents end to end, cut at every row's end."""
    rows = -(-lengths.sum() // row_length)
    row_offsets = np.zeros(rows + 1, np.int32)
    documents = np.empty(len(lengths) + rows, np.int32)
    starts, pieces = np.empty_like(documents), np.empty_like(documents)
    count = row = 0
    free = row_length
    for document in range(len(lengths)):
        start = 0
        while start < lengths[document]:
            piece = min(free, lengths[document] - start)
            documents[count], starts[count], pieces[count] = document, start, piece
            count += 1
            start += piece
            free -= piece
            row_offsets[row + 1] = count
            if free == 0:
                row += 1
                free = row_length
    return row_offsets, documents[:count], starts[:count], pieces[:count]


@kernel
def next_fit(lengths: Int32s, row_length: int) -> tuple[Int32s, Int32s]:
    """Bins of items as CSR (offsets, items): an item that doesn't fit begins the next bin."""
    offsets = np.zeros(len(lengths) + 1, np.int32)
    row, free = 0, 0
    for item in range(len(lengths)):
        if lengths[item] > free:
            row += 1
            free = row_length
        free -= lengths[item]
        offsets[row] = item + 1
    return offsets[: row + 1], np.arange(len(lengths), dtype=np.int32)


@kernel
def first_fit_decreasing(lengths: Int32s, row_length: int) -> tuple[Int32s, Int32s]:
    """Bins of items as CSR (offsets, items): each item, long ones first, in the first bin it fits.

    A tree holds the largest free space below each node, so that a bin is found in log2 steps.
    """
    order, _ = sort_by_length(lengths, count_lengths(lengths, row_length))
    leaves = 1
    while leaves < len(lengths):
        leaves *= 2
    tree = np.full(2 * leaves, row_length, np.int32)
    bins, counts = np.empty(len(lengths), np.int32), np.zeros(len(lengths) + 1, np.int32)
    opened = 0
    for item in order[::-1]:
        node = 1
        while node < leaves:
            node = 2 * node if tree[2 * node] >= lengths[item] else 2 * node + 1
        bins[item] = node - leaves
        counts[bins[item] + 1] += 1
        opened = max(opened, bins[item] + 1)
        tree[node] -= lengths[item]
        while node > 1:
            node //= 2
            tree[node] = max(tree[2 * node], tree[2 * node + 1])
    offsets = np.cumsum(counts[: opened + 1]).astype(np.int32)
    items, ends = np.empty(len(lengths), np.int32), offsets.copy()
    for item in order[::-1]:
        items[ends[bins[item]]] = item
        ends[bins[item]] += 1
    return offsets, items


_BINS = {
    Packing.BEST_FIT: best_fit_decreasing,
    Packing.FIRST_FIT: first_fit_decreasing,
    Packing.NEXT_FIT: next_fit,
}
