"""The lengths of a remote shard's documents, without its tokens: some 2 % of the bytes.

What windows are made of stands at the beginning of each record batch: the doc_ids, then the list
offsets. Arrow reads a batch whole, so the few tables that say where they stand are read here by
hand: the file's footer (a flatbuffer) lists the batches, a batch's message its buffers. All batches
of a shard are asked for side by side where the storage allows it.

Layout: Arrow columnar format, "IPC File Format" and File.fbs, Message.fbs; FlatBuffers internals.
"""

import struct
from dataclasses import dataclass
from functools import partial

import numpy as np

from penstock import storage
from penstock.best_fit import Int64s
from penstock.deletions import DocIds
from penstock.errors import DataError
from penstock.retry import patiently

_MAGIC = b"ARROW1"
_TAIL_BYTES = 1 << 16
"""Holds the footer of a shard of some 2,000 batches; a longer one takes a second read."""
_LIKELY_BYTES = 8192 * (16 + 4) + 4096
"""The doc_ids and offsets of a batch of as many documents as the writer puts into one."""
_DOC_IDS, _OFFSETS = 1, 3
"""The places of these buffers among a batch's, each column's validity bitmap being one, too."""


@dataclass(frozen=True, slots=True)
class BatchLengths:
    """The documents of one record batch: ids and lengths in tokens, empty ones included."""

    doc_ids: DocIds
    lengths: Int64s


def read_lengths(url: str) -> list[BatchLengths]:
    """The lengths of the documents of every record batch of a shard.

    Raises:
        DataError: the file is missing, can't be read, or isn't a shard.
    """
    try:
        size = patiently(url, partial(storage.size, url))
        blocks = _read_blocks(url, size)
        ends = [min(end, start + body + _LIKELY_BYTES) for start, body, end in blocks]
        starts = [start for start, _, _ in blocks]
        heads = patiently(url, partial(storage.read_ranges, url, starts, ends))
        return [_read_batch(url, *pair) for pair in zip(blocks, heads, strict=True)]
    except FileNotFoundError as error:
        raise DataError(f"shard {url} is missing; restore it or run again") from error
    except (struct.error, IndexError, ValueError) as error:
        raise DataError(f"shard {url} can't be read ({error}); restore it or run again") from error


def _read_blocks(url: str, size: int) -> list[tuple[int, int, int]]:
    """Of each batch where it begins, how far behind that its body does, and where it ends."""
    start = max(0, size - _TAIL_BYTES)
    tail = patiently(url, partial(storage.read_bytes, url, start, size))
    if tail[-len(_MAGIC) :] != _MAGIC:
        raise ValueError("it doesn't end as an Arrow file does")
    (length,) = struct.unpack_from("<i", tail, len(tail) - 10)
    if length + 10 > len(tail):
        tail = patiently(url, partial(storage.read_bytes, url, size - length - 10, size))
    footer = _Table.root(tail[len(tail) - 10 - length : len(tail) - 10])
    return [
        (offset, metadata, offset + metadata + body)
        for offset, metadata, body in footer.structs(3, "<qi4xq")
    ]


def _read_batch(url: str, block: tuple[int, int, int], head: bytes) -> BatchLengths:
    start, body, _ = block
    # Behind the mark of a message (0xFFFFFFFF) and its length.
    batch = _Table.root(head[8:body]).table(2)
    (rows,) = struct.unpack_from("<q", batch.data, batch.place(0))
    buffers = batch.structs(2, "<qq")
    end = body + buffers[_OFFSETS][0] + 4 * (rows + 1)
    if end > len(head):
        head = patiently(url, partial(storage.read_bytes, url, start, start + end))
    offsets = np.frombuffer(head, "<i4", rows + 1, body + buffers[_OFFSETS][0])
    doc_ids = np.frombuffer(head, "S16", rows, body + buffers[_DOC_IDS][0])
    lengths: Int64s = offsets[1:].astype(np.int64) - offsets[:-1]
    if offsets[0] != 0 or (lengths < 0).any():
        raise ValueError("it has broken list offsets")
    return BatchLengths(doc_ids, lengths)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of a flatbuffer: fields by number, found by way of its vtable."""

    data: bytes
    start: int

    @classmethod
    def root(cls, data: bytes) -> "_Table":
        return cls(data, struct.unpack_from("<I", data)[0])

    def place(self, field: int) -> int:
        """Where a field's value stands.

        Raises:
            ValueError: the table hasn't got it.
        """
        vtable = self.start - struct.unpack_from("<i", self.data, self.start)[0]
        (size,) = struct.unpack_from("<H", self.data, vtable)
        slot = 4 + 2 * field
        offset = struct.unpack_from("<H", self.data, vtable + slot)[0] if slot < size else 0
        if not offset:
            raise ValueError(f"field {field} of a table is missing")
        return self.start + int(offset)

    def table(self, field: int) -> "_Table":
        """A table that a field refers to."""
        place = self.place(field)
        return _Table(self.data, place + struct.unpack_from("<I", self.data, place)[0])

    def structs(self, field: int, form: str) -> list[tuple[int, ...]]:
        """The items of a vector of structs."""
        place = self.place(field)
        vector = place + struct.unpack_from("<I", self.data, place)[0]
        (count,) = struct.unpack_from("<I", self.data, vector)
        end = vector + 4 + count * struct.calcsize(form)
        return list(struct.iter_unpack(form, self.data[vector + 4 : end]))
