"""Rows as blocks of bytes: what a shuffle writes and reads.

A block is a 16-byte head (checksum, length, rows) and the columns' Arrow buffers one after the
other, each padded to eight bytes, without a schema: both sides know it. So the three rows that one
task may have for one of a thousand buckets cost 16 bytes more than themselves, where an Arrow IPC
stream would cost a kilobyte; and reading copies nothing. A damaged or cut block is found by its
checksum before any row of it is used.

Cost, one core: encoding and decoding 1,000 rows of (uint64, 24 bytes, uint8) take 15 µs each.
"""

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from penstock.errors import DataError

HEAD = struct.Struct("<QII")
"""xxh3_64 of all that follows, length of the columns in bytes, number of rows."""


def check_storable(schema: pa.Schema) -> None:
    """Return when blocks can hold every column of the schema.

    Raises:
        ValueError: names the column, its type and the types that are allowed.
    """
    for field in schema:
        if _fixed_width(field.type) or _is_text(field.type) or _is_list(field.type):
            continue
        raise ValueError(
            f"column {field.name!r}: {field.type} can't travel through an exchange; allowed are "
            "numbers, timestamps, fixed-size binary, strings and lists of numbers"
        )


def cut(batch: pa.RecordBatch, max_bytes: int) -> Iterator[pa.RecordBatch]:
    """Slices of the batch, in order, each of at most max_bytes or of one row."""
    ends = _row_ends(batch)
    start = 0
    while start < batch.num_rows:
        limit = max_bytes + (int(ends[start - 1]) if start else 0)
        stop = max(start + 1, int(np.searchsorted(ends, limit, side="right")))
        yield batch.slice(start, stop - start)
        start = stop


def encode(batch: pa.RecordBatch) -> bytes:
    """The block of a batch that has at least one row."""
    parts: list[bytes | memoryview] = []
    for field, array in zip(batch.schema, batch.columns, strict=True):
        parts.extend(_column_parts(field, array))
    length = sum(len(part) for part in parts)
    body = b"".join([HEAD.pack(0, length, batch.num_rows)[8:], *parts])
    return xxhash.xxh3_64_intdigest(body).to_bytes(8, "little") + body


def block_length(head: bytes | memoryview) -> int:
    """The length of a whole block, from its first HEAD.size bytes."""
    return HEAD.size + int(HEAD.unpack_from(head)[1])


