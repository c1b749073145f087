"""The lines of a span: of a plain file those that start in it, of a compressed one all."""

from collections.abc import Iterator

from pipelines.readers.lines import Line, split_lines
from pipelines.readers.spans import ReadReport, Span
from pipelines.readers.stored import BLOCK_BYTES, StoredFile
from pipelines.readers.unpack import compression_of, plain_blocks, unpacked


def span_lines(
    file: StoredFile, *, span: Span, max_bytes: int, report: ReadReport
) -> Iterator[Line]:
    """The lines that start in the span; the report gets first_record_start and end."""
    compression = compression_of(file.view(0, 16))
    if compression is not None:
        yield from _whole_stream(file, compression, span, max_bytes, report)
        return
    start = span.start if span.aligned else _next_line(file, span.start)
    report.first_record_start = start
    if start >= span.end:
        report.end = start
        return
    for line in split_lines(plain_blocks(file, start), offset=start, max_bytes=max_bytes):
        if line.offset >= span.end:
            report.end = line.offset
            return
        yield line
    report.end = file.size


def _next_line(file: StoredFile, offset: int) -> int:
    """The offset of the first line that starts at or after an offset."""
    if offset == 0:
        return 0
    at = offset - 1
    while at < file.size:
        block = bytes(file.view(at, BLOCK_BYTES))
        found = block.find(b"\n")
        if found >= 0:
            return at + found + 1
        at += len(block)
    return file.size


def _whole_stream(
    file: StoredFile, compression: str, span: Span, max_bytes: int, report: ReadReport
) -> Iterator[Line]:
    """All lines of a compressed file, which belong to the span that starts the file."""
    report.first_record_start = 0 if span.start == 0 else file.size
    report.end = file.size
    if span.start > 0:
        return
    blocks = unpacked(file, compression)
    yield from split_lines(blocks, offset=0, max_bytes=max_bytes)
