"""WARC records in gzip members, byte for byte the same whatever zlib Python was built with.

Compressors differ between zlib, zlib-ng and their versions, so the members hold stored blocks
(RFC 1951, section 3.2.4), written here. The price is size: the sample is as large as its pages.
"""

import base64
import hashlib
import struct
import uuid
import zlib
from collections.abc import Sequence

from pipelines.sample.choices import digest

_GZIP_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
_STORED_MAXIMUM = 0xFFFF


def stored_blocks(data: bytes, *, block_size: int = _STORED_MAXIMUM) -> bytes:
    """A deflate stream of the data that compresses nothing."""
    parts = []
    starts = range(0, max(len(data), 1), block_size)
    for start in starts:
        block = data[start : start + block_size]
        final = start == starts[-1]
        parts.append(struct.pack("<BHH", final, len(block), len(block) ^ 0xFFFF) + block)
    return b"".join(parts)


def gzip_stored(data: bytes, *, block_size: int = _STORED_MAXIMUM) -> bytes:
    """A gzip member (RFC 1952) of the data in stored blocks, with no time and no name.

    >>> import gzip
    >>> gzip.decompress(gzip_stored(b"water" * 30000)) == b"water" * 30000
    True
    """
    trailer = struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)
    return _GZIP_HEADER + stored_blocks(data, block_size=block_size) + trailer


def record_id(*names: object) -> str:
    """A WARC-Record-ID: a random-looking UUID that depends on the names alone."""
    return f"<urn:uuid:{uuid.UUID(bytes=digest('record', *names)[:16], version=4)}>"


def sha1_label(data: bytes) -> str:
    """The digest that WARC headers carry: sha1 in base 32."""
    value = hashlib.sha1(data, usedforsecurity=False).digest()
    return "sha1:" + base64.b32encode(value).decode("ascii")


def warc_record(fields: Sequence[tuple[str, str]], block: bytes) -> bytes:
    """One WARC/1.0 record: its headers in their order, then the block."""
    lines = ["WARC/1.0", *(f"{name}: {value}" for name, value in fields)]
    lines += [f"WARC-Block-Digest: {sha1_label(block)}", f"Content-Length: {len(block)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def broken_member(record: bytes) -> bytes:
    """A member whose headers can be read and whose second block cannot be inflated."""
    readable = record.index(b"\r\n\r\n") + 4
    member = bytearray(gzip_stored(record, block_size=readable))
    second_block = len(_GZIP_HEADER) + 5 + readable
    member[second_block + 3] ^= 0xFF
    return bytes(member)


def unreadable_member(record: bytes) -> bytes:
    """A member of which nothing can be inflated."""
    member = bytearray(gzip_stored(record))
    member[len(_GZIP_HEADER) + 3] ^= 0xFF
    return bytes(member)


def clipped_member(record: bytes) -> bytes:
    """The first half of a member, as where a transfer stopped."""
    member = gzip_stored(record)
    return member[: len(member) // 2]
