"""Where the cutting of a page stands: what it has written, and its registers.

Kernels share the state of one pass as an array of integers (`Page.state`); a register is a place in
it. Those named like a column of `Blocks.blocks` count for the block that is being written.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

OUT, FROM, LINK_FROM = range(3)
"""Places in the text: written so far, where the open block starts, where the open link does."""

SPACE, BREAKS = 3, 4
"""What is due before the next text: a blank (0 or 1), line breaks."""

TOP, NODES, BLOCKS = 5, 6, 7
"""Height of the stack of open nodes (-1: empty); nodes and blocks written."""

SKIPPED, LINK = 8, 9
"""Height of the open element whose text is skipped (-1: none); height above which the open link
stands (0: none)."""

PRE, BOLD, ITALIC = 10, 11, 12
"""Open elements that keep white space, that are bold, that are italic."""

LINK_BYTES, LINKS, BOLD_BYTES, INLINE, LINES, ITALIC_BYTES = range(13, 19)

FORMULA, FORMULA_SPACE = 19, 20
"""Where the open formula starts in the text (-1: none; -2 less the start of its TeX while that is
written), and whether a blank was due before it."""

REGISTERS = 21


class Page(NamedTuple):
    """What the pass writes: the parts of `Blocks`, open nodes, open elements by tag, registers."""

    text: NDArray[np.uint8]
    nodes: NDArray[np.int32]
    blocks: NDArray[np.int32]
    stack: NDArray[np.int32]
    opened: NDArray[np.int32]
    state: NDArray[np.int64]
