"""Where a row of an epoch is, and what it's made of, as a pure function of seed, epoch and place.

A Feistel permutation orders the windows anew in each epoch; K consecutive ones are a group whose
rows are shuffled together, so that a batch draws from K windows while reads stay within them.
Before a window is packed by best fit its documents are shuffled too, so that a document's company
in a row changes from epoch to epoch. A prefix sum over the groups' row
counts finds the group of any row; packing that group is all it takes to seek.

Cost: for K = 8 windows of 4 Mi tokens, about 5 ms and 2 MB for a group, once in 33 million tokens.
"""

import threading
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from numba import njit

from penstock.best_fit import Int32s, Int64s
from penstock.dataset import Dataset, Documents
from penstock.errors import DataError
from penstock.order import derive_key, permutation, shuffle
from penstock.packing import LongDocuments, Packed, Packing, pack
from penstock.windows import PackSettings, Windows

KEPT_GROUPS = 2
_ORDER_FREE = (Packing.BEST_FIT, Packing.FIRST_FIT)
"""Packings whose row count doesn't depend on the documents' order, so that it may be random. The
others keep stored neighbours together, which reads a row as one piece of memory."""

_WINDOW_ORDER, _GROUP_ROWS, _WINDOW_DOCUMENTS, _ROW_SEGMENTS = range(4)


@dataclass(frozen=True, slots=True)
class EpochOrder:
    """One epoch's windows in their order, and the first row of each group of them (and the end)."""

    windows: Int64s
    group_starts: list[int]


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of K windows in the order in which they are delivered, as flat arrays.

    Row r holds the segments `row_offsets[r]` to `row_offsets[r + 1]`; each has the address of its
    first token, a length, whether its document goes on, its window (of the group), its document
    (of the window) and its first token in there. `padded_before[r]` counts the padded rows before
    row r, and `labels_before[r]` the labels.
    """

    row_offsets: Int64s
    addresses: Int64s
    lengths: Int32s
    continues: npt.NDArray[np.bool_]
    windows: Int32s
    documents: Int32s
    starts: Int32s
    padded_before: Int64s
    labels_before: Int64s
    window_ids: Int64s
    memory: tuple[Documents, ...]


Piece = tuple[Group, int, int]
"""Some rows of a group: the first, and the one after the last."""


@dataclass(frozen=True, slots=True)
class _Window:
    """A packed window: packed document i is document `order[i]`, of which `lengths[i]` are used."""

    packed: Packed
    documents: Documents
    order: Int32s
    lengths: Int64s


class RowSource:
    """All rows of a packed dataset, epoch by epoch, found by their place."""

    def __init__(
        self,
        dataset: Dataset,
        windows: Windows,
        settings: PackSettings,
        *,
        seed: int,
        windows_per_group: int,
    ) -> None:
        self.dataset = dataset
        self.windows = windows
        self.num_rows = int(windows.rows.sum())
        self._settings = settings
        self._seed = seed
        self._windows_per_group = windows_per_group
        self._groups: OrderedDict[tuple[int, int], Group] = OrderedDict()
        self._lock = threading.Lock()
        self.epoch_order = lru_cache(maxsize=2)(self._order_epoch)

    def pieces(self, epoch: int, first: int, end: int) -> list[Piece]:
        """The groups that hold an epoch's rows `first` to before `end`, and which rows there."""
        starts = self.epoch_order(epoch).group_starts
        found = []
        while first < end:
            index = bisect_right(starts, first) - 1
            start, stop = starts[index], min(end, starts[index + 1])
            found.append((self.group(epoch, index), first - start, stop - start))
            first = stop
        return found

    def group(self, epoch: int, index: int) -> Group:
        """One group of an epoch; the last few are kept."""
        with self._lock:
            group = self._groups.pop((epoch, index), None) or self._make_group(epoch, index)
            self._groups[epoch, index] = group
            if len(self._groups) > KEPT_GROUPS:
                self._groups.popitem(last=False)
            return group

    def _order_epoch(self, epoch: int) -> EpochOrder:
        # Windows whose documents are all deleted or empty have no rows, and nothing to order.
        (filled,) = np.nonzero(self.windows.rows)
        key = derive_key(self._seed, epoch, _WINDOW_ORDER)
        order = filled[permutation(len(filled), key)]
        ends = np.cumsum(self.windows.rows[order])
        last = np.arange(self._windows_per_group, len(order), self._windows_per_group) - 1
        return EpochOrder(order, [0, *ends[last].tolist(), *ends[-1:].tolist()])

    def _make_group(self, epoch: int, index: int) -> Group:
        first = index * self._windows_per_group
        ids = self.epoch_order(epoch).windows[first : first + self._windows_per_group]
        parts = [self._pack_window(epoch, int(window)) for window in ids]
        counts = np.concatenate([np.diff(part.packed.row_offsets) for part in parts])
        places = np.arange(len(counts), dtype=np.int32)
        shuffle(places, derive_key(self._seed, epoch, _GROUP_ROWS, index))
        group = _empty_group(counts, places, ids, tuple(part.documents for part in parts))
        shuffled = self._settings.packing in _ORDER_FREE
        key = derive_key(self._seed, epoch, _ROW_SEGMENTS, index)
        done = 0
        for window, part in enumerate(parts):
            rows = places[done : done + part.packed.num_rows]
            self._emit(group, window, part, rows, key + np.uint64(done), shuffled)
            done += len(rows)
        np.cumsum(group.padded_before, out=group.padded_before)
        np.cumsum(group.labels_before, out=group.labels_before)
        return group

    def _emit(
        self,
        group: Group,
        window: int,
        part: "_Window",
        places: Int32s,
        key: np.uint64,
        shuffled: bool,
    ) -> None:
        packed, documents = part.packed, part.documents
        _emit_rows(
            (packed.row_offsets, packed.documents, packed.starts, packed.lengths),
            (part.order, part.lengths, documents.addresses),
            (places, key, shuffled, documents.itemsize, self._settings.sequence_length, window),
            group.row_offsets,
            (group.addresses, group.lengths, group.continues),
            (group.windows, group.documents, group.starts),
            (group.padded_before, group.labels_before),
        )

    def _pack_window(self, epoch: int, window: int) -> "_Window":
        table, settings = self.windows, self._settings
        place = (int(c[window]) for c in (table.shard, table.first_batch, table.end_batch))
        documents = self.dataset.documents(*place)
        order = np.arange(len(documents.lengths), dtype=np.int32)
        if settings.packing in _ORDER_FREE:
            shuffle(order, derive_key(self._seed, epoch, _WINDOW_DOCUMENTS, window))
        lengths = documents.lengths[order]
        cut = settings.long_documents is LongDocuments.CUT
        if cut and settings.packing is not Packing.CONCAT:
            lengths = np.minimum(lengths, settings.sequence_length)
        packed = pack(lengths, settings.sequence_length, packing=settings.packing)
        if packed.num_rows != table.rows[window]:
            raise DataError(
                f"a window of {self.dataset.out} packs to {packed.num_rows} rows instead of "
                f"{table.rows[window]}; run `penstock verify {self.dataset.out}`"
            )
        return _Window(packed, documents, order, lengths)


