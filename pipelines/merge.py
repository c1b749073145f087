"""One sorted stream from many sorted runs, in bounded memory and without a step per row.

The rule: hold a piece of every run; no row that is still unread can come before the smallest last
key held (the bound), so all rows up to the bound can be sorted together and go out. Rows equal to
the bound wait in the runs that come after the one that set it, so a group of equal keys of any
size streams through and equal keys come out in the order of the runs. When there are more runs
than memory holds pieces for, neighbouring runs are merged into longer ones on local disk first.

Cost, one core: 0.25 s to merge 5 million rows of (uint64, 24 bytes, uint8) from four files; half
of it is sorting.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import pyarrow as pa

from pipelines.blocks import Layout
from pipelines.sortkeys import Word, count_before, key_at, key_words, sort_indices
from pipelines.spill import Run, Spill, SpillFile

MAX_BLOCK_BYTES = 256 << 10
MIN_BLOCK_BYTES = 4 << 10
MAX_READ_BYTES = 8 << 20
BATCH_BYTES = 1 << 20
MAX_HELD_BYTES = 1 << 30
"""More than this would overflow the 32-bit offsets of a joined string column."""


def block_bytes_for(memory_bytes: int) -> int:
    """The size of stored blocks with which a task of this much memory can merge many runs."""
    return min(MAX_BLOCK_BYTES, max(MIN_BLOCK_BYTES, memory_bytes // 512))


def held_bytes_for(memory_bytes: int) -> int:
    """What a merge holds of its runs: the rest is for joining, sorting and handing out."""
    return min(memory_bytes // 5, MAX_HELD_BYTES)


def sorted_batches(
    batches: Sequence[pa.RecordBatch], sort_by: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """The rows of all batches in order of sort_by, in batches of about 1 MiB."""
    if not batches:
        return
    rows = pa.concat_batches(batches) if len(batches) > 1 else batches[0]
    order = sort_indices(rows, sort_by)
    step = max(1, BATCH_BYTES * rows.num_rows // max(1, rows.nbytes))
    for start in range(0, rows.num_rows, step):
        yield rows.take(pa.array(order[start : start + step]))


def merge_runs(
    runs: Sequence[Run],
    *,
    layout: Layout,
    sort_by: Sequence[str],
    memory_bytes: int,
    spill: Spill,
) -> Iterator[pa.RecordBatch]:
    """The rows of all runs in order of sort_by, in batches of about 1 MiB, none of them empty.

    Equal keys come in the order of the runs.
    """
    held_bytes, block_bytes = held_bytes_for(memory_bytes), block_bytes_for(memory_bytes)
    level: SpillFile | None = None
    try:
        while len(groups := _groups(runs, held_bytes, block_bytes)) > 1:
            with_runs = SpillFile(spill)
            try:
                runs = [
                    with_runs.append(
                        _merge(g, sort_by, held_bytes), layout, block_bytes=block_bytes
                    )
                    for g in groups
                ]
            finally:
                if level:
                    level.close()
                level = with_runs
        yield from _merge(runs, sort_by, held_bytes)
    finally:
        if level:
            level.close()


def _groups(runs: Sequence[Run], held_bytes: int, block_bytes: int) -> list[list[Run]]:
    """Neighbouring runs that can be merged at once: two blocks of each, or all of a short one."""
    groups: list[list[Run]] = []
    used = 0
    for run in runs:
        need = min(run.num_bytes, 2 * block_bytes)
        if not groups or (used + need > held_bytes and len(groups[-1]) > 1):
            groups.append([])
            used = 0
        groups[-1].append(run)
        used += need
    return groups


def _merge(
    runs: Sequence[Run], sort_by: Sequence[str], held_bytes: int
) -> Iterator[pa.RecordBatch]:
    if len(runs) > 1 and sum(run.num_bytes for run in runs) <= held_bytes:
        everything = chain.from_iterable(run.read(run.num_bytes) for run in runs)
        yield from sorted_batches(list(everything), sort_by)
        return
    piece = held_bytes // (2 * max(1, len(runs)))
    piece = min(MAX_READ_BYTES, max(MIN_BLOCK_BYTES, piece))
    if len(runs) < 2:
        yield from _joined(chain.from_iterable(run.read(piece) for run in runs))
        return
    heads = [_Head(run.read(piece), sort_by) for run in runs]
    while heads := [head for head in heads if head.fill(piece)]:
        yield from sorted_batches(_take_round(heads), sort_by)


def _joined(blocks: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of about 1 MiB: each batch costs its receiver something."""
    held: list[pa.RecordBatch] = []
    num_bytes = 0
    for block in blocks:
        held.append(block)
        num_bytes += block.nbytes
        if num_bytes >= BATCH_BYTES:
            yield pa.concat_batches(held)
            held, num_bytes = [], 0
    if held:
        yield pa.concat_batches(held)


def _take_round(heads: Sequence["_Head"]) -> list[pa.RecordBatch]:
    """The rows that no unread row can come before, run by run."""
    ends = [(head.last_key, place) for place, head in enumerate(heads) if not head.finished]
    if not ends:
        return [head.take(None) for head in heads]
    bound, setter = min(ends)
    taken = (head.take(bound, or_equal=place <= setter) for place, head in enumerate(heads))
    return [rows for rows in taken if rows.num_rows]


class _Head:
    """What is held of a run: the next rows, with their keys."""

    def __init__(self, batches: Iterable[pa.RecordBatch], sort_by: Sequence[str]) -> None:
        self._batches = iter(batches)
        self._sort_by = sort_by
        self._rows: pa.RecordBatch | None = None
        self._words: list[Word] = []
        self.last_key: tuple[int, ...] = ()
        self.finished = False

    def fill(self, num_bytes: int) -> bool:
        """Read on until num_bytes are held or the run ends; whether there are rows."""
        held = [] if self._rows is None or not self._rows.num_rows else [self._rows]
        size = sum(rows.nbytes for rows in held)
        before = len(held)
        while not self.finished and size < num_bytes:
            rows = next(self._batches, None)
            if rows is None:
                self.finished = True
            else:
                held.append(rows)
                size += rows.nbytes
        if len(held) > before:
            self._rows = pa.concat_batches(held)
            self._words = key_words(self._rows, self._sort_by)
            self.last_key = key_at(self._words, -1)
        return bool(held)

    def take(self, bound: tuple[int, ...] | None, *, or_equal: bool = True) -> pa.RecordBatch:
        """Remove and return the rows below the bound, or up to it; all when there is no bound."""
        assert self._rows is not None
        count = self._rows.num_rows
        if bound is not None:
            count = count_before(self._words, bound, or_equal=or_equal)
        taken, self._rows = self._rows.slice(0, count), self._rows.slice(count)
        self._words = [word[count:] for word in self._words]
        return taken
