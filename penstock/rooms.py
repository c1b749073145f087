"""Where a batch is written: memory of its own, or a buffer that is used again.

The assembler asks a room for a block of planes and for the ends of segments, and doesn't know more.
"""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Int32s = npt.NDArray[np.int32]


class Room(Protocol):
    """Memory for one batch."""

    def block(self, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """(planes, rows, row length), with anything in it."""
        ...

    def ends(self, index: int, size: int) -> Int32s:
        """An array of segment ends, with anything in it; `index` tells two of them apart."""
        ...


class FreshRoom:
    """Memory of its own for each batch: the allocator hands dropped batches' out again, while it
    is still in the processor's cache."""

    def block(self, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """(planes, rows, row length), with anything in it."""
        return np.empty(shape, dtype)

    def ends(self, _index: int, size: int) -> Int32s:
        """An array of segment ends, with anything in it."""
        return np.empty(size, np.int32)


FRESH = FreshRoom()
