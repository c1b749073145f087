"""The blocks of a page and the elements around them, as rows of numbers.

A block is text that a browser shows from the start of a new line, a node an element that lays out
a block of its own. `cut` writes them; everything that judges or renders a page reads them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PARENT, NODE_TAG, NODE_TOKEN, FIRST_BLOCK, END_BLOCK, NUMBER = range(6)
"""Columns of `Blocks.nodes`: node around it (-1: none), tag number, its token, its blocks, the
number that an ordered list starts with (0: none is said)."""

NODE, TEXT_START, TEXT_END, LINK_BYTES, LINKS, BOLD_BYTES, INLINE, LINES, ITALIC_BYTES = range(9)
"""Columns of `Blocks.blocks`: the node right around it, its place in the text, bytes of it in
links, number of links, bytes in bold, token of the inline element that it begins with (-1: none),
lines that `<br>` parts, bytes in italics."""


class Blocks(NamedTuple):
    """A page's nodes and blocks, one row each, int32; the blocks' text, UTF-8 with entities."""

    nodes: NDArray[np.int32]
    blocks: NDArray[np.int32]
    text: NDArray[np.uint8]
