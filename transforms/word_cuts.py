"""Where byte-level tokenizers cut text into words, as rules on the kinds of its characters.

The rules are those of the patterns in `transforms.byte_level`, written out: a regular expression
takes most of the time of the libraries that use them. What isn't surely the same there is left
alone: a document with a character that is newer than the version of Unicode in `transforms.tables`,
which Python, Rust and Oniguruma learn at different times, or with a word of more than 512 bytes.

Cost (2-core AMD EPYC): 4 ns a byte.
"""

import sys
import unicodedata

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel
from transforms.tables import shipped_table

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]

OTHER, UPPER, LOWER, LETTER, MARK, NUMBER, SPACE, BLANK, NEWLINE, UNKNOWN = range(10)
"""Kinds of characters; BLANK is U+0020, NEWLINE is CR or LF, UPPER has title case too."""

BY_CLASS, BY_LETTERS, BY_CASE = range(3)
"""Ways of cutting: GPT-2's, cl100k's and o200k's."""

LONGEST_WORD = 512
_SPACES = (*range(0x09, 0x0E), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F,
           0x205F, 0x3000)  # fmt: skip
_KINDS = {"Lu": UPPER, "Lt": UPPER, "Ll": LOWER, "Lm": LETTER, "Lo": LETTER, "Cn": UNKNOWN}
_GROUPS = {"M": MARK, "N": NUMBER}
_APOSTROPHE, _SLASH, _LONG_S = 0x27, 0x2F, 0xC5
_S, _T, _M, _D, _R, _V, _E, _L = b"stmdrvel"


@shipped_table
def character_kinds() -> Bytes:
    """The kind of every code point, UNKNOWN for those that aren't assigned."""
    categories = map(unicodedata.category, map(chr, range(sys.maxunicode + 1)))
    kinds = np.array([_KINDS.get(name) or _GROUPS.get(name[0], OTHER) for name in categories])
    kinds[list(_SPACES)] = SPACE
    kinds[0x20] = BLANK
    kinds[[0x0A, 0x0D]] = NEWLINE
    return kinds.astype(np.uint8)


@kernel
def cut_rows(
    data: Bytes,
    starts: Numbers,
    ends: Numbers,
    kinds_of: Bytes,
    way: int,
    digits: int,
    contractions: bool,
    out: NDArray[np.uint16],
) -> Numbers:
    """Bytes of each word, row after row in `out`; words of each row, -1 where it's left alone.

    `digits` is the longest run of numbers that is a word, 0 for any; `contractions` says whether
    BY_CASE takes them in.
    """
    counts, longest = np.empty(len(starts), np.int64), 0
    for row in range(len(starts)):
        longest = max(longest, ends[row] - starts[row])
    kinds, places = np.empty(longest + 1, np.uint8), np.empty(longest + 1, np.int64)
    written = 0
    for row in range(len(starts)):
        count = _characters(data, starts[row], ends[row], kinds_of, kinds, places)
        at, first = 0, written
        while at < count:
            if way == BY_CLASS:
                end = _class_end(data, places, kinds, at, count, digits)
            else:
                end = _letters_end(data, places, kinds, at, count, way, digits, contractions)
            if places[end] - places[at] > LONGEST_WORD:
                break
            out[written] = places[end] - places[at]
            written, at = written + 1, end
        counts[row] = written - first
        if at < count or count < 0:
            counts[row], written = -1, first
    return counts


@kernel
def _characters(
    data: Bytes, start: int, end: int, kinds_of: Bytes, kinds: Bytes, places: Numbers
) -> int:
    """Writes each character's kind and place, and the end; how many, or -1 if one is unknown."""
    count, at = 0, start
    while at < end:
        first = np.int64(data[at])
        places[count] = at
        code, length = first, 1
        if first >= 0x80:
            length = 2 + int(first >= 0xE0) + int(first >= 0xF0)
            code = first & (0x7F >> length)
            for k in range(1, length):
                code = code << 6 | (np.int64(data[at + k]) & 0x3F)
        kinds[count] = kinds_of[code]
        if kinds[count] == UNKNOWN:
            return -1
        count += 1
        at += length
    places[count] = end
    return count


@kernel
def _is_letter(kind: int) -> bool:
    return UPPER <= kind <= LETTER


@kernel
def _is_other(kind: int) -> bool:
    return kind in (OTHER, MARK)


