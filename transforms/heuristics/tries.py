"""Lists of words as tries that kernels walk: over characters, and over the hashes of words.

The edges of all nodes lie in one open table of (node, symbol), so a trie's size follows from its
list alone, whatever the alphabet.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PRIME = 0x9E3779B97F4A7C15
_MASK = 0xFFFFFFFFFFFFFFFF


class Trie(NamedTuple):
    """`keys` uint64, 0 where a slot is empty; `nodes` int32, where the edges lead; `ends` bool.

    The root is node 0. The edge of a node with a symbol (uint64) has the key `node * PRIME ^
    symbol`, mixed, and stands at its low bits or in the slots after. `ends[node]` says that an
    entry ends there.
    """

    keys: NDArray[np.uint64]
    nodes: NDArray[np.int32]
    ends: NDArray[np.bool_]


def trie(entries: Iterable[Sequence[int]]) -> Trie:
    """A trie of sequences of symbols.

    >>> trie([(1, 2), (1, 3)]).ends.tolist()
    [False, False, True, True]
    """
    edges: dict[tuple[int, int], int] = {}
    ends: list[bool] = [False]
    for entry in entries:
        node = 0
        for symbol in entry:
            child = edges.setdefault((node, symbol), len(ends))
            if child == len(ends):
                ends.append(False)
            node = child
        ends[node] = True
    slots = 1 << (4 * len(edges) + 16).bit_length()
    keys, nodes = np.zeros(slots, np.uint64), np.zeros(slots, np.int32)
    for (node, symbol), child in edges.items():
        key = _edge_key(node, symbol)
        slot = key & (slots - 1)
        while keys[slot]:
            slot = (slot + 1) & (slots - 1)
        keys[slot], nodes[slot] = key, child
    return Trie(keys, nodes, np.array(ends, np.bool_))


def _edge_key(node: int, symbol: int) -> int:
    """What the kernels compute, too: never 0."""
    mixed = ((node * PRIME ^ symbol) * PRIME) & _MASK
    mixed ^= mixed >> 32
    return mixed or 1
