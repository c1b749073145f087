"""Lists of bad words by language, from files that a recipe names, and what a batch reads of them.

Penstock ships none: which words a corpus does without is its makers' choice, and the known lists
have terms of their own. A file has a word or phrase on each line, in UTF-8; blanks at its ends,
empty lines and repetitions don't count.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

MAXIMUM_ENTRY_BYTES = 256
"""A longer line is no word: the file is something else. It also bounds what a search costs."""


class WordListFile(BaseModel):
    """Where a list of words is: a file, and its hash."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(description="File or URL with a word or phrase on each line, in UTF-8.")
    file_hash: str | None = Field(
        default=None,
        pattern=r"^sha256:[0-9a-f]{64}$",
        description="SHA-256 of the file; a run says it when it fetches a URL without.",
    )


@dataclass(frozen=True, slots=True, eq=False)
class WordList:
    """The words and phrases of one file, sorted, and the xxh3_128 of its bytes in hexadecimal."""

    entries: tuple[str, ...]
    digest: str

    @staticmethod
    def load(path: str) -> "WordList":
        """The list in a file, read once for each process while the file stays as it is.

        Raises:
            ValueError: the file isn't there, isn't UTF-8, has no entry, or has a line of more than
                256 bytes.
        """
        try:
            about = Path(path).stat()
            return _load(path, about.st_mtime_ns, about.st_size)
        except OSError as error:
            raise ValueError(f"word list {path} can't be read: {error.strerror}") from error


class Listed(NamedTuple):
    """The lists of a batch: row i is looked through for `lists[languages[i]]`, or for none."""

    lists: Mapping[str, WordList]
    languages: pa.StringArray

    def rows_of(self, language: str) -> NDArray[np.bool_]:
        """Which rows are of the language."""
        found = pc.equal(self.languages, language).fill_null(False)
        rows: NDArray[np.bool_] = found.to_numpy(zero_copy_only=False)
        return rows


@functools.cache
def _load(path: str, _changed_ns: int, _num_bytes: int) -> WordList:
    data = Path(path).read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"word list {path} isn't UTF-8 at byte {error.start}; save it as UTF-8"
        ) from error
    entries = tuple(sorted({line.strip() for line in text.split("\n")} - {""}))
    if not entries:
        raise ValueError(f"word list {path} has no entry; give a word or phrase on each line")
    longest = max(entries, key=lambda entry: len(entry.encode()))
    if len(longest.encode()) > MAXIMUM_ENTRY_BYTES:
        raise ValueError(
            f"word list {path} has a line of {len(longest.encode())} bytes ({longest[:40]!r}…), "
            f"but a word or phrase has at most {MAXIMUM_ENTRY_BYTES}; is it a list of words?"
        )
    return WordList(entries, xxhash.xxh3_128_hexdigest(data))
