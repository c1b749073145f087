"""Shards of a remote dataset on the local disk, within a bound, shared by a node's processes.

A shard is fetched whole, in blocks that are each tried again, and gets its name, the hash that the
manifest states, only when its bytes have that hash: whatever has such a name is right, for any
dataset, version and process. A lock on the unfinished file lets one process fetch while the others
wait, and falls with the process that held it. When there is no room the files that were opened
longest ago go; room is taken under one lock, before anything is fetched.

Trade-off: windows come in random order, so a cache of a part of the dataset saves that part of the
fetching. A file that goes while a process has it mapped keeps its place on the disk until that
process lets go of it: at most the shards of two groups of windows.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import IO

import xxhash

from penstock import storage
from penstock.errors import DataError, PenstockError, UsageError
from penstock.manifest import ShardEntry
from penstock.retry import with_retries

BLOCK_BYTES = 8 << 20
WAIT_S = 0.05
_PARTIAL = ".fetching"


class FetchingStoppedError(PenstockError):
    """The loader was closed while a shard was being fetched."""


@dataclass(frozen=True, slots=True)
class ShardCache:
    """A folder of shards named by their hash, of at most `max_bytes` together."""

    folder: Path
    max_bytes: int

    def check_room(self, entries: tuple[ShardEntry, ...]) -> None:
        """Raise if a single shard is larger than the bound."""
        largest = max(entries, key=lambda entry: entry.bytes)
        if largest.bytes > self.max_bytes:
            raise UsageError(
                f"cache_bytes is {self.max_bytes}, but the shard {largest.path} has "
                f"{largest.bytes} bytes; allowed: at least that, or 0 to read without a cache"
            )

    def fetch(self, url: str, entry: ShardEntry, stop: Event | None = None) -> Path:
        """The local file of a shard; it's fetched if it isn't there.

        Raises:
            DataError: it is missing, can't be read after all attempts, hasn't the right hash, or
                the cache's disk can't take it.
            FetchingStoppedError: `stop` was set meanwhile.
        """
        target = self.folder / f"{entry.xxh3_128}.arrow"
        try:
            while not _touch(target):
                self.folder.mkdir(parents=True, exist_ok=True)
                with _locked(target.with_suffix(_PARTIAL), stop) as partial:
                    # Another process may have finished it while this one waited for the lock.
                    if partial is not None and not target.exists():
                        self._fetch_into(partial, target, url, entry, stop)
        except OSError as error:
            raise DataError(
                f"the cache {self.folder} can't take {entry.bytes} bytes ({error}); free some "
                "space, or give another cache_dir or fewer cache_bytes"
            ) from error
        return target

    def _fetch_into(
        self, partial: IO[bytes], target: Path, url: str, entry: ShardEntry, stop: Event | None
    ) -> None:
        done = False
        try:
            self._take_room(partial, entry.bytes, stop)
            for last in (False, True):
                digest = _download(partial, url, entry.bytes, stop)
                if digest == entry.xxh3_128:
                    break
                if last:
                    raise DataError(
                        f"shard {url} has the xxh3_128 {digest}, the manifest says "
                        f"{entry.xxh3_128}; restore it or run again"
                    )
            os.fsync(partial.fileno())
            os.rename(target.with_suffix(_PARTIAL), target)
            done = True
        finally:
            if not done:
                target.with_suffix(_PARTIAL).unlink()

    def _take_room(self, partial: IO[bytes], size: int, stop: Event | None) -> None:
        """Give the unfinished file its full size, once there is room for it within the bound."""
        while True:
            with open(self.folder / "lock", "wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if self._make_room(size):
                    os.ftruncate(partial.fileno(), size)
                    return
            # Other processes' unfinished files hold the rest: one of them will be done soon.
            _check(stop)
            time.sleep(WAIT_S)

    def _make_room(self, size: int) -> bool:
        """Remove what was used longest ago until `size` bytes fit; call it under the lock."""
        for path in self.folder.glob(f"*{_PARTIAL}"):
            _remove_abandoned(path)
        files = self._files()
        total = sum(found.st_size for found in files.values())
        finished = [path for path in files if path.suffix == ".arrow"]
        for path in sorted(finished, key=lambda path: files[path].st_mtime_ns):
            if total + size <= self.max_bytes:
                break
            path.unlink()
            total -= files[path].st_size
        return total + size <= self.max_bytes

    def _files(self) -> dict[Path, os.stat_result]:
        """What is in the cache; others finish their files, and give them up, without the lock."""
        while True:
            with contextlib.suppress(FileNotFoundError):
                return {path: path.lstat() for path in self.folder.iterdir() if path.name != "lock"}


def _download(partial: IO[bytes], url: str, size: int, stop: Event | None) -> str:
    """Write the shard's bytes to the file and return their xxh3_128."""
    digest = xxhash.xxh3_128()
    partial.seek(0)
    for start in range(0, size, BLOCK_BYTES):
        end = min(start + BLOCK_BYTES, size)
        data = _read_block(url, start, end, stop)
        digest.update(data)
        partial.write(data)
    partial.flush()
    return str(digest.hexdigest())


def _read_block(url: str, start: int, end: int, stop: Event | None) -> bytes:
    def read() -> bytes:
        _check(stop)
        data = storage.read_bytes(url, start, end)
        if len(data) != end - start:
            raise EOFError(f"bytes {start} to {end} came as {len(data)} bytes")
        return data

    try:
        return with_retries(read, what=f"shard {url}", pause=stop.wait if stop else time.sleep)
    except FileNotFoundError as error:
        raise DataError(f"shard {url} is missing; restore it or run again") from error
    except PermissionError as error:
        raise DataError(f"shard {url} may not be read ({error}); check the credentials") from error


def _check(stop: Event | None) -> None:
    if stop is not None and stop.is_set():
        raise FetchingStoppedError("the loader was closed while it fetched a shard")


@contextlib.contextmanager
def _locked(path: Path, stop: Event | None) -> Iterator[IO[bytes] | None]:
    """The file, opened under a lock on it; None if it was renamed or removed while waiting."""
    with open(path, "r+b", opener=_create) as file:
        while not _try_lock(file):
            _check(stop)
            time.sleep(WAIT_S)
        yield file if _is_same(path, file) else None


def _try_lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _create(path: str, _flags: int) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)


def _is_same(path: Path, file: IO[bytes]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _touch(path: Path) -> bool:
    """Mark a file as just used; False if there is none."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _remove_abandoned(path: Path) -> None:
    """Remove an unfinished file that nobody holds the lock of: its process was killed."""
    with contextlib.suppress(FileNotFoundError), open(path, "r+b") as file:
        if _try_lock(file) and _is_same(path, file):
            path.unlink()
