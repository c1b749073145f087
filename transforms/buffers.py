"""NumPy views of Arrow buffers, so that kernels read text and ids where they lie.

Arrow arrays may be slices of larger ones and may have null slots of any length; these few
functions are the only place that knows it. Nothing is copied but the offsets (8 bytes a row),
which all kernels take as 64-bit whatever the array's own width, so that each compiles once.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class TextBuffers(NamedTuple):
    """UTF-8 bytes of a string array: row i is `data[starts[i]:ends[i]]`, empty where null."""

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


def text_buffers(text: pa.Array) -> TextBuffers:
    """Bytes and row limits of a string or binary array of either offset width.

    Raises:
        ValueError: `text` is of another type.
    """
    large = pa.types.is_large_string(text.type) or pa.types.is_large_binary(text.type)
    if not (large or pa.types.is_string(text.type) or pa.types.is_binary(text.type)):
        raise ValueError(f"text: got an array of {text.type}, expected string or large_string")
    _, offsets_buffer, data_buffer = text.buffers()
    if len(text) == 0 or offsets_buffer is None:
        nothing = np.zeros(len(text), np.int64)
        return TextBuffers(np.zeros(0, np.uint8), nothing, nothing)
    width = np.int64 if large else np.int32
    stored = np.frombuffer(offsets_buffer, width)
    offsets = stored[text.offset : text.offset + len(text) + 1].astype(np.int64)
    data = np.zeros(0, np.uint8) if data_buffer is None else np.frombuffer(data_buffer, np.uint8)
    starts, ends = offsets[:-1], offsets[1:]
    if text.null_count:
        is_null = text.is_null().to_numpy(zero_copy_only=False)
        ends = np.where(is_null, starts, ends)
    return TextBuffers(data, starts, ends)


def fixed_matrix(values: pa.FixedSizeBinaryArray, width: int) -> NDArray[np.uint8]:
    """Bytes of a fixed-size binary array as a read-only matrix, (rows, width) uint8.

    Raises:
        ValueError: the values have another width, or some are null.
    """
    if values.type != pa.binary(width):
        raise ValueError(f"got an array of {values.type}, expected fixed_size_binary[{width}]")
    if values.null_count:
        raise ValueError(f"got {values.null_count} nulls among fixed_size_binary[{width}] values")
    buffer = values.buffers()[1]
    if len(values) == 0 or buffer is None:
        return np.zeros((0, width), np.uint8)
    flat = np.frombuffer(buffer, np.uint8, len(values) * width, values.offset * width)
    return flat.reshape(-1, width)


def fixed_array(matrix: NDArray[np.uint8]) -> pa.FixedSizeBinaryArray:
    """Rows of a (rows, width) uint8 matrix as a fixed-size binary array without nulls."""
    rows, width = matrix.shape
    buffer = pa.py_buffer(np.ascontiguousarray(matrix))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), rows, [None, buffer])
