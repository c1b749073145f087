"""The stack of a page's open elements: what a tag opens, and what it closes.

End tags that a page left out are implied as the HTML standard says (section 13.2.6.4.7), those that
fit nothing are ignored. Element 0 of the stack is the page itself and is never closed by a tag.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel
from transforms.page import registers as r
from transforms.page.blocks import END_BLOCK, FIRST_BLOCK, NODE_TAG, NODE_TOKEN, NUMBER, PARENT
from transforms.page.names import Role, listed, tag, tag_roles, tag_set
from transforms.page.registers import Page

_ROLES = tag_roles()
_SKIP = int(Role.SKIP)
_P, _LI, _TR, _HEAD, _TABLE = (tag(name) for name in listed("p li tr head table"))
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


@kernel
def imply_ends(page: Page, number: int) -> None:
    """Close what the start of a block closes: a paragraph, an item, a row …"""
    top = _top_tag(page)
    if top in (_HEAD, _P) or (_HEADINGS[top] and _HEADINGS[number]):
        pop(page)
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
def end_element(page: Page, number: int) -> None:
    """Close what an end tag closes."""
    if _HEADINGS[number]:
        _close_any(page, _HEADINGS, _SCOPE)
    elif _TABLE_PARTS[number]:
        _close(page, number, _TABLES)
    else:
        _close(page, number, _ITEM_SCOPE if number == _LI else _SCOPE)


@kernel
def _close_item(page: Page) -> None:
    """Close the open list item, unless something else than a plain block stands in between."""
    for height in range(page.state[r.TOP], 0, -1):
        number = page.nodes[page.stack[height], NODE_TAG]
        if number == _LI:
            _pop_until(page, height)
            return
        if not _LESS_SPECIAL[number]:
            return


@kernel
def _close(page: Page, number: int, boundaries: NDArray[np.bool_]) -> None:
    """Close the innermost open element of that tag and all in it, unless beyond a boundary."""
    if page.opened[number] == 0:
        return
    for height in range(page.state[r.TOP], 0, -1):
        found = page.nodes[page.stack[height], NODE_TAG]
        if found == number:
            _pop_until(page, height)
            return
        if boundaries[found]:
            return


@kernel
def _close_any(page: Page, chosen: NDArray[np.bool_], boundaries: NDArray[np.bool_]) -> None:
    """The same for the innermost open element of any chosen tag."""
    for height in range(page.state[r.TOP], 0, -1):
        found = page.nodes[page.stack[height], NODE_TAG]
        if chosen[found]:
            _pop_until(page, height)
            return
        if boundaries[found]:
            return


@kernel
def _pop_to(page: Page, chosen: NDArray[np.bool_]) -> None:
    """Close what is open inside the innermost element of the chosen tags, if there is one."""
    for height in range(page.state[r.TOP], 0, -1):
        if chosen[page.nodes[page.stack[height], NODE_TAG]]:
            _pop_until(page, height + 1)
            return


@kernel
def _pop_until(page: Page, height: int) -> None:
    while page.state[r.TOP] >= height:
        pop(page)


@kernel
def push(page: Page, number: int, token: int) -> None:
    """Open an element, which is a new node."""
    state = page.state
    node, top = state[r.NODES], state[r.TOP]
    page.nodes[node, PARENT] = page.stack[top] if top >= 0 else -1
    page.nodes[node, NODE_TAG] = number
    page.nodes[node, NODE_TOKEN] = token
    page.nodes[node, NUMBER] = 0
    page.nodes[node, FIRST_BLOCK] = state[r.BLOCKS]
    page.stack[top + 1] = node
    page.opened[number] += 1
    state[r.NODES] += 1
    state[r.TOP] += 1
    if _ROLES[number] == _SKIP and state[r.SKIPPED] < 0:
        state[r.SKIPPED] = state[r.TOP]
    state[r.PRE] += int(_PREFORMATTED[number])


@kernel
def pop(page: Page) -> None:
    """Close the innermost open element."""
    state = page.state
    node = page.stack[state[r.TOP]]
    number = page.nodes[node, NODE_TAG]
    page.nodes[node, END_BLOCK] = state[r.BLOCKS]
    page.opened[number] -= 1
    state[r.PRE] -= int(_PREFORMATTED[number])
    if state[r.SKIPPED] == state[r.TOP]:
        state[r.SKIPPED] = -1
    if state[r.LINK] > state[r.TOP]:
        state[r.LINK] = 0
    state[r.TOP] -= 1
    if state[r.TOP] <= 1:
        state[r.BOLD], state[r.ITALIC] = 0, 0


@kernel
def _top_tag(page: Page) -> int:
    return int(page.nodes[page.stack[page.state[r.TOP]], NODE_TAG])
