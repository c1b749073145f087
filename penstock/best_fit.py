"""Best-fit decreasing over a histogram: which bins hold which lengths, then which item goes where.

Items of equal length are interchangeable, and so are bins with equal contents. So lengths are taken
from the longest to the shortest, and the items of one length go into as many equally filled bins
of the tightest free space as they fill at once; where the items run out, the group of bins splits.
The groups form a tree (a group is its parent's contents and some items of one length); at the end
the bins are written out group by group while each length hands out its items in their order. Bin
for bin that is best-fit decreasing, without its random walk through memory: the state is a few
groups for each free space, found by a bitmap of three levels.

Trade-off: row lengths up to 2^18 - 1, since the bitmap has three levels of 64. Cost: 10 ns an item
in all for 10^5 to 10^7 items, of which placing is 2 ns at 10^5 and a tenth at 10^7, the rest being
the counting sort and the writing (tests/benchmarks/loader_packing.py).

Best-fit packing of documents: Ding et al., arXiv 2404.10830, section 3. Packing the histogram:
Krell et al., arXiv 2107.02027, section 3.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba.core import types
from numba.extending import intrinsic

from penstock.kernel import kernel

MAXIMUM_ROW_LENGTH = (1 << 18) - 1

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bitmap = tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.uint64]]
Groups = tuple[Int32s, Int32s, Int32s, Int32s]
"""Of each group of equally filled bins: its parent (-1: empty bins), the length and the number of
the items it adds in every bin, and how many of its bins no later group took over."""

_ONE = np.uint64(1)


def _type_trailing_zeros(_context: Any, _value: Any) -> Any:
    """Numba's description of the number of zero bits below the lowest set bit of a uint64."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, True))

    return types.int64(types.uint64), generate


_trailing_zeros: Any = intrinsic(_type_trailing_zeros)


@kernel
def _find(bitmap: Bitmap, least: int) -> int:
    """The smallest member of at least `least`, or -1."""
    low, middle, high = bitmap
    word = least >> 6
    bits = low[word] >> np.uint64(least & 63)
    if bits:
        return least + int(_trailing_zeros(bits))
    word += 1
    bits = middle[word >> 6] >> np.uint64(word & 63) if word < len(low) else np.uint64(0)
    if not bits:
        block = (word >> 6) + 1
        bits = high[0] >> np.uint64(block) if block < len(middle) else np.uint64(0)
        if not bits:
            return -1
        block += _trailing_zeros(bits)
        word, bits = block << 6, middle[block]
    word += int(_trailing_zeros(bits))
    return (word << 6) + int(_trailing_zeros(low[word]))


@kernel
def _add(bitmap: Bitmap, value: int) -> None:
    for level in bitmap:
        level[value >> 6] |= _ONE << np.uint64(value & 63)
        value >>= 6


@kernel
def _remove(bitmap: Bitmap, value: int) -> None:
    for level in bitmap:
        level[value >> 6] &= ~(_ONE << np.uint64(value & 63))
        value >>= 6
        if level[value]:
            return


@kernel
def place(histogram: Int64s, groups: Groups) -> tuple[int, int]:
    """Pack a histogram of lengths (index: length, the last one the row's); return groups, bins.

    One long function, since taking the lists' upkeep out of it made it half as fast.
    """
    parents, lengths, repeats, bins = groups
    room = len(histogram) - 1
    heads, following = np.full(room + 1, -1, np.int32), np.empty(len(parents), np.int32)
    words = (room >> 6) + 1
    blocks = (words - 1 >> 6) + 1
    bitmap = (np.zeros(words, np.uint64), np.zeros(blocks, np.uint64), np.zeros(1, np.uint64))
    made = opened = 0
    for length in range(room, 0, -1):
        left = histogram[length]
        while left > 0:
            free, parent, available = _find(bitmap, length), np.int32(-1), left
            if free >= 0:
                parent = heads[free]
                available = np.int64(bins[parent])
            fresh = free < 0
            free = room if fresh else free
            repeat = min(free // length, left)
            count = min(available, left // repeat)
            if fresh:
                opened += count
            else:
                bins[parent] -= count
                if bins[parent] == 0:
                    heads[free] = following[parent]
                    if heads[free] < 0:
                        _remove(bitmap, free)
            left -= count * repeat
            free -= repeat * length
            parents[made], lengths[made], repeats[made], bins[made] = parent, length, repeat, count
            if free > 0:
                if heads[free] < 0:
                    _add(bitmap, free)
                following[made] = heads[free]
                heads[free] = made
            made += 1
    return made, opened


@kernel
def count_lengths(lengths: Int32s, row_length: int) -> Int64s:
    """The histogram of lengths, all of which must be from 1 to `row_length`."""
    histogram = np.zeros(row_length + 1, np.int64)
    for length in lengths:
        histogram[length] += 1
    return histogram


@kernel
def sort_by_length(lengths: Int32s, histogram: Int64s) -> tuple[Int32s, Int32s]:
    """The items of each length in their order, and where each length's items begin."""
    starts = np.empty(len(histogram), np.int32)
    total = 0
    for length in range(len(histogram)):
        starts[length] = total
        total += histogram[length]
    order = np.empty(len(lengths), np.int32)
    for item in range(len(lengths)):
        length = lengths[item]
        order[starts[length]] = item
        starts[length] += 1
    for length in range(len(histogram)):
        starts[length] -= histogram[length]
    return order, starts


@kernel
def _write_out(
    groups: Groups, made: int, opened: int, order: Int32s, starts: Int32s
) -> tuple[Int32s, Int32s]:
    parents, lengths, repeats, bins = groups
    # Lengths along a chain differ and sum to at most the row's, so a chain is shorter than this.
    depth_limit = int(np.sqrt(2.0 * len(starts))) + 2
    chain = np.empty(depth_limit, np.int32)
    offsets, items = np.zeros(opened + 1, np.int32), np.empty(len(order), np.int32)
    row = done = 0
    for leaf in range(made):
        depth, group = 0, leaf
        while group >= 0 and bins[leaf] > 0:
            chain[depth] = group
            depth += 1
            group = parents[group]
        for _ in range(bins[leaf]):
            for link in range(depth - 1, -1, -1):
                length = lengths[chain[link]]
                for _ in range(repeats[chain[link]]):
                    items[done] = order[starts[length]]
                    starts[length] += 1
                    done += 1
            row += 1
            offsets[row] = done
    return offsets, items


@kernel
def _empty_groups(count: int) -> Groups:
    return (
        np.empty(count, np.int32),
        np.empty(count, np.int32),
        np.empty(count, np.int32),
        np.empty(count, np.int32),
    )


@kernel
def best_fit_decreasing(lengths: Int32s, row_length: int) -> tuple[Int32s, Int32s]:
    """Bins of items as CSR (offsets, items), each bin's items from long to short.

    Lengths must be from 1 to `row_length`, which is at most MAXIMUM_ROW_LENGTH.
    """
    histogram = count_lengths(lengths, row_length)
    groups = _empty_groups(len(lengths))
    made, opened = place(histogram, groups)
    order, starts = sort_by_length(lengths, histogram)
    return _write_out(groups, made, opened, order, starts)


@kernel
def count_best_fit(lengths: Int32s, row_length: int) -> int:
    """How many bins best-fit decreasing opens, at a fraction of the cost of writing them out."""
    return place(count_lengths(lengths, row_length), _empty_groups(len(lengths)))[1]
