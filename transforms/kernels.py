"""How kernels are compiled: Numba, without the GIL, once for each machine where that's possible.

A kernel compiles in 0.2 to 2 s on its first call; the result is kept in `__pycache__` (or the
user's cache folder), so that the next process loads it in some 10 ms. Numba checks only the
kernel's own file for changes, therefore **a kernel may call others of its own module only**, and
after an edit of tables that kernels elsewhere take in (`transforms/page/names.py`) `make clean` is
needed. An installation writes all files anew, so that it needs nothing.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

_LINEAR_ALGEBRA = "scipy.linalg"


def _load_registries() -> None:
    """Load what Numba needs for arrays, without SciPy's linear algebra.

    Numba imports it only to see whether there is a BLAS for matrix products. No kernel has any,
    and each process would pay 0.2 s and 20 MB for it.
    """
    is_new = sys.modules.setdefault(_LINEAR_ALGEBRA, None) is None  # type: ignore[arg-type]
    try:
        import_module("numba.np.arraymath")
    finally:
        if is_new:
            del sys.modules[_LINEAR_ALGEBRA]


_load_registries()


def kernel(function: Function) -> Function:
    """`function`, compiled on its first call; it releases the GIL and wraps integers."""
    try:
        return cast(Function, numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:
        # No folder can be written, as in a container with a read-only file system.
        return cast(Function, numba.njit(nogil=True)(function))


def inlined(function: Function) -> Function:
    """`function`, put into the kernels that call it: for a few lines that each word or byte takes.

    A call costs some 10 ns, more where several values come back.
    """
    try:
        return cast(Function, numba.njit(nogil=True, cache=True, forceinline=True)(function))
    except RuntimeError:
        return cast(Function, numba.njit(nogil=True, forceinline=True)(function))
