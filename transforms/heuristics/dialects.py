"""Named dialects: the rules of Gopher, C4, FineWeb and RefinedWeb as each tool has them.

The tools disagree, so a dialect fixes how words are split, what is counted, and the thresholds.
`dialects.md` tells each dialect's source, and where it differs from that.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from transforms.heuristics.c4 import LineRules
from transforms.heuristics.refinedweb import RefinedWeb
from transforms.rules import Kind


class Dialect(StrEnum):
    """A published set of rules, as one tool or paper has it."""

    GOPHER_PAPER = "gopher@paper"
    GOPHER_DATATROVE = "gopher@datatrove"
    GOPHER_DOLMA = "gopher@dolma"
    C4_TFDS = "c4@tfds"
    C4_DATATROVE = "c4@datatrove"
    C4_FINEWEB = "c4@fineweb"
    REFINEDWEB_PAPER = "refinedweb@paper"
    DCLM_CODE = "dclm@code"
    FINEWEB_CODE = "fineweb@code"
    FINEWEB_PAPER = "fineweb@paper"
    MC4_PAPER = "mc4@paper"
    RPV2_CODE = "rpv2@code"


BAD_WORDS = "bad_words"
"""The name of all rules that look for words of a list; without a list there are none."""


class Bound(NamedTuple):
    """A dialect's rule: `column`, or its ratio to `over`, is at least or at most `threshold`.

    Without a threshold the column is measured and stored, and a recipe may give one.
    """

    name: str
    column: str
    over: str | None
    kind: Kind
    threshold: float | None


LINE_RULES: dict[Dialect, LineRules | RefinedWeb] = {
    Dialect.C4_TFDS: LineRules(fewest_words=5, ends='.?!"'),
    Dialect.C4_DATATROVE: LineRules(fewest_words=3, ends=".?!\"'"),
    Dialect.C4_FINEWEB: LineRules(fewest_words=3),
    Dialect.REFINEDWEB_PAPER: RefinedWeb(),
    Dialect.DCLM_CODE: RefinedWeb(),
}
"""The dialects that take lines out of texts, with what a line must have to stay."""

MEASURE_WHAT_IS_KEPT = frozenset({Dialect.FINEWEB_CODE, Dialect.FINEWEB_PAPER})
"""Dialects that look at what is left, where they stand behind one that takes lines out."""

_LEAST, _MOST = Kind.AT_LEAST, Kind.AT_MOST
_BAD_WORDS = Bound(BAD_WORDS, "bad_words", None, _MOST, 0)
_TOP = {2: 0.2, 3: 0.18, 4: 0.16}
_DUPLICATE = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.1}


def bounds_of(dialect: Dialect) -> list[Bound]:
    """The dialect's rules with its own thresholds, in the order of its tool.

    >>> bounds_of(Dialect.FINEWEB_CODE)[2]
    Bound(name='repeated_line_characters', column='again_line_characters',
    over='all_line_characters', kind=<Kind.AT_MOST: 'at_most'>, threshold=0.01)
    """
    return list(_BOUNDS[dialect]())


def _datatrove() -> Iterator[Bound]:
    yield from _repeated_units("again", over="characters")
    yield from _grams("english_top_{n}gram_spaced", "english_again_{n}gram", over="characters")
    yield from _words("english_words", "english_word_characters", "english_words")
    yield Bound("number_signs", "number_signs", "english_tokens", _MOST, 0.1)
    yield Bound("ellipses", "ellipses", "english_tokens", _MOST, 0.1)
    yield from _line_ends("bullet_lines_datatrove", "ellipsis_lines", over="lines")
    yield Bound("alphabetic_words", "english_alphabetic", "english_tokens", _LEAST, 0.8)
    yield Bound("stop_words", "english_stop_words", None, _LEAST, 2)


def _paper() -> Iterator[Bound]:
    yield from _repeated_units("again", over="spaced_characters")
    yield from _grams("spaced_top_{n}gram", "spaced_repeated_{n}gram", over="spaced_characters")
    yield from _words("spaced_words", "spaced_characters", "spaced_words")
    yield Bound("number_signs", "number_signs", "spaced_words", _MOST, 0.1)
    yield Bound("ellipses", "ellipses", "spaced_words", _MOST, 0.1)
    yield from _line_ends("bullet_lines_dclm", "ellipsis_lines", over="full_lines")
    yield Bound("alphabetic_words", "spaced_alphabetic", "spaced_words", _LEAST, 0.8)
    yield Bound("stop_words", "spaced_stop_words", None, _LEAST, 2)


def _dolma() -> Iterator[Bound]:
    yield Bound("repeated_lines", "shared_lines", "line_units", _MOST, 0.3)
    repeated = "shared_line_characters"
    yield Bound("repeated_line_characters", repeated, "spaced_characters", _MOST, 0.2)
    for n, threshold in _TOP.items():
        yield Bound(f"top_{n}gram", f"spaced_top_{n}gram", "spaced_characters", _MOST, threshold)
    for n, threshold in _DUPLICATE.items():
        shared = f"spaced_shared_{n}gram"
        yield Bound(f"duplicate_{n}gram", shared, f"spaced_all_{n}gram", _MOST, threshold)
    yield Bound("minimum_words", "spaced_words", None, _LEAST, 50)
    yield Bound("maximum_words", "spaced_words", None, _MOST, 100_000)
    yield Bound("minimum_median_length_doubled", "spaced_median_doubled", None, _LEAST, 6)
    yield Bound("maximum_median_length_doubled", "spaced_median_doubled", None, _MOST, 20)
    yield Bound("symbols", "spaced_symbolic", "spaced_words", _MOST, 0.1)
    yield from _line_ends("bullet_lines_dolma", "ellipsis_lines_dolma", over="full_lines")
    yield Bound("alphabetic_words", "spaced_alphabetic", "spaced_words", _LEAST, 0.8)
    yield Bound("stop_words", "spaced_stop_word_occurrences", None, _LEAST, 2)


def _fineweb_code() -> Iterator[Bound]:
    yield Bound("terminal_lines", "terminal_lines", "full_lines", _LEAST, 0.12)
    yield Bound("short_lines", "short_lines", "full_lines", _MOST, 0.67)
    repeated = "again_line_characters"
    yield Bound("repeated_line_characters", repeated, "all_line_characters", _MOST, 0.01)
    yield Bound("newlines", "newlines", "english_tokens", _MOST, 0.3)


def _fineweb_paper() -> Iterator[Bound]:
    for bound in _fineweb_code():
        is_repeated = bound.name == "repeated_line_characters"
        yield bound._replace(threshold=0.1) if is_repeated else bound


def _c4(fewest_sentences: int) -> Iterator[Bound]:
    yield Bound("lorem_ipsum", "lines_with_lorem_ipsum", None, _MOST, 0)
    yield Bound("braces", "lines_with_brace", None, _MOST, 0)
    yield Bound("sentences", "sentences", None, _LEAST, fewest_sentences)


def _c4_tfds() -> Iterator[Bound]:
    yield Bound("maximum_characters", "characters", None, _MOST, 190_000)
    yield from _c4(3)
    yield _BAD_WORDS


def _c4_datatrove() -> Iterator[Bound]:
    yield from _c4(5)
    yield _BAD_WORDS


def _c4_fineweb() -> Iterator[Bound]:
    yield from _c4(5)


def _refinedweb() -> Iterator[Bound]:
    yield Bound("removed_words", "removed_words", "spaced_words", _MOST, 0.05)


def _dclm() -> Iterator[Bound]:
    characters, over = "unicode_word_characters_all", "full_lines"
    yield Bound("minimum_words", "alphanumeric_words", None, _LEAST, 50)
    yield Bound("maximum_words", "alphanumeric_words", None, _MOST, 100_000)
    yield Bound("minimum_mean_length", "spaced_characters", "spaced_words", _LEAST, 3)
    yield Bound("maximum_mean_length", "spaced_characters", "spaced_words", _MOST, 10)
    yield Bound("symbols", "symbols", "spaced_words", _MOST, 0.1)
    yield from _line_ends("bullet_lines_dclm", "ellipsis_lines_dclm", over=over)
    yield Bound("alphabetic_words", "spaced_alphabetic", "spaced_words", _LEAST, 0.8)
    yield Bound("stop_words", "spaced_stop_word_occurrences", None, _LEAST, 2)
    for unit in ("line", "paragraph"):
        repeated, total = f"shared_{unit}_characters", f"all_{unit}_characters"
        yield Bound(f"repeated_{unit}s", f"shared_{unit}s", f"{unit}_units", _MOST, 0.3)
        yield Bound(f"repeated_{unit}_characters", repeated, total, _MOST, 0.2)
    yield from _grams("unicode_longest_top_{n}gram", "unicode_repeated_{n}gram", over=characters)
    yield Bound("removed_words", "removed_words", "alphanumeric_words", _MOST, 0.05)


def _mc4() -> Iterator[Bound]:
    yield Bound("long_lines", "long_lines", None, _LEAST, 3)
    yield _BAD_WORDS


def _rpv2() -> Iterator[Bound]:
    words, characters = "folded_words", "folded_characters"
    yield Bound("minimum_words", words, None, _LEAST, 50)
    yield Bound("maximum_words", words, None, _MOST, 10_000)
    yield Bound("minimum_mean_length", characters, words, _LEAST, 3)
    yield Bound("maximum_mean_length", characters, words, _MOST, 10)
    yield Bound("symbols", "hashes_and_ellipses", "word_parts", _MOST, 0.1)
    yield Bound("bullet_lines", "bullet_lines_redpajama", "lines", _MOST, 0.9)
    yield Bound("top_2gram", "folded_top_2gram", characters, _MOST, 0.2)
    for name, column, over, kind in _RPV2_MEASURED:
        yield Bound(name, column, over, kind, None)


_RPV2_MEASURED: tuple[tuple[str, str, str | None, Kind], ...] = (
    *((f"top_{n}gram", f"folded_top_{n}gram", "folded_characters", _MOST) for n in (3, 4)),
    *(
        (f"duplicate_{n}gram", f"folded_repeated_{n}gram", "folded_characters", _MOST)
        for n in range(5, 11)
    ),
    ("unique_words", "folded_distinct", "folded_words", _LEAST),
    ("entropy", "folded_entropy", None, _LEAST),
    ("words_without_letter", "parts_without_letter", "word_parts", _MOST),
    ("words_in_capitals", "parts_in_capitals", "word_parts", _MOST),
    ("curly_brackets", "curly_brackets", "characters", _MOST),
    ("lorem_ipsum", "lorem_ipsum", "folded_joined", _MOST),
    ("sentences", "stop_sentences", None, _LEAST),
    ("ellipsis_lines", "ellipsis_lines", "lines", _MOST),
    ("terminal_lines", "terminal_lines_redpajama", "lines", _LEAST),
    ("lines_below_five_words", "lines_below_five_words", "lines", _MOST),
    ("uppercase_characters", "uppercase_characters", "characters", _MOST),
    ("uppercase_lines", "uppercase_lines", "lines", _MOST),
    ("numeric_characters", "folded_numeric", "folded_joined", _MOST),
    ("numeric_lines", "numeric_lines", "lines", _MOST),
    ("javascript_words", "javascript_words", None, _MOST),
    ("javascript_lines", "javascript_lines", "lines", _MOST),
    (BAD_WORDS, "folded_bad_words", None, _MOST),
)
"""What RedPajama-v2 measures without saying what is too much: name, columns, and the sense."""


def _words(words: str, characters: str, over: str) -> Iterator[Bound]:
    yield Bound("minimum_words", words, None, _LEAST, 50)
    yield Bound("maximum_words", words, None, _MOST, 100_000)
    yield Bound("minimum_mean_length", characters, over, _LEAST, 3)
    yield Bound("maximum_mean_length", characters, over, _MOST, 10)


def _line_ends(bullets: str, ellipses: str, *, over: str) -> Iterator[Bound]:
    yield Bound("bullet_lines", bullets, over, _MOST, 0.9)
    yield Bound("ellipsis_lines", ellipses, over, _MOST, 0.3)


def _repeated_units(counted: str, *, over: str) -> Iterator[Bound]:
    for unit in ("paragraph", "line"):
        repeated = f"{counted}_{unit}_characters"
        yield Bound(f"repeated_{unit}s", f"{counted}_{unit}s", f"{unit}_units", _MOST, 0.3)
        yield Bound(f"repeated_{unit}_characters", repeated, over, _MOST, 0.2)


def _grams(top: str, duplicate: str, *, over: str) -> Iterable[Bound]:
    for n, threshold in _TOP.items():
        yield Bound(f"top_{n}gram", top.format(n=n), over, _MOST, threshold)
    for n, threshold in _DUPLICATE.items():
        yield Bound(f"duplicate_{n}gram", duplicate.format(n=n), over, _MOST, threshold)


_BOUNDS = {
    Dialect.GOPHER_PAPER: _paper,
    Dialect.GOPHER_DATATROVE: _datatrove,
    Dialect.GOPHER_DOLMA: _dolma,
    Dialect.C4_TFDS: _c4_tfds,
    Dialect.C4_DATATROVE: _c4_datatrove,
    Dialect.C4_FINEWEB: _c4_fineweb,
    Dialect.REFINEDWEB_PAPER: _refinedweb,
    Dialect.DCLM_CODE: _dclm,
    Dialect.FINEWEB_CODE: _fineweb_code,
    Dialect.FINEWEB_PAPER: _fineweb_paper,
    Dialect.MC4_PAPER: _mc4,
    Dialect.RPV2_CODE: _rpv2,
}
