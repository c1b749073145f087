"""What the class, id and role of an element say of its purpose: a set of hints, as bits.

Authors name the parts of their pages: `class="entry-content"`, `id="sidebar"`. A list of patterns
stands for each purpose; one automaton (Aho and Corasick 1975, "Efficient string matching") finds
all of them in one pass over the attribute. Letters are lower-cased, all else is a blank, and so is
the seam in `camelCase`; a pattern with blanks around it is a whole word, one without may be part of
a longer word.

Cost: 0.05 ms for a page of 150 kB.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel
from transforms.page.names import attribute, listed
from transforms.page.patterns import ELEMENTS, TEXTS
from transforms.page.scan import (
    ATTRIBUTES_END,
    FIRST_ATTRIBUTE,
    NAME,
    VALUE_END,
    VALUE_START,
    Tokens,
)

HINTS = tuple(ELEMENTS)
_LETTERS = 27
"""A blank, then the letters."""

_CLASS, _ID, _ROLE, _ITEMPROP, _STYLE, _HIDDEN = (
    attribute(name) for name in listed("class id role itemprop style hidden")
)
_UNSEEN_BIT = np.uint64(1 << HINTS.index("unseen"))


class _Automaton(NamedTuple):
    """The state after each state and letter, and the hints that are found on reaching a state."""

    step: NDArray[np.int16]
    found: NDArray[np.uint64]


def _letter(character: str) -> int:
    return 0 if character == "_" else ord(character) - ord("a") + 1


def _automaton(patterns: dict[str, str]) -> _Automaton:
    """The automaton of all patterns: a trie whose gaps lead to the longest suffix in it."""
    trie: list[dict[int, int]] = [{}]
    found = [0]
    for bit, words in enumerate(patterns.values()):
        for word in words.split():
            state = 0
            for letter in map(_letter, word):
                if letter not in trie[state]:
                    trie[state][letter] = len(trie)
                    trie.append({})
                    found.append(0)
                state = trie[state][letter]
            found[state] |= 1 << bit
    step = np.zeros((len(trie), _LETTERS), np.int16)
    suffix = [0] * len(trie)
    queue = [0]
    for state in queue:
        beyond = step[suffix[state]].tolist() if state else [0] * _LETTERS
        step[state] = beyond
        for letter, child in trie[state].items():
            step[state, letter] = child
            suffix[child] = beyond[letter]
            found[child] |= found[beyond[letter]]
            queue.append(child)
    return _Automaton(step, np.array(found, np.uint64))


_ELEMENTS = _automaton(ELEMENTS)
_TEXTS = _automaton(TEXTS)


def hint(name: str) -> np.uint64:
    """The bit of a hint."""
    return np.uint64(1 << HINTS.index(name))


def element_hints(
    page: NDArray[np.uint8], tokens: Tokens, chosen: NDArray[np.int32]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Hints of the elements whose start tags are chosen, and a hash of their classes (0: none).

    `chosen` holds token numbers; -1 is an element without a tag, and without hints.

    >>> from transforms.page.scan import scan_tags
    >>> page = np.frombuffer(b'<div id="mainMenu">', np.uint8)
    >>> bits, _ = element_hints(page, scan_tags(page, maximum=9), np.zeros(1, np.int32))
    >>> [name for name in HINTS if bits[0] & hint(name)]
    ['navigation', 'main']
    """
    hints = np.zeros(len(chosen), np.uint64)
    classes = np.zeros(len(chosen), np.uint64)
    _element_hints(page, tokens.tags, tokens.attributes, chosen, *_ELEMENTS, hints, classes)
    return hints, classes


def text_hints(
    text: NDArray[np.uint8], starts: NDArray[np.int32], ends: NDArray[np.int32], *, longest: int
) -> NDArray[np.uint64]:
    """What the texts up to `longest` bytes say of themselves, bits by the order of `TEXTS`."""
    hints = np.zeros(len(starts), np.uint64)
    _text_hints(text, starts, ends, longest, *_TEXTS, hints)
    return hints


@kernel
def _element_hints(
    data: NDArray[np.uint8],
    tags: NDArray[np.int32],
    attributes: NDArray[np.int32],
    chosen: NDArray[np.int32],
    step: NDArray[np.int16],
    found: NDArray[np.uint64],
    hints: NDArray[np.uint64],
    classes: NDArray[np.uint64],
) -> None:
    for place in range(len(chosen)):
        token = chosen[place]
        if token < 0:
            continue
        for row in range(tags[token, FIRST_ATTRIBUTE], tags[token, ATTRIBUTES_END]):
            name = attributes[row, NAME]
            if name in (_CLASS, _ID, _ROLE, _ITEMPROP):
                start, end = attributes[row, VALUE_START], attributes[row, VALUE_END]
                bits, hashed = _match(data, start, end, step, found)
                hints[place] |= bits
                if name == _CLASS:
                    classes[place] = hashed
            elif name == _STYLE:
                start, end = attributes[row, VALUE_START], attributes[row, VALUE_END]
                hints[place] |= _match(data, start, end, step, found)[0] & _UNSEEN_BIT
            elif name == _HIDDEN:
                hints[place] |= _UNSEEN_BIT


@kernel
def _text_hints(
    text: NDArray[np.uint8],
    starts: NDArray[np.int32],
    ends: NDArray[np.int32],
    longest: int,
    step: NDArray[np.int16],
    found: NDArray[np.uint64],
    hints: NDArray[np.uint64],
) -> None:
    for place in range(len(starts)):
        if ends[place] - starts[place] <= longest:
            hints[place] = _match(text, starts[place], ends[place], step, found)[0]


@kernel
def _match(
    data: NDArray[np.uint8],
    at: int,
    end: int,
    step: NDArray[np.int16],
    found: NDArray[np.uint64],
) -> tuple[np.uint64, np.uint64]:
    """Hints in a text, and a hash of its letters."""
    state, bits, hashed = np.int64(step[0, 0]), np.uint64(0), np.uint64(1)
    was_lower, was_blank = False, True
    for place in range(at, end):
        byte = data[place]
        is_upper = 0x41 <= byte <= 0x5A
        if is_upper and was_lower:
            state = np.int64(step[state, 0])
            bits |= found[state]
        was_lower = 0x61 <= byte <= 0x7A
        letter = np.int64(byte & 0x1F) if is_upper or was_lower else 0
        if letter or not was_blank:
            state = np.int64(step[state, letter])
            bits |= found[state]
        was_blank = letter == 0
        hashed = hashed * np.uint64(31) + np.uint64(letter)
    return bits | found[step[state, 0]], hashed
