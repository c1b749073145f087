"""A quick start: what a process imports for good is kept out of garbage collection.

Modules, classes and Numba's registries are half a million objects that live as long as their
process. Collecting while they are made, and walking over them later, was a quarter of the time of
a run on one page (2.7 s to 1.9 s of CPU time). It also leaves their pages shared after a fork.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting_imports() -> Iterator[None]:
    """A block that imports modules; nothing is collected in it, and what is there at its end stays.

    Keep the block to imports: what it makes is never freed if it's in a cycle.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
