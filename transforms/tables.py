"""Tables with an entry for each code point, built once and shipped.

They come from Python's `unicodedata`. To build them takes 0.1 s a table, which every process of
every run would pay, and another version of Python knows another version of Unicode, by which the
same text would get other counts. `python -m transforms.tables` builds the file anew; a test
compares it with what the functions give under the same version of Unicode.

Cost: 10 ms to read a table, once for each process.
"""

import functools
import unicodedata
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHIPPED = Path(__file__).parent / "models" / "unicode.npz"
MODULES = (
    "heuristics.characters",
    "heuristics.folding",
    "letters",
    "normalize",
    "word_cuts",
    "words",
)
VERSION = "unicode version"
BUILDERS: dict[str, Callable[[], NDArray[Any]]] = {}
"""What builds each table, by the name that it has in the file."""

Builder = Callable[[], NDArray[Any]]


def shipped_table(build: Builder) -> Builder:
    """`build`, but what it gives is read from the file, once."""
    name = f"{build.__module__.removeprefix('transforms.')}.{build.__name__}"
    BUILDERS[name] = build

    @functools.cache
    def table() -> NDArray[Any]:
        return read_table(name)

    return functools.update_wrapper(table, build)


def read_table(name: str) -> NDArray[Any]:
    """A table of the file.

    Raises:
        KeyError: the file hasn't the table: it was added and the file not built anew.
    """
    with np.load(SHIPPED) as tables:
        # Neighbours are alike, so differences pack twenty times as well. They wrap around.
        return np.cumsum(tables[name], dtype=tables[name].dtype)


def main() -> None:
    """Build all tables and write the file."""
    for module in MODULES:
        import_module(f"transforms.{module}")
    arrays: dict[str, Any] = {VERSION: np.array(unicodedata.unidata_version)}
    for name, build in sorted(BUILDERS.items()):
        table = build()
        arrays[name] = np.diff(table, prepend=table.dtype.type(0))
    np.savez_compressed(SHIPPED, **arrays)


if __name__ == "__main__":
    # By its own name, not as __main__: the modules register their tables there.
    import_module("transforms.tables").main()
