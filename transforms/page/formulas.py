"""Formulas as TeX: MathML often has a note of what it was made from, which says it in one line.

The numbers and letters of MathML, read one after the other, say something else than the formula: of
a fraction they keep no bar. Where there is a note in TeX (`<annotation>`, by MediaWiki, KaTeX,
MathJax, pandoc), it takes the place of what the formula wrote before, between `$` and `$`, without
the `{\\displaystyle }` that MediaWiki puts around it.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.html_bytes import to_lower
from transforms.kernels import kernel
from transforms.page import registers as r
from transforms.page.block_text import break_line, write_text
from transforms.page.registers import Page

_TEX_FROM = -2
"""Less where TeX starts in the text: what the register has while TeX is written."""

_DOLLAR = np.frombuffer(b"$", np.uint8)
_TEX = np.frombuffer(b"tex", np.uint8)
_WRAPPER = np.frombuffer(b"{\\displaystyle ", np.uint8)


@kernel
def start_formula(page: Page) -> None:
    """Remember where a formula starts, so that its TeX may take its place."""
    state = page.state
    break_line(page)
    state[r.FORMULA], state[r.FORMULA_SPACE] = state[r.OUT], state[r.SPACE]


@kernel
def can_be_tex(data: NDArray[np.uint8], start: int, end: int, page: Page) -> bool:
    """Whether a note whose encoding stands there is in TeX and in an open formula of the block."""
    state = page.state
    if state[r.SKIPPED] >= 0 or state[r.LINK] > 0 or state[r.FORMULA] < state[r.FROM]:
        return False
    at = start
    while at < end and not _stands(_TEX, data, at, end):
        at += 1
    return at < end


@kernel
def _stands(word: NDArray[np.uint8], data: NDArray[np.uint8], at: int, end: int) -> bool:
    """Whether the word stands there, in letters of either case."""
    same = 0
    while same < len(word) and at + same < end and to_lower(data[at + same]) == word[same]:
        same += 1
    return same == len(word)


@kernel
def start_tex(page: Page) -> None:
    """Take the open formula back and begin its TeX."""
    state = page.state
    state[r.OUT], state[r.SPACE] = state[r.FORMULA], state[r.FORMULA_SPACE]
    written = state[r.OUT] - state[r.FROM]
    state[r.BOLD_BYTES] = min(state[r.BOLD_BYTES], written)
    state[r.ITALIC_BYTES] = min(state[r.ITALIC_BYTES], written)
    write_text(_DOLLAR, 0, 1, page)
    state[r.FORMULA] = _TEX_FROM - state[r.OUT]


@kernel
def end_tex(page: Page) -> bool:
    """End the TeX of a formula, if one is being written."""
    state = page.state
    if state[r.FORMULA] > _TEX_FROM:
        return False
    start = _TEX_FROM - state[r.FORMULA]
    if start >= state[r.FROM]:
        _strip(page, start)
    state[r.FORMULA], state[r.SPACE] = -1, 0
    write_text(_DOLLAR, 0, 1, page)
    return True


@kernel
def ends_in_tex(page: Page) -> bool:
    """Whether the block ends in a formula, of which MediaWiki has a picture besides."""
    out = page.state[r.OUT]
    return bool(out > page.state[r.FROM] and page.text[out - 1] == _DOLLAR[0])


@kernel
def _strip(page: Page, start: int) -> None:
    """Take the blanks and MediaWiki's wrapper off the TeX that starts there."""
    text, end, first = page.text, page.state[r.OUT], start
    while first < end and text[first] == 0x20:
        first += 1
    if _stands(_WRAPPER, text, first, end) and text[end - 1] == 0x7D:
        first, end = first + len(_WRAPPER), end - 1
    for at in range(end - first):
        text[start + at] = text[first + at]
    page.state[r.OUT] = start + end - first
