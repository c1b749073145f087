"""Where a row of an epoch is, and what it's made of, as a pure function of seed, epoch and place.

A Feistel permutation orders the windows anew in each epoch; K consecutive ones are a group whose
rows are shuffled together, so that a batch draws from K windows while reads stay within them.
Before a window is packed its documents are shuffled too, so that a row's company changes from
epoch to epoch where the packing doesn't depend on their order. A prefix sum over the groups' row
counts finds the group of any row; packing that group is all it takes to seek.

Cost: for K = 8 windows of 4 Mi tokens, about 5 ms and 2 MB for a group, once in 33 million tokens.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

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
_STEP = np.uint64(0xD1342543DE82EF95)
_WINDOW_ORDER, _GROUP_ROWS, _WINDOW_DOCUMENTS, _ROW_SEGMENTS = range(4)


@dataclass(frozen=True, slots=True)
class EpochOrder:
    """One epoch's windows in their order, and the first row of each group of them (and the end)."""

    windows: Int64s
    group_starts: Int64s


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

    def pieces(self, epoch: int, first: int, end: int) -> list[tuple[Group, int, int]]:
        """The groups that hold an epoch's rows `first` to before `end`, and which rows there."""
        starts = self.epoch_order(epoch).group_starts
        found = []
        while first < end:
            index = int(starts.searchsorted(first, side="right")) - 1
            start, stop = int(starts[index]), min(end, int(starts[index + 1]))
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
        return EpochOrder(order, np.concatenate([[0], ends[last], ends[-1:]]))

    def _make_group(self, epoch: int, index: int) -> Group:
        first = index * self._windows_per_group
        ids = self.epoch_order(epoch).windows[first : first + self._windows_per_group]
        parts = [self._pack_window(epoch, int(window)) for window in ids]
        counts = np.concatenate([np.diff(part.packed.row_offsets) for part in parts])
        order = np.arange(len(counts), dtype=np.int32)
        shuffle(order, derive_key(self._seed, epoch, _GROUP_ROWS, index))
        offsets = _offsets(counts[order])
        source = np.repeat(_offsets(counts)[order] - offsets[:-1], counts[order])
        source += np.arange(len(source))
        if self._settings.packing is not Packing.CONCAT:
            _shuffle_within(source, offsets, derive_key(self._seed, epoch, _ROW_SEGMENTS, index))
        return _arrange(parts, ids, source, offsets, self._settings.sequence_length)

    def _pack_window(self, epoch: int, window: int) -> "_Window":
        table, settings = self.windows, self._settings
        place = (int(c[window]) for c in (table.shard, table.first_batch, table.end_batch))
        documents = self.dataset.documents(*place)
        order = np.arange(len(documents.lengths), dtype=np.int32)
        if settings.packing is not Packing.NEXT_FIT:
            shuffle(order, derive_key(self._seed, epoch, _WINDOW_DOCUMENTS, window))
        lengths = documents.lengths[order]
        if settings.long_documents is LongDocuments.CUT:
            lengths = np.minimum(lengths, settings.sequence_length)
        packed = pack(lengths, settings.sequence_length, packing=settings.packing)
        if packed.num_rows != table.rows[window]:
            raise DataError(
                f"a window of {self.dataset.out} packs to {packed.num_rows} rows instead of "
                f"{table.rows[window]}; run `penstock verify {self.dataset.out}`"
            )
        return _Window(packed, documents, order, lengths)


def _arrange(
    parts: list[_Window], ids: Int64s, source: Int64s, offsets: Int64s, row_length: int
) -> Group:
    """The windows' segments in the order of `source`, as rows that end at `offsets`."""
    sizes = [len(part.packed.documents) for part in parts]
    windows = np.repeat(np.arange(len(parts), dtype=np.int32), sizes)[source]
    starts = np.concatenate([part.packed.starts for part in parts])[source]
    lengths = np.concatenate([part.packed.lengths for part in parts])[source]
    documents = np.concatenate([part.order[part.packed.documents] for part in parts])[source]
    whole = np.concatenate([part.lengths[part.packed.documents] for part in parts])[source]
    addresses = [part.documents.addresses[part.order[part.packed.documents]] for part in parts]
    continues = starts + lengths < whole
    row_tokens = np.add.reduceat(lengths, offsets[:-1], dtype=np.int64)
    row_labels = np.add.reduceat(lengths - 1 + continues, offsets[:-1], dtype=np.int64)
    return Group(
        row_offsets=offsets,
        addresses=np.concatenate(addresses)[source] + starts * parts[0].documents.itemsize,
        lengths=lengths,
        continues=continues,
        windows=windows,
        documents=documents,
        starts=starts,
        padded_before=_offsets(row_tokens < row_length),
        labels_before=_offsets(row_labels),
        window_ids=ids,
        memory=tuple(part.documents for part in parts),
    )


def _offsets(counts: npt.NDArray[Any]) -> Int64s:
    """0 and the running sums of the counts."""
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


@njit(nogil=True, cache=True)
def _shuffle_within(source: Int64s, offsets: Int64s, key: np.uint64) -> None:
    """Shuffle each row's segments: packing puts long ones first, which is no order to train on."""
    for row in range(len(offsets) - 1):
        shuffle(source[offsets[row] : offsets[row + 1]], key + np.uint64(row) * _STEP)
