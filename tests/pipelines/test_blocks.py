"""A block gives back exactly the rows that went in, or says that it is damaged."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import DataError
from pipelines.blocks import Layout, block_length

TYPES = {
    "u8": (pa.uint8(), st.integers(0, 255)),
    "u16": (pa.uint16(), st.integers(0, 2**16 - 1)),
    "u32": (pa.uint32(), st.integers(0, 2**32 - 1)),
    "u64": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "i64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "f32": (pa.float32(), st.floats(width=32, allow_nan=False)),
    "at": (pa.timestamp("s", tz="UTC"), st.integers(0, 2**36)),
    "b16": (pa.binary(16), st.binary(min_size=16, max_size=16)),
    "b24": (pa.binary(24), st.binary(min_size=24, max_size=24)),
    "text": (pa.string(), st.text(max_size=9)),
    "long": (pa.large_string(), st.text(max_size=9)),
    "raw": (pa.large_binary(), st.binary(max_size=9)),
    "t16": (pa.list_(pa.uint16()), st.lists(st.integers(0, 2**16 - 1), max_size=5)),
    "t32": (pa.list_(pa.uint32()), st.lists(st.integers(0, 2**32 - 1), max_size=5)),
}


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    """Slices of batches with any columns, nullable or not."""
    names = draw(st.lists(st.sampled_from(list(TYPES)), min_size=1, max_size=5, unique=True))
    count, fields, arrays = draw(st.integers(1, 12)), [], []
    for name in names:
        type_, values = TYPES[name]
        nullable = draw(st.booleans())
        values = st.none() | values if nullable else values
        column = draw(st.lists(values, min_size=count, max_size=count))
        arrays.append(pa.array(column, type_))
        fields.append(pa.field(name, type_, nullable=nullable))
    start = draw(st.integers(0, count - 1))
    rows = pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
    return rows.slice(start, draw(st.integers(1, count - start)))


@given(batches())
def test_rows_come_back(batch):
    layout = Layout(batch.schema)
    block = layout.encode(batch)
    assert block_length(block) == len(block)
    back = layout.decode(memoryview(block))
    back.validate(full=True)
    assert back.equals(batch)


@given(batches(), st.integers(1, 300))
def test_cutting_keeps_rows_and_bounds(batch, max_bytes):
    layout = Layout(batch.schema)
    pieces = list(layout.cut(batch, max_bytes))
    assert pa.Table.from_batches(pieces).equals(pa.Table.from_batches([batch]))
    for piece in pieces:
        assert piece.num_rows == 1 or layout.num_bytes(piece) <= max_bytes


@given(batches())
def test_equal_rows_are_equal_bytes(batch):
    """What lies under nulls and around a slice doesn't show."""
    layout = Layout(batch.schema)
    again = pa.RecordBatch.from_pylist(batch.to_pylist(), schema=batch.schema)
    assert layout.encode(batch) == layout.encode(again)


def test_bytes_under_nulls_are_zeroed():
    schema = pa.schema({"n": pa.int64(), "id": pa.binary(16), "s": pa.string()})
    mask = pa.py_buffer(b"\x05")
    arrays = [
        pa.Array.from_buffers(pa.int64(), 3, [mask, pa.py_buffer(np.arange(9, 12).tobytes())]),
        pa.Array.from_buffers(pa.binary(16), 3, [mask, pa.py_buffer(b"x" * 48)]),
        pa.Array.from_buffers(
            pa.string(),
            3,
            [mask, pa.py_buffer(np.array([0, 1, 2, 3], np.int32).tobytes()), pa.py_buffer(b"abc")],
        ),
    ]
    dirty = pa.RecordBatch.from_arrays(arrays, schema=schema)
    clean = pa.RecordBatch.from_pylist(dirty.to_pylist(), schema=schema)
    assert Layout(schema).encode(dirty) == Layout(schema).encode(clean)


@given(batches(), st.data())
def test_any_flipped_bit_is_found(batch, data):
    layout = Layout(batch.schema)
    block = bytearray(layout.encode(batch))
    place = data.draw(st.integers(0, len(block) - 1))
    block[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(DataError, match="checksum"):
        layout.decode(memoryview(block))


@pytest.mark.parametrize("type_", [pa.bool_(), pa.struct([]), pa.list_(pa.string()), pa.null()])
def test_other_types_are_refused_by_name(type_):
    with pytest.raises(ValueError, match=r"column 'flag': .* can't travel through an exchange"):
        Layout(pa.schema({"flag": type_}))


def test_nulls_inside_lists_are_refused():
    batch = pa.record_batch({"tokens": pa.array([[1, None]], pa.list_(pa.uint16()))})
    with pytest.raises(ValueError, match="hold 1 nulls, wanted none"):
        Layout(batch.schema).encode(batch)


def test_a_small_segment_costs_little_more_than_its_rows():
    schema = pa.schema([pa.field("hash", pa.uint64(), nullable=False)])
    rows = pa.record_batch([pa.array([1, 2, 3], pa.uint64())], schema=schema)
    assert len(Layout(rows.schema).encode(rows)) == 16 + 3 * 8
