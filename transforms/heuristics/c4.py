"""C4's line rules: which lines of a text stay, why the others go, and what forbids the page.

A line goes when it has a word that is too long, no mark at its end (where that is asked), too few
words, `javascript` or a phrase of cookie banners and policies. A page goes for `lorem ipsum` or a
brace in a line that came so far, and for too few sentences in what stays. Sentences are counted as
spaCy's rule-based component does, which datatrove uses: they end with a mark of any script.

Cost (2-core AMD EPYC): 2 ns a byte of English.

Source: Raffel et al. 2020, section 2.2; tensorflow/datasets `c4_utils.py`; datatrove 0.10.1.
"""

import functools
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transforms.heuristics import characters as c
from transforms.heuristics.english import Tokens
from transforms.heuristics.scan import Scan
from transforms.kernels import inlined, kernel

KEPT, LONG_WORD, NO_END, FEW_WORDS, JAVASCRIPT, POLICY, LOREM, BRACE, SENTENCES = range(9)
NUM_C4_COLUMNS = 9

CITATIONS = r"\[(?:[0-9]*|edit|citation needed)\]"
"""What Wikipedia puts behind sentences; it's cut out of lines before they are looked at."""

_LONGEST_WORD = 1000
_BRACE, _CUE, _PAIR = c.BRACE, c.CUE, c.CUE_M | c.CUE_R
_SHORTEST, _JAVASCRIPT = 5, 10
"""Characters of `terms` and `lorem`, and of `javascript`."""
_SENTENCE_END, _NOT_PUNCTUATION = c.SENTENCE_END, c.NOT_PUNCTUATION
_PHRASES = (
    (b"javascript", 0, JAVASCRIPT),
    (b"cookie policy", 3, POLICY),
    (b"uses cookies", 8, POLICY),
    (b"use cookies", 7, POLICY),
    (b"use of cookies", 10, POLICY),
    (b"privacy policy", 3, POLICY),
    (b"terms of use", 3, POLICY),
    (b"lorem ipsum", 4, LOREM),
)
"""What is looked for, in lower case; the place of a letter that is a cue; what it means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRules:
    """What a line must have. `ends` are marks, any will do; none asks for no mark."""

    fewest_words: int
    ends: str = ""


def judge_lines(
    scan: Scan, tokens: Tokens, rules: LineRules
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which lines of a scan stay, and counts of each row, int64[rows, NUM_C4_COLUMNS].

    Columns: lines that stay; lines that go for a long word, no end, few words, `javascript`, a
    policy phrase; lines with `lorem ipsum` and lines with a brace, among those that came so far;
    sentences in the lines that stay.
    """
    rows = scan.rows.stop - scan.rows.start
    keep = np.zeros(int(scan.lines.offsets[rows]), np.bool_)
    out = np.zeros((rows, NUM_C4_COLUMNS), np.int64)
    ends = np.frombuffer(rules.ends.encode(), np.uint8)
    words, lines = scan.words, scan.lines
    of_words = (words.starts, words.ends, words.lengths, words.flags)
    of_lines = (lines.offsets, lines.ends, lines.words)
    of_tokens = (tokens.of_words, tokens.lengths, tokens.flags)
    letters, phrases = _phrases()
    fewest = rules.fewest_words
    _judge(
        scan.data,
        *of_words,
        *of_lines,
        *of_tokens,
        fewest,
        ends,
        letters,
        phrases,
        keep,
        out,
    )
    return keep, out


def without_citations(text: pa.Array) -> pa.Array:
    """The texts without Wikipedia's citation marks.

    >>> without_citations(pa.array(["So it was.[12] [citation needed]"])).to_pylist()
    ['So it was. ']
    """
    return pc.replace_substring_regex(text, pattern=CITATIONS, replacement="")


@functools.cache
def _phrases() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    letters = np.frombuffer(b"".join(phrase for phrase, _, _ in _PHRASES), np.uint8)
    limits = np.cumsum([0, *(len(phrase) for phrase, _, _ in _PHRASES)])
    table = [(limits[k], limits[k + 1], *_PHRASES[k][1:]) for k in range(len(_PHRASES))]
    return letters, np.array(table, np.int64)


