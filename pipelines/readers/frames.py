"""A compressed archive as frames: uncompressed chunks that know where their frame is stored.

WARC and ARC files are a row of frames, usually one for each record: gzip members or LZ4 frames. An
uncompressed file is taken as one frame. A damaged frame gives what can be unpacked of it, then says
so and where reading goes on: at the next place where a frame opens onto a record.

Cost: 0.35 ms for a page of 150 kB, all of it in zlib.
"""

import io
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import pyarrow as pa

from pipelines.readers.stored import BLOCK_BYTES, StoredFile
from pipelines.readers.unpack import MAGIC, BrokenStreamError, StoredStream, unpacked

CHUNK_BYTES = 1 << 20
PREFIX_BYTES = 1 << 14
_STEP_BYTES = 512
RAW_BYTES = 1 << 20
_INPUT_BYTES = 1 << 16
_OUTPUT_BYTES = 1 << 18
_GZIP, _LZ4 = b"\x1f\x8b\x08", b"\x04\x22\x4d\x18"

Blocks = Generator[bytes, None, int]
"""Uncompressed blocks of one frame; returns the offset after it or raises BrokenStreamError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Consecutive uncompressed bytes.

    `start` is the stored offset of the frame that begins with them, or None inside a frame.
    `is_last` says that the frame ends with them, whole. A chunk with an `error` ends a damaged
    frame, which starts at `start`: `raw` are its first stored bytes.
    """

    data: bytes
    start: int | None
    is_last: bool = False
    error: str | None = None
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """How frames of one kind are recognised and unpacked."""

    name: str
    magic: bytes
    blocks: Callable[[StoredFile, int], Blocks]


def plain_chunks(file: StoredFile, start: int) -> Iterator[Chunk]:
    """The chunks of an uncompressed file from an offset on."""
    offset = start
    while offset < file.size:
        data = bytes(file.view(offset, BLOCK_BYTES))
        yield Chunk(data=data, start=start if offset == start else None)
        offset += len(data)


def framed_chunks(
    file: StoredFile, codec: Codec, start: int, *, find_next: Callable[[int], int]
) -> Iterator[Chunk]:
    """The chunks of a compressed file from a frame's start on, damaged frames included.

    `find_next(offset)` gives the first place at or after an offset where a record can be read.
    """
    offset = start
    while (offset := _skip_padding(file, offset)) < file.size:
        begin = offset
        try:
            offset = yield from _frame(file, codec, begin)
        except BrokenStreamError as error:
            offset = find_next(begin + 1)
            raw = bytes(file.view(begin, min(offset - begin, RAW_BYTES)))
            yield Chunk(data=b"", start=begin, error=str(error), raw=raw)


def prefix(file: StoredFile, codec: Codec, offset: int) -> bytes:
    """The first uncompressed bytes of the frame at an offset; fewer or none where it's no frame."""
    data = b""
    if bytes(file.view(offset, len(codec.magic))) != codec.magic:
        return data
    try:
        for block in codec.blocks(file, offset):
            data += block[:PREFIX_BYTES]
            if len(data) >= PREFIX_BYTES:
                break
    except BrokenStreamError:
        pass
    return data[:PREFIX_BYTES]


def _frame(file: StoredFile, codec: Codec, begin: int) -> Generator[Chunk, None, int]:
    start: int | None = begin
    parts: list[bytes] = []
    held = 0
    blocks = codec.blocks(file, begin)
    while True:
        try:
            block = next(blocks)
        except StopIteration as stop:
            yield Chunk(data=b"".join(parts), start=start, is_last=True)
            return int(stop.value)
        except BrokenStreamError:
            yield Chunk(data=b"".join(parts), start=start)
            raise
        parts.append(block)
        held += len(block)
        if held >= CHUNK_BYTES:
            yield Chunk(data=b"".join(parts), start=start)
            start, parts, held = None, [], 0


def _skip_padding(file: StoredFile, offset: int) -> int:
    """The offset of the first byte that isn't zero: files are padded to the size of a block."""
    while offset < file.size and not file.view(offset, 1)[0]:
        block = bytes(file.view(offset, BLOCK_BYTES))
        offset += len(block) - len(block.lstrip(b"\0"))
    return offset


