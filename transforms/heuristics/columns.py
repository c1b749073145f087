"""The heuristics' columns: name, meaning and unit of each count, and where the kernels put it.

A run measures the families that its dialects' rules read and stores the columns of those rules, no
others: signals are wide, and most are for other dialects.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pyarrow as pa

from transforms.heuristics import c4, lines, refinedweb, repeats, word_counts
from transforms.heuristics.families import Count, Family, of_family
from transforms.heuristics.redpajama import redpajama_counts

_SPLITS = {
    Family.ENGLISH_REPEATS: ("english", "tokens of datatrove's English splitter"),
    Family.SPACED_REPEATS: ("spaced", "words between blanks"),
    Family.UNICODE_REPEATS: ("unicode", "words by Unicode's boundaries"),
}


def _word_counts() -> Iterable[Count]:
    table = (
        (Family.ENGLISH, "english_tokens", word_counts.WORDS, "tokens, punctuation too"),
        (Family.ENGLISH, "english_words", word_counts.WORDY, "tokens that aren't punctuation"),
        (Family.ENGLISH, "english_alphabetic", word_counts.ALPHABETIC, "tokens with a letter"),
        (Family.SPACED, "spaced_words", word_counts.WORDS, "words between blanks"),
        (Family.SPACED, "spaced_alphabetic", word_counts.ALPHABETIC, "of them, with a letter"),
        (Family.SPACED, "spaced_symbolic", word_counts.SYMBOLIC, "of them, with `#` or `…`"),
    )
    for family, name, place, meaning in table:
        yield Count(name=name, family=family, place=place, meaning=meaning, unit="words")
    lengths = (
        (Family.ENGLISH, "english_word_characters", word_counts.WORDY_CHARACTERS, "of words"),
        (Family.SPACED, "spaced_characters", word_counts.CHARACTERS, "not white space"),
        (
            Family.SPACED,
            "spaced_median_doubled",
            word_counts.MEDIAN_DOUBLED,
            "twice the median length of words, at most 2,048",
        ),
    )
    for family, name, place, meaning in lengths:
        yield Count(name=name, family=family, place=place, meaning=meaning, unit="code points")
    signs = (
        ("number_signs", word_counts.NUMBER_SIGNS, "signs `#`"),
        ("ellipses", word_counts.ELLIPSES, "ellipses, `...` or `…`"),
        ("symbols", word_counts.SYMBOLS, "`#` and ellipses, `. . .` too"),
        ("alphanumeric_words", word_counts.ALPHANUMERIC_FIRST, "words that begin alphanumerically"),
    )
    for name, place, meaning in signs:
        yield Count(
            name=name, family=Family.SIGNS, place=place, meaning=meaning, unit="occurrences"
        )


def _repeats() -> Iterable[Count]:
    for family, (prefix, of) in _SPLITS.items():
        for name, place, meaning in (
            ("distinct", repeats.DISTINCT, "different ones"),
            ("stop_words", repeats.STOP_WORDS, "which of Gopher's eight stop words occur"),
            ("stop_word_occurrences", repeats.STOP_WORD_OCCURRENCES, "stop words, each time"),
        ):
            if place != repeats.DISTINCT and family is Family.UNICODE_REPEATS:
                continue
            yield Count(
                name=f"{prefix}_{name}",
                family=family,
                place=place,
                meaning=f"{meaning}, of {of}",
                unit="words",
            )
        yield Count(
            name=f"{prefix}_word_characters_all",
            family=family,
            place=repeats.CHARACTERS,
            meaning=f"characters of {of}",
            unit="code points",
        )
        yield from _grams(family, prefix, of)


_GRAMS = (
    ("top_{n}gram", repeats.TOP - 2, (2, 3, 4), "the most frequent n-gram, each time"),
    ("top_{n}gram_spaced", repeats.TOP_SPACED - 2, (2, 3, 4), "the same and its blanks"),
    ("longest_top_{n}gram", repeats.TOP_LONGEST - 2, (2, 3, 4), "the longest of these"),
    ("again_{n}gram", repeats.GREEDY - 5, range(5, 11), "n-grams met before, jumping"),
    ("repeated_{n}gram", repeats.COVERED - 5, range(5, 11), "repeated n-grams, once each"),
    ("shared_{n}gram", repeats.SUMMED - 5, range(5, 11), "repeated n-grams, summed"),
    ("all_{n}gram", repeats.ALL - 5, range(5, 11), "all n-grams, summed"),
)


def _grams(family: Family, prefix: str, of: str) -> Iterable[Count]:
    for pattern, base, lengths, meaning in _GRAMS:
        if pattern == "all_{n}gram" and family is not Family.SPACED_REPEATS:
            continue
        for n in lengths:
            yield Count(
                name=f"{prefix}_{pattern.format(n=n)}",
                family=family,
                place=base + n,
                meaning=f"characters of {meaning}, of {of}, n = {n}",
                unit="code points",
            )


def _lines() -> Iterable[Count]:
    kinds = (
        ("lines", lines.LINES, "lines, empty ones too"),
        ("newlines", lines.NEWLINES, "line ends between lines"),
        ("full_lines", lines.FULL_LINES, "lines that aren't empty"),
        ("short_lines", lines.SHORT_LINES, "lines of 1 to 30 characters"),
        ("terminal_lines", lines.TERMINAL_LINES, "lines that end in a terminal mark"),
    )
    bullets = (
        ("bullet_lines_datatrove", lines.BULLETS_DATATROVE, "lines that begin with • or -"),
        ("bullet_lines_dolma", lines.BULLETS_DOLMA, "lines that begin with * or -"),
        ("bullet_lines_dclm", lines.BULLETS_DCLM, "lines that begin with ●, •, * or -"),
        ("bullet_lines_redpajama", lines.BULLETS_REDPAJAMA, "lines that begin with •, ‣, – …"),
        ("terminal_lines_redpajama", lines.ENDS_REDPAJAMA, "lines that end in ., !, ? or ”"),
        ("ellipsis_lines", lines.ELLIPSES, "lines that end in ... or …"),
        ("ellipsis_lines_dolma", lines.ELLIPSES_DOLMA, "lines that end in …"),
        ("ellipsis_lines_dclm", lines.ELLIPSES_DCLM, "lines that end in ..., . . . or …"),
    )
    for name, place, meaning in (*kinds, *bullets):
        yield Count(name=name, family=Family.LINES, place=place, meaning=meaning, unit="lines")
    yield from _units()


def _units() -> Iterable[Count]:
    for family, unit in (
        (Family.LINE_REPEATS, "line"),
        (Family.PARAGRAPH_REPEATS, "paragraph"),
    ):
        for name, place, meaning, of in (
            ("{}_units", lines.UNITS, "{}s that aren't empty", f"{unit}s"),
            ("again_{}s", lines.AGAIN, "{}s that came before", f"{unit}s"),
            ("again_{}_characters", lines.AGAIN_CHARACTERS, "their length", "code points"),
            ("shared_{}s", lines.SHARED, "{}s that occur twice or more", f"{unit}s"),
            ("shared_{}_characters", lines.SHARED_CHARACTERS, "their length", "code points"),
            ("all_{}_characters", lines.UNIT_CHARACTERS, "length of all {}s", "code points"),
        ):
            yield Count(
                name=name.format(unit),
                family=family,
                place=place,
                meaning=meaning.format(unit),
                unit=of,
            )


def _removed() -> Iterable[Count]:
    rows = (
        ("lines_kept", c4.KEPT, "lines that line rules keep", "lines"),
        ("lines_with_long_word", c4.LONG_WORD, "removed for a word above 1,000", "lines"),
        ("lines_without_end", c4.NO_END, "removed for no mark at the end", "lines"),
        ("lines_with_few_words", c4.FEW_WORDS, "removed for few words", "lines"),
        ("lines_with_javascript", c4.JAVASCRIPT, "removed for `javascript`", "lines"),
        ("lines_with_policy", c4.POLICY, "removed for a phrase of policies", "lines"),
        ("lines_with_lorem_ipsum", c4.LOREM, "lines with `lorem ipsum`", "lines"),
        ("lines_with_brace", c4.BRACE, "lines with `{`", "lines"),
        ("sentences", c4.SENTENCES, "sentences in the lines that are kept", "sentences"),
    )
    return of_family(Family.REMOVED, rows)


def _refined() -> Iterable[Count]:
    rows = (
        ("refined_lines", refinedweb.KEPT, "lines that stay as they are", "lines"),
        ("lines_in_capitals", refinedweb.CAPITALS, "removed for capitals", "lines"),
        ("lines_of_digits", refinedweb.DIGITS, "removed for digits only", "lines"),
        ("lines_of_counters", refinedweb.COUNTER, "removed counters", "lines"),
        ("lines_of_one_word", refinedweb.ONE_WORD, "removed single words", "lines"),
        ("lines_cut_away", refinedweb.CUT_EMPTY, "removed, nothing left after cuts", "lines"),
        ("lines_cut", refinedweb.CUT, "lines of which something was cut", "lines"),
        ("removed_words", refinedweb.REMOVED_WORDS, "words that went with lines", "words"),
    )
    return of_family(Family.REFINED, rows)


def _listed() -> Iterable[Count]:
    rows = (
        (Family.BAD_WORDS, "bad_words", "entries of a list, in the text that is left"),
        (Family.FOLDED_BAD_WORDS, "folded_bad_words", "entries of a list, among folded words"),
    )
    for family, name, meaning in rows:
        yield Count(name=name, family=family, place=0, meaning=meaning, unit="places")


_WHEN_KEPT = {
    Family.ENGLISH: Family.KEPT_ENGLISH,
    Family.LINES: Family.KEPT_LINES,
    Family.LINE_REPEATS: Family.KEPT_LINE_REPEATS,
}
_NOT_WHEN_KEPT = ("english_words", "english_alphabetic", "english_word_characters")


def _kept() -> Iterable[Count]:
    """The same counts of what is left when lines were removed."""
    for count in (*_word_counts(), *_lines()):
        if count.family in _WHEN_KEPT and count.name not in _NOT_WHEN_KEPT:
            family, meaning = _WHEN_KEPT[count.family], f"{count.meaning}; in the lines kept"
            name = kept_name(count.name)
            yield replace(count, name=name, family=family, meaning=meaning)


def kept_name(name: str) -> str:
    """The name of the same count of what is left when lines were removed."""
    return f"kept_{name}"


COUNTS = {
    count.name: count
    for count in (
        *_word_counts(),
        *_repeats(),
        *_lines(),
        *_removed(),
        *_refined(),
        *redpajama_counts(),
        *_listed(),
        *_kept(),
    )
}
"""All columns by name."""


REMOVED_LINES = tuple(count.name for count in _removed())
REFINED_LINES = tuple(count.name for count in _refined())
"""What a run stores of the lines that C4's or RefinedWeb's rules took out."""


def chosen(names: Iterable[str]) -> list[Count]:
    """The columns of these names, in the table's order; names of other stages are left out."""
    wanted = frozenset(names)
    return [count for name, count in COUNTS.items() if name in wanted]


def fields(counts: Sequence[Count]) -> list[pa.Field]:
    """Arrow fields of the columns."""
    return [_field(count.name) for count in counts]


@functools.cache
def _field(name: str) -> pa.Field:
    return COUNTS[name].field()
