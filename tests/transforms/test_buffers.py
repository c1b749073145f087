import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.buffers import fixed_array, fixed_matrix, text_buffers

TEXTS = st.lists(st.none() | st.text(max_size=8), max_size=12)


def rows_of(text: pa.Array) -> list[bytes]:
    data, starts, ends = text_buffers(text)
    return [data[a:b].tobytes() for a, b in zip(starts, ends, strict=True)]


@given(TEXTS, st.integers(0, 4), st.integers(0, 12), st.booleans())
def test_rows_are_the_strings_of_any_slice(
    texts: list[str | None], start: int, count: int, large: bool
) -> None:
    array = pa.array(texts, pa.large_string() if large else pa.string()).slice(start, count)
    assert rows_of(array) == [(t or "").encode() for t in array.to_pylist()]


def test_a_null_slot_that_has_bytes_is_empty() -> None:
    offsets, data = np.array([0, 3, 6], np.int32), b"abcdef"
    validity = pa.py_buffer(b"\x02")
    array = pa.StringArray.from_buffers(2, pa.py_buffer(offsets), pa.py_buffer(data), validity)
    assert rows_of(array) == [b"", b"def"]


def test_text_of_another_type_is_refused() -> None:
    with pytest.raises(ValueError, match="got an array of int64, expected string or large_string"):
        text_buffers(pa.array([1]))


@given(st.lists(st.binary(min_size=5, max_size=5), max_size=9), st.integers(0, 3))
def test_fixed_binary_goes_to_a_matrix_and_back(values: list[bytes], start: int) -> None:
    array = pa.array(values, pa.binary(5)).slice(start)
    matrix = fixed_matrix(array, 5)
    assert [row.tobytes() for row in matrix] == array.to_pylist()
    assert fixed_array(matrix).equals(array)


def test_fixed_binary_of_another_width_or_with_nulls_is_refused() -> None:
    with pytest.raises(ValueError, match=r"fixed_size_binary\[4\], expected fixed_size_binary"):
        fixed_matrix(pa.array([b"abcd"], pa.binary(4)), 5)
    with pytest.raises(ValueError, match="got 1 nulls"):
        fixed_matrix(pa.array([None], pa.binary(5)), 5)
