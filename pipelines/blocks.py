"""Rows as blocks of bytes: what a shuffle writes and reads.

A block is a 16-byte head (checksum, length, rows) and the columns' Arrow buffers one after the
other, each padded to eight bytes, without a schema: both sides know it. A task may have only three
rows for one of a thousand buckets: as a block of (uint64, 24 bytes, uint8) they take 120 bytes, as
an Arrow IPC stream 800. Reading copies nothing, and a damaged block is found by its checksum before
any row of it is used.

Cost, one core, blocks of 100 such rows: 7 µs to write one and 7 µs to read it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from penstock.errors import DataError

HEAD = struct.Struct("<QII")
"""xxh3_64 of all that follows, length of the columns in bytes, number of rows."""

_SHORT_TEXT = (pa.types.is_string, pa.types.is_binary)
_LONG_TEXT = (pa.types.is_large_string, pa.types.is_large_binary)
_TAIL = struct.Struct("<II")
Part = bytes | memoryview


class BlockError(DataError):
    """A block is damaged or cut off; whoever knows the file's name catches this and adds it."""


def block_length(data: bytes | memoryview, at: int = 0) -> int:
    """The length of the whole block at a place, from its first HEAD.size bytes."""
    return HEAD.size + int(HEAD.unpack_from(data, at)[1])


