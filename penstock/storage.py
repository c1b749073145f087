"""Files at any fsspec URL, read by range and written whole.

A local file appears under its name only when all of its bytes are on disk (temporary file in the
same folder, fsync, rename); an object store's put is whole by itself. So a reader never meets
half a file, and a killed writer leaves nothing under a name that anyone looks for.
"""

import contextlib
import io
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import fsspec
import xxhash
from fsspec.implementations.local import LocalFileSystem

from penstock.errors import UsageError

TEMPORARY_SUFFIX = ".partial"


def resolve(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL or local path, and the path inside it.

    Raises:
        UsageError: no file system has that protocol.
    """
    try:
        fs, path = fsspec.core.url_to_fs(url)
    except ValueError as error:
        raise UsageError(
            f"URL {url!r}: {error}; give a path, or a URL such as s3://bucket/folder"
        ) from error
    return fs, _without_parents(path) if isinstance(fs, LocalFileSystem) else path


def _without_parents(path: str) -> str:
    """An absolute path without '..', so that a file has one name from whichever folder it's named.

    >>> _without_parents("/no/such/../folder/file")
    '/no/folder/file'
    """
    head, dots, tail = f"{path}/".rpartition("/../")
    return os.path.realpath(f"{head}/..") + f"/{tail}".rstrip("/") if dots else path


def is_local(url: str) -> bool:
    """Whether the URL names a file of this machine."""
    return isinstance(resolve(url)[0], LocalFileSystem)


def absolute(url: str) -> str:
    """The URL; of a local file its whole path, which means the same from every folder."""
    fs, path = resolve(url)
    return str(path) if isinstance(fs, LocalFileSystem) else url


def join(base: str, *parts: str) -> str:
    """The URL of a file below a folder's URL."""
    return "/".join([base.rstrip("/"), *parts])


def exists(url: str) -> bool:
    """Whether there is a file or folder at the URL."""
    fs, path = resolve(url)
    return bool(fs.exists(path))


def size(url: str) -> int:
    """The size of a file in bytes."""
    fs, path = resolve(url)
    return int(fs.size(path))


def version(url: str) -> str:
    """What changes when a file's content does."""
    fs, path = resolve(url)
    return version_of(fs.info(path))


def version_of(info: Mapping[str, Any]) -> str:
    """The version in what storage says of a file: its entity tag if it has one, else its time."""
    known = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "created")
    return next((str(info[name]) for name in known if info.get(name) is not None), "")


def open_input(url: str) -> IO[bytes]:
    """A seekable binary file over the stored bytes of the URL."""
    fs, path = resolve(url)
    if isinstance(fs, LocalFileSystem):
        return open(path, "rb")
    return fs.open(path, "rb")  # type: ignore[no-any-return]


def read_bytes(url: str, start: int | None = None, end: int | None = None) -> bytes:
    """The bytes of a file, or of its range [start, end)."""
    fs, path = resolve(url)
    return bytes(fs.cat_file(path, start=start, end=end))


def read_ranges(url: str, starts: Sequence[int], ends: Sequence[int]) -> list[bytes]:
    """The bytes of ranges of one file, fetched side by side where its file system allows that."""
    fs, path = resolve(url)
    found = fs.cat_ranges([path] * len(starts), list(starts), list(ends), on_error="raise")
    return [bytes(data) for data in found]


def read_many(urls: Sequence[str]) -> list[bytes]:
    """The bytes of small files of one file system, fetched side by side where it allows that."""
    if not urls:
        return []
    fs, _ = resolve(urls[0])
    paths = [str(fs._strip_protocol(url)) for url in urls]
    found = fs.cat(paths)
    return [found] if isinstance(found, bytes) else [found[path] for path in paths]


def list_files(folder: str) -> list[str]:
    """The URLs of all files below a folder, sorted; an absent folder has none."""
    fs, path = resolve(folder)
    # A store may have listed this folder before another process wrote into it.
    fs.invalidate_cache(path)
    if not fs.exists(path):
        return []
    found = (str(name) for name in fs.find(path))
    return sorted(_with_protocol(fs, p) for p in found if not p.endswith(TEMPORARY_SUFFIX))


def expand(pattern: str) -> list[str]:
    """The URLs of the files that a path, folder or glob names, sorted."""
    fs, path = resolve(pattern)
    if fs.isfile(path):
        return [_with_protocol(fs, path)]
    if fs.isdir(path):
        return list_files(pattern)
    return sorted(_with_protocol(fs, p) for p in fs.glob(path) if fs.isfile(p))


def write_bytes(url: str, data: bytes) -> None:
    """Write a file that appears whole or not at all."""
    with atomic_output(url) as file:
        file.write(data)


@contextlib.contextmanager
def atomic_output(url: str) -> Iterator[IO[bytes]]:
    """A binary file to write, which appears under its name when the block ends without an error."""
    fs, path = resolve(url)
    if isinstance(fs, LocalFileSystem):
        with _local_output(Path(path)) as file:
            yield file
        return
    file = fs.open(path, "wb")
    try:
        yield file
    except BaseException:
        _abandon(file)
        raise
    file.close()


class HashingOutput:
    """A binary output over another one that hashes and counts what passes through it."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = xxhash.xxh3_128()
        self.num_bytes = 0

    @property
    def hexdigest(self) -> str:
        """The xxh3_128 of the bytes written so far, as 32 hexadecimal digits."""
        return str(self._hash.hexdigest())

    def write(self, data: Any) -> int:
        """Pass on any object with the buffer protocol; its number of bytes comes back."""
        view = memoryview(data).cast("B")
        self._hash.update(view)
        self.num_bytes += view.nbytes
        self._file.write(view)
        return view.nbytes

    def flush(self) -> None:
        """Hold nothing back: there is no buffer here."""

    def close(self) -> None:
        """Leave the file open: its owner closes it."""


def hash_bytes(data: bytes) -> str:
    """The xxh3_128 of some bytes, as 32 hexadecimal digits."""
    return str(xxhash.xxh3_128_hexdigest(data))


def hash_file(url: str) -> str:
    """The xxh3_128 of a file's bytes, as 32 hexadecimal digits."""
    digest = xxhash.xxh3_128()
    with open_input(url) as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return str(digest.hexdigest())


@contextlib.contextmanager
def _local_output(path: Path) -> Iterator[IO[bytes]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:12]}{TEMPORARY_SUFFIX}")
    try:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _abandon(file: Any) -> None:
    """Give up an upload so that nothing appears under its name."""
    if hasattr(file, "discard"):
        with contextlib.suppress(io.UnsupportedOperation, NotImplementedError):
            file.discard()
    file.closed = True


def remove_tree(url: str) -> None:
    """Remove a folder and all below it; an absent one is no error."""
    fs, path = resolve(url)
    if fs.exists(path):
        fs.rm(path, recursive=True)


def _with_protocol(fs: Any, path: str) -> str:
    return path if isinstance(fs, LocalFileSystem) else str(fs.unstrip_protocol(path))
