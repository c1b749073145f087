"""Which documents a row is made of, as a table: the answer to a spike in the loss."""

import numpy as np
import pyarrow as pa

from penstock.best_fit import Int32s
from penstock.dataset import Dataset
from penstock.rows import Group, RowSource


def describe_rows(
    dataset: Dataset, source: RowSource, epoch: int, first: int, end: int
) -> pa.Table:
    """One line for each segment of an epoch's rows `first` to before `end`; see TokenLoader."""
    tables, done = [], 0
    for group, start, stop in source.pieces(epoch, first, end):
        tables.append(_describe(dataset, source, group, start, stop, done))
        done += stop - start
    return pa.concat_tables(tables)


def _describe(
    dataset: Dataset, source: RowSource, group: Group, start: int, stop: int, done: int
) -> pa.Table:
    offsets = group.row_offsets[start : stop + 1]
    span = slice(int(offsets[0]), int(offsets[-1]))
    lengths = group.lengths[span].astype(np.int64)
    before = np.cumsum(lengths) - lengths
    rows = np.repeat(np.arange(stop - start), np.diff(offsets))
    row_starts = before[offsets[:-1] - offsets[0]]
    windows, documents = group.windows[span], group.documents[span]
    shards = source.windows.shard[group.window_ids[windows]]
    sources = _column(group, windows, documents, "source_id")
    return pa.table(
        {
            "row": (rows + done).astype(np.int32),
            "column": (before - row_starts[rows]).astype(np.int32),
            "length": lengths.astype(np.int32),
            "doc_id": _column(group, windows, documents, "doc_id"),
            "token": group.starts[span],
            "source": pa.array(dataset.manifest.sources, pa.string()).take(sources),
            "shard": pa.array([entry.path for entry in dataset.shards]).take(pa.array(shards)),
        }
    )


def _column(group: Group, windows: Int32s, documents: Int32s, name: str) -> pa.Array:
    """One stored column of each segment's document."""
    batches = [batch for part in group.memory for batch in part.batches]
    sizes = [sum(batch.num_rows for batch in part.batches) for part in group.memory]
    firsts = np.cumsum([0, *sizes[:-1]])
    places = np.empty(len(windows), np.int64)
    for window, part in enumerate(group.memory):
        inside = windows == window
        places[inside] = firsts[window] + part.rows[documents[inside]]
    column = pa.chunked_array([batch.column(name) for batch in batches])
    return column.take(pa.array(places)).combine_chunks()
