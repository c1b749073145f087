"""WARC, ARC and HTTP bytes written by hand, and reading them back, for the tests of this folder."""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.pieces import list_inputs
from pipelines.readers.options import InputOptions, ReadOptions
from pipelines.readers.read import read_span
from pipelines.readers.spans import ReadReport, Span, settle
from schemas.records import RECORDS
from schemas.validate import validate

MEMORY_BYTES = 64 << 20
Read = tuple[list[dict[str, Any]], ReadReport]


def http(body: bytes, *fields: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", *(fields or ("Content-Type: text/html",)), "", ""]
    return "\r\n".join(head).encode() + body


def warc(
    block: bytes,
    *fields: str,
    kind: str = "response",
    number: int = 0,
    length: int | None = None,
    content_type: str = "application/http; msgtype=response",
) -> bytes:
    head = [
        "WARC/1.1",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: <urn:uuid:{number:08d}>",
        f"WARC-Target-URI: http://example.org/{number}",
        "WARC-Date: 2024-05-18T01:58:10Z",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(block) if length is None else length}",
        *fields,
        "",
        "",
    ]
    return "\r\n".join(head).encode() + block + b"\r\n\r\n"


def arc(block: bytes, number: int = 0, content_type: str = "text/html") -> bytes:
    line = f"http://example.org/{number} 10.0.0.1 20240518015810 {content_type} {len(block)}\n"
    return line.encode() + block + b"\n"


def lz4_frame(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "lz4") as stream:
        stream.write(data)
    return bytes(sink.getvalue())


PACKERS: dict[str, Callable[[Sequence[bytes]], bytes]] = {
    "gzip": lambda records: b"".join(gzip.compress(r, mtime=0) for r in records),
    "stored gzip": lambda records: b"".join(gzip.compress(r, 0, mtime=0) for r in records),
    "lz4": lambda records: b"".join(map(lz4_frame, records)),
    "plain": b"".join,
    "one gzip": lambda records: gzip.compress(b"".join(records), mtime=0),
}


def span_of(path: Path, format_: str = "auto", **entry: Any) -> Span:
    options = InputOptions(name="in", paths=(str(path),), format=format_, **entry)  # type: ignore[arg-type]
    (file,) = list_inputs([options])
    return file.span()


def read(span: Span, **options: Any) -> Read:
    """The rows and the report of a span, after checking the batches against the schema."""
    report = ReadReport()
    rows: list[dict[str, Any]] = []
    given = ReadOptions(**options)
    for batch in read_span(span, options=given, memory_bytes=MEMORY_BYTES, report=report):
        validate(batch, RECORDS)
        batch.validate(full=True)
        rows += _checked(batch)
    assert report.records == len(rows)
    return rows, report


def read_file(path: Path, data: bytes, format_: str = "auto", **options: Any) -> Read:
    """What reading a file with these bytes gives."""
    path.write_bytes(data)
    return read(span_of(path, format_), **options)


def read_in_ranges(whole: Span, cuts: Sequence[int]) -> tuple[list[dict[str, Any]], int]:
    """The rows of a file read in ranges and settled, and how many ranges were read twice."""
    bounds = [0, *sorted(cuts), whole.size]
    spans = [
        replace(whole, start=a, end=b, aligned=a == 0)
        for a, b in pairwise(bounds)
        if a < b or whole.size == 0
    ]
    done = {span.end: (span, *read(span)) for span in spans}
    again = 0
    while wrong := settle((span, report) for span, _, report in done.values()):
        for span in wrong:
            done[span.end] = (span, *read(span))
            again += 1
    return [row for end in sorted(done) for row in done[end][1]], again


def _checked(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = batch.to_pylist()
    for row in rows:
        states = [row["content"] is not None, row["rule"] is not None, row["error"] is not None]
        assert sum(states) == 1
        assert row["error"] is None or ": " in row["error"]
    return rows
