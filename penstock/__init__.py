"""Shards in, packed training batches out: all that a trainer imports.

Names are imported when they are asked for, so that what needs only a part (a command that prints
its help, a worker that writes files) doesn't wait for Numba.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.batches import Batch
    from penstock.errors import DataError, PenstockError, UsageError
    from penstock.loader import TokenLoader
    from penstock.manifest import Manifest, read_manifest
    from penstock.schedule import Schedule, linear, steps
    from penstock.subset import Subset
    from penstock.verification import VerifyReport, verify

__all__ = [
    "Batch",
    "DataError",
    "Manifest",
    "PenstockError",
    "Schedule",
    "Subset",
    "TokenLoader",
    "UsageError",
    "VerifyReport",
    "linear",
    "read_manifest",
    "steps",
    "verify",
]

_HOMES = {
    "batches": ("Batch",),
    "errors": ("DataError", "PenstockError", "UsageError"),
    "loader": ("TokenLoader",),
    "manifest": ("Manifest", "read_manifest"),
    "schedule": ("Schedule", "linear", "steps"),
    "subset": ("Subset",),
    "verification": ("VerifyReport", "verify"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f"penstock.{home}"), name)
            return value
    raise AttributeError(f"module 'penstock' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
