"""The text of the blocks that are kept: paragraphs, items, rows and code on lines of their own.

A blank line parts blocks; items of one list and rows of one table follow line by line, cells of a
row are parted by ` | `. Items may have a bullet, or their number. White space in code is kept.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel
from transforms.page.blocks import (
    FIRST_BLOCK,
    NODE,
    NODE_TAG,
    NUMBER,
    PARENT,
    TEXT_END,
    TEXT_START,
    Blocks,
)
from transforms.page.names import tag, tag_set

_LI, _OL, _TR = tag("li"), tag("ol"), tag("tr")
_CELLS = tag_set("td th")
_DEFINITIONS = tag_set("dt dd")
_BULLET = np.frombuffer("• ".encode(), np.uint8)
_CELL = np.frombuffer(b" | ", np.uint8)
_ITEM_REACH = 3
"""An item begins with a block that is its own, or of an element right in it."""

_SEPARATION = 16
"""Bytes that a block may need beside its text."""


def render_blocks(cut: Blocks, kept: NDArray[np.bool_], *, list_bullets: bool) -> bytes:
    """The text of the kept blocks, UTF-8 with entities as they stand."""
    size = len(cut.text) + _SEPARATION * len(cut.blocks)
    written = np.empty(size, np.uint8)
    used = _render(cut.nodes, cut.blocks, cut.text, kept, list_bullets, written)
    return written[:used].tobytes()


@kernel
def _render(
    nodes: NDArray[np.int32],
    blocks: NDArray[np.int32],
    text: NDArray[np.uint8],
    kept: NDArray[np.bool_],
    bullets: bool,
    out: NDArray[np.uint8],
) -> int:
    at, last = 0, -1
    numbers = _item_numbers(nodes)
    for block in range(len(blocks)):
        if not kept[block]:
            continue
        if last >= 0:
            at = _separate(nodes, blocks, last, block, out, at)
        item = _item_begun(nodes, blocks, block) if bullets else -1
        if item >= 0:
            at = _put_number(numbers[item], out, at) if numbers[item] else _put(_BULLET, out, at)
        start, end = blocks[block, TEXT_START], blocks[block, TEXT_END]
        out[at : at + end - start] = text[start:end]
        at += end - start
        last = block
    return at


@kernel
def _separate(
    nodes: NDArray[np.int32],
    blocks: NDArray[np.int32],
    before: int,
    after: int,
    out: NDArray[np.uint8],
    at: int,
) -> int:
    first, second = blocks[before, NODE], blocks[after, NODE]
    up, down = nodes[first, PARENT], nodes[second, PARENT]
    number, other = nodes[first, NODE_TAG], nodes[second, NODE_TAG]
    if _CELLS[number] and _CELLS[other]:
        if up == down and first != second:
            return _put(_CELL, out, at)
        if nodes[up, NODE_TAG] == _TR and nodes[up, PARENT] == nodes[down, PARENT]:
            return _line(out, at)
    items = number == _LI and other == _LI
    if (items and _list_of(nodes, up, down)) or (_DEFINITIONS[number] and up == down):
        return _line(out, at)
    return _line(out, _line(out, at))


@kernel
def _list_of(nodes: NDArray[np.int32], up: int, down: int) -> bool:
    """Whether items of these two lists stand in one list, or one list in an item of the other."""
    return (
        up == down
        or nodes[nodes[down, PARENT], PARENT] == up
        or (nodes[nodes[up, PARENT], PARENT] == down)
    )


@kernel
def _item_begun(nodes: NDArray[np.int32], blocks: NDArray[np.int32], block: int) -> int:
    """The list item whose first block it is, -1 if there is none."""
    node = blocks[block, NODE]
    for _ in range(_ITEM_REACH):
        if node < 0:
            return -1
        if nodes[node, NODE_TAG] == _LI:
            return node if nodes[node, FIRST_BLOCK] == block else -1
        node = nodes[node, PARENT]
    return -1


@kernel
def _item_numbers(nodes: NDArray[np.int32]) -> NDArray[np.int32]:
    """The number of each item in its ordered list, from 1 or its start; 0 for all other nodes."""
    numbers = np.zeros(len(nodes), np.int32)
    items = np.maximum(nodes[:, NUMBER] - 1, 0)
    for node in range(1, len(nodes)):
        parent = nodes[node, PARENT]
        if nodes[node, NODE_TAG] == _LI and nodes[parent, NODE_TAG] == _OL:
            items[parent] += 1
            numbers[node] = items[parent]
    return numbers


@kernel
def _put_number(number: int, out: NDArray[np.uint8], at: int) -> int:
    power = 1
    while number // power >= 10:
        power *= 10
    while power:
        out[at] = 0x30 + number // power % 10
        at, power = at + 1, power // 10
    out[at], out[at + 1] = 0x2E, 0x20
    return at + 2


@kernel
def _line(out: NDArray[np.uint8], at: int) -> int:
    out[at] = 0x0A
    return at + 1


@kernel
def _put(piece: NDArray[np.uint8], out: NDArray[np.uint8], at: int) -> int:
    for byte in piece:
        out[at] = byte
        at += 1
    return at
