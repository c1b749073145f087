"""A piece's curated documents beside the verdicts on them."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from pipelines.batches import constant, read_batches, table_batch
from pipelines.streams import VERDICT_STREAM
from pipelines.task import TaskContext
from schemas.hashes import VERDICTS


def curated_with_verdicts(
    context: TaskContext, piece: int
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """A piece's curated documents beside one VERDICTS row for each, in their order."""
    decided = list(context.read(VERDICT_STREAM, piece, share=0.2))
    table = pa.Table.from_batches(decided, VERDICTS).combine_chunks()
    rows = table["row"].to_numpy()
    start = 0
    for batch in read_batches(context.spec.inputs["curate.curated"][piece]):
        low, high = np.searchsorted(rows, [start, start + batch.num_rows])
        here = table.slice(low, high - low)
        yield batch, _verdict_for_each(batch, here, rows[low:high] - start, piece)
        start += batch.num_rows


def _verdict_for_each(
    batch: pa.RecordBatch, decided: pa.Table, at: np.ndarray, piece: int
) -> pa.RecordBatch:
    """One VERDICTS row for each document: the decided one, else that it's alone and kept."""
    num_rows = batch.num_rows
    alone = {
        "piece": constant(piece, num_rows, pa.uint32()),
        "row": pa.array(np.arange(num_rows, dtype=np.uint32)),
        "matched_bands": constant(0, num_rows, pa.int64()),
        "cluster_id": batch["doc_id"],
        "cluster_size": constant(1, num_rows, pa.int64()),
    }
    both = pa.concat_tables([pa.Table.from_batches([table_batch(alone, VERDICTS)]), decided])
    choice = np.arange(num_rows)
    choice[at] = num_rows + np.arange(len(at))
    rows: pa.RecordBatch = both.take(pa.array(choice)).combine_chunks().to_batches()[0]
    return rows
