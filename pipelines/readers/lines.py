"""Lines with their offsets, out of blocks of bytes, with a bound on how long one may be."""

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.readers.rows import MAX_RAW_BYTES
from pipelines.readers.unpack import BrokenStreamError

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its newline; `error` says why `data` is only its beginning."""

    offset: int
    data: bytes
    error: str | None = None


def split_lines(blocks: Iterator[bytes], *, offset: int, max_bytes: int) -> Iterator[Line]:
    """The lines of consecutive blocks; a line longer than max_bytes comes cut, with an error.

    `offset` is that of the first byte; a byte order mark there isn't part of the line. Where the
    blocks break off, the line that was being read is the last one and has the error.
    """
    tail, skipped, start = b"", 0, offset
    try:
        for block in blocks:
            for number, piece in enumerate(block.split(b"\n")):
                if number:
                    yield _line(start, tail, skipped, max_bytes)
                    start += len(tail) + skipped + 1
                    tail, skipped = b"", 0
                tail, skipped = _extend(tail, skipped, piece, max_bytes)
    except BrokenStreamError as error:
        yield Line(start, tail[:MAX_RAW_BYTES], str(error))
        return
    if tail or skipped:
        yield _line(start, tail, skipped, max_bytes)


def _extend(tail: bytes, skipped: int, piece: bytes, max_bytes: int) -> tuple[bytes, int]:
    if not tail and not skipped and len(piece) <= max_bytes:
        return piece, 0
    room = max(max_bytes + 1 - len(tail), 0)
    return tail + piece[:room], skipped + max(len(piece) - room, 0)


def _line(offset: int, data: bytes, skipped: int, max_bytes: int) -> Line:
    if len(data) > max_bytes or skipped:
        total = len(data) + skipped
        error = f"long_line: {total} bytes, more than the {max_bytes} that are read"
        return Line(offset, data[:MAX_RAW_BYTES], error)
    if offset == 0 and data.startswith(_BOM):
        data = data[len(_BOM) :]
    return Line(offset, data)
