"""Verdicts: each document's place meets its label, and the decision goes back to its piece.

Three streams are joined on doc_id as they pass in its order. The first place of a doc_id stands
for the document; every further place is the same record read again (`duplicate_id`). Which place is
first doesn't follow from where the record lies, only from what it says, since the split of the
input must not show: of one doc_id, the earliest date; of one date, the least `choice`. A document
whose cluster has an earlier root is dropped, as `exact_duplicate` where some text equal to its own
came before it, else as `near_duplicate`. Only documents of clusters get a row: silence is consent.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.streams import EVIDENCE_STREAM, LABEL_STREAM, PLACE_STREAM, VERDICT_STREAM
from pipelines.task import Item, TaskContext
from pipelines.text.cursor import Cursor
from pipelines.text.nodes import Bytes, id_part, node_matrix
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
    labels = Cursor(
        context.read(LABEL_STREAM, bucket, share=0.15), LABELS, keys=_ids_of, reduce=_one_label_each
    )
    evidence = Cursor(
        context.read(EVIDENCE_STREAM, bucket, share=0.15), EVIDENCE, keys=_ids_of, reduce=_distinct
    )
    previous: bytes | None = None
    for places in context.read(PLACE_STREAM, bucket, share=0.3):
        ids = fixed_matrix(places["doc_id"], 16)
        is_first = np.ones(len(ids), bool)
        is_first[1:] = (ids[1:] != ids[:-1]).any(axis=1)
        is_first[0] = ids[0].tobytes() != previous
        previous = ids[-1].tobytes()
        found = [cursor.through(np.bytes_(previous)) for cursor in (labels, evidence)]
        rows, kept = _decide(places, ids, is_first, *found)
        verdicts.add(rows, rows["piece"].to_numpy())
        _count(context, places, rows, kept)


def _decide(
    places: pa.RecordBatch,
    ids: Bytes,
    is_first: NDArray[np.bool_],
    labels: pa.RecordBatch,
    evidence: pa.RecordBatch,
) -> tuple[pa.RecordBatch, NDArray[np.bool_]]:
    """The verdict rows of a batch of places, and which places are kept."""
    keys, of_label = _keys(ids), _ids_of(labels)
    label, ends = np.searchsorted(of_label, keys), np.searchsorted(of_label, keys, side="right")
    labelled = ends > label
    label = label[labelled]
    cluster, sizes = ids.copy(), np.ones(len(ids), np.int64)
    cluster[labelled] = id_part(node_matrix(labels["root"]))[label]
    sizes[labelled] = np.maximum(labels["size"].to_numpy()[label], 1)
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


def _bands(
    evidence: pa.RecordBatch, keys: np.ndarray
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each key, the number of different bands it was matched in, and whether all of it was."""
    of_row = _ids_of(evidence)
    is_exact = evidence["band"].to_numpy() == EXACT_BAND
    near = np.concatenate([[0], np.cumsum(~is_exact)])
    exact = np.concatenate([[0], np.cumsum(is_exact)])
    starts, ends = np.searchsorted(of_row, keys), np.searchsorted(of_row, keys, side="right")
    return near[ends] - near[starts], exact[ends] > exact[starts]


def _count(
    context: TaskContext, places: pa.RecordBatch, rows: pa.RecordBatch, kept: NDArray[np.bool_]
) -> None:
    context.counters["kept"] += int(kept.sum())
    context.counters["kept_text_bytes"] += int(places["text_bytes"].to_numpy()[kept].sum(dtype=int))
    for found in pc.value_counts(rows["rule"].drop_null()).to_pylist():
        context.counters[f"dropped/dedup/{found['values']}"] += found["counts"]


def _one_label_each(labels: pa.RecordBatch) -> pa.RecordBatch:
    """The first label of each doc_id, with its cluster's size.

    A doc_id has as many labels as it came with dates, which all name one root; only the root's own
    label has a size, so that their sum is the cluster's size or nothing.
    """
    if labels.num_rows == 0:
        return labels
    keys = _ids_of(labels)
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    sizes = pa.array(np.add.reduceat(labels["size"].to_numpy(), starts))
    columns = labels.take(pa.array(starts)).columns
    return pa.RecordBatch.from_arrays([*columns[:-1], sizes], schema=LABELS)


def _distinct(evidence: pa.RecordBatch) -> pa.RecordBatch:
    """Each doc_id and band once."""
    keys, bands = _ids_of(evidence), evidence["band"].to_numpy()
    new = np.ones(len(keys), bool)
    new[1:] = (keys[1:] != keys[:-1]) | (bands[1:] != bands[:-1])
    return evidence.filter(pa.array(new))


def _ids_of(rows: pa.RecordBatch) -> np.ndarray:
    return _keys(fixed_matrix(rows["doc_id"], 16))


def _keys(ids: Bytes) -> np.ndarray:
    """Ids as values that NumPy searches and compares byte for byte."""
    return np.ascontiguousarray(ids).view("S16").ravel()
