"""How kernels are compiled: Numba, without the GIL, once for each machine where that's possible.

A kernel compiles in 0.2 to 2 s on its first call; the result is kept in `__pycache__` (or the
user's cache folder), so that the next process loads it in some 10 ms. Numba checks only the
kernel's own file for changes, therefore **a kernel may call others of its own module only**, and
after an edit of tables that kernels elsewhere take in (`transforms/page/names.py`) `make clean` is
needed. An installation writes all files anew, so that it needs nothing.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """`function`, compiled on its first call; it releases the GIL and wraps integers."""
    try:
        return cast(Function, numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:
        # No folder can be written, as in a container with a read-only file system.
        return cast(Function, numba.njit(nogil=True)(function))
