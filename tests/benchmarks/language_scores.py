"""How right labels are: the mean of the languages' shares, and how sure a difference of two is."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.language_held_out import Rows

_SAME = {"no": "nb", "fil": "tl"}
_SERBO_CROATIAN = frozenset({"bs", "hr", "sr"})
_DRAWS = 2_000


def is_right(found: str, wanted: str) -> bool:
    """Whether a tool's label is the language; `sh` is right for the three that it holds."""
    return _SAME.get(found, found) == wanted or (found == "sh" and wanted in _SERBO_CROATIAN)


def right_by_language(labels: Sequence[str], rows: Rows) -> dict[str, NDArray[np.bool_]]:
    """Which rows of each language are told right."""
    right: dict[str, list[bool]] = defaultdict(list)
    for label, (wanted, _) in zip(labels, rows, strict=True):
        right[wanted].append(is_right(label, wanted))
    return {code: np.array(values) for code, values in sorted(right.items())}


def mean_of_languages(labels: Sequence[str], rows: Rows) -> tuple[float, float]:
    """Share of rows told right, and the mean of the languages' shares."""
    right = right_by_language(labels, rows).values()
    return float(np.concatenate([*right]).mean()), float(np.mean([r.mean() for r in right]))


def difference(ours: Sequence[str], theirs: Sequence[str], rows: Rows) -> tuple[float, float]:
    """95 % interval of our mean of the languages less theirs: rows of each language drawn anew.

    A paired bootstrap (Efron and Tibshirani 1993): both tools are judged on the rows drawn.
    """
    chance = np.random.default_rng(0)
    mine, other = right_by_language(ours, rows), right_by_language(theirs, rows)
    total = np.zeros(_DRAWS)
    for code, right in mine.items():
        gain = right.astype(np.int64) - other[code]
        total += gain[chance.integers(len(gain), size=(_DRAWS, len(gain)))].mean(axis=1)
    low, high = np.quantile(total / len(mine), [0.025, 0.975])
    return float(low), float(high)