def decode(block: pa.Buffer, schema: pa.Schema) -> pa.RecordBatch:
    """The rows of a block, as views of its memory.

    Raises:
        DataError: the block is damaged, or was cut off.
    """
    if len(block) < HEAD.size or len(block) != block_length(memoryview(block)):
        raise DataError(f"the block is cut off after {len(block):,} bytes")
    digest, _, rows = HEAD.unpack_from(memoryview(block))
    if xxhash.xxh3_64_intdigest(memoryview(block)[8:]) != digest:
        raise DataError("the block's checksum doesn't match its bytes")
    cursor = _Cursor(block, HEAD.size)
    arrays = [_column(cursor, field, rows) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


class _Cursor:
    """A place in a block that moves on as buffers are taken."""

    def __init__(self, block: pa.Buffer, at: int) -> None:
        self.block = block
        self.at = at

    def take(self, length: int) -> pa.Buffer:
        taken = self.block.slice(self.at, length)
        self.at += length + -length % 8
        return taken


def _column(cursor: _Cursor, field: pa.Field, rows: int) -> pa.Array:
    nulls, validity = 0, None
    if field.nullable:
        nulls = int.from_bytes(memoryview(cursor.take(8)), "little")
        validity = cursor.take((rows + 7) // 8) if nulls else None
    width = _fixed_width(field.type)
    if width:
        values = cursor.take(rows * width)
        return pa.Array.from_buffers(field.type, rows, [validity, values], nulls)
    offset_type = _offset_type(field.type)
    offsets = cursor.take((rows + 1) * offset_type.itemsize)
    count = int(np.frombuffer(offsets, offset_type)[-1])
    if _is_text(field.type):
        buffers = [validity, offsets, cursor.take(count)]
        return pa.Array.from_buffers(field.type, rows, buffers, nulls)
    item = field.type.value_type
    values = cursor.take(count * _fixed_width(item))
    child = pa.Array.from_buffers(item, count, [None, values], 0)
    return pa.Array.from_buffers(field.type, rows, [validity, offsets], nulls, children=[child])


def _column_parts(field: pa.Field, array: pa.Array) -> Iterator[bytes | memoryview]:
    if field.nullable:
        yield array.null_count.to_bytes(8, "little")
        if array.null_count:
            valid = pc.is_valid(array).to_numpy(zero_copy_only=False)
            yield from _padded(np.packbits(valid, bitorder="little").data)
            array = _zeroed(array)
    width = _fixed_width(array.type)
    if width:
        yield from _padded(_slice(array.buffers()[1], array.offset, len(array), width))
        return
    offsets = _offsets(array)
    first, count = int(offsets[0]), int(offsets[-1] - offsets[0])
    yield from _padded(memoryview((offsets - offsets[0]).tobytes()))
    if _is_text(array.type):
        yield from _padded(_slice(array.buffers()[2], first, count, 1))
        return
    items = array.values
    width = _fixed_width(items.type)
    yield from _padded(_slice(items.buffers()[1], items.offset + first, count, width))


def _zeroed(array: pa.Array) -> pa.Array:
    """The array with zero bytes under its nulls, so that equal rows are equal bytes."""
    if _is_list(array.type):
        return pc.take(array, pa.array(np.arange(len(array))))
    width = _fixed_width(array.type)
    if pa.types.is_fixed_size_binary(array.type):
        return pc.fill_null(array, pa.scalar(bytes(width), array.type))
    if width:
        zero = pa.Array.from_buffers(array.type, 1, [None, pa.py_buffer(bytes(width))])[0]
        return pc.fill_null(array, zero)
    return pc.fill_null(array, "")


def _slice(buffer: pa.Buffer | None, start: int, count: int, width: int) -> memoryview:
    if buffer is None or not count:
        return memoryview(b"")
    return memoryview(buffer)[start * width : (start + count) * width]


def _padded(part: memoryview) -> Iterator[bytes | memoryview]:
    yield part
    yield bytes(-len(part) % 8)


def _row_ends(batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Bytes of the batch up to the end of each row."""
    fixed, ends = 0, np.zeros(batch.num_rows, np.int64)
    for array in batch.columns:
        width = _fixed_width(array.type)
        if width:
            fixed += width
            continue
        offsets = _offsets(array).astype(np.int64)
        item = 1 if _is_text(array.type) else _fixed_width(array.type.value_type)
        ends += (offsets[1:] - offsets[0]) * item
        fixed += offsets.itemsize
    return ends + fixed * np.arange(1, batch.num_rows + 1)


def _offsets(array: pa.Array) -> npt.NDArray[np.signedinteger]:
    type_ = _offset_type(array.type)
    if not len(array):
        return np.zeros(1, type_)
    end = array.offset + len(array) + 1
    return np.frombuffer(array.buffers()[1], type_, count=end)[array.offset :]


def _offset_type(type_: pa.DataType) -> np.dtype[np.signedinteger]:
    large = pa.types.is_large_string(type_) or pa.types.is_large_list(type_)
    return np.dtype(np.int64 if large else np.int32)


def _fixed_width(type_: pa.DataType) -> int:
    """Bytes of a value of the type; 0 for one without a fixed width."""
    if pa.types.is_fixed_size_binary(type_):
        return int(type_.byte_width)
    number = pa.types.is_integer(type_) or pa.types.is_floating(type_)
    if number or pa.types.is_timestamp(type_):
        return int(type_.bit_width) // 8
    return 0


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))


def _is_list(type_: pa.DataType) -> bool:
    if not (pa.types.is_list(type_) or pa.types.is_large_list(type_)):
        return False
    return _fixed_width(type_.value_type) > 0
