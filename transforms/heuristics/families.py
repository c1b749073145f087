"""A column of the heuristics, and the family that one kernel measures it with."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.fields import column


class Family(StrEnum):
    """What is measured in one go."""

    ENGLISH = "english"
    ENGLISH_REPEATS = "english_repeats"
    SPACED = "spaced"
    SPACED_REPEATS = "spaced_repeats"
    UNICODE_REPEATS = "unicode_repeats"
    SIGNS = "signs"
    LINES = "lines"
    LINE_REPEATS = "line_repeats"
    PARAGRAPH_REPEATS = "paragraph_repeats"
    LINE_LETTERS = "line_letters"
    FOLDED = "folded"
    FOLDED_REPEATS = "folded_repeats"
    FOLDED_BAD_WORDS = "folded_bad_words"
    BAD_WORDS = "bad_words"
    PARTS = "parts"
    REMOVED = "removed"
    REFINED = "refined"
    KEPT_ENGLISH = "kept_english"
    KEPT_LINES = "kept_lines"
    KEPT_LINE_REPEATS = "kept_line_repeats"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One column: `place` is its column in what the family's kernel returns.

    With `decimals` the kernel counts in units of the last of these, and the column is a float.
    """

    name: str
    family: Family
    place: int
    meaning: str
    unit: str
    decimals: int = 0

    def field(self) -> pa.Field:
        """The column's Arrow field."""
        type_ = pa.float32() if self.decimals else pa.int32()
        return column(self.name, type_, self.meaning, unit=self.unit)

    def values(self, counted: NDArray[np.int32]) -> pa.Array:
        """The column, from what was counted."""
        if not self.decimals:
            return pa.array(counted)
        return pa.array((counted / 10**self.decimals).astype(np.float32))


def of_family(family: Family, rows: Iterable[tuple[str, int, str, str]]) -> Iterable[Count]:
    """Columns of a family from rows of name, place, meaning and unit."""
    for name, place, meaning, unit in rows:
        yield Count(name=name, family=family, place=place, meaning=meaning, unit=unit)
