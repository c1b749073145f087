"""What RedPajama-v2 makes of each code point: lower case, no ASCII punctuation, decomposed (NFD).

Three tables: the kind of a character as Python's string methods and `\\w` tell it; its lower case;
and the code points that it becomes. Texts are NFC here, so characters can be decomposed one by one:
two words get the same code points exactly where RedPajama's normalization makes them equal. Marks
aren't put in canonical order once more, which no count sees.
"""

import string
import sys
import unicodedata
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from transforms.tables import shipped_table

WORD = 1 << 0
"""`\\w` of Python's `re`."""
UPPER = 1 << 1
SMALL = 1 << 2
"""Lower case or title case: a word that has one isn't in capitals."""
NUMERIC = 1 << 3
"""`str.isnumeric` of what it is decomposed to."""
CASED = 1 << 4
"""A capital sigma after it, at a word's end, is a final one."""
IGNORABLE = 1 << 5
"""Skipped when looking for such a letter."""
STOP = 1 << 6
"""`.`, `!` and `?`."""
BRACKET = 1 << 7
"""`{` and `}`."""
LETTER = 1 << 8
"""a to z and A to Z."""

DROPPED = 0xFFFFFFFF
"""ASCII punctuation in the table of what characters become."""
MANY = 1 << 31
"""Bit of an entry that stands for several: their number << 24, and where they begin."""

SIGMA, FINAL_SIGMA = 0x3A3, 0x3C2
LISTED = 0x30000
"""Code points above have no case and no decomposition."""


@shipped_table
def kinds() -> NDArray[np.uint16]:
    """The bits of each code point, uint16[0x110000].

    >>> table = kinds()
    >>> [bool(table[ord(c)] & WORD) for c in "a_1-"]
    [True, True, True, False]
    """
    characters = [chr(code) for code in range(sys.maxunicode + 1)]
    table = np.zeros(sys.maxunicode + 1, np.uint16)
    for bit, holds in _BY_CHARACTER:
        table |= np.where([holds(c) for c in characters], bit, 0).astype(np.uint16)
    return table


@shipped_table
def lower_case() -> NDArray[np.uint32]:
    """The lower case of each code point, uint32[LISTED]: of `İ` that is i, of a final sigma σ."""
    lower = (ord(chr(code).lower()[0]) for code in range(LISTED))
    table = np.fromiter(lower, np.uint32, LISTED)
    table[FINAL_SIGMA] = table[SIGMA]
    return table


@shipped_table
def folded() -> NDArray[np.uint32]:
    """What each code point becomes, uint32[LISTED]: a code point, DROPPED, or MANY and a place.

    >>> [hex(code) for code in folded()[[ord("A"), ord("-")]]]
    ['0x61', '0xffffffff']
    """
    place, table = 0, np.zeros(LISTED, np.uint32)
    for code in range(LISTED):
        found = _fold(code)
        table[code] = ord(found) if len(found) == 1 else MANY | len(found) << 24 | place
        place += len(found) if len(found) > 1 else 0
    table[[ord(mark) for mark in string.punctuation]] = DROPPED
    return table


@shipped_table
def several() -> NDArray[np.uint32]:
    """The code points of those that become several, uint32, one after the other."""
    found = (_fold(code) for code in range(LISTED))
    return np.array([ord(c) for many in found if len(many) > 1 for c in many], np.uint32)


def is_itself(c: str) -> bool:
    """Whether the character becomes itself and isn't numeric.

    >>> [is_itself(c) for c in "aA1-ñ水"]
    [True, False, False, False, False, True]
    """
    return _fold(ord(c)) == c and c not in string.punctuation and not c.isnumeric()


def _fold(code: int) -> str:
    return unicodedata.normalize("NFD", chr(code).lower())


def _is_cased(c: str) -> bool:
    return (c + chr(SIGMA)).lower()[-1] == chr(FINAL_SIGMA)


_BY_CHARACTER: tuple[tuple[int, Callable[[str], bool]], ...] = (
    (WORD, lambda c: c.isalnum() or c == "_"),
    (UPPER, str.isupper),
    (SMALL, lambda c: c.islower() or (c.istitle() and not c.isupper())),
    (NUMERIC, lambda c: unicodedata.normalize("NFD", c.lower()).isnumeric()),
    (CASED, _is_cased),
    (IGNORABLE, lambda c: not _is_cased(c) and _is_cased("a" + c)),
    (STOP, lambda c: c in ".!?"),
    (BRACKET, lambda c: c in "{}"),
    (LETTER, lambda c: c in string.ascii_letters),
)
