"""An exchange file: rows sorted by bucket and key, and an index to find one bucket's bytes.

The data file is nothing but blocks, bucket after bucket. The index has one entry of fixed width for
each bucket, so a reader knows where its entry is without reading anything else; every entry and
every block has a checksum, so that a file that is cut off, damaged or of another schema is an error
that names file and bucket, and never wrong rows.

Cost: 32 bytes of index for each (file, bucket), 16 bytes for each block of at most 256 KiB.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from penstock import storage
from penstock.errors import DataError
from pipelines.blocks import BlockError, Layout
from pipelines.merge import block_bytes_for
from pipelines.spill import Run, Spill, read_blocks

ENTRY = struct.Struct("<QQQQ")
"""Index entry of a bucket: first byte, bytes, rows, xxh3_64 of these with bucket and schema."""

BUCKET = "exchange bucket"
"""The column that carries the bucket while rows wait on local disk."""

REMEDY = "delete the file's folder in work_dir and run again to have it made anew"


@dataclass(frozen=True, slots=True)
class Segment:
    """Where the rows of one bucket are in one file."""

    url: str
    bucket: int
    start: int
    num_bytes: int
    num_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeFile:
    """What a map task has written; spilled_bytes counts all that its Spill has taken so far."""

    url: str
    rows: int
    bytes: int
    spilled_bytes: int


def index_url(url: str) -> str:
    """Where the index of a data file is."""
    return url + ".index"


def with_bucket(schema: pa.Schema) -> pa.Schema:
    """The schema of rows that carry their bucket as the first column."""
    return pa.schema([pa.field(BUCKET, pa.uint32(), nullable=False), *schema])


def write_file(
    url: str,
    rows: Iterable[pa.RecordBatch],
    *,
    schema: pa.Schema,
    num_buckets: int,
    memory_bytes: int,
    spill: Spill,
) -> ExchangeFile:
    """Write rows that carry their bucket and come sorted by it; the data first, the index last."""
    counts, layout = np.zeros((2, num_buckets), np.int64), Layout(schema)
    with storage.atomic_output(url) as file:
        for batch in rows:
            _write_batch(file, batch, counts, layout, block_bytes_for(memory_bytes))
    index = _index(counts, schema)
    storage.write_bytes(index_url(url), index)
    num_bytes, num_rows = counts.sum(axis=1).tolist()
    return ExchangeFile(
        url=url, rows=num_rows, bytes=num_bytes + len(index), spilled_bytes=spill.bytes
    )


def _write_batch(
    file: IO[bytes],
    batch: pa.RecordBatch,
    counts: npt.NDArray[np.int64],
    layout: Layout,
    block_bytes: int,
) -> None:
    """Append a batch's rows as blocks, adding bytes and rows to the counts of their buckets."""
    buckets = batch.column(0).to_numpy()
    rows = batch.select(batch.schema.names[1:])
    starts = np.flatnonzero(np.diff(buckets, prepend=buckets[:1] + 1)).tolist()
    for start, stop in zip(starts, [*starts[1:], len(buckets)], strict=True):
        for piece in layout.cut(rows.slice(start, stop - start), block_bytes):
            block = layout.encode(piece)
            file.write(block)
            counts[:, buckets[start]] += (len(block), piece.num_rows)


def _index(counts: npt.NDArray[np.int64], schema: pa.Schema) -> bytes:
    seed, start, entries = _fingerprint(schema), 0, []
    for bucket, (num_bytes, num_rows) in enumerate(counts.T.tolist()):
        entries.append(_entry(bucket, start, num_bytes, num_rows, seed))
        start += num_bytes
    return b"".join(entries)


def _entry(bucket: int, start: int, num_bytes: int, num_rows: int, seed: int) -> bytes:
    digest = xxhash.xxh3_64_intdigest(ENTRY.pack(bucket, start, num_bytes, num_rows), seed)
    return ENTRY.pack(start, num_bytes, num_rows, digest)


def _fingerprint(schema: pa.Schema) -> int:
    """A number that differs for schemas whose rows are stored in another way."""
    columns = [f"{field.name}\0{field.type}\0{field.nullable}" for field in schema]
    return xxhash.xxh3_64_intdigest("\n".join(columns).encode())


def bucket_runs(
    urls: Sequence[str], bucket: int, schema: pa.Schema, *, fetch_bytes: int
) -> list[Run]:
    """A sorted run for each file that has rows of the bucket, in the order of the files.

    When all of them together are no longer than fetch_bytes they are read at once, which an object
    store answers concurrently; else each is read in pieces as it is needed.
    """
    found = zip(urls, _read_entries(urls, bucket, bucket + 1, schema), strict=True)
    segments = [Segment(url, bucket, *entries[0]) for url, entries in found if entries[0][1]]
    layout = Layout(schema)
    if sum(segment.num_bytes for segment in segments) > fetch_bytes:
        return [
            segment_run(segment, partial(_read_range, segment.url, bucket), layout)
            for segment in segments
        ]
    starts = [segment.start for segment in segments]
    ends = [segment.start + segment.num_bytes for segment in segments]
    blobs = _read_ranges([segment.url for segment in segments], bucket, starts, ends)
    return [
        segment_run(segment, partial(_from_memory, segment, blob), layout)
        for segment, blob in zip(segments, blobs, strict=True)
    ]


