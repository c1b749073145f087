"""Match: documents that share a hash become edges to the first document of their group.

The rows of a bucket come sorted by hash and then by order key, so a group's first row is its
earliest document and every later row is an edge to it: a star for each group, linear in its size
where all pairs would be quadratic, with the same components. Only the current group's first
document is in memory, whatever the group's size.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.batches import constant
from pipelines.exchange import ExchangeWriter
from pipelines.streams import DIGEST_STREAM, EDGE_STREAM, EVIDENCE_STREAM, HASH_STREAM
from pipelines.task import Item, TaskContext
from pipelines.text.nodes import (
    ORDER_KEY_BYTES,
    Bytes,
    doc_ids_of,
    id_buckets,
    id_part,
    node_buckets,
    node_matrix,
)
from schemas.hashes import EDGES, EVIDENCE, EXACT_BAND
from transforms.buffers import fixed_array, fixed_matrix


def match_bucket(context: TaskContext, item: Item) -> None:
    """Emit the edges of one bucket of hashes, and what each edge's evidence is."""
    edges = context.emit(EDGE_STREAM, share=0.2)
    evidence = context.emit(EVIDENCE_STREAM, share=0.1)
    for nodes, first, bands in _duplicates(context, item["bucket"]):
        context.counters["edges"] += len(nodes)
        _emit(edges, nodes, first)
        # That a record came in again with another date is no evidence against the first of them.
        others = (id_part(nodes) != id_part(first)).any(axis=1)
        ids = doc_ids_of(nodes[others])
        rows = pa.RecordBatch.from_arrays([ids, bands.filter(pa.array(others))], schema=EVIDENCE)
        evidence.add(rows, id_buckets(fixed_matrix(ids, 16), evidence.num_buckets))


def _emit(edges: ExchangeWriter, nodes: Bytes, first: Bytes) -> None:
    """Send edges in both directions, as the first step of the components wants them."""
    for ends in ((nodes, first), (first, nodes)):
        rows = pa.RecordBatch.from_arrays([fixed_array(end) for end in ends], schema=EDGES)
        edges.add(rows, node_buckets(ends[0], edges.num_buckets))


def _duplicates(context: TaskContext, bucket: int) -> Iterator[tuple[Bytes, Bytes, pa.Array]]:
    """Later documents, the first of their group, and the band in which they match."""
    stars = _Stars()
    for batch in context.read(DIGEST_STREAM, bucket):
        digests = fixed_matrix(batch["digest"], 16)
        nodes, first, _ = stars.of(digests, node_matrix(batch["node"]))
        yield nodes, first, constant(EXACT_BAND, len(nodes), pa.uint8())
    stars = _Stars()
    for batch in context.read(HASH_STREAM, bucket):
        band = batch["band"].to_numpy()
        key = np.empty((len(band), 9), np.uint8)
        key[:, :8] = batch["hash"].to_numpy().view(np.uint8).reshape(-1, 8)
        key[:, 8] = band
        nodes, first, rows = stars.of(key, node_matrix(batch["node"]))
        yield nodes, first, pa.array(band[rows], pa.uint8())


class _Stars:
    """Finds the first row of each group in sorted rows, over the borders of batches."""

    def __init__(self) -> None:
        self._key: Bytes | None = None
        self._first = np.zeros((1, ORDER_KEY_BYTES), np.uint8)
        self._last = self._first

    def of(self, keys: Bytes, nodes: Bytes) -> tuple[Bytes, Bytes, NDArray[np.int64]]:
        """Each other node of a group once, the first of its group, and their row numbers."""
        begins = np.ones(len(keys), bool)
        begins[1:] = (keys[1:] != keys[:-1]).any(axis=1)
        if self._key is not None:
            begins[0] = bool((keys[0] != self._key).any())
        # Place 0 is for the first node of the group that the batch before ended in.
        place = np.maximum.accumulate(np.where(begins, np.arange(1, len(nodes) + 1), 0))
        first = np.concatenate([self._first, nodes])[place]
        before = np.concatenate([self._last, nodes[:-1]])
        self._key, self._first, self._last = keys[-1].copy(), first[-1:].copy(), nodes[-1:].copy()
        # A record that came in several times has the same node in several rows.
        other = (nodes != first).any(axis=1) & (nodes != before).any(axis=1)
        rows = np.flatnonzero(~begins & other)
        return nodes[rows], first[rows], rows
