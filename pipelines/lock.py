"""A file held by one process of this machine, until that process ends in whatever way.

The system keeps such locks with the open file, so none is left behind by a kill. File systems of
other machines don't all have them: there nothing is held, and nothing is refused.
"""

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def held(path: str) -> Iterator[bool]:
    """A block with the file held; False where another process holds it."""
    with open(path, "rb") as file:
        yield _take(file.fileno())


def _take(descriptor: int) -> bool:
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return True
    return True
