"""Members and labels: from the stars of the components to one row for each document in a cluster.

Two exchanges. `members` sends each edge (document, root) to the root's bucket; `labels` counts a
root's members as they pass and sends everyone's label to the bucket of its own doc_id, where the
verdict is made. Nothing but the current root's count is in memory.
"""

import numpy as np
import pyarrow as pa

from pipelines.exchange import ExchangeWriter
from pipelines.streams import EDGE_STREAM, LABEL_STREAM, MEMBER_STREAM
from pipelines.task import Item, TaskContext
from pipelines.text.nodes import Bytes, doc_ids_of, is_later, node_buckets, node_matrix
from schemas.hashes import LABELS
from transforms.buffers import fixed_array


def members_bucket(context: TaskContext, item: Item) -> None:
    """Send the stars' edges, from document to root, to the buckets of their roots; each once."""
    members = context.emit(MEMBER_STREAM)
    last = b""
    for batch in context.read(EDGE_STREAM, item["bucket"]):
        nodes, roots = node_matrix(batch["node"]), node_matrix(batch["neighbour"])
        new = np.ones(len(nodes), bool)
        new[1:] = (nodes[1:] != nodes[:-1]).any(axis=1)
        new[0] = nodes[0].tobytes() != last
        last = nodes[-1].tobytes()
        # Rounds leave edges in both directions, and a root is the least of its star.
        rows = np.flatnonzero(new & is_later(nodes, roots))
        members.add(batch.take(pa.array(rows)), node_buckets(roots[rows], members.num_buckets))


def labels_bucket(context: TaskContext, item: Item) -> None:
    """Count each root's members and send the labels to where their documents are."""
    labels = context.emit(LABEL_STREAM)
    root: Bytes | None = None
    size = 0
    for batch in context.read(MEMBER_STREAM, item["bucket"]):
        nodes, roots = node_matrix(batch["node"]), node_matrix(batch["neighbour"])
        _emit(labels, nodes, roots, np.zeros(len(nodes), np.int64))
        begins = np.ones(len(roots), bool)
        begins[1:] = (roots[1:] != roots[:-1]).any(axis=1)
        starts = np.flatnonzero(begins)
        counts = np.diff(np.append(starts, len(roots)))
        if root is not None and not (roots[0] != root).any():
            counts[0] += size
        elif root is not None:
            _emit_root(labels, root, size)
            context.counters["clusters"] += 1
        done = roots[starts[:-1]]
        _emit(labels, done, done, counts[:-1] + 1)
        root, size = roots[starts[-1]].copy(), int(counts[-1])
        context.counters["clusters"] += len(done)
    if root is not None:
        _emit_root(labels, root, size)
        context.counters["clusters"] += 1


def _emit_root(labels: ExchangeWriter, root: Bytes, members: int) -> None:
    _emit(labels, root[None], root[None], np.array([members + 1], np.int64))


def _emit(labels: ExchangeWriter, nodes: Bytes, roots: Bytes, sizes: np.ndarray) -> None:
    if len(nodes) == 0:
        return
    columns = [doc_ids_of(nodes), fixed_array(nodes), fixed_array(roots), pa.array(sizes)]
    rows = pa.RecordBatch.from_arrays(columns, schema=LABELS)
    labels.add(rows, node_buckets(nodes, labels.num_buckets))
