"""Parquet files of OUT, written by one task each."""

import contextlib
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from penstock import storage

ROW_GROUP_BYTES = 4_000_000
"""Rows are held until they are this large, since each write is a row group of its own; writing
one takes several times its size."""


class ParquetOutput:
    """Collects batches into row groups of a useful size."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer = writer
        self._schema = schema
        self._pending: list[pa.RecordBatch] = []
        self._num_bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Add a batch of rows."""
        if batch.num_rows == 0:
            return
        self._pending.append(pa.RecordBatch.from_arrays(batch.columns, schema=self._schema))
        self._num_bytes += batch.nbytes
        if self._num_bytes >= ROW_GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is held as a row group."""
        if self._pending:
            self._writer.write_table(pa.Table.from_batches(self._pending))
        self._pending, self._num_bytes = [], 0


@contextlib.contextmanager
def parquet_writer(url: str, schema: pa.Schema) -> Iterator[ParquetOutput]:
    """A writer into a Parquet file that appears whole when the block ends."""
    with (
        storage.atomic_output(url) as file,
        pq.ParquetWriter(file, schema, compression="zstd") as writer,
    ):
        output = ParquetOutput(writer, schema)
        yield output
        output.flush()
