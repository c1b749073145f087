"""What the code is, as one digest: part of every task's identity, so that no run mixes two."""

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import xxhash

_PACKAGES = ("penstock", "schemas", "transforms", "pipelines")
_LIBRARIES = (
    "pyarrow",
    "numpy",
    "numba",
    "xxhash",
    "brotli",
    "resiliparse",
    "trafilatura",
    "fasttext",
    "sentencepiece",
    "tokenizers",
    "tiktoken",
)
"""Libraries whose version can change what a task makes."""


@lru_cache(maxsize=1)
def code_version() -> str:
    """xxh3_128 of this program's sources, trees and tables, and of its libraries' versions."""
    digest = xxhash.xxh3_128()
    root = Path(__file__).parents[1]
    for package in _PACKAGES:
        sources = (root / package).rglob("*.py")
        models = (root / package).glob("models/*")
        shipped = [path for path in models if path.suffix in (".json", ".npz")]
        for path in sorted([*sources, *shipped]):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    for name, found in library_versions().items():
        digest.update(f"{name}={found}\0".encode())
    return digest.hexdigest()


def library_versions() -> dict[str, str]:
    """The installed version of each library that results depend on."""
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "absent"
    return versions
