"""The one way to compile a kernel: no GIL, and kept on disk where there is a place for it."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """The function compiled by Numba at its first call, without the GIL.

    The machine code is kept beside the module or in the user's cache folder. In a container where
    neither can be written Numba refuses to cache, and the kernel is compiled in each process.
    """
    compiled: Any
    try:
        compiled = njit(nogil=True, cache=True)(function)
    except RuntimeError:
        compiled = njit(nogil=True)(function)
    return cast(Function, compiled)
