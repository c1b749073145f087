"""Memory that is given back: what makes a process as large as its work and not as its history."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa


@contextmanager
def returned_memory() -> Iterator[None]:
    """A block of work whose Arrow buffers go back to the system when they are freed.

    Arrow's own default, mimalloc, keeps freed pages for a while: an exchange that works in 11 MB
    held 36 MB, a whole run in 64 MB held 65 to 103 MB where the C library's allocator holds 37, at
    the same CPU time. The allocator that was there is the default again afterwards, since a run may
    be a guest in someone's process.
    """
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)
        _trim()


def _trim() -> None:
    """Give what the C library's allocator holds on to back to the system, where it can do that."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)
