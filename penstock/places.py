"""Where the loader keeps what it worked out: beside the dataset, or in the user's cache folder."""

import os
from pathlib import Path

from penstock import storage
from penstock.errors import UsageError


def cache_folder() -> Path:
    """The user's cache folder for Penstock; it needn't exist."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "penstock"


def kept_folders(out: str) -> list[str]:
    """Where sidecars of a dataset are looked for, in this order."""
    return [storage.join(out, "loader"), storage.join(str(cache_folder()), "loader")]


def writable_folder(out: str) -> Path:
    """The first local one of these that can be written to, made if it's absent.

    Raises:
        UsageError: there is none.
    """
    for url in kept_folders(out):
        if storage.is_local(url):
            folder = Path(storage.resolve(url)[1])
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError:
                continue
            if os.access(folder, os.W_OK):
                return folder
    raise UsageError(
        f"neither {out}/loader nor {cache_folder()} can be written to; set XDG_CACHE_HOME to a "
        "folder that can"
    )
