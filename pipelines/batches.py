"""Batches of rows between a task that writes them and a task that reads them, one file each.

Files are Arrow IPC streams with LZ4 buffers: written and read in one pass, never mapped, so what
they take of memory is one batch.
"""

import contextlib
from collections.abc import Iterator

import pyarrow as pa

from penstock import storage

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


@contextlib.contextmanager
def batch_writer(url: str, schema: pa.Schema) -> Iterator[pa.ipc.RecordBatchStreamWriter]:
    """A writer of batches into a file that appears whole when the block ends."""
    with (
        storage.atomic_output(url) as file,
        pa.ipc.new_stream(file, schema, options=_OPTIONS) as writer,
    ):
        yield writer


def read_batches(url: str) -> Iterator[pa.RecordBatch]:
    """The batches of a file, one at a time."""
    with storage.open_input(url) as file, pa.ipc.open_stream(file) as reader:
        yield from reader


def table_batch(columns: dict[str, pa.Array], schema: pa.Schema) -> pa.RecordBatch:
    """A batch of the schema from columns by name; an absent nullable column is all null."""
    num_rows = len(next(iter(columns.values())))
    arrays = [
        columns[field.name] if field.name in columns else pa.nulls(num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def constant(value: object, num_rows: int, type_: pa.DataType | None = None) -> pa.Array:
    """A column that holds one value in all rows."""
    return pa.repeat(pa.scalar(value, type_ or pa.string()), num_rows)
