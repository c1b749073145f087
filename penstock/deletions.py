"""Deletion vectors: which documents of a dataset mustn't be delivered any more.

A file holds the sorted, distinct doc_ids that one version took out, and that version's manifest
and its descendants' name it. So the loader honours a takedown at once, shards stay as they
are until `compact` purges them, and a pinned older version still means what it meant.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from penstock import storage
from penstock.errors import DataError
from penstock.manifest import DeletionEntry, Manifest

DELETION_FORMAT = 1
_FORMAT_KEY = b"penstock.deletion_format"
_SCHEMA = pa.schema(
    [pa.field("doc_id", pa.binary(16), nullable=False)],
    metadata={_FORMAT_KEY: str(DELETION_FORMAT).encode()},
)

DocIds = npt.NDArray[np.bytes_]
"""doc_ids as items of type S16. NumPy drops trailing zero bytes when it compares such items, which
changes neither equality nor order as long as all have the same width."""


def as_doc_ids(array: pa.FixedSizeBinaryArray) -> DocIds:
    """A view of an Arrow column of doc_ids, without nulls, as NumPy items of type S16."""
    data = np.frombuffer(array.buffers()[1] or b"", np.uint8)
    first = array.offset * 16
    return data[first : first + len(array) * 16].view("S16")


def write_deletions(out: str, version: int, doc_ids: DocIds) -> DeletionEntry:
    """Write OUT/deletions/NNNN.arrow and return the entry that the manifest of `version` lists."""
    path = f"deletions/{version:04d}.arrow"
    ids = np.unique(doc_ids)
    array = pa.Array.from_buffers(pa.binary(16), len(ids), [None, pa.py_buffer(ids.tobytes())])
    with storage.atomic_output(storage.join(out, path)) as file:
        output = storage.HashingOutput(file)
        with pa.ipc.new_file(output, _SCHEMA) as writer:
            writer.write_batch(pa.RecordBatch.from_arrays([array], schema=_SCHEMA))
    return DeletionEntry(
        path=path, rows=len(ids), bytes=output.num_bytes, xxh3_128=output.hexdigest
    )


def read_deletions(out: str, manifest: Manifest) -> DocIds:
    """All doc_ids that this version of the dataset deletes, sorted and distinct.

    Raises:
        DataError: a file is missing, damaged or not what the manifest says.
    """
    parts = [_read_one(storage.join(out, entry.path), entry) for entry in manifest.deletions]
    if not parts:
        return np.zeros(0, "S16")
    return np.unique(np.concatenate(parts))


def deleted_rows(doc_ids: DocIds, deleted: DocIds) -> npt.NDArray[np.bool_]:
    """For each document, whether it is among the sorted `deleted` ones."""
    if not len(deleted):
        return np.zeros(len(doc_ids), np.bool_)
    places = np.minimum(np.searchsorted(deleted, doc_ids), len(deleted) - 1)
    return deleted[places] == doc_ids  # type: ignore[no-any-return]


def _read_one(url: str, entry: DeletionEntry) -> DocIds:
    try:
        data = storage.read_bytes(url)
    except FileNotFoundError as error:
        raise DataError(f"deletion file {url} is missing; restore it") from error
    if len(data) != entry.bytes or storage.hash_bytes(data) != entry.xxh3_128:
        raise DataError(f"deletion file {url} isn't the one that the manifest names; restore it")
    table = pa.ipc.open_file(pa.BufferReader(data)).read_all()
    found = (table.schema.metadata or {}).get(_FORMAT_KEY, b"none").decode()
    if found != str(DELETION_FORMAT):
        raise DataError(
            f"deletion file {url}: format is {found}; this program reads "
            f"{DELETION_FORMAT}; install the Penstock version that wrote it"
        )
    return as_doc_ids(table.column("doc_id").combine_chunks())
