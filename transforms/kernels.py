"""How kernels are compiled: Numba, without the GIL, once for each machine where that's possible.

A kernel compiles in 0.2 to 2 s on its first call; the result is kept in `__pycache__` (or the
user's cache folder), so that the next process loads it in some 10 ms. Numba compiles a kernel anew
when its own file has changed. What a kernel takes in from elsewhere would go unnoticed, therefore
it is part of the name that its code is kept under: the values of its module's constants, and the
files of the kernels that its module imports.
"""

import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

import numba
import numpy as np
import xxhash
from numba.core.dispatcher import Dispatcher
from numba.core.extending import _Intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

_LINEAR_ALGEBRA = "scipy.linalg"
_PACKAGE = __name__.partition(".")[0] + "."
_OPTIONS: dict[str, Any] = {"nogil": True, "no_cfunc_wrapper": True}
"""Nothing calls kernels from C; the wrappers for it take an eighth of the time to compile."""

_CONSTANTS = (bool, int, float, str, bytes, np.generic)


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
    return _compiled(function)


def inlined(function: Function) -> Function:
    """`function`, put into the kernels that call it: for a few lines that each word or byte takes.

    A call costs some 10 ns, more where several values come back.
    """
    return _compiled(function, forceinline=True)


def _compiled(function: Function, **options: Any) -> Function:
    name = function.__qualname__
    # Numba takes the file's name from here, once.
    function.__qualname__ = f"{name}-{_digest_of_constants(function.__globals__)}"
    try:
        return cast(Function, numba.njit(cache=True, **_OPTIONS, **options)(function))
    except RuntimeError:
        # No folder can be written, as in a container with a read-only file system.
        return cast(Function, numba.njit(**_OPTIONS, **options)(function))
    finally:
        function.__qualname__ = name


def _digest_of_constants(names: dict[str, Any]) -> str:
    """Digest of what code may take from a module so far: constants, fields of tuples, enumerations.

    Of the modules of this package that it has imported as such, theirs too; of those that an
    imported kernel stands in, theirs and the file. A module's names come in their order, so that
    only those since its last kernel are new.
    """
    count, digest = _digests.get(names["__name__"], (0, ""))
    if count < len(names):
        new = [(n, _taken(names[n], names)) for n in list(names)[count:] if not n.startswith("__")]
        digest = xxhash.xxh3_64_hexdigest(repr((digest, new)).encode())
        _digests[names["__name__"]] = len(names), digest
    return digest


def _taken(value: Any, names: dict[str, Any]) -> Any:
    """What a kernel of the module with these names takes in with `value`."""
    if isinstance(value, _CONSTANTS):
        return value
    if isinstance(value, tuple):
        return tuple(_taken(item, names) for item in value)
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, ModuleType) and value.__name__.startswith(_PACKAGE):
        return _digest_of_constants(vars(value))
    if isinstance(value, Dispatcher | _Intrinsic):
        function = value.py_func if isinstance(value, Dispatcher) else value._defn
        home = function.__globals__
        return (
            None
            if home is names
            else (_digest_of_file(home["__file__"]), _digest_of_constants(home))
        )
    if isinstance(value, type):
        return getattr(value, "_fields", None) or getattr(value, "__members__", None)
    return None


@cache
def _digest_of_file(path: str) -> str:
    return xxhash.xxh3_64_hexdigest(Path(path).read_bytes())


_digests: dict[str, tuple[int, str]] = {}
"""By module, how many of its names are in the digest, and the digest."""