@kernel
def _class_end(data: Bytes, places: Numbers, kinds: Bytes, at: int, count: int, digits: int) -> int:
    """End of the word at `at`: an ending, or letters, numbers or others, a blank before them."""
    end = _contraction_end(data, places, at, count, False)
    if end > at:
        return end
    has_next = at + 1 < count and kinds[at + 1] < SPACE
    if digits and has_next and kinds[at + 1] == NUMBER:
        has_next = False
    first = at + 1 if kinds[at] == BLANK and has_next else at
    kind = kinds[first]
    end = first + 1
    if kind >= SPACE:
        return _space_end(kinds, at, count, digits > 0)
    if kind == NUMBER:
        while end < count and kinds[end] == NUMBER and not (digits and end - first >= digits):
            end += 1
    elif _is_letter(kind):
        while end < count and _is_letter(kinds[end]):
            end += 1
    else:
        while end < count and _is_other(kinds[end]):
            end += 1
    return end


@kernel
def _letters_end(
    data: Bytes,
    places: Numbers,
    kinds: Bytes,
    at: int,
    count: int,
    way: int,
    digits: int,
    contractions: bool,
) -> int:
    """End of the word at `at`, where letters may have any one character before them."""
    end = _contraction_end(data, places, at, count, True) if way == BY_LETTERS else at
    if end > at:
        return end
    kind = kinds[at]
    has_prefix = not (_is_letter(kind) or kind in (NUMBER, NEWLINE))
    if way == BY_LETTERS:
        first = at + 1 if has_prefix else at
        if first < count and _is_letter(kinds[first]):
            end = first + 1
            while end < count and _is_letter(kinds[end]):
                end += 1
    else:
        end = _cased_end(kinds, at, count, has_prefix)
        if end > at and contractions:
            end = _contraction_end(data, places, end, count, True)
    if end > at:
        return end
    if kind == NUMBER:
        while end < count and kinds[end] == NUMBER and end - at < digits:
            end += 1
        return end
    first = at + 1 if kind == BLANK and at + 1 < count and _is_other(kinds[at + 1]) else at
    if not _is_other(kinds[first]):
        return _line_end(kinds, at, count)
    end = first + 1
    while end < count and _is_other(kinds[end]):
        end += 1
    while end < count and (
        kinds[end] == NEWLINE or (way == BY_CASE and data[places[end]] == _SLASH)
    ):
        end += 1
    return end


@kernel
def _cased_end(kinds: Bytes, at: int, count: int, has_prefix: bool) -> int:
    """End of letters whose capitals come first, with one character before them; `at` for none."""
    for needs_lower in (True, False):
        for skip in (1, 0):
            if skip == 1 and not has_prefix:
                continue
            first = at + skip
            upper = first
            while upper < count and (
                kinds[upper] == UPPER or kinds[upper] == LETTER or kinds[upper] == MARK
            ):
                upper += 1
            end = upper
            while end < count and LOWER <= kinds[end] <= MARK:
                end += 1
            if not needs_lower:
                if upper > first:
                    return upper
                continue
            if end > upper:
                return end
            while end > first and kinds[end - 1] == UPPER:
                end -= 1
            if end > first:
                return end
    return at


@kernel
def _contraction_end(data: Bytes, places: Numbers, at: int, count: int, folds: bool) -> int:
    """End of an ending like 's or 'll at `at`, in capitals too if `folds`; `at` for none."""
    if at + 1 >= count or data[places[at]] != _APOSTROPHE:
        return at
    case = 0x20 if folds else 0
    first = data[places[at + 1]]
    if folds and first == _LONG_S and data[places[at + 1] + 1] == 0xBF:
        return at + 2
    first |= case
    if first in (_S, _T, _M, _D):
        return at + 2
    if at + 2 < count:
        second = data[places[at + 2]] | case
        if (first in (_R, _V) and second == _E) or (first == _L and second == _L):
            return at + 3
    return at


@kernel
def _space_end(kinds: Bytes, at: int, count: int, before_number: bool) -> int:
    """End of white space that leaves its last character to the word after it."""
    end = at
    while end < count and kinds[end] >= SPACE:
        end += 1
    if end == count or end == at + 1 or (before_number and kinds[end] == NUMBER):
        return end
    return end - 1


@kernel
def _line_end(kinds: Bytes, at: int, count: int) -> int:
    """End of white space: after its last line break, else as `_space_end`."""
    last, end = -1, at
    while end < count and kinds[end] >= SPACE:
        if kinds[end] == NEWLINE:
            last = end
        end += 1
    return last + 1 if last >= 0 else _space_end(kinds, at, count, False)