class Layout:
    """How the rows of a schema lie in a block.

    Raises:
        ValueError: names a column that blocks can't hold, its type and the types that are allowed.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self._columns = [_Column.of(field) for field in schema]

    def cut(self, batch: pa.RecordBatch, max_bytes: int) -> Iterator[pa.RecordBatch]:
        """Slices of the batch, in order, each of at most max_bytes or of one row."""
        if self.num_bytes(batch) <= max_bytes:
            yield batch
            return
        ends = self._row_ends(batch)
        start = 0
        while start < batch.num_rows:
            limit = max_bytes + (int(ends[start - 1]) if start else 0)
            stop = max(start + 1, int(np.searchsorted(ends, limit, side="right")))
            yield batch.slice(start, stop - start)
            start = stop

    def num_bytes(self, batch: pa.RecordBatch) -> int:
        """Bytes of the batch's rows, without what they share with other slices of their memory."""
        total: int = batch.num_rows * sum(column.width for column in self._columns)
        for column, array in zip(self._columns, batch.columns, strict=True):
            if column.item_width and len(array):
                offsets = column.offsets(array)
                total += int(offsets[-1] - offsets[0]) * column.item_width
        return total

    def encode(self, batch: pa.RecordBatch) -> bytes:
        """The block of a batch that has at least one row."""
        parts: list[Part] = []
        for column, array in zip(self._columns, batch.columns, strict=True):
            for part in column.parts(array):
                parts.append(part)
                if padding := -len(part) % 8:
                    parts.append(bytes(padding))
        length = sum(map(len, parts))
        body = b"".join([_TAIL.pack(length, batch.num_rows), *parts])
        return xxhash.xxh3_64_intdigest(body).to_bytes(8, "little") + body

    def decode(self, block: memoryview) -> pa.RecordBatch:
        """The rows of a whole block, as views of its memory.

        Raises:
            BlockError: the block is damaged.
        """
        digest, _, rows = HEAD.unpack_from(block)
        if xxhash.xxh3_64_intdigest(block[8:]) != digest:
            raise BlockError("the checksum doesn't match the bytes")
        cursor = _Cursor(pa.py_buffer(block), HEAD.size)
        arrays = [column.array(cursor, rows) for column in self._columns]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _row_ends(self, batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
        """Bytes of the batch up to the end of each row."""
        fixed = sum(column.width for column in self._columns)
        ends: npt.NDArray[np.int64] = fixed * np.arange(1, batch.num_rows + 1)
        for column, array in zip(self._columns, batch.columns, strict=True):
            if column.item_width:
                offsets = column.offsets(array)
                ends += (offsets[1:] - offsets[0]).astype(np.int64) * column.item_width
        return ends


class _Cursor:
    """A place in a block that moves on as buffers are taken."""

    def __init__(self, block: pa.Buffer, at: int) -> None:
        self.block = block
        self.at = at

    def take(self, length: int) -> pa.Buffer:
        taken = self.block.slice(self.at, length)
        self.at += length + -length % 8
        return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A column's type as numbers: width of a row's value or offset, width of an item if any."""

    type: pa.DataType
    nullable: bool
    width: int
    item_width: int

    @classmethod
    def of(cls, field: pa.Field) -> "_Column":
        """The widths of a schema's field; ValueError names a type that blocks can't hold."""
        type_ = field.type
        is_list = pa.types.is_list(type_) or pa.types.is_large_list(type_)
        is_text = any(is_kind(type_) for is_kind in _SHORT_TEXT + _LONG_TEXT)
        if pa.types.is_list(type_) or any(is_kind(type_) for is_kind in _SHORT_TEXT):
            width = 4
        else:
            width = 8 if is_list or is_text else _value_width(type_)
        item_width = _value_width(type_.value_type) if is_list else int(is_text)
        if not width or (is_list and not item_width):
            raise ValueError(
                f"column {field.name!r}: {type_} can't travel through an exchange; allowed are "
                "numbers, timestamps, fixed-size binary, strings, binary and lists of numbers"
            )
        return cls(type=type_, nullable=field.nullable, width=width, item_width=item_width)

    def parts(self, array: pa.Array) -> Iterator[Part]:
        """The column's buffers: null count and bit mask if nullable, offsets if any, values."""
        if self.nullable:
            yield array.null_count.to_bytes(8, "little")
            if array.null_count:
                valid = pc.is_valid(array).to_numpy(zero_copy_only=False)
                yield np.packbits(valid, bitorder="little").tobytes()
                array = self._zeroed(array)
        if not self.item_width:
            yield _slice(array.buffers()[1], array.offset, len(array), self.width)
            return
        offsets = self.offsets(array)
        first, count = int(offsets[0]), int(offsets[-1] - offsets[0])
        yield (offsets - offsets[0]).tobytes()
        if pa.types.is_nested(self.type):
            values = array.values
            if values.null_count:
                raise ValueError(
                    f"lists of {self.type} hold {values.null_count} nulls, wanted none"
                )
            first, buffer = first + values.offset, values.buffers()[1]
        else:
            buffer = array.buffers()[2]
        yield _slice(buffer, first, count, self.item_width)

    def array(self, cursor: _Cursor, rows: int) -> pa.Array:
        """The column's next rows, which the cursor stands before."""
        nulls, validity = 0, None
        if self.nullable:
            nulls = int.from_bytes(memoryview(cursor.take(8)), "little")
            validity = cursor.take((rows + 7) // 8) if nulls else None
        if not self.item_width:
            values = cursor.take(rows * self.width)
            return pa.Array.from_buffers(self.type, rows, [validity, values], nulls)
        offsets = cursor.take((rows + 1) * self.width)
        count = int(np.frombuffer(offsets, f"i{self.width}")[-1])
        values = cursor.take(count * self.item_width)
        if not pa.types.is_nested(self.type):
            return pa.Array.from_buffers(self.type, rows, [validity, offsets, values], nulls)
        items = pa.Array.from_buffers(self.type.value_type, count, [None, values], 0)
        return pa.Array.from_buffers(self.type, rows, [validity, offsets], nulls, children=[items])

    def offsets(self, array: pa.Array) -> npt.NDArray[np.signedinteger]:
        """Where each row's items begin, and where the last one's end."""
        end = array.offset + len(array) + 1
        return np.frombuffer(array.buffers()[1], f"i{self.width}", count=end)[array.offset :]

    def _zeroed(self, array: pa.Array) -> pa.Array:
        """The array with zero bytes under its nulls, so that equal rows are equal bytes."""
        if pa.types.is_nested(self.type):
            return pc.take(array, pa.array(np.arange(len(array))))
        if pa.types.is_fixed_size_binary(self.type):
            return pc.fill_null(array, pa.scalar(bytes(self.width), self.type))
        zeros = [None, pa.py_buffer(bytes(2 * self.width)), pa.py_buffer(b"")]
        zero = pa.Array.from_buffers(self.type, 1, zeros if self.item_width else zeros[:2])
        return pc.fill_null(array, zero[0])


def _slice(buffer: pa.Buffer | None, start: int, count: int, width: int) -> Part:
    if buffer is None or not count:
        return b""
    return memoryview(buffer)[start * width : (start + count) * width]


def _value_width(type_: pa.DataType) -> int:
    """Bytes of a value of the type; 0 for one without a fixed width in bytes."""
    if pa.types.is_fixed_size_binary(type_):
        return int(type_.byte_width)
    number = pa.types.is_integer(type_) or pa.types.is_floating(type_)
    if number or pa.types.is_timestamp(type_):
        return int(type_.bit_width) // 8
    return 0
