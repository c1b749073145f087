"""What Penstock's dialects say of texts, put beside what datatrove and dolma say."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from transforms.heuristics.columns import chosen
from transforms.heuristics.dialects import Dialect
from transforms.heuristics.measure import heuristic_signals
from transforms.heuristics.options import HeuristicOptions, heuristic_counts, heuristic_rules
from transforms.rules import failing_mask

_DOLMA = {
    "word_count": ("spaced_words", None),
    "symbol_to_word_ratio": ("spaced_symbolic", "spaced_words"),
    "fraction_of_words_with_alpha_character": ("spaced_alphabetic", "spaced_words"),
    "required_word_count": ("spaced_stop_word_occurrences", None),
    "fraction_of_lines_starting_with_bullet_point": ("bullet_lines_dolma", "full_lines"),
    "fraction_of_lines_ending_with_ellipsis": ("ellipsis_lines_dolma", "full_lines"),
    "fraction_of_duplicate_lines": ("shared_lines", "line_units"),
    "fraction_of_characters_in_duplicate_lines": ("shared_line_characters", "spaced_characters"),
    **{
        f"fraction_of_characters_in_most_common_{n}grams": (
            f"spaced_top_{n}gram",
            "spaced_characters",
        )
        for n in (2, 3, 4)
    },
    **{
        f"fraction_of_characters_in_duplicate_{n}grams": (
            f"spaced_shared_{n}gram",
            f"spaced_all_{n}gram",
        )
        for n in range(5, 11)
    },
}
_REPETITION = ("repeated_", "top_", "duplicate_")


def datatrove_values(texts: Sequence[str], said: Sequence[Any]) -> list[str]:
    """Each value of datatrove's filters that isn't the same here, told."""
    names = [name for name in said[0]["values"] if name != "characters"]
    rows = heuristic_signals(pa.array(texts), chosen(names)).signals.to_pylist()
    return [
        f"text {number}: {name} is {row[name]} here, {theirs['values'][name]} there"
        for number, (row, theirs) in enumerate(zip(rows, said, strict=True))
        for name in names
        if row[name] != theirs["values"][name]
    ]


def datatrove_verdicts(texts: Sequence[str], said: Sequence[Any]) -> list[str]:
    """Each verdict of a filter of datatrove, and text that it left, that isn't the same here."""
    gopher, fineweb = Dialect.GOPHER_DATATROVE, Dialect.FINEWEB_CODE
    passes = {
        "repetition": _passes(texts, gopher, lambda name: name.startswith(_REPETITION))[0],
        "quality": _passes(texts, gopher, lambda name: not name.startswith(_REPETITION))[0],
        "fineweb": _passes(texts, fineweb, lambda name: True)[0],
    }
    left = {}
    for dialect in (Dialect.C4_DATATROVE, Dialect.C4_FINEWEB):
        passes[dialect.value], left[dialect.value] = _passes(texts, dialect, lambda name: True)
    found = [
        f"text {number}: {name} passes: {ours[number]}, but there it says {verdict!r}"
        for name, ours in passes.items()
        for number, verdict in enumerate(theirs["verdicts"][name] for theirs in said)
        if ours[number] != (verdict == "passes")
    ]
    return found + [
        f"text {number}: {name} leaves another text"
        for name, ours in left.items()
        for number, theirs in enumerate(said)
        if theirs["verdicts"][name] == "passes" and ours[number] != theirs["texts"][name]
    ]


def _passes(texts: Sequence[str], dialect: Dialect, wanted: Any) -> tuple[list[bool], list[str]]:
    options = HeuristicOptions(dialects=(dialect,))
    rules = [rule for rule in heuristic_rules(options) if wanted(rule.name)]
    text = pa.array(texts)
    counts = heuristic_counts(options)
    signals, left = heuristic_signals(text, counts, line_rules=options.line_rules)
    signals = signals.append_column("characters", pc.utf8_length(text))
    return [mask == 0 for mask in failing_mask(signals, rules).tolist()], left.to_pylist()


def dolma_values(texts: Sequence[str], said: Sequence[Any]) -> list[str]:
    """Each value of dolma's taggers that isn't the same here, told."""
    names = {name for pair in _DOLMA.values() for name in pair if name}
    counts = chosen([*names, "spaced_median_doubled"])
    rows = heuristic_signals(pa.array(texts), counts).signals.to_pylist()
    return [
        told
        for number, (row, theirs) in enumerate(zip(rows, said, strict=True))
        for told in _dolma_row(number, row, theirs["gopher"])
    ]


def _dolma_row(number: int, row: Mapping[str, int], theirs: Mapping[str, float]) -> list[str]:
    ours = {
        name: row[count] / max(row[over], 1) if over else row[count]
        for name, (count, over) in _DOLMA.items()
    }
    ours["median_word_length"] = row["spaced_median_doubled"] / 2
    return [
        f"text {number}: {name} is {ours[name]} here, {value} there"
        for name, value in theirs.items()
        if name in ours and ours[name] != value
    ]
