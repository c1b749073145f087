"""Model files, wherever they lie: a path on this machine that a library can open."""

import tempfile
from functools import lru_cache
from pathlib import Path

import xxhash

from penstock import storage
from penstock.errors import DataError, UsageError


@lru_cache(maxsize=32)
def local_copy(url: str) -> str:
    """A local path with the bytes of the URL: the file itself, or a copy named by its content.

    Raises:
        UsageError: there is no such file.
    """
    if storage.is_local(url):
        return storage.resolve(url)[1]
    try:
        data = storage.read_bytes(url)
    except OSError as error:
        raise UsageError(f"model file {url}: can't be read ({error}); check the URL") from error
    suffix = Path(url).suffix
    folder = Path(tempfile.gettempdir()) / "penstock-models"
    path = folder / f"{xxhash.xxh3_128_hexdigest(data)}{suffix}"
    if not path.exists():
        storage.write_bytes(str(path), data)
    return str(path)


def check_same_model(name: str, *, found: str, wanted: str | None) -> None:
    """Return when a worker has loaded the model that the run began with, by their digests.

    Raises:
        DataError: it's another one; None as what is wanted takes any.
    """
    if wanted is not None and found != wanted:
        raise DataError(
            f"model {name!r}: the run began with a file of digest {wanted}, but a worker has one "
            f"of {found}; give all workers the same file, and restart those of a cluster that "
            "may hold an older one"
        )
