"""Which documents a row is made of, as a table: the answer to a spike in the loss.

A group keeps only the address of each segment. The document is the one at or before that address
among those of the group, found by a search when somebody asks: a few milliseconds for the first
step of a group, then a tenth of one.
"""

from functools import lru_cache

import numpy as np
import pyarrow as pa

from penstock.best_fit import Int64s
from penstock.dataset import Dataset
from penstock.mixture import MixtureSource
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


def describe_mixture(source: MixtureSource, first: int, end: int) -> pa.Table:
    """The same for the rows of a mixture, each of which is some dataset's."""
    tables = []
    for row, (name, (group, start, stop)) in enumerate(source.single_rows(first, end)):
        part = source.parts[name]
        table = _describe(part.dataset, part.source, group, start, stop, row)
        names = pa.array([name] * len(table), pa.string())
        tables.append(table.append_column("dataset", names))
    return pa.concat_tables(tables)


def _describe(
    dataset: Dataset, source: RowSource, group: Group, start: int, stop: int, done: int
) -> pa.Table:
    offsets = group.row_offsets[start : stop + 1]
    span = slice(int(offsets[0]), int(offsets[-1]))
    lengths = group.lengths[span].astype(np.int64)
    places = source.settings.places(lengths)
    before = np.cumsum(places) - places
    rows = np.repeat(np.arange(stop - start), np.diff(offsets))
    row_starts = before[offsets[:-1] - offsets[0]]
    windows, found, tokens = find_documents(group, group.addresses[span])
    batches = [batch for part in group.memory for batch in part.batches]
    doc_ids = pa.chunked_array([batch.column("doc_id") for batch in batches])
    sources = pa.chunked_array([batch.column("source_id") for batch in batches])
    shards = source.windows.shard[group.windows[windows]]
    return pa.table(
        {
            "row": (rows + done).astype(np.int32),
            "column": (before - row_starts[rows]).astype(np.int32),
            "length": lengths.astype(np.int32),
            "doc_id": doc_ids.take(pa.array(found)).combine_chunks(),
            "token": tokens.astype(np.int32),
            "source": pa.array(dataset.manifest.sources, pa.string()).take(
                sources.take(pa.array(found)).combine_chunks()
            ),
            "shard": pa.array([entry.path for entry in dataset.shards]).take(pa.array(shards)),
        }
    )


def find_documents(group: Group, addresses: Int64s) -> tuple[Int64s, Int64s, Int64s]:
    """For each address the window of the group, the row among its batches' and the token there."""
    known, windows, rows = _by_address(group)
    found = np.searchsorted(known, addresses, side="right") - 1
    return windows[found], rows[found], (addresses - known[found]) // group.memory[0].itemsize


@lru_cache(maxsize=8)
def _by_address(group: Group) -> tuple[Int64s, Int64s, Int64s]:
    """Address, window and row of every document of a group, by address."""
    parts = group.memory
    sizes = [sum(batch.num_rows for batch in part.batches) for part in parts]
    firsts = np.cumsum([0, *sizes[:-1]])
    known = np.concatenate([part.addresses for part in parts])
    windows = np.repeat(np.arange(len(parts)), [len(part.addresses) for part in parts])
    rows = np.concatenate([part.rows + first for part, first in zip(parts, firsts, strict=True)])
    order = np.argsort(known)
    return known[order], windows[order], rows[order]
