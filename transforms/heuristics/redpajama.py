"""Columns of RedPajama-v2's signals.

RedPajama tells ratios of floats, and some for each line. Here are the counts that the ratios are
made of, and what lines come to in the document. The names of its own are in `dialects.md`.
"""

from collections.abc import Iterable
from dataclasses import replace

from transforms.heuristics import folded_counts as f
from transforms.heuristics import line_letters as n
from transforms.heuristics import word_parts as p
from transforms.heuristics.families import Count, Family, of_family

_Row = tuple[str, int, str, str]

_FOLDED: tuple[_Row, ...] = (
    ("folded_words", f.WORDS, "words in lower case without ASCII punctuation", "words"),
    ("folded_characters", f.CHARACTERS, "characters of folded words, decomposed", "code points"),
    ("folded_joined", f.JOINED, "the same and a blank between words", "code points"),
    ("folded_distinct", f.DISTINCT, "different folded words", "words"),
    ("folded_entropy", f.ENTROPY, "entropy of the counts of folded words", "nats"),
    ("folded_numeric", f.NUMERICS, "numeric characters of folded words", "code points"),
    ("numeric_lines", f.NUMERIC_LINES, "lines more than half of which is numeric", "lines"),
    ("lines_below_five_words", f.FEW_WORDS, "lines of 1 to 4 folded words", "lines"),
    ("lorem_ipsum", f.LOREM, "`lorem ipsum` in folded words", "occurrences"),
    ("javascript_words", f.JAVASCRIPT, "folded words `javascript`", "words"),
    ("javascript_lines", f.JAVASCRIPT_LINES, "lines with such a word", "lines"),
)

_PARTS: tuple[_Row, ...] = (
    ("word_parts", p.PARTS, "words parted from punctuation, and its runs", "words"),
    ("parts_without_letter", p.WITHOUT_LETTER, "of them, without a to z", "words"),
    ("parts_in_capitals", p.IN_CAPITALS, "of them, in capitals", "words"),
    ("stop_sentences", p.SENTENCES, "stretches between `.`, `!` and `?`", "sentences"),
    ("curly_brackets", p.BRACKETS, "`{` and `}`", "occurrences"),
    ("hashes_and_ellipses", p.SIGNS, "`#`, `...` and `…`", "occurrences"),
)

_LETTERS: tuple[_Row, ...] = (
    ("long_lines", n.LONG_LINES, "lines of 200 characters or more", "lines"),
    ("uppercase_characters", n.UPPERCASE, "upper-case characters", "code points"),
    ("uppercase_lines", n.UPPERCASE_LINES, "lines more than half of which is upper case", "lines"),
)


def redpajama_counts() -> Iterable[Count]:
    """All columns."""
    for count in of_family(Family.FOLDED, _FOLDED):
        yield replace(count, decimals=f.DECIMALS) if count.place == f.ENTROPY else count
    yield from of_family(Family.FOLDED_REPEATS, _repeats())
    yield from of_family(Family.PARTS, _PARTS)
    yield from of_family(Family.LINE_LETTERS, _LETTERS)


def _repeats() -> Iterable[_Row]:
    for length in (2, 3, 4):
        meaning = f"characters of the most frequent, if it's repeated, n = {length}"
        yield f"folded_top_{length}gram", f.TOP + length - 2, meaning, "code points"
    for length in range(5, 11):
        meaning = f"characters in repeated n-grams, once each, n = {length}"
        yield f"folded_repeated_{length}gram", f.COVERED + length - 5, meaning, "code points"
