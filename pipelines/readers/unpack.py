"""Whole files as uncompressed blocks, whatever they are compressed with.

The first bytes say how a file is compressed; its name doesn't (a web server may have unpacked it
on the way). Blocks are small, so that little is lost before a place where the file is damaged.
"""

import bz2
import io
import lzma
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from pipelines.readers.stored import BLOCK_BYTES, StoredFile

if TYPE_CHECKING:
    from typing_extensions import Buffer

OUTPUT_BYTES = 1 << 18
_INPUT_BYTES = 1 << 16
MAGIC = {
    "gzip": b"\x1f\x8b",
    "zstd": b"\x28\xb5\x2f\xfd",
    "lz4": b"\x04\x22\x4d\x18",
    "xz": b"\xfd7zXZ\x00",
    "bzip2": b"BZh",
}
"""How files of each compression begin."""
_BZIP2_BLOCK = b"1AY&SY"


class BrokenStreamError(Exception):
    """The compressed stream is damaged; the message is 'code: detail'."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def compression_of(head: bytes | memoryview) -> str | None:
    """gzip, zstd, lz4, bzip2 or xz by a file's first bytes, or None for an uncompressed one."""
    head = bytes(head[:10])
    name = next((name for name, magic in MAGIC.items() if head.startswith(magic)), None)
    # Text may begin with bzip2's three letters; its first block doesn't.
    return None if name == "bzip2" and head[4:10] != _BZIP2_BLOCK else name


def unpacked(file: StoredFile, compression: str | None) -> Iterator[bytes]:
    """The file's uncompressed bytes in blocks.

    Raises:
        BrokenStreamError: the stream is damaged or cut; all blocks before that were given.
    """
    if compression is None:
        return plain_blocks(file, 0)
    return _gzip_blocks(file) if compression == "gzip" else _stream_blocks(file, compression)


def plain_blocks(file: StoredFile, offset: int) -> Iterator[bytes]:
    """The stored bytes from an offset on, in blocks."""
    while offset < file.size:
        block = bytes(file.view(offset, BLOCK_BYTES))
        yield block
        offset += len(block)


def _gzip_blocks(file: StoredFile) -> Iterator[bytes]:
    offset = 0
    while offset < file.size:
        if bytes(file.view(offset, 2)) != b"\x1f\x8b":
            _expect_padding(file, offset)
            return
        unpacker = zlib.decompressobj(31)
        while not unpacker.eof:
            packed = unpacker.unconsumed_tail or file.view(offset, _INPUT_BYTES)
            if not packed:
                raise BrokenStreamError(f"gzip: the file ends inside a member, at byte {offset}")
            try:
                block = unpacker.decompress(packed, OUTPUT_BYTES)
            except zlib.error as error:
                raise BrokenStreamError(f"gzip: {error}, after byte {offset}") from None
            # At a member's end zlib may name what is left over in both places.
            left = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            offset += len(packed) - len(left)
            yield block


def _expect_padding(file: StoredFile, offset: int) -> None:
    for block in plain_blocks(file, offset):
        if block.strip(b"\0"):
            raise BrokenStreamError(f"gzip: no gzip member but other bytes, at byte {offset}")


def _stream_blocks(file: StoredFile, compression: str) -> Iterator[bytes]:
    stream = _open_stream(io.BufferedReader(StoredStream(file), BLOCK_BYTES), compression)
    try:
        while block := stream.read(OUTPUT_BYTES):
            yield bytes(block)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise BrokenStreamError(f"{compression}: {error}") from None


def _open_stream(stored: io.BufferedReader, compression: str) -> _Readable:
    if compression in ("bzip2", "xz"):
        return bz2.BZ2File(stored) if compression == "bzip2" else lzma.LZMAFile(stored)
    # Unlike zstandard's reader, Arrow's tells a stream that was cut from one that ended.
    return pa.CompressedInputStream(stored, compression)  # type: ignore[no-any-return]


class StoredStream(io.RawIOBase):
    """The bytes [start, end) of a stored file as the seekable file that other libraries want."""

    def __init__(self, file: StoredFile, start: int = 0, end: int | None = None) -> None:
        self._stored, self._start = file, start
        self._size = (file.size if end is None else end) - start
        self._offset = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The offset of the next byte that is read, from the start."""
        return self._offset

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to an offset from the start."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._offset, io.SEEK_END: self._size}
        self._offset = base[whence] + offset
        return self._offset

    def readinto(self, buffer: "Buffer", /) -> int:
        """Fill the buffer as far as the bytes go."""
        target = memoryview(buffer).cast("B")
        length = min(len(target), max(self._size - self._offset, 0))
        data = self._stored.view(self._start + self._offset, length)
        target[: len(data)] = data
        self._offset += len(data)
        return len(data)
