"""A piece's curated documents beside the verdicts on them."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from pipelines.batches import constant, read_batches, table_batch
from pipelines.streams import VERDICT_STREAM
from pipelines.task import TaskContext
from pipelines.text.cursor import Cursor
from schemas.hashes import VERDICTS


def curated_with_verdicts(
    context: TaskContext, piece: int
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """A piece's curated documents beside one VERDICTS row for each, in their order."""
    verdicts = Cursor(
        context.read(VERDICT_STREAM, piece, share=0.2),
        VERDICTS,
        keys=lambda rows: rows["row"].to_numpy(),
    )
    start = 0
    for batch in read_batches(context.spec.inputs["curate.curated"][piece]):
        if batch.num_rows == 0:
            continue
        # The bound before was the last row of the batch before, and has had its verdict.
        decided = verdicts.through(start + batch.num_rows - 1)
        decided = decided.slice(int(np.searchsorted(decided["row"].to_numpy(), start)))
        yield batch, _verdict_for_each(batch, decided, start, piece)
        start += batch.num_rows


def _verdict_for_each(
    batch: pa.RecordBatch, decided: pa.RecordBatch, start: int, piece: int
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
    both = pa.concat_batches([table_batch(alone, VERDICTS), decided])
    choice = np.arange(num_rows)
    choice[decided["row"].to_numpy() - start] = num_rows + np.arange(decided.num_rows)
    return both.take(pa.array(choice))
