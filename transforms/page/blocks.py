"""The blocks of a page: its text cut where a browser would start a new line, and what holds them.

A second pass, over the tags alone, with a stack of open elements. An element that lays out a block
of its own becomes a node (with its parent), text between two of their tags becomes a block: white
space collapsed, entities as they stand. End tags that a page left out are implied as the HTML
standard says, those that fit nothing are ignored. Two `<br>` in a row part blocks, one breaks a
line.

Depth is bounded by the caller, since an end tag that fits nothing looks through all open elements.
Cost: 0.1 ms for a page of 150 kB.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel
from transforms.page.names import TAGS, Role, attribute, listed, tag, tag_roles, tag_set
from transforms.page.scan import (
    ATTRIBUTES_END,
    END,
    FIRST_ATTRIBUTE,
    NAME,
    START,
    TAG,
    VALUE_END,
    VALUE_START,
    Tokens,
)

PARENT, NODE_TAG, NODE_TOKEN, FIRST_BLOCK, END_BLOCK = range(5)
"""Columns of `Blocks.nodes`: node around it (-1: none), tag number, its token, its blocks."""

NODE, TEXT_START, TEXT_END, LINK_BYTES, LINKS, BOLD_BYTES, INLINE, LINES, ITALIC_BYTES = range(9)
"""Columns of `Blocks.blocks`: the node right around it, its place in the text, bytes of it in
links, number of links, bytes in bold, token of the inline element that it begins with (-1: none),
lines that `<br>` parts, bytes in italics."""

_OUT, _FROM, _SPACE, _BREAKS, _TOP, _NODES, _BLOCKS, _SKIPPED = range(8)
_PRE, _LINK, _BOLD, _LINK_BYTES, _LINKS, _BOLD_BYTES, _INLINE, _LINES = range(8, 16)
_ITALIC, _ITALIC_BYTES, _LINK_FROM = range(16, 19)

_ROLES = tag_roles()
_BLOCK, _BREAK, _SKIP, _A, _STRONG, _ROOT, _EMPHASIS, _INLINE_ROLE = (
    int(role)
    for role in (
        Role.BLOCK,
        Role.BREAK,
        Role.SKIP,
        Role.LINK,
        Role.BOLD,
        Role.ROOT,
        Role.ITALIC,
        Role.INLINE,
    )
)
_P, _LI, _TR, _HEAD, _SVG, _IMG, _HR, _SPAN = (
    tag(name) for name in listed("p li tr head svg img hr span")
)
_TABLE = tag("table")
_HREF, _ALT, _CLASS, _STYLE, _HIDDEN = (
    attribute(name) for name in listed("href alt class style hidden")
)
_HEADINGS = tag_set("h1 h2 h3 h4 h5 h6")
_PREFORMATTED = tag_set("pre listing")
_SECTIONS = tag_set("table tbody thead tfoot")
_CELLS = tag_set("td th")
_ROWS_OR_ABOVE = tag_set("tr table tbody thead tfoot")
_TABLES = tag_set("table")
_DEFINITIONS = tag_set("dd dt")
_TABLE_PARTS = tag_set("table tbody thead tfoot tr td th caption")
_SCOPE = tag_set("table td th caption")
_ITEM_SCOPE = tag_set("ul ol menu dir table td th caption")
_LESS_SPECIAL = tag_set("address div p center legend figcaption h1 h2 h3 h4 h5 h6")
_SHOWN = tag_set(
    "img input embed svg select button object video audio canvas applet marquee textarea iframe"
)
"""What a browser shows between the words around it, though it isn't read as text."""

_AMPERSAND = b"&"[0]
_BLANK_ENTITIES = (b"&nbsp;", b"&#160;", b"&#xa0;", b"&#xA0;")
_BLANK_ENTITY_BYTES = np.frombuffer(b"".join(_BLANK_ENTITIES), np.uint8)
_ENTITY_WIDTH = 6
_IS_PLAIN = np.ones(256, np.bool_)
_IS_PLAIN[[0, *range(0x09, 0x0E), 0x20, 0xC2, _AMPERSAND]] = False
"""Bytes that begin no white space, which is nearly all of them."""


