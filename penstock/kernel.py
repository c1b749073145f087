"""The one way to compile a kernel: no GIL, and kept on disk where there is a place for it.

Numba compiles a kept kernel anew when its own file has changed. It doesn't look at the files of
kernels that are called, therefore these are part of the name that a kernel is kept under. Other
constants than those of its own file a kernel takes as arguments.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import xxhash
from numba import njit
from numba.core.dispatcher import Dispatcher

_OPTIONS: dict[str, Any] = {"nogil": True, "no_cfunc_wrapper": True}
"""Nothing calls kernels from C; the wrappers for it take an eighth of the time to compile."""

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """The function compiled by Numba at its first call, without the GIL.

    The machine code is kept beside the module or in the user's cache folder. In a container where
    neither can be written Numba refuses to cache, and the kernel is compiled in each process.
    """
    compiled: Any
    name = function.__qualname__
    # Numba takes the file's name from here, once.
    function.__qualname__ = f"{name}-{_digest_of_imported(function.__globals__)}"
    try:
        compiled = njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        compiled = njit(**_OPTIONS)(function)
    finally:
        function.__qualname__ = name
    return cast(Function, compiled)


def _digest_of_imported(names: dict[str, Any]) -> str:
    paths = sorted(_files_of_imported(names))
    return xxhash.xxh3_64_hexdigest(b"".join(Path(path).read_bytes() for path in paths))


def _files_of_imported(names: dict[str, Any]) -> set[str]:
    """The files of the kernels that a module has imported, and of those that these call."""
    kernels = (value for value in names.values() if isinstance(value, Dispatcher))
    homes = [k.py_func.__globals__ for k in kernels if k.py_func.__globals__ is not names]
    return {h["__file__"] for h in homes}.union(*map(_files_of_imported, homes))
