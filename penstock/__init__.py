"""Shards in, packed training batches out: all that a trainer imports."""

from penstock.batches import Batch
from penstock.errors import DataError, PenstockError, UsageError
from penstock.loader import TokenLoader
from penstock.manifest import Manifest, read_manifest
from penstock.schedule import Schedule, linear, steps
from penstock.subset import Subset
from penstock.verify import VerifyReport, verify

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
