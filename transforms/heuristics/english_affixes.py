"""Where English words part: the kernel of `transforms.heuristics.english`.

A word's code points and their bits lie in flat arrays; the answer is a mark on each code point that
begins a token. A step looks at a bounded number of characters, apart from one pass for URLs and
one for infixes, so a word of a million brackets costs what a million words do.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transforms.heuristics import characters as c
from transforms.heuristics.word_hashes import hash_codes, look_up
from transforms.kernels import kernel

_SPECIAL, _PREFIX, _SUFFIX, _QUOTE, _ICON = c.SPECIAL, c.PREFIX, c.SUFFIX, c.QUOTE, c.ICON
_DIGIT, _CURRENCY, _BEFORE_PERIOD = c.ASCII_DIGIT, c.CURRENCY, c.BEFORE_PERIOD
_LOWER, _UPPER, _LETTER = c.LOWER_LETTER, c.UPPER_LETTER, c.LOWER_LETTER | c.UPPER_LETTER
_HOST, _ALNUM, _ELLIPSIS = c.HOST, c.ALNUM, 0x2026
_LONGEST_UNIT, _MOST_LOGINS = 5, 4
LONGEST_EXCEPTION = 12
EXCEPTION, UNIT = 1, 2
SECOND_TOKEN, THIRD_TOKEN = 2, 10


class Exceptions(NamedTuple):
    """Exceptions and units, by the hash of their characters, in an open hash table.

    `values` int32: bit 0, an exception; bit 1, a unit; above, where the second and the third token
    begin (8 bits each, in code points), or 0.
    """

    keys: NDArray[np.uint64]
    values: NDArray[np.int32]


class Letters(NamedTuple):
    """Code points of words one after the other: uint32, their bits uint32, token marks bool."""

    codes: NDArray[np.uint32]
    bits: NDArray[np.uint32]
    marks: NDArray[np.bool_]


Codes = NDArray[np.uint32]
Bits = NDArray[np.uint32]
Marks = NDArray[np.bool_]
Keys = NDArray[np.uint64]
Values = NDArray[np.int32]
Places = NDArray[np.int64]


@kernel
def mark_affixes(
    codes: Codes,
    bits: Bits,
    marks: Marks,
    limits: Places,
    starts: Places,
    stops: Places,
    keys: Keys,
    values: Values,
) -> None:
    """Mark the affixes of the words between successive limits, and the tokens of exceptions.

    What remains of a word is put into `starts` and `stops`: an empty range where nothing does, one
    below 0 where its tokens need no second look.
    """
    for word in range(len(limits) - 1):
        start, end = limits[word], limits[word + 1]
        starts[word], stops[word] = start, start
        if start < end:
            marks[start] = True
            is_plain = _ends_plainly(bits, start, end - 1, codes[end - 1])
            if is_plain and not (
                _find(codes, start, end, keys, values) & EXCEPTION
                or _find(codes, start, end - 1, keys, values) & EXCEPTION
            ):
                marks[end - 1] = True
                starts[word], stops[word] = -1, -1
            else:
                starts[word], stops[word] = _split(codes, bits, marks, start, end, keys, values)


@kernel
def _ends_plainly(bits: Bits, start: int, last: int, code: np.uint32) -> bool:
    """Whether letters stand before one mark: most words that part, told from the rest for speed."""
    for at in range(start, last):
        if bits[at] & (_SPECIAL | _DIGIT):
            return False
    is_period = code == 0x2E and start < last and bits[last - 1] & _BEFORE_PERIOD != 0
    return is_period or (start < last and bits[last] & _SUFFIX != 0 and code != 0x2E)


@kernel
def _split(
    codes: Codes, bits: Bits, marks: Marks, start: int, stop: int, keys: Keys, values: Values
) -> tuple[int, int]:
    """Marks after prefixes, before suffixes and in exceptions; the range that remains."""
    last = -1
    while start < stop and stop - start != last:
        last = stop - start
        value = _find(codes, start, stop, keys, values)
        if value & EXCEPTION:
            _mark(marks, start, value)
            return stop, stop
        prefix = _prefix(codes, bits, start, stop)
        known = prefix > 0 and _find(codes, start + prefix, stop, keys, values) & EXCEPTION
        suffix = 0 if known else _suffix(codes, bits, start + prefix, stop, keys, values)
        if suffix > 0 and _find(codes, start, stop - suffix, keys, values) & EXCEPTION:
            prefix = 0
        start, stop = start + prefix, stop - suffix
        if start < stop:
            marks[start] = True
        marks[stop] |= suffix > 0
    return start, stop


@kernel
def _mark(marks: Marks, start: int, value: np.int32) -> None:
    second, third = value >> SECOND_TOKEN & 0xFF, value >> THIRD_TOKEN
    if second:
        marks[start + second] = True
    if third:
        marks[start + third] = True


@kernel
def _prefix(codes: Codes, bits: Bits, start: int, stop: int) -> int:
    """Characters of the prefix, or 0."""
    first = codes[start]
    if bits[start] & _PREFIX:
        return 1
    if first == 0x2B:
        return 0 if start + 1 < stop and bits[start + 1] & _DIGIT else 1
    if first == 0x2E:
        return _periods(codes, start, stop)
    if first == 0x41 or first == 0x43:
        return 2 if start + 1 < stop and codes[start + 1] == 0x24 else 0
    is_dollar = first == 0x55 and start + 2 < stop and codes[start + 1] == 0x53
    return 3 if is_dollar and codes[start + 2] == 0x24 else 0


@kernel
def _periods(codes: Codes, at: int, stop: int) -> int:
    """Length of the run of two or more periods that begins here, or 0."""
    end = at
    while end < stop and codes[end] == 0x2E:
        end += 1
    return end - at if end - at > 1 else 0


@kernel
def _suffix(codes: Codes, bits: Bits, start: int, stop: int, keys: Keys, values: Values) -> int:
    """Characters of the longest suffix, or 0."""
    if start >= stop:
        return 0
    last, before, before_bits = codes[stop - 1], np.uint32(0), np.uint32(0)
    if stop - start > 1:
        before, before_bits = codes[stop - 2], bits[stop - 2]
    if last == 0x2E:
        return _last_periods(codes, bits, start, stop, before_bits)
    if (last == 0x73 or last == 0x53) and (before == 0x27 or before == 0x2019):
        return 2
    if last == _ELLIPSIS and before == _ELLIPSIS:
        return 2
    for length in range(min(_LONGEST_UNIT, stop - start - 1), 0, -1):
        if bits[stop - length - 1] & _DIGIT:
            if _find(codes, stop - length, stop, keys, values) & UNIT:
                return length
            if last == 0x24 and _prefix(codes, bits, stop - length, stop) == length:
                return length
    is_parted = bits[stop - 1] & _CURRENCY or last == 0x2B
    return int(bits[stop - 1] & _SUFFIX != 0 or (is_parted and before_bits & _DIGIT != 0))


@kernel
def _last_periods(codes: Codes, bits: Bits, start: int, stop: int, before: np.uint32) -> int:
    first = stop
    while first > start and codes[first - 1] == 0x2E:
        first -= 1
    if stop - first > 1:
        return stop - first
    if before & _BEFORE_PERIOD:
        return 1
    if stop - start < 3:
        return 0
    if before & _UPPER and bits[stop - 3] & _UPPER:
        return 1
    letter = codes[stop - 2] & 0xDF
    return int(codes[stop - 3] == 0xB0 and (letter == 0x43 or letter == 0x46 or letter == 0x4B))


@kernel
def _find(codes: Codes, start: int, stop: int, keys: Keys, values: Values) -> np.int32:
    """What the table says of the characters; 0 where they aren't in it."""
    if stop <= start or stop - start > LONGEST_EXCEPTION:
        return np.int32(0)
    return look_up(hash_codes(codes, start, stop), keys, values)
