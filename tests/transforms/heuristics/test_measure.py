"""Counts against plain Python on made texts, and rows that don't see each other."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.heuristics.c4 import LineRules
from transforms.heuristics.columns import COUNTS
from transforms.heuristics.families import Family
from transforms.heuristics.measure import heuristic_signals
from transforms.heuristics.scan import MAXIMUM_BYTES
from transforms.normalize import NormalizeOptions, normalize_text

ALL = [count for count in COUNTS.values() if count.family is not Family.REFINED]
FEW = [COUNTS["spaced_words"]]
RULES = LineRules(fewest_words=2, ends='.!?"')
WORDS = [
    "the",
    "of",
    "a",
    "水",
    "e\u0301",
    "שלום",
    "...",
    "…",
    "#1",
    "- x",
    "• y",
    "end.",
    "e.g.",
    "):",
]
TEXTS = st.lists(st.sampled_from([*WORDS, "\n", "\n\n"]), max_size=60).map(" ".join)
STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}


def signals(texts: list[str | None]) -> list[dict[str, int]]:
    rows: list[dict[str, int]] = heuristic_signals(
        pa.array(texts, pa.string()), ALL, line_rules=RULES
    ).signals.to_pylist()
    return rows


def grams(words: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def length(words: tuple[str, ...]) -> int:
    return sum(map(len, words))


@given(TEXTS)
def test_words_lines_and_signs_are_what_python_counts(text: str) -> None:
    text = normalize_text(pa.array([text]), options=NormalizeOptions())[0].as_py()
    row, words, lines = signals([text])[0], text.split(), text.split("\n") if text else []
    assert row["spaced_words"] == len(words)
    assert row["spaced_characters"] == sum(map(len, words))
    assert row["spaced_alphabetic"] == sum(any(map(str.isalpha, word)) for word in words)
    assert row["spaced_median_doubled"] == (2 * np.median([len(w) for w in words]) if words else 0)
    assert row["number_signs"] == text.count("#")
    assert row["ellipses"] == text.count("...") + text.count("…")
    assert (row["lines"], row["full_lines"]) == (len(lines), sum(map(bool, lines)))
    assert row["bullet_lines_dolma"] == sum(line.startswith(("*", "-")) for line in lines)
    assert row["ellipsis_lines"] == sum(line.endswith(("...", "…")) for line in lines)
    assert row["spaced_stop_words"] == len(STOP_WORDS & set(words))
    assert row["spaced_stop_word_occurrences"] == sum(word in STOP_WORDS for word in words)


@given(TEXTS)
def test_repeated_lines_are_those_of_a_counter(text: str) -> None:
    text = normalize_text(pa.array([text]), options=NormalizeOptions())[0].as_py()
    row, counts = signals([text])[0], Counter(line for line in text.split("\n") if line)
    shared = {line: count for line, count in counts.items() if count > 1}
    assert row["line_units"] == counts.total()
    assert row["again_lines"] == sum(count - 1 for count in shared.values())
    assert row["again_line_characters"] == sum(len(k) * (n - 1) for k, n in shared.items())
    assert row["shared_line_characters"] == sum(len(k) * n for k, n in shared.items())
    paragraphs = Counter(part for part in text.strip().split("\n\n") if part)
    assert row["paragraph_units"] == paragraphs.total()
    assert row["again_paragraphs"] == paragraphs.total() - len(paragraphs)


@given(st.lists(st.sampled_from(["a", "bb", "ccc", "d", "the"]), max_size=80))
def test_repeated_n_grams_are_those_of_a_counter(words: list[str]) -> None:
    row = signals([" ".join(words)])[0]
    for n in range(2, 11):
        found = grams(words, n)
        counts = Counter(found)
        if n < 5:
            top, count = counts.most_common(1)[0] if counts else ((), 0)
            assert row[f"spaced_top_{n}gram"] == length(top) * count
            longest = max((length(g) for g, c in counts.items() if c == count > 1), default=0)
            assert row[f"spaced_longest_top_{n}gram"] == longest * count
            continue
        places = [i for i, gram in enumerate(found) if counts[gram] > 1]
        covered = {i + k for i in places for k in range(n)}
        assert row[f"spaced_repeated_{n}gram"] == sum(len(words[i]) for i in covered)
        assert row[f"spaced_shared_{n}gram"] == sum(length(found[i]) for i in places)
        assert row[f"spaced_all_{n}gram"] == sum(map(length, found))
        assert row[f"spaced_again_{n}gram"] == met_before(found, n)


def met_before(found: list[tuple[str, ...]], n: int) -> int:
    seen, at, characters = set(), 0, 0
    while at < len(found):
        if found[at] in seen:
            characters += length(found[at])
            at += n
        else:
            seen.add(found[at])
            at += 1
    return characters


@settings(max_examples=30)
@given(st.lists(st.none() | TEXTS | st.text(), max_size=8), st.lists(st.integers(0, 8), max_size=3))
def test_rows_do_not_see_each_other(texts: list[str | None], cuts: list[int]) -> None:
    limits = [0, *sorted(min(cut, len(texts)) for cut in cuts), len(texts)]
    text = pa.array(texts, pa.string())
    parts = [heuristic_signals(text[a:b], ALL, line_rules=RULES) for a, b in pairwise(limits)]
    whole = heuristic_signals(text, ALL, line_rules=RULES)
    rows = [row for part in parts for row in part.signals.to_pylist()]
    assert rows == whole.signals.to_pylist()
    assert [row for part in parts for row in part.text.to_pylist()] == whole.text.to_pylist()


def test_null_and_empty_texts_count_nothing() -> None:
    assert all(set(row.values()) == {0} for row in signals([None, ""]))


def test_hostile_texts_are_measured_within_bounds() -> None:
    one_line, many_words = "x" * 10_000_000, "spam " * 10_000_000
    marks, dots, emails = "(" * 2_000_000, "." * 3_000_000, "@" * 1_000_000
    rows = signals([one_line, many_words, marks, dots, emails])
    assert rows[0]["spaced_characters"] == MAXIMUM_BYTES
    assert rows[1]["spaced_words"] == -(-MAXIMUM_BYTES // 5)
    assert rows[1]["spaced_top_2gram"] > rows[1]["spaced_characters"]
    assert rows[2]["english_tokens"] == 2_000_000
    assert rows[3]["ellipses"] == 1_000_000


def test_bytes_that_are_no_text_are_counted_all_the_same() -> None:
    text = pa.array([b"caf\xe9 \xff\xff", b"\xed\xa0\x80", b"\x00"]).cast(pa.large_binary())
    assert [row["spaced_words"] for row in heuristic_signals(text, FEW).signals.to_pylist()] == [
        2,
        1,
        1,
    ]
