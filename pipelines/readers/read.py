"""One way to read a span of any format: stored bytes in, batches of RECORDS out."""

from collections.abc import Iterator

import pyarrow as pa

from pipelines.readers.jsonl import read_jsonl
from pipelines.readers.options import ReadOptions
from pipelines.readers.parquet import read_parquet
from pipelines.readers.ranges import span_lines
from pipelines.readers.rows import Record, batches, lost
from pipelines.readers.spans import ReadReport, Span
from pipelines.readers.stored import StorageLostError, StoredFile
from pipelines.readers.text import read_text_file, read_text_lines
from pipelines.readers.unpack import compression_of, unpacked
from pipelines.readers.warc import read_warc

MAX_BATCH_BYTES = 16 << 20
_LINE_FACTOR = 4


def read_span(
    span: Span,
    *,
    options: ReadOptions,
    memory_bytes: int,
    report: ReadReport | None = None,
) -> Iterator[pa.RecordBatch]:
    """Batches of RECORDS: one row for each record of the span, whole, dropped or failed.

    A batch holds at most `options.batch_rows` rows and stops growing at a sixteenth of
    `memory_bytes` (16 MiB at most). `report` is filled while batches are taken and complete after
    the last one. Storage that fails for good gives one failed row for the rest of the span.

    Raises:
        UsageError: a Parquet file has no column of the name that the recipe gives.
    """
    report = report if report is not None else ReadReport()
    max_bytes = min(MAX_BATCH_BYTES, max(memory_bytes // 16, 1))
    with StoredFile(span.url, size=span.size, retries=options.io_retries) as file:
        records = _until_lost(file, span, options, report)
        yield from batches(records, span=span, max_rows=options.batch_rows, max_bytes=max_bytes)


def _until_lost(
    file: StoredFile, span: Span, options: ReadOptions, report: ReadReport
) -> Iterator[Record]:
    try:
        yield from _records(file, span, options, report)
    except StorageLostError as error:
        report.records += 1
        report.end = None
        yield lost(span, offset=error.offset, error=str(error))
    finally:
        report.bytes_read = file.bytes_read


def _records(
    file: StoredFile, span: Span, options: ReadOptions, report: ReadReport
) -> Iterator[Record]:
    if span.format == "warc":
        return read_warc(file, span=span, options=options, report=report)
    if span.format == "parquet":
        return read_parquet(file, span=span, options=options, report=report)
    if span.format == "text" and not span.fields.lines:
        report.first_record_start, report.end = 0, file.size
        blocks = unpacked(file, compression_of(file.view(0, 16)))
        return read_text_file(blocks, options=options, report=report)
    # A text's JSON is longer than the text: escapes and the row's other fields.
    max_line = options.max_record_bytes * _LINE_FACTOR
    lines = span_lines(file, span=span, max_bytes=max_line, report=report)
    if span.format == "jsonl":
        return read_jsonl(lines, fields=span.fields, options=options, report=report)
    return read_text_lines(lines, options=options, report=report)