def _empty_group(
    counts: Int32s, places: Int32s, ids: Int64s, memory: tuple[Documents, ...]
) -> Group:
    """A group whose row `places[i]` has room for `counts[i]` segments; nothing is filled in yet."""
    row_offsets = np.zeros(len(counts) + 1, np.int64)
    row_offsets[places + 1] = counts
    np.cumsum(row_offsets, out=row_offsets)
    size = int(row_offsets[-1])
    return Group(
        row_offsets=row_offsets,
        addresses=np.empty(size, np.int64),
        lengths=np.empty(size, np.int32),
        continues=np.empty(size, np.bool_),
        windows=np.empty(size, np.int32),
        documents=np.empty(size, np.int32),
        starts=np.empty(size, np.int32),
        padded_before=np.zeros(len(row_offsets), np.int64),
        labels_before=np.zeros(len(row_offsets), np.int64),
        window_ids=ids,
        memory=memory,
    )


@njit(nogil=True, cache=True)
def _emit_rows(
    packed: tuple[Int32s, Int32s, Int32s, Int32s],
    source: tuple[Int32s, Int64s, Int64s],
    settings: tuple[Int32s, np.uint64, bool, int, int, int],
    row_offsets: Int64s,
    segments: tuple[Int64s, Int32s, npt.NDArray[np.bool_]],
    origins: tuple[Int32s, Int32s, Int32s],
    row_counts: tuple[Int64s, Int64s],
) -> None:
    """Write a packed window's rows to their places in a group.

    Packing puts a row's long documents first, which is no order to train on, so a row's segments
    are shuffled where that is asked for.
    """
    packed_offsets, packed_documents, packed_starts, packed_lengths = packed
    order, whole, addresses = source
    places, key, shuffled, itemsize, row_length, window = settings
    scratch = np.empty(len(packed_documents), np.int32)
    for row in range(len(places)):
        first, place, tokens, labels = packed_offsets[row], places[row], 0, 0
        links = scratch[: packed_offsets[row + 1] - first]
        for index in range(len(links)):
            links[index] = first + index
        if shuffled:
            shuffle(links, key + np.uint64(row))
        for index in range(len(links)):
            link, target = links[index], row_offsets[place] + index
            document, start, length = (
                packed_documents[link],
                packed_starts[link],
                packed_lengths[link],
            )
            goes_on = start + length < whole[document]
            segments[0][target] = addresses[order[document]] + start * itemsize
            segments[1][target] = length
            segments[2][target] = goes_on
            origins[0][target], origins[1][target], origins[2][target] = (
                window,
                order[document],
                start,
            )
            tokens, labels = tokens + length, labels + length - 1 + goes_on
        row_counts[0][place + 1] = tokens < row_length
        row_counts[1][place + 1] = labels
