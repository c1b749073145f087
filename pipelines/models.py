"""Model files, wherever they lie: a path on this machine that a library can open."""

import hashlib
import tempfile
from functools import lru_cache
from pathlib import Path

import xxhash

from penstock import storage
from penstock.errors import DataError, UsageError


@lru_cache(maxsize=256)
def local_copy(url: str) -> str:
    """A local path with the bytes of the URL: the file itself, or a copy named by its content.

    Raises:
        UsageError: there is no such file.
    """
    if storage.is_local(url):
        return storage.resolve(url)[1]
    try:
        data = storage.read_bytes(url)
    except Exception as error:  # every file system has errors of its own
        raise UsageError(
            f"model file {url}: can't be read ({type(error).__name__}: {error}); check the URL"
        ) from error
    suffix = Path(url).suffix
    folder = Path(tempfile.gettempdir()) / "penstock-models"
    path = folder / f"{xxhash.xxh3_128_hexdigest(data)}{suffix}"
    if not path.exists():
        storage.write_bytes(str(path), data)
    return str(path)


def checked_hash(key: str, url: str, path: str, *, wanted: str | None) -> str | None:
    """What to tell of a model fetched from a URL without a hash; nothing where all is as it was.

    `path` has the bytes of the URL, `wanted` is `sha256:` and 64 hexadecimal digits.

    Raises:
        UsageError: the file isn't the one that the hash names.
    """
    found = f"sha256:{hashlib.sha256(Path(path).read_bytes()).hexdigest()}"
    if wanted is None:
        where = f"{key}: fetched {url}, {found}; write {key}_hash: {found} into the recipe, "
        return None if storage.is_local(url) else f"{where}so that no run takes another file"
    if found != wanted:
        raise UsageError(
            f"{key}: {url} is {found}, but {key}_hash says {wanted}; "
            "give the file that was meant, or its hash"
        )
    return None


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