@kernel
def _judge(
    data: NDArray[np.uint8],
    word_starts: NDArray[np.int64],
    word_ends: NDArray[np.int64],
    lengths: NDArray[np.int32],
    flags: NDArray[np.uint32],
    offsets: NDArray[np.int64],
    line_ends: NDArray[np.int64],
    words: NDArray[np.int64],
    of_words: NDArray[np.int64],
    token_lengths: NDArray[np.int32],
    token_flags: NDArray[np.uint32],
    fewest: int,
    ends: NDArray[np.uint8],
    letters: NDArray[np.uint8],
    phrases: NDArray[np.int64],
    keep: NDArray[np.bool_],
    out: NDArray[np.int64],
) -> None:
    for row in range(len(out)):
        for line in range(offsets[row], offsets[row + 1]):
            first, last = words[line], words[line + 1]
            longest, seen = _look_at_words(lengths, flags, first, last)
            reason = LONG_WORD if longest > _LONGEST_WORD else KEPT
            if reason == KEPT and len(ends):
                end = word_ends[last - 1] if last > first else line_ends[line]
                is_bare = last == first or end < line_ends[line]
                reason = NO_END if is_bare or not _has_end(data, end, ends) else KEPT
            if reason == KEPT and last - first < fewest:
                reason = FEW_WORDS
            if reason == KEPT:
                found = 0
                if seen & (_CUE | _PAIR):
                    start, end = word_starts[first], word_ends[last - 1]
                    for word in range(first, last):
                        limits = (word_starts[word], word_ends[word], start, end)
                        if _has_cue(flags[word]) and _may_have(data, lengths[word], limits):
                            found |= _find(data, limits, letters, phrases)
                out[row, LOREM] += found >> LOREM & 1
                is_script = found >> JAVASCRIPT & 1
                reason = JAVASCRIPT if is_script else POLICY if found >> POLICY & 1 else KEPT
                out[row, BRACE] += int(seen & _BRACE != 0 and not is_script)
            out[row, reason] += 1
            keep[line] = reason == KEPT
            if reason == KEPT:
                begin, stop = of_words[first], of_words[last]
                out[row, SENTENCES] += _sentences(token_lengths, token_flags, begin, stop)


@kernel
def _look_at_words(
    lengths: NDArray[np.int32], flags: NDArray[np.uint32], first: int, last: int
) -> tuple[int, np.uint32]:
    """Length of the longest of some words, and the bits of them all."""
    longest, seen = 0, np.uint32(0)
    for word in range(first, last):
        longest, seen = max(longest, lengths[word]), seen | flags[word]
    return longest, seen


@inlined
def _has_cue(bits: np.uint32) -> bool:
    return bool(bits & _CUE != 0 or bits & _PAIR == _PAIR)


@kernel
def _may_have(data: NDArray[np.uint8], length: np.int32, limits: tuple[int, int, int, int]) -> bool:
    """Whether the word's first or last letters are those of a phrase, or a j is somewhere.

    A phrase begins in a word that ends in `cookie`, `privacy`, `terms` or `lorem`, or ends in one
    that begins with `cookies`; only `javascript` stands anywhere.
    """
    start, end = limits[0], limits[1]
    if length < _SHORTEST:
        return False
    is_last = data[end - 1] | 0x20 == 0x6D or data[end - 2] | 0x20 == 0x6D
    is_last |= data[end - 3] | 0x20 == 0x6B or data[end - 3] | 0x20 == 0x61
    has_cue = is_last | (data[start + 3] | 0x20 == 0x6B)
    for at in range(start, end if length >= _JAVASCRIPT else start):
        has_cue |= data[at] | 0x20 == 0x6A
    return bool(has_cue)


@kernel
def _has_end(data: NDArray[np.uint8], end: int, ends: NDArray[np.uint8]) -> bool:
    """Whether the line ends in one of the marks, but not in an ellipsis."""
    if end >= 3 and data[end - 1] == data[end - 2] == data[end - 3] == 0x2E:
        return False
    found = False
    for mark in ends:
        found |= data[end - 1] == mark
    return found


@kernel
def _find(
    data: NDArray[np.uint8],
    limits: tuple[int, int, int, int],
    letters: NDArray[np.uint8],
    phrases: NDArray[np.int64],
) -> int:
    """A bit for each meaning whose phrases, in any case, have their anchor in this word.

    `limits` are the word's and the line's.
    """
    found = 0
    for at in range(limits[0], limits[1]):
        lower = data[np.uint64(at)] | 0x20
        if _may_be(lower, data[at + 1] | 0x20 if at + 1 < limits[3] else 0):
            for k in range(len(phrases)):
                first, anchor = phrases[k, 0], phrases[k, 2]
                size, begin = phrases[k, 1] - first, at - anchor
                is_inside = begin >= limits[2] and begin + size <= limits[3]
                is_near = is_inside and letters[first + anchor] == lower
                if is_near and _equal(data, begin, letters, first, size):
                    found |= 1 << phrases[k, 3]
    return found


@kernel
def _may_be(letter: int, following: int) -> bool:
    """Whether the two are in a phrase: j and a, v and a, k and i, m and s or a blank."""
    if letter == 0x6D:
        return following == 0x73 or following == 0x20
    if letter == 0x6B:
        return following == 0x69
    return following == 0x61 and (letter == 0x6A or letter == 0x76)


@kernel
def _equal(
    data: NDArray[np.uint8], at: int, letters: NDArray[np.uint8], first: int, size: int
) -> bool:
    for k in range(size):
        byte = data[at + k]
        if byte != letters[first + k] and not (
            0x41 <= byte <= 0x5A and byte | 0x20 == letters[first + k]
        ):
            return False
    return True


@kernel
def _sentences(lengths: NDArray[np.int32], flags: NDArray[np.uint32], begin: int, stop: int) -> int:
    """Sentences of a line: one begins after a mark and the punctuation that follows."""
    count, is_over = int(begin < stop), False
    for token in range(begin, stop):
        is_mark = (lengths[token] == 1) & (flags[token] & _SENTENCE_END != 0)
        is_begun = is_over & (not is_mark) & (flags[token] & _NOT_PUNCTUATION != 0)
        count += int(is_begun)
        is_over = is_mark | (is_over & (not is_begun))
    return count
