"""Records one by one in, Arrow batches bounded by rows and bytes out.

The one place where a record becomes a row. Cost: 4 us a record and one copy of its content.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import xxhash

from pipelines.readers.spans import Span
from schemas.records import RECORDS
from transforms.identity import identity_bytes, record_id

MAX_RAW_BYTES = 1 << 20
"""How much of a broken record's raw bytes goes into its doc_id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row before it is one: see `schemas.records` for the fields and the three states."""

    doc_id: bytes
    offset: int
    url: str | None = None
    date: int | None = None
    media: str | None = None
    charset: str | None = None
    content: bytes | memoryview | None = None
    rule: str | None = None
    value: str | None = None
    threshold: str | None = None
    error: str | None = None


def failed(
    *,
    offset: int,
    raw: bytes | memoryview,
    error: str,
    identity: bytes = b"",
    url: str | None = None,
    date: int | None = None,
) -> Record:
    """A broken record, named by what is known of its identity and its raw bytes."""
    digest = id_digest(identity)
    digest.update(raw[:MAX_RAW_BYTES])
    return Record(doc_id=digest.digest(), offset=offset, url=url, date=date, error=error)


def lost(span: Span, *, offset: int, error: str) -> Record:
    """The rest of a file that storage didn't give: one record, named by its place alone.

    Nothing is known of its content, and two lost files must not look like duplicates.
    """
    content = f"{span.url}\0{offset}".encode("utf-8", "surrogatepass")
    return Record(
        doc_id=record_id(identity=identity_bytes(None, None, None, None), content=content),
        offset=offset,
        error=error,
    )


def batches(
    records: Iterator[Record],
    *,
    span: Span,
    max_rows: int,
    max_bytes: int,
) -> Iterator[pa.RecordBatch]:
    """Batches of RECORDS with at most max_rows rows and about max_bytes of content."""
    rows: list[Record] = []
    num_bytes = 0
    for record in records:
        rows.append(record)
        num_bytes += len(record.content) if record.content is not None else 0
        if len(rows) >= max_rows or num_bytes >= max_bytes:
            yield to_batch(rows, span)
            rows, num_bytes = [], 0
    if rows:
        yield to_batch(rows, span)


def id_digest(identity: bytes) -> xxhash.xxh3_128:
    """What `record_id` computes, for content that comes in parts: update it, then digest it."""
    digest = xxhash.xxh3_128(len(identity).to_bytes(8, "little"))
    digest.update(identity)
    return digest


def utf8(text: str) -> bytes:
    """The text in UTF-8; half a surrogate pair, which JSON can hold, becomes U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def to_batch(rows: list[Record], span: Span) -> pa.RecordBatch:
    """A batch of RECORDS from records of one span."""
    columns = {name: [getattr(row, name) for row in rows] for name in _PER_ROW}
    columns["source"] = [span.url] * len(rows)
    columns["input"] = [span.input] * len(rows)
    arrays = {field.name: pa.array(columns[field.name], field.type) for field in _SMALL}
    arrays["content"] = _contents([row.content for row in rows])
    return pa.RecordBatch.from_arrays([arrays[name] for name in RECORDS.names], schema=RECORDS)


def _contents(contents: list[bytes | memoryview | None]) -> pa.LargeBinaryArray:
    """The contents in one buffer: a builder would copy them again each time that it grows."""
    lengths = [0 if content is None else len(content) for content in contents]
    offsets = np.zeros(len(contents) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    valid = pa.array([content is not None for content in contents], pa.bool_())
    data = b"".join(content for content in contents if content is not None)
    buffers = [valid.buffers()[1], pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_binary(), len(contents), buffers)


_PER_ROW = [name for name in RECORDS.names if name not in ("source", "input", "content")]
_SMALL = [field for field in RECORDS if field.name != "content"]
