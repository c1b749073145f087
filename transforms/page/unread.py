"""What a page holds that nobody reads: hidden spans, numbers of lines, anchors' signs …"""

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel
from transforms.page.names import attribute, listed
from transforms.page.scan import ATTRIBUTES_END, FIRST_ATTRIBUTE, NAME, VALUE_END, VALUE_START

_CLASS, _STYLE, _HIDDEN = (attribute(name) for name in listed("class style hidden"))


def _padded(words: tuple[str, ...]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Words as the rows of a matrix, and the bytes of each."""
    encoded = [word.encode() for word in words]
    sizes = np.array([len(word) for word in encoded], np.int64)
    rows = [list(word.ljust(int(sizes.max()), b"\0")) for word in encoded]
    return np.array(rows, np.uint8), sizes


_UNREAD_BYTES, _UNREAD_SIZES = _padded(
    listed("mw-editsection sr-only screen-reader visually-hidden visuallyhidden katex-html lineno")
)
_MATHML = np.frombuffer(b"mwe-math-mathml", np.uint8)
"""MediaWiki hides the formula and shows a picture of it."""

_DISPLAY, _NONE = (np.frombuffer(word, np.uint8) for word in (b"display", b"none"))
_ANCHOR_BYTES, _ANCHOR_SIZES = _padded(listed("# ¶ &para; &#182; § 🔗"))


@kernel
def is_unread(
    data: NDArray[np.uint8], tags: NDArray[np.int32], attributes: NDArray[np.int32], token: int
) -> bool:
    """Whether a span is no text to who sees the page: hidden, numbers of lines, links to edit."""
    for row in range(tags[token, FIRST_ATTRIBUTE], tags[token, ATTRIBUTES_END]):
        name = attributes[row, NAME]
        start, end = attributes[row, VALUE_START], attributes[row, VALUE_END]
        if name == _HIDDEN:
            return True
        if name == _CLASS:
            if _starts_with(data, start, end, _MATHML):
                return False
            for word in range(len(_UNREAD_SIZES)):
                if _starts_with(data, start, end, _UNREAD_BYTES[word, : _UNREAD_SIZES[word]]):
                    return True
        if name == _STYLE and _hides(data, start, end):
            return True
    return False


@kernel
def _hides(data: NDArray[np.uint8], start: int, end: int) -> bool:
    """Whether a style says `display: none`."""
    for at in range(start, end):
        if _starts_with(data, at, end, _DISPLAY):
            at += len(_DISPLAY)
            while at < end and (data[at] == 0x20 or data[at] == 0x3A):
                at += 1
            if _starts_with(data, at, end, _NONE):
                return True
    return False


@kernel
def is_anchor(text: NDArray[np.uint8], start: int, end: int) -> bool:
    """Whether a text is one of the signs that link a heading to itself."""
    while start < end and text[start] == 0x20:
        start += 1
    for row in range(len(_ANCHOR_SIZES)):
        size = _ANCHOR_SIZES[row]
        if end - start == size and _starts_with(text, start, end, _ANCHOR_BYTES[row, :size]):
            return True
    return False


@kernel
def _starts_with(data: NDArray[np.uint8], start: int, end: int, word: NDArray[np.uint8]) -> bool:
    if end - start < len(word):
        return False
    same = 0
    while same < len(word) and data[start + same] == word[same]:
        same += 1
    return same == len(word)
