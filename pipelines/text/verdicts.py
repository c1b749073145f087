"""Verdicts: each document's place meets its label, and the decision goes back to its piece.

Three streams are joined on doc_id as they pass in its order. The first place of a doc_id stands
for the document; every further place is the same record read again (`duplicate_id`). A document
whose cluster has an earlier root is dropped, as `exact_duplicate` where some text equal to its own
came before it, else as `near_duplicate`. Only documents of clusters get a row: silence is consent.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.streams import EVIDENCE_STREAM, LABEL_STREAM, PLACE_STREAM, VERDICT_STREAM
from pipelines.task import Item, TaskContext
from pipelines.text.nodes import Bytes
from schemas.hashes import EVIDENCE, EXACT_BAND, LABELS, VERDICTS
from transforms.buffers import fixed_array, fixed_matrix

DUPLICATE_ID = "duplicate_id"
EXACT_DUPLICATE = "exact_duplicate"
NEAR_DUPLICATE = "near_duplicate"
_RULES = pa.array([DUPLICATE_ID, EXACT_DUPLICATE, NEAR_DUPLICATE])


def verdicts_bucket(context: TaskContext, item: Item) -> None:
    """Decide on the documents of one bucket of doc_ids and count what is kept."""
    bucket = item["bucket"]
    verdicts = context.emit(VERDICT_STREAM)
    labels = _Cursor(context.read(LABEL_STREAM, bucket, share=0.15), LABELS)
    evidence = _Cursor(context.read(EVIDENCE_STREAM, bucket, share=0.15), EVIDENCE)
    previous: bytes | None = None
    for places in context.read(PLACE_STREAM, bucket, share=0.3):
        ids = fixed_matrix(places["doc_id"], 16)
        is_first = np.ones(len(ids), bool)
        is_first[1:] = (ids[1:] != ids[:-1]).any(axis=1)
        is_first[0] = ids[0].tobytes() != previous
        previous = ids[-1].tobytes()
        found = labels.through(previous)
        rows, kept = _decide(places, ids, is_first, found, evidence.through(previous))
        verdicts.add(rows, rows["piece"].to_numpy())
        _count(context, places, rows, kept)


def _decide(
    places: pa.RecordBatch,
    ids: Bytes,
    is_first: NDArray[np.bool_],
    labels: pa.Table,
    evidence: pa.Table,
) -> tuple[pa.RecordBatch, NDArray[np.bool_]]:
    """The verdict rows of a batch of places, and which places are kept."""
    keys, of_label = _keys(ids), _keys(_matrix(labels["doc_id"], 16))
    # A doc_id has as many labels as it came with dates; they all name one root.
    starts, ends = np.searchsorted(of_label, keys), np.searchsorted(of_label, keys, side="right")
    labelled = ends > starts
    cluster = ids.copy()
    cluster[labelled] = _matrix(labels["root"], 24)[starts[labelled], 8:]
    # Only the root's own label has a size, so that the sum is the cluster's size or nothing.
    total = np.concatenate([[0], np.cumsum(labels["size"].to_numpy())])
    sizes = np.maximum(total[ends] - total[starts], 1)
    kept = is_first & (cluster == ids).all(axis=1)
    matched, is_exact = _bands(evidence, keys)
    rule = np.where(~is_first, 0, np.where(is_exact, 1, 2))
    rows = np.flatnonzero(~is_first | labelled)
    columns = [
        places["piece"].take(pa.array(rows)),
        places["row"].take(pa.array(rows)),
        _RULES.take(pa.array(rule[rows], mask=kept[rows])),
        pa.array(matched[rows]),
        fixed_array(cluster[rows]),
        pa.array(sizes[rows]),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=VERDICTS), kept


def _bands(evidence: pa.Table, keys: np.ndarray) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each key, the number of different bands it was matched in, and whether all of it was."""
    of_row = _keys(_matrix(evidence["doc_id"], 16))
    bands = evidence["band"].to_numpy()
    new = np.ones(len(of_row), bool)
    new[1:] = (of_row[1:] != of_row[:-1]) | (bands[1:] != bands[:-1])
    is_exact = bands == EXACT_BAND
    near = np.concatenate([[0], np.cumsum(new & ~is_exact)])
    exact = np.concatenate([[0], np.cumsum(is_exact)])
    starts, ends = np.searchsorted(of_row, keys), np.searchsorted(of_row, keys, side="right")
    return near[ends] - near[starts], exact[ends] > exact[starts]


def _count(
    context: TaskContext, places: pa.RecordBatch, rows: pa.RecordBatch, kept: NDArray[np.bool_]
) -> None:
    context.counters["kept"] += int(kept.sum())
    context.counters["kept_text_bytes"] += int(places["text_bytes"].to_numpy()[kept].sum(dtype=int))
    for name, number in Counter(rows["rule"].drop_null().to_pylist()).items():
        context.counters[f"dropped/dedup/{name}"] += number


class _Cursor:
    """Rows of a stream sorted by doc_id, taken up to a doc_id at a time."""

    def __init__(self, batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> None:
        self._batches = batches
        self._schema = schema
        self._rest: pa.RecordBatch | None = next(batches, None)

    def through(self, doc_id: bytes) -> pa.Table:
        """All rows not yet taken whose doc_id is at most this one."""
        taken = []
        bound = _keys(np.frombuffer(doc_id, np.uint8)[None])[0]
        while self._rest is not None:
            keys = _keys(fixed_matrix(self._rest["doc_id"], 16))
            end = int(np.searchsorted(keys, bound, side="right"))
            taken.append(self._rest.slice(0, end))
            if end < len(keys):
                self._rest = self._rest.slice(end)
                break
            self._rest = next(self._batches, None)
        return pa.Table.from_batches(taken, self._schema).combine_chunks()


def _matrix(column: pa.ChunkedArray, width: int) -> Bytes:
    if column.num_chunks == 0:
        return np.zeros((0, width), np.uint8)
    return fixed_matrix(column.chunk(0), width)


def _keys(ids: Bytes) -> np.ndarray:
    """Ids as values that NumPy searches and compares byte for byte."""
    return np.ascontiguousarray(ids).view("S16").ravel()