def _padded(words: tuple[str, ...]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Words as the rows of a matrix, and the bytes of each."""
    encoded = [word.encode() for word in words]
    sizes = np.array([len(word) for word in encoded], np.int64)
    rows = [list(word.ljust(int(sizes.max()), b"\0")) for word in encoded]
    return np.array(rows, np.uint8), sizes


_UNREAD_BYTES, _UNREAD_SIZES = _padded(
    listed("mw-editsection sr-only screen-reader visually-hidden visuallyhidden")
)
_DISPLAY, _NONE = (np.frombuffer(word, np.uint8) for word in (b"display", b"none"))
_ANCHOR_BYTES, _ANCHOR_SIZES = _padded(listed("# ¶ &para; &#182; § 🔗"))


class Blocks(NamedTuple):
    """A page's nodes and blocks, one row each, int32; the blocks' text, UTF-8 with entities."""

    nodes: NDArray[np.int32]
    blocks: NDArray[np.int32]
    text: NDArray[np.uint8]


class _Page(NamedTuple):
    """What the pass writes: the parts of `Blocks`, open nodes, open elements by tag, registers."""

    text: NDArray[np.uint8]
    nodes: NDArray[np.int32]
    blocks: NDArray[np.int32]
    stack: NDArray[np.int32]
    opened: NDArray[np.int32]
    state: NDArray[np.int64]


def cut_blocks(
    page: NDArray[np.uint8], tokens: Tokens, *, maximum_depth: int, image_texts: bool
) -> Blocks | None:
    """The blocks of a page whose tags were scanned; None if nodes are nested deeper than allowed.

    >>> from transforms.page.scan import scan_tags
    >>> page = np.frombuffer(b"<p>one <b>two</b><p>three", np.uint8)
    >>> cut = cut_blocks(page, scan_tags(page, maximum=9), maximum_depth=9, image_texts=False)
    >>> [cut.text[start:end].tobytes() for start, end in cut.blocks[:, [TEXT_START, TEXT_END]]]
    [b'one two', b'three']
    """
    most = tokens.tags.shape[0] + 2
    written = _Page(
        text=np.empty(len(page) + most, np.uint8),
        nodes=np.empty((most, 5), np.int32),
        blocks=np.empty((most, 9), np.int32),
        stack=np.zeros(maximum_depth + 1, np.int32),
        opened=np.zeros(len(TAGS) + 1, np.int32),
        state=np.zeros(19, np.int64),
    )
    if not _cut(page, tokens.tags, tokens.attributes, written, image_texts):
        return None
    state = written.state
    return Blocks(
        written.nodes[: state[_NODES]],
        written.blocks[: state[_BLOCKS]],
        written.text[: state[_OUT]],
    )


@kernel
def _cut(
    data: NDArray[np.uint8],
    tags: NDArray[np.int32],
    attributes: NDArray[np.int32],
    page: _Page,
    image_texts: bool,
) -> bool:
    """Whether the page was cut to its end; nodes may be nested too deep."""
    state, place = page.state, 0
    state[_SKIPPED], state[_INLINE], state[_TOP] = -1, -1, -1
    _push(page, 0, -1)
    for token in range(tags.shape[0]):
        if state[_SKIPPED] < 0 and place < tags[token, START]:
            _text(data, int(np.int64(place)), int(np.int64(tags[token, START])), page)
        place, number = tags[token, END], tags[token, TAG]
        if number > 0:
            if _opens_too_deep(page, number):
                return False
            _start(data, tags, attributes, token, page)
            if image_texts and number == _IMG and state[_SKIPPED] < 0:
                _image(data, tags, attributes, token, page)
        elif number < 0:
            _end(page, -number)
    if state[_SKIPPED] < 0:
        _text(data, int(np.int64(place)), len(data), page)
    _flush(page)
    while state[_TOP] >= 0:
        _pop(page)
    return True


@kernel
def _opens_too_deep(page: _Page, number: int) -> bool:
    role = _ROLES[number]
    pushes = role in (_BLOCK, _SKIP) or number == _SPAN
    return pushes and page.state[_TOP] + 1 >= len(page.stack)


@kernel
def _start(
    data: NDArray[np.uint8],
    tags: NDArray[np.int32],
    attributes: NDArray[np.int32],
    token: int,
    page: _Page,
) -> None:
    state, number = page.state, tags[token, TAG]
    role = _ROLES[number]
    if _SHOWN[number]:
        state[_SPACE] = 1
    if role == _BLOCK:
        _flush(page)
        _imply_ends(page, number)
        _push(page, number, token)
    elif role == _BREAK:
        if number == _HR:
            _flush(page)
        else:
            state[_BREAKS] += 1
    elif role == _SKIP:
        if not (number == _SVG and data[tags[token, END] - 2] == 0x2F):
            _push(page, number, token)
    elif role == _ROOT:
        _close(page, _HEAD, _SCOPE)
    elif number == _SPAN and (state[_SKIPPED] >= 0 or _is_unread(data, tags, attributes, token)):
        _push(page, number, token)
        state[_SKIPPED] = state[_TOP] if state[_SKIPPED] < 0 else state[_SKIPPED]
    elif role in (_A, _STRONG, _EMPHASIS, _INLINE_ROLE):
        _start_inline(tags, attributes, token, page)


@kernel
def _start_inline(
    tags: NDArray[np.int32], attributes: NDArray[np.int32], token: int, page: _Page
) -> None:
    state, role = page.state, _ROLES[tags[token, TAG]]
    is_first = state[_OUT] == state[_FROM] and state[_INLINE] < 0
    if is_first and _find(tags, attributes, token, _CLASS) >= 0:
        state[_INLINE] = token
    if role == _A and _find(tags, attributes, token, _HREF) >= 0:
        state[_LINK] = state[_TOP] + 1
        state[_LINKS] += 1
        state[_LINK_FROM] = state[_OUT]
    elif role == _STRONG:
        state[_BOLD] += 1
    elif role == _EMPHASIS:
        state[_ITALIC] += 1


@kernel
def _is_unread(
    data: NDArray[np.uint8], tags: NDArray[np.int32], attributes: NDArray[np.int32], token: int
) -> bool:
    """Whether a span is no text to who sees the page: hidden, or links to edit a section."""
    for row in range(tags[token, FIRST_ATTRIBUTE], tags[token, ATTRIBUTES_END]):
        name = attributes[row, NAME]
        start, end = attributes[row, VALUE_START], attributes[row, VALUE_END]
        if name == _HIDDEN:
            return True
        if name == _CLASS:
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
def _starts_with(data: NDArray[np.uint8], start: int, end: int, word: NDArray[np.uint8]) -> bool:
    if end - start < len(word):
        return False
    same = 0
    while same < len(word) and data[start + same] == word[same]:
        same += 1
    return same == len(word)


@kernel
def _end(page: _Page, number: int) -> None:
    state, role = page.state, _ROLES[number]
    if role == _A:
        _end_link(page)
    elif role == _STRONG:
        state[_BOLD] = max(state[_BOLD] - 1, 0)
    elif role == _EMPHASIS:
        state[_ITALIC] = max(state[_ITALIC] - 1, 0)
    elif number == _SPAN:
        _close(page, number, _SCOPE)
    elif role in (_BLOCK, _SKIP):
        if role == _BLOCK:
            _flush(page)
        if _HEADINGS[number]:
            _close_any(page, _HEADINGS, _SCOPE)
        elif _TABLE_PARTS[number]:
            _close(page, number, _TABLES)
        else:
            _close(page, number, _ITEM_SCOPE if number == _LI else _SCOPE)
    elif role == _BREAK:
        state[_BREAKS] += 1


@kernel
def _end_link(page: _Page) -> None:
    """Close the open link; what stands for a link to the heading itself is no text."""
    state = page.state
    before = state[_LINK_FROM]
    is_in_block = state[_LINK] > 0 and before >= state[_FROM]
    if is_in_block and _is_anchor(page.text, before, state[_OUT]):
        state[_LINK_BYTES] = max(state[_LINK_BYTES] - (state[_OUT] - before), 0)
        state[_LINKS] -= 1
        state[_OUT], state[_SPACE] = before, 1
    state[_LINK] = 0


@kernel
def _is_anchor(text: NDArray[np.uint8], start: int, end: int) -> bool:
    """Whether a text is one of the signs that link a heading to itself."""
    while start < end and text[start] == 0x20:
        start += 1
    for row in range(len(_ANCHOR_SIZES)):
        size = _ANCHOR_SIZES[row]
        if end - start == size and _starts_with(text, start, end, _ANCHOR_BYTES[row, :size]):
            return True
    return False


@kernel
def _imply_ends(page: _Page, number: int) -> None:
    """Close what the start of a block closes: a paragraph, an item, a row …"""
    top = _top_tag(page)
    if top in (_HEAD, _P) or (_HEADINGS[top] and _HEADINGS[number]):
        _pop(page)
    if number == _LI:
        _close_item(page)
    elif _DEFINITIONS[number]:
        _close_any(page, _DEFINITIONS, _ITEM_SCOPE)
    elif _CELLS[number]:
        _pop_to(page, _ROWS_OR_ABOVE)
    elif number == _TR:
        _pop_to(page, _SECTIONS)
    elif _SECTIONS[number] and number != _TABLE:
        _pop_to(page, _TABLES)


@kernel
def _close_item(page: _Page) -> None:
    """Close the open list item, unless something else than a plain block stands in between."""
    for height in range(page.state[_TOP], 0, -1):
        number = page.nodes[page.stack[height], NODE_TAG]
        if number == _LI:
            _pop_until(page, height)
            return
        if not _LESS_SPECIAL[number]:
            return


@kernel
def _close(page: _Page, number: int, boundaries: NDArray[np.bool_]) -> None:
    """Close the innermost open element of that tag and all in it, unless beyond a boundary."""
    if page.opened[number] == 0:
        return
    for height in range(page.state[_TOP], 0, -1):
        found = page.nodes[page.stack[height], NODE_TAG]
        if found == number:
            _pop_until(page, height)
            return
        if boundaries[found]:
            return


@kernel
def _close_any(page: _Page, chosen: NDArray[np.bool_], boundaries: NDArray[np.bool_]) -> None:
    for height in range(page.state[_TOP], 0, -1):
        found = page.nodes[page.stack[height], NODE_TAG]
        if chosen[found]:
            _pop_until(page, height)
            return
        if boundaries[found]:
            return


@kernel
def _pop_to(page: _Page, chosen: NDArray[np.bool_]) -> None:
    """Close what is open inside the innermost element of the chosen tags, if there is one."""
    for height in range(page.state[_TOP], 0, -1):
        if chosen[page.nodes[page.stack[height], NODE_TAG]]:
            _pop_until(page, height + 1)
            return


@kernel
def _pop_until(page: _Page, height: int) -> None:
    while page.state[_TOP] >= height:
        _pop(page)


@kernel
def _push(page: _Page, number: int, token: int) -> None:
    state = page.state
    node, top = state[_NODES], state[_TOP]
    page.nodes[node, PARENT] = page.stack[top] if top >= 0 else -1
    page.nodes[node, NODE_TAG] = number
    page.nodes[node, NODE_TOKEN] = token
    page.nodes[node, FIRST_BLOCK] = state[_BLOCKS]
    page.stack[top + 1] = node
    page.opened[number] += 1
    state[_NODES] += 1
    state[_TOP] += 1
    if _ROLES[number] == _SKIP and state[_SKIPPED] < 0:
        state[_SKIPPED] = state[_TOP]
    state[_PRE] += int(_PREFORMATTED[number])


@kernel
def _pop(page: _Page) -> None:
    state = page.state
    node = page.stack[state[_TOP]]
    number = page.nodes[node, NODE_TAG]
    page.nodes[node, END_BLOCK] = state[_BLOCKS]
    page.opened[number] -= 1
    state[_PRE] -= int(_PREFORMATTED[number])
    if state[_SKIPPED] == state[_TOP]:
        state[_SKIPPED] = -1
    if state[_LINK] > state[_TOP]:
        state[_LINK] = 0
    state[_TOP] -= 1
    if state[_TOP] <= 1:
        state[_BOLD], state[_ITALIC] = 0, 0


@kernel
def _flush(page: _Page) -> None:
    """End the block that is being written, if it holds anything."""
    state, block = page.state, page.state[_BLOCKS]
    while state[_OUT] > state[_FROM] and page.text[state[_OUT] - 1] in (0x0A, 0x20, 0x09):
        state[_OUT] -= 1
    if state[_OUT] > state[_FROM]:
        page.blocks[block, NODE] = page.stack[state[_TOP]]
        page.blocks[block, TEXT_START] = state[_FROM]
        page.blocks[block, TEXT_END] = state[_OUT]
        for row, register in (
            (LINK_BYTES, _LINK_BYTES),
            (LINKS, _LINKS),
            (BOLD_BYTES, _BOLD_BYTES),
            (INLINE, _INLINE),
            (LINES, _LINES),
            (ITALIC_BYTES, _ITALIC_BYTES),
        ):
            page.blocks[block, row] = state[register]
        state[_BLOCKS] += 1
    state[_FROM] = state[_OUT]
    state[_LINKS], state[_LINES], state[_LINK_FROM] = 0, 0, state[_OUT]
    state[_LINK_BYTES], state[_BOLD_BYTES], state[_ITALIC_BYTES] = 0, 0, 0
    state[_SPACE], state[_BREAKS], state[_INLINE] = 0, 0, -1


@kernel
def _text(data: NDArray[np.uint8], at: int, end: int, page: _Page) -> None:
    """Write text to the open block, white space collapsed unless it is preformatted."""
    state = page.state
    if state[_PRE] > 0:
        _preformatted(data, at, end, page)
        return
    after = _skip_blanks(data, at, end)
    if after > at:
        state[_SPACE] = 1
    if after == end:
        return
    _break_line(page)
    text, out, space = page.text, state[_OUT], state[_SPACE]
    before, begin, at = out, state[_FROM], after
    while at < end:
        after = _skip_blanks(data, at, end)
        if after > at:
            space, at = 1, after
            continue
        if space and out > begin and text[out - 1] != 0x0A:
            text[out] = 0x20
            out += 1
        space = 0
        text[out] = data[at]
        out, at = out + 1, at + 1
        while at < end and _IS_PLAIN[data[at]]:
            text[out] = data[at]
            out, at = out + 1, at + 1
    state[_OUT], state[_SPACE] = out, space
    _count(page, out - before)


@kernel
def _preformatted(data: NDArray[np.uint8], at: int, end: int, page: _Page) -> None:
    """Write text as it stands, without a first line break."""
    state, out = page.state, page.state[_OUT]
    _break_line(page)
    out = before = state[_OUT]
    while at < end:
        byte = data[at]
        if byte != 0x0D and byte != 0 and not (byte == 0x0A and out == state[_FROM]):
            page.text[out] = byte
            out += 1
        at += 1
    state[_OUT] = out
    _count(page, out - before)


@kernel
def _count(page: _Page, written: int) -> None:
    if page.state[_LINK] > 0:
        page.state[_LINK_BYTES] += written
    if page.state[_BOLD] > 0:
        page.state[_BOLD_BYTES] += written
    if page.state[_ITALIC] > 0:
        page.state[_ITALIC_BYTES] += written


@kernel
def _break_line(page: _Page) -> None:
    """What `<br>` left to do before the next text: a new line, or, for several, a new block."""
    state = page.state
    if state[_BREAKS] == 0 or state[_OUT] == state[_FROM]:
        state[_BREAKS] = 0
        return
    if state[_BREAKS] > 1 and state[_PRE] == 0:
        _flush(page)
        return
    for _ in range(state[_BREAKS]):
        page.text[state[_OUT]] = 0x0A
        state[_OUT] += 1
    state[_LINES] += state[_BREAKS]
    state[_BREAKS], state[_SPACE] = 0, 0


@kernel
def _image(
    data: NDArray[np.uint8],
    tags: NDArray[np.int32],
    attributes: NDArray[np.int32],
    token: int,
    page: _Page,
) -> None:
    """Write the text that stands for an image."""
    found = _find(tags, attributes, token, _ALT)
    if found >= 0:
        page.state[_SPACE] = 1
        start, end = attributes[found, VALUE_START], attributes[found, VALUE_END]
        _text(data, int(np.int64(start)), int(np.int64(end)), page)
        page.state[_SPACE] = 1


@kernel
def _find(tags: NDArray[np.int32], attributes: NDArray[np.int32], token: int, name: int) -> int:
    """The row of a tag's attribute, -1 if it has none of that name."""
    for row in range(tags[token, FIRST_ATTRIBUTE], tags[token, ATTRIBUTES_END]):
        if attributes[row, NAME] == name:
            return row
    return -1


@kernel
def _top_tag(page: _Page) -> int:
    return int(page.nodes[page.stack[page.state[_TOP]], NODE_TAG])


@kernel
def _skip_blanks(data: NDArray[np.uint8], at: int, end: int) -> int:
    """Place after white space, no-break spaces and NUL bytes."""
    while at < end:
        byte = data[at]
        if byte == 0x20 or 0x09 <= byte <= 0x0D or byte == 0:
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