def _gzip_blocks(file: StoredFile, start: int) -> Blocks:
    if bytes(file.view(start, len(_GZIP))) != _GZIP:
        raise BrokenStreamError(f"gzip: no member starts at byte {start}")
    unpacker = zlib.decompressobj(31)
    offset, given = start, 0
    while not unpacker.eof:
        packed = unpacker.unconsumed_tail or file.view(offset, _INPUT_BYTES)
        try:
            block = unpacker.decompress(packed, _OUTPUT_BYTES)
        except zlib.error as error:
            yield from _rest_before_damage(file, start, given)
            raise BrokenStreamError(f"gzip: {error}") from None
        if not packed and not block:
            raise BrokenStreamError("gzip: the file ends inside a member")
        # At a member's end zlib may name what is left over in both places.
        left = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
        offset += len(packed) - len(left)
        given += len(block)
        yield block
    return offset


def _rest_before_damage(file: StoredFile, start: int, given: int) -> Iterator[bytes]:
    """What zlib unpacked in the call that failed, and kept for itself: unpack in small steps."""
    unpacker = zlib.decompressobj(31)
    offset = start
    while not unpacker.eof:
        packed = unpacker.unconsumed_tail or file.view(offset, _INPUT_BYTES)
        try:
            block = unpacker.decompress(packed, _STEP_BYTES)
        except zlib.error:
            return
        offset += len(packed) - len(unpacker.unconsumed_tail)
        if given < len(block):
            yield block[given:]
        given = max(given - len(block), 0)


def _lz4_blocks(file: StoredFile, start: int) -> Blocks:
    end = _lz4_end(file, start)
    stored = io.BufferedReader(StoredStream(file, start, min(end, file.size)), _INPUT_BYTES)
    try:
        stream = pa.CompressedInputStream(stored, "lz4")
        while block := stream.read(_OUTPUT_BYTES):
            yield bytes(block)
    except OSError as error:
        raise BrokenStreamError(f"lz4: {error}") from None
    if end > file.size:
        raise BrokenStreamError("lz4: the file ends inside a frame")
    return end


def _lz4_end(file: StoredFile, start: int) -> int:
    """The offset after a frame, by its blocks' lengths (LZ4 frame format, version 1.6.x).

    It may lie after the file's end, when that is missing.
    """
    if bytes(file.view(start, len(_LZ4))) != _LZ4:
        raise BrokenStreamError(f"lz4: no frame starts at byte {start}")
    flags = bytes(file.view(start + 4, 1))
    if not flags or flags[0] >> 6 != 1:
        raise BrokenStreamError("lz4: not a frame of version 1")
    block_checksum, content_size, content_checksum, dictionary = (
        flags[0] >> bit & 1 for bit in (4, 3, 2, 0)
    )
    offset = start + 7 + 8 * content_size + 4 * dictionary
    while length := int.from_bytes(file.view(offset, 4), "little"):
        offset += 4 + (length & 0x7FFFFFFF) + 4 * block_checksum
        if offset > file.size:
            return offset
    return offset + 4 + 4 * content_checksum


def _stream(name: str, magic: bytes) -> Codec:
    """A compression that is read as one frame, whatever it is made of."""

    def blocks(file: StoredFile, start: int) -> Blocks:
        if start:
            raise BrokenStreamError(f"{name}: only the whole file can be unpacked")
        yield from unpacked(file, name)
        return file.size

    return Codec(name=name, magic=magic, blocks=blocks)


GZIP = Codec(name="gzip", magic=_GZIP, blocks=_gzip_blocks)
LZ4 = Codec(name="lz4", magic=_LZ4, blocks=_lz4_blocks)
CODECS = {
    "gzip": GZIP,
    "lz4": LZ4,
    **{name: _stream(name, MAGIC[name]) for name in ("zstd", "xz", "bzip2")},
}
"""By the name of the compression; gzip and lz4 can be read from inside a file."""