def file_run(url: str, num_buckets: int, schema: pa.Schema) -> Run:
    """The rows of all buckets in one file as one run, with their bucket as the first column."""
    entries = _read_entries([url], 0, num_buckets, schema)[0]
    num_bytes = sum(entry[1] for entry in entries)
    # Blocks never hold rows of two buckets, so the count of the rows before one tells its bucket.
    row_ends = np.cumsum([entry[2] for entry in entries])
    layout, schema = Layout(schema), with_bucket(schema)

    def read(read_bytes: int) -> Iterator[pa.RecordBatch]:
        seen, bucket = 0, 0
        try:
            for batch in read_blocks(
                partial(_read_range, url, 0), 0, num_bytes, layout, read_bytes=read_bytes
            ):
                bucket = int(np.searchsorted(row_ends, seen, side="right"))
                seen += batch.num_rows
                if bucket == num_buckets or seen > row_ends[bucket]:
                    raise BlockError("more rows than the index has")
                ids = pa.array(np.full(batch.num_rows, bucket, np.uint32))
                yield pa.RecordBatch.from_arrays([ids, *batch.columns], schema=schema)
            _check_rows(seen, int(row_ends[-1]))
        except BlockError as error:
            raise DataError(_damaged(url, bucket, str(error))) from error

    return Run(num_bytes=num_bytes, read=read)


def segment_run(segment: Segment, read_at: Callable[[int, int], bytes], layout: Layout) -> Run:
    """The rows of one bucket in one file, whose bytes read_at gives."""

    def read(read_bytes: int) -> Iterator[pa.RecordBatch]:
        start, end, rows_seen = segment.start, segment.start + segment.num_bytes, 0
        try:
            for batch in read_blocks(read_at, start, end, layout, read_bytes=read_bytes):
                rows_seen += batch.num_rows
                yield batch
            _check_rows(rows_seen, segment.num_rows)
        except BlockError as error:
            raise DataError(_damaged(segment.url, segment.bucket, str(error))) from error

    return Run(num_bytes=segment.num_bytes, read=read)


def _read_ranges(
    urls: Sequence[str], bucket: int, starts: Sequence[int], ends: Sequence[int]
) -> list[bytes]:
    """The bytes [start, end) of each file, as far as they exist; concurrently on object stores."""
    if not urls:
        return []
    fs, _ = storage.resolve(urls[0])
    paths = [fs._strip_protocol(url) for url in urls]
    if storage.is_local(urls[0]):
        found: list[Any] = list(map(_read_local, paths, starts, ends))
    else:
        found = fs.cat_ranges(paths, list(starts), list(ends), on_error="return")
    return [
        data if isinstance(data, bytes) else _without_data(url, bucket, end, data)
        for url, end, data in zip(urls, ends, found, strict=True)
    ]


def _without_data(url: str, bucket: int, end: int, error: Exception) -> bytes:
    """Nothing, where a store calls a range behind the file's end an error; else the error."""
    if isinstance(error, FileNotFoundError):
        raise DataError(_damaged(url, bucket, "it is missing")) from error
    if storage.size(url) < end:
        return b""
    raise error


def _read_local(path: str, start: int, end: int) -> bytes | FileNotFoundError:
    try:
        with open(path, "rb") as file:
            file.seek(start)
            return file.read(end - start)
    except FileNotFoundError as error:
        return error


def _read_entries(
    urls: Sequence[str], first: int, end: int, schema: pa.Schema
) -> list[list[tuple[int, int, int]]]:
    """(start, bytes, rows) of the buckets [first, end) from the index of each file."""
    width, count = ENTRY.size, len(urls)
    indices = [index_url(url) for url in urls]
    found = _read_ranges(indices, first, [first * width] * count, [end * width] * count)
    seed = _fingerprint(schema)
    return [
        _checked_entries(url, data, first, end, seed) for url, data in zip(urls, found, strict=True)
    ]


def _checked_entries(
    url: str, data: bytes, first: int, end: int, seed: int
) -> list[tuple[int, int, int]]:
    if len(data) != (end - first) * ENTRY.size:
        raise DataError(_damaged(url, first, "its index is cut off"))
    entries = []
    for bucket, entry in zip(range(first, end), ENTRY.iter_unpack(data), strict=True):
        start, num_bytes, num_rows, _ = entry
        if _entry(bucket, start, num_bytes, num_rows, seed) != ENTRY.pack(*entry):
            raise DataError(_damaged(url, bucket, "its index is damaged or has another schema"))
        entries.append((start, num_bytes, num_rows))
    return entries


def _check_rows(seen: int, indexed: int) -> None:
    if seen != indexed:
        raise BlockError(f"{seen:,} rows where the index has {indexed:,}")


def _read_range(url: str, bucket: int, start: int, end: int) -> bytes:
    return _read_ranges([url], bucket, [start], [end])[0]


def _from_memory(segment: Segment, data: bytes, start: int, end: int) -> bytes:
    return data[start - segment.start : end - segment.start]


def _damaged(url: str, bucket: int, what: str) -> str:
    return f"exchange file {url}, bucket {bucket}: {what}; {REMEDY}"
