"""Where English words part inside, and which neighbours are one token after all.

Infixes are runs of periods, symbols, and marks between letters or digits: `well-known` is three
tokens, `1-2` three, `a.B` three, `3.5` one. Then neighbours of one word that make an exception of
one token are joined, the longest first from the left: `)` and `:` are the emoticon `):`.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.heuristics import characters as c
from transforms.heuristics.word_hashes import hash_codes, look_up
from transforms.kernels import kernel

_SPECIAL, _QUOTE, _ICON, _DIGIT = c.SPECIAL, c.QUOTE, c.ICON, c.ASCII_DIGIT
_LOWER, _UPPER, _LETTER = c.LOWER_LETTER, c.UPPER_LETTER, c.LOWER_LETTER | c.UPPER_LETTER
_LONGEST_EXCEPTION, _ONE_TOKEN = 12, 1
_ELLIPSIS = 0x2026

Codes = NDArray[np.uint32]
Bits = NDArray[np.uint32]
Marks = NDArray[np.bool_]
Keys = NDArray[np.uint64]
Values = NDArray[np.int32]
Places = NDArray[np.int64]


@kernel
def mark_infixes(codes: Codes, bits: Bits, marks: Marks, starts: Places, stops: Places) -> None:
    """Mark the tokens into which infixes part each range of letters."""
    for word in range(len(starts)):
        if starts[word] < stops[word]:
            _part(codes, bits, marks, starts[word], stops[word])


@kernel
def join_exceptions(
    codes: Codes, marks: Marks, limits: Places, stops: Places, keys: Keys, values: Values
) -> None:
    """Take away marks inside of neighbours that make an exception of one token.

    Words whose stop is below 0 are left as they are.
    """
    for word in range(len(limits) - 1):
        start, end = limits[word], limits[word + 1]
        while start < end and stops[word] >= 0:
            joined = _reach(codes, marks, start, end, keys, values)
            marks[start + 1 : joined] = False
            start = joined


@kernel
def _reach(codes: Codes, marks: Marks, start: int, end: int, keys: Keys, values: Values) -> int:
    """End of the longest exception of one token that begins here, or of the token."""
    reach = _next(marks, start, end)
    joined = reach
    while reach < end:
        reach = _next(marks, reach, end)
        if reach - start > _LONGEST_EXCEPTION:
            break
        if _find(codes, start, reach, keys, values) == _ONE_TOKEN:
            joined = reach
    return joined


@kernel
def _next(marks: Marks, at: int, end: int) -> int:
    at += 1
    while at < end and not marks[at]:
        at += 1
    return at


@kernel
def _part(codes: Codes, bits: Bits, marks: Marks, start: int, stop: int) -> None:
    """Marks around infixes."""
    at = start
    while at < stop:
        length = _infix(codes, bits, start, at, stop)
        if length > 0 and at > start:
            marks[at] = True
            if at + length < stop:
                marks[at + length] = True
        at += max(length, 1)


@kernel
def _infix(codes: Codes, bits: Bits, start: int, at: int, stop: int) -> int:
    """Characters of the infix at this place, or 0."""
    code = codes[at]
    if not bits[at] & _SPECIAL:
        return 0
    if code == 0x2E and _periods(codes, at, stop):
        return _periods(codes, at, stop)
    if code == _ELLIPSIS or bits[at] & _ICON:
        return 1
    if at == start or at + 1 >= stop:
        return 0
    before, after = bits[at - 1], bits[at + 1]
    if code == 0x2E:
        return int(before & (_LOWER | _QUOTE) != 0 and after & (_UPPER | _QUOTE) != 0)
    if code == 0x2C:
        return int(before & _LETTER != 0 and after & _LETTER != 0)
    is_sum = code == 0x2B or code == 0x2D or code == 0x2A or code == 0x5E
    if is_sum and before & _DIGIT and (after & _DIGIT or codes[at + 1] == 0x2D):
        return 1
    if not before & (_LETTER | _DIGIT):
        return 0
    if code == 0x3A or code == 0x3C or code == 0x3E or code == 0x3D or code == 0x2F:
        return int(after & _LETTER != 0)
    return _hyphens(codes, bits, at, stop)


@kernel
def _periods(codes: Codes, at: int, stop: int) -> int:
    """Length of the run of two or more periods that begins here, or 0."""
    end = at
    while end < stop and codes[end] == 0x2E:
        end += 1
    return end - at if end - at > 1 else 0


@kernel
def _hyphens(codes: Codes, bits: Bits, at: int, stop: int) -> int:
    """Length of the hyphen or dash at this place, before a letter, or 0."""
    code, end = codes[at], at + 1
    most = 3 if code == 0x2D else 2 if code == 0x2014 else 1
    if most == 1 and code != 0x2013 and code != 0x7E:
        return 0
    while end < stop and codes[end] == code and end - at < most:
        end += 1
    return end - at if end < stop and bits[end] & _LETTER else 0


@kernel
def _find(codes: Codes, start: int, stop: int, keys: Keys, values: Values) -> np.int32:
    """What the table of exceptions says of the letters, without the bit of units."""
    return np.int32(look_up(hash_codes(codes, start, stop), keys, values) & ~2)
