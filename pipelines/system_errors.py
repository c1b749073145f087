"""What the system says of a file, as a person reads it: no error numbers, no names said twice."""

import contextlib
import errno
from collections.abc import Iterator

from penstock.errors import UsageError

_OF_THE_PLACE = frozenset(
    {errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EROFS}
)
"""What choosing another place mends; a full disk, for one, isn't among them."""


def reason(error: Exception) -> str:
    """Why the system refused, without the number and the file that the message names anyway.

    >>> reason(PermissionError(13, "Permission denied", "notes.txt"))
    'Permission denied'
    >>> reason(ValueError("half a file"))
    'half a file'
    """
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return error.strerror
    return str(error)


@contextlib.contextmanager
def writing(what: str, place: str) -> Iterator[None]:
    """A block that writes to a place that a person chose.

    Raises:
        UsageError: it can't be written; the message says why and names what and place.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_THE_PLACE:
            raise
        raise UsageError(
            f"{what} {place}: can't write there ({reason(error)}); check the folder and its "
            "permissions, or choose another place"
        ) from error
