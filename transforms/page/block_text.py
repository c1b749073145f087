"""The text of the block that is being written: white space collapsed, entities as they stand.

Two `<br>` in a row part blocks, one breaks a line. Where the source wraps a line between characters
of Chinese or Japanese there is no blank (CSS Text 3, section 4.1.3): a control character stands for
it, which whoever counts words takes for a blank, and which is left out in the end.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel
from transforms.page import registers as r
from transforms.page.blocks import (
    BOLD_BYTES,
    INLINE,
    ITALIC_BYTES,
    LINES,
    LINK_BYTES,
    LINKS,
    NODE,
    TEXT_END,
    TEXT_START,
)
from transforms.page.registers import Page

WRAP = 0x1F
_AMPERSAND = b"&"[0]
_BLANK_ENTITIES = (b"&nbsp;", b"&#160;", b"&#xa0;", b"&#xA0;")
_BLANK_ENTITY_BYTES = np.frombuffer(b"".join(_BLANK_ENTITIES), np.uint8)
_ENTITY_WIDTH = 6
_IS_PLAIN = np.ones(256, np.bool_)
_IS_PLAIN[[0, *range(0x09, 0x0E), 0x20, 0xC2, _AMPERSAND]] = False
"""Bytes that begin no white space and aren't NUL, which is nearly all of them."""


@kernel
def end_block(page: Page) -> None:
    """End the block that is being written, if it holds anything."""
    state, block = page.state, page.state[r.BLOCKS]
    while state[r.OUT] > state[r.FROM] and page.text[state[r.OUT] - 1] in (0x0A, 0x20, 0x09):
        state[r.OUT] -= 1
    if state[r.OUT] > state[r.FROM]:
        page.blocks[block, NODE] = page.stack[state[r.TOP]]
        page.blocks[block, TEXT_START] = state[r.FROM]
        page.blocks[block, TEXT_END] = state[r.OUT]
        for row, register in (
            (LINK_BYTES, r.LINK_BYTES),
            (LINKS, r.LINKS),
            (BOLD_BYTES, r.BOLD_BYTES),
            (INLINE, r.INLINE),
            (LINES, r.LINES),
            (ITALIC_BYTES, r.ITALIC_BYTES),
        ):
            page.blocks[block, row] = state[register]
        state[r.BLOCKS] += 1
    state[r.FROM] = state[r.OUT]
    state[r.LINKS], state[r.LINES], state[r.LINK_FROM] = 0, 0, state[r.OUT]
    state[r.LINK_BYTES], state[r.BOLD_BYTES], state[r.ITALIC_BYTES] = 0, 0, 0
    state[r.SPACE], state[r.BREAKS], state[r.INLINE] = 0, 0, -1


@kernel
def write_text(data: NDArray[np.uint8], at: int, end: int, page: Page) -> None:
    """Write text to the open block, white space collapsed unless it is preformatted."""
    state = page.state
    if state[r.PRE] > 0:
        _preformatted(data, at, end, page)
        return
    after = _skip_blanks(data, at, end)
    if after > at:
        state[r.SPACE] = 1
    if after == end:
        return
    break_line(page)
    text, out, space = page.text, state[r.OUT], state[r.SPACE]
    before, begin, at = out, state[r.FROM], after
    while at < end:
        after = _skip_blanks(data, at, end)
        if after > at:
            is_between = after < end and _is_wide(data, after) and out - begin >= 3
            is_wrap = is_between and _is_wide(text, out - 3) and _wraps(data, at, after)
            space, at = (2 if is_wrap else 1), after
            continue
        if data[at] == 0:
            at += 1
            continue
        if space and out > begin and text[out - 1] != 0x0A:
            text[out] = WRAP if space == 2 else 0x20
            out += 1
        space = 0
        text[out] = data[at]
        out, at = out + 1, at + 1
        while at < end and _IS_PLAIN[data[at]]:
            text[out] = data[at]
            out, at = out + 1, at + 1
    state[r.OUT], state[r.SPACE] = out, space
    _count(page, out - before)


@kernel
def _wraps(data: NDArray[np.uint8], at: int, end: int) -> bool:
    """Whether a line of the source ends among these blanks."""
    while at < end and data[at] != 0x0A:
        at += 1
    return at < end


@kernel
def _is_wide(text: NDArray[np.uint8], at: int) -> bool:
    """Whether a character of Chinese or Japanese stands there, or a mark as wide as one."""
    if text[at] < 0xE3:
        return False
    if text[at] == 0xEF:
        return at + 1 < len(text) and (text[at + 1] == 0xBC or text[at + 1] == 0xBD)
    return bool(text[at] <= 0xE9)


@kernel
def _preformatted(data: NDArray[np.uint8], at: int, end: int, page: Page) -> None:
    """Write text as it stands, without a first line break."""
    state, out = page.state, page.state[r.OUT]
    break_line(page)
    out = before = state[r.OUT]
    while at < end:
        byte = data[at]
        if byte == 0x0D and (at + 1 == end or data[at + 1] != 0x0A):
            byte = np.uint8(0x0A)
        if byte != 0x0D and byte != 0 and not (byte == 0x0A and out == state[r.FROM]):
            page.text[out] = byte
            out += 1
        at += 1
    state[r.OUT] = out
    _count(page, out - before)


@kernel
def _count(page: Page, written: int) -> None:
    if page.state[r.LINK] > 0:
        page.state[r.LINK_BYTES] += written
    if page.state[r.BOLD] > 0:
        page.state[r.BOLD_BYTES] += written
    if page.state[r.ITALIC] > 0:
        page.state[r.ITALIC_BYTES] += written


@kernel
def break_line(page: Page) -> None:
    """What `<br>` left to do before the next text: a new line, or, for several, a new block."""
    state = page.state
    if state[r.BREAKS] == 0 or state[r.OUT] == state[r.FROM]:
        state[r.BREAKS] = 0
        return
    if state[r.BREAKS] > 1 and state[r.PRE] == 0:
        end_block(page)
        return
    for _ in range(state[r.BREAKS]):
        page.text[state[r.OUT]] = 0x0A
        state[r.OUT] += 1
    state[r.LINES] += state[r.BREAKS]
    state[r.BREAKS], state[r.SPACE] = 0, 0


@kernel
def _skip_blanks(data: NDArray[np.uint8], at: int, end: int) -> int:
    """Place after white space and no-break spaces."""
    while at < end:
        byte = data[at]
        if byte == 0x20 or 0x09 <= byte <= 0x0D:
            at += 1
        elif byte == 0xC2 and at + 1 < end and data[at + 1] == 0xA0:
            at += 2
        elif byte == _AMPERSAND and _is_blank_entity(data, at, end):
            at += _ENTITY_WIDTH
        else:
            break
    return at


@kernel
def _is_blank_entity(data: NDArray[np.uint8], at: int, end: int) -> bool:
    if at + _ENTITY_WIDTH > end:
        return False
    for first in range(0, len(_BLANK_ENTITY_BYTES), _ENTITY_WIDTH):
        same = 0
        while same < _ENTITY_WIDTH and data[at + same] == _BLANK_ENTITY_BYTES[first + same]:
            same += 1
        if same == _ENTITY_WIDTH:
            return True
    return False
