"""HTTP responses as crawlers store them: the head, and the body without its encodings.

Crawlers differ in what they undo before they store: a head may name a chunked transfer or a gzip
coding that the body no longer has. So an encoding is undone where the body shows it, not where the
head claims it.
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from pipelines.readers.headers import parse_fields, text_of

_HEAD_END = re.compile(rb"\n\r?\n")
_STATUS = re.compile(rb"HTTP/\d[.\d]* +(\d{3})", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]{0,1000})?\r?\n")
_MAX_HEAD = 1 << 16
_STEP_BYTES = 1 << 18
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class BrokenBodyError(Exception):
    """The body can't be decoded; `partial` is what could be."""

    def __init__(self, message: str, *, partial: bytes = b"") -> None:
        super().__init__(message)
        self.partial = partial


class LongBodyError(Exception):
    """The decoded body is longer than allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpHead:
    """Status, fields (lower-case names) and size in bytes of a response's head."""

    status: int
    fields: dict[str, str]
    size: int


def parse_head(block: memoryview) -> HttpHead | None:
    """The head of a response, or None where there is no status line."""
    start = bytes(block[:_MAX_HEAD])
    status = _STATUS.match(start)
    if status is None:
        return None
    end = _HEAD_END.search(start)
    size = end.end() if end else len(start)
    fields = parse_fields(text_of(start[:size]).splitlines()[1:])
    return HttpHead(status=int(status[1]), fields=fields, size=size)


def decode_body(body: memoryview, fields: dict[str, str], *, max_bytes: int) -> bytes | memoryview:
    """The body without its transfer and content encodings.

    Raises:
        LongBodyError: it's longer than max_bytes.
        BrokenBodyError: an encoding breaks off or is damaged.
    """
    if "chunked" in fields.get("transfer-encoding", "").lower():
        body = _dechunk(body)
    codings = fields.get("content-encoding", "").lower().split(",")
    decoded: bytes | memoryview = body
    for coding in reversed(codings):
        decoder = _DECODERS.get(coding.strip())
        if decoder is not None:
            decoded = decoder(memoryview(decoded), max_bytes)
    if len(decoded) > max_bytes:
        raise LongBodyError
    return decoded


def _dechunk(body: memoryview) -> memoryview:
    """The chunks' data; a body that isn't chunked, as it is."""
    data = bytes(body)
    parts: list[memoryview] = []
    at = 0
    while match := _CHUNK_SIZE.match(data, at):
        length = int(match[1], 16)
        if not length:
            break
        parts.append(body[match.end() : match.end() + length])
        at = match.end() + length
        at += 2 if data.startswith(b"\r\n", at) else data.startswith(b"\n", at)
    else:
        if not parts:
            return body
        if at < len(data):
            partial = b"".join(parts)
            raise BrokenBodyError(f"chunked: no chunk size at byte {at}", partial=partial)
    return memoryview(b"".join(parts))


def _gunzip(body: memoryview, max_bytes: int) -> bytes | memoryview:
    return _inflate(body, max_bytes, 31, "gzip") if bytes(body[:2]) == b"\x1f\x8b" else body


def _undeflate(body: memoryview, max_bytes: int) -> bytes | memoryview:
    """Servers send 'deflate' with and without the zlib wrapper that it has by the standard."""
    try:
        return _inflate(body, max_bytes, 15, "deflate")
    except BrokenBodyError as error:
        if error.partial:
            raise
    try:
        return _inflate(body, max_bytes, -15, "deflate")
    except BrokenBodyError as error:
        if error.partial:
            raise
    return body


def _inflate(body: memoryview, max_bytes: int, window: int, name: str) -> bytes:
    unpacker = zlib.decompressobj(window)
    parts: list[bytes] = []
    room = max_bytes
    packed: bytes | memoryview = body
    while not unpacker.eof:
        try:
            part = unpacker.decompress(packed, min(room + 1, _STEP_BYTES))
        except zlib.error as error:
            raise BrokenBodyError(f"{name}: {error}", partial=b"".join(parts)) from None
        if not part and not unpacker.eof:
            raise BrokenBodyError(f"{name}: the body breaks off", partial=b"".join(parts))
        parts.append(part)
        room -= len(part)
        packed = unpacker.unconsumed_tail
        if room < 0:
            raise LongBodyError
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _unbrotli(body: memoryview, max_bytes: int) -> bytes | memoryview:
    import brotli

    unpacker = brotli.Decompressor()
    parts: list[bytes] = []
    room = max_bytes
    packed = bytes(body)
    try:
        while not unpacker.is_finished():
            part = unpacker.process(packed, output_buffer_limit=_STEP_BYTES)
            if not part and (not packed or unpacker.can_accept_more_data()):
                raise BrokenBodyError("br: the body breaks off", partial=b"".join(parts))
            packed = b""
            parts.append(part)
            room -= len(part)
            if room < 0:
                raise LongBodyError
    except brotli.error as error:
        if not parts:
            return body
        raise BrokenBodyError(f"br: {error}", partial=b"".join(parts)) from None
    return b"".join(parts)


def _unzstd(body: memoryview, max_bytes: int) -> bytes | memoryview:
    if bytes(body[:4]) != _ZSTD_MAGIC:
        return body
    parts: list[bytes] = []
    room = max_bytes
    try:
        stream = pa.CompressedInputStream(pa.BufferReader(body), "zstd")
        while part := stream.read(_STEP_BYTES):
            parts.append(part)
            room -= len(part)
            if room < 0:
                raise LongBodyError
    except OSError as error:
        raise BrokenBodyError(f"zstd: {error}", partial=b"".join(parts)) from None
    return b"".join(parts)


_DECODERS: dict[str, Callable[[memoryview, int], bytes | memoryview]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
