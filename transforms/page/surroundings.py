"""What is measured of the elements around each block, as integers.

Elements are named in two ways. An element with at most half of the page's prose that is called
`sidebar` may well be one; one with more of it isn't (a page's body may be called `has-sidebar`).
So hints of small and of large elements around a block are told apart. Besides: what the elements
hold, how many are alike, and how far a block is from the page's main column, the element that
holds most of the prose.

Cost: 0.1 ms for a page of 200 blocks.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel
from transforms.page.blocks import (
    LINK_BYTES,
    NODE,
    NODE_TAG,
    PARENT,
    TEXT_END,
    TEXT_START,
    Blocks,
)
from transforms.page.features import ANCESTORS, COLUMN, ELEMENT_TAGS, column_of
from transforms.page.hash_slots import slot_of, slots_for
from transforms.page.hints import HINTS
from transforms.page.names import TAGS, tag_set

_ANCESTORS_AT, _COLUMN_AT = column_of(ANCESTORS[0]), column_of(COLUMN[0])
_NAMED_AT = column_of(f"named_{HINTS[0]}")
_ELEMENT_HINTS = len(HINTS) + len(ELEMENT_TAGS)
_TAG_BITS = np.zeros(len(TAGS) + 1, np.uint64)
for _bit, _names in enumerate(ELEMENT_TAGS.values(), len(HINTS)):
    _TAG_BITS[tag_set(_names)] |= np.uint64(1 << _bit)
_CHARACTERS, _COMMAS, _SENTENCES, _KIND, _DEPTH = map(
    column_of, ("characters", "commas", "sentences", "tag_kind", "depth")
)
_BARE = 5
"""Kind of a tag whose text stands in it without a paragraph."""

_SUM_CHARACTERS, _SUM_LINKS, _SUM_BLOCKS, _SUM_PROSE, _SUM_SENTENCES = range(5)


def measure_surroundings(
    cut: Blocks,
    prose: NDArray[np.int32],
    named: NDArray[np.uint64],
    classes: NDArray[np.uint64],
    inline: NDArray[np.uint64],
    features: NDArray[np.int32],
) -> None:
    """Fill in the features of the elements around the blocks.

    `prose` has each block's characters of running text, `named` and `classes` each node's hints
    and hash of its classes, `inline` each block's own hints.
    """
    _measure(cut.nodes, cut.blocks, prose, named, classes, inline, features)


@kernel
def _measure(
    nodes: NDArray[np.int32],
    blocks: NDArray[np.int32],
    prose: NDArray[np.int32],
    named: NDArray[np.uint64],
    classes: NDArray[np.uint64],
    inline: NDArray[np.uint64],
    features: NDArray[np.int32],
) -> None:
    sums = _sums(nodes, blocks, prose, features)
    depths = _depths(nodes)
    _measure_ancestors(nodes, blocks, sums, features)
    column, best = _column(nodes, sums), _best(nodes, blocks, prose, sums, features)
    _measure_distance(nodes, blocks, column, depths, _COLUMN_AT, features)
    _measure_distance(nodes, blocks, best, depths, _COLUMN_AT + 2, features)
    _measure_page(blocks, depths, sums, column, best, features)
    _measure_names(nodes, blocks, named, inline, sums, features)
    _measure_repetition(nodes, blocks, classes, sums, features)


@kernel
def _sums(
    nodes: NDArray[np.int32],
    blocks: NDArray[np.int32],
    prose: NDArray[np.int32],
    features: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Characters, characters in links, blocks, prose and sentences in each node."""
    sums = np.zeros((len(nodes), 5), np.int32)
    for block in range(len(blocks)):
        row, own = blocks[block], sums[blocks[block, NODE]]
        characters = features[_CHARACTERS, block]
        own[_SUM_CHARACTERS] += characters
        share = row[LINK_BYTES] / (row[TEXT_END] - row[TEXT_START])
        own[_SUM_LINKS] += np.int32(share * characters)
        own[_SUM_BLOCKS] += 1
        own[_SUM_PROSE] += prose[block]
        own[_SUM_SENTENCES] += features[_SENTENCES, block]
    for node in range(len(nodes) - 1, 0, -1):
        sums[nodes[node, PARENT]] += sums[node]
    return sums


@kernel
def _depths(nodes: NDArray[np.int32]) -> NDArray[np.int32]:
    depths = np.zeros(len(nodes), np.int32)
    for node in range(1, len(nodes)):
        depths[node] = depths[nodes[node, PARENT]] + 1
    return depths


@kernel
def _measure_ancestors(
    nodes: NDArray[np.int32],
    blocks: NDArray[np.int32],
    sums: NDArray[np.int32],
    features: NDArray[np.int32],
) -> None:
    all_prose = max(sums[0, _SUM_PROSE], 1)
    for block in range(len(blocks)):
        node, at = blocks[block, NODE], _ANCESTORS_AT
        for _ in range(4):
            own = sums[node]
            features[at, block] = own[_SUM_CHARACTERS]
            features[at + 1, block] = 1000 * own[_SUM_LINKS] // max(own[_SUM_CHARACTERS], 1)
            features[at + 2, block] = own[_SUM_BLOCKS]
            features[at + 3, block] = 1000 * own[_SUM_PROSE] // all_prose
            features[at + 4, block] = own[_SUM_SENTENCES]
            features[at + 5, block] = own[_SUM_PROSE] // max(own[_SUM_BLOCKS], 1)
            node, at = max(nodes[node, PARENT], 0), at + 6


@kernel
def _column(nodes: NDArray[np.int32], sums: NDArray[np.int32]) -> int:
    """The innermost element in which most of the page's prose stands."""
    largest = np.zeros(len(nodes), np.int32)
    for node in range(len(nodes) - 1, 0, -1):
        parent = nodes[node, PARENT]
        if largest[parent] == 0 or sums[node, _SUM_PROSE] >= sums[largest[parent], _SUM_PROSE]:
            largest[parent] = node
    node = 0
    while largest[node]:
        child = sums[largest[node]]
        if child[_SUM_BLOCKS] < 2 or 5 * child[_SUM_PROSE] <= 3 * sums[node, _SUM_PROSE]:
            break
        node = largest[node]
    return node


@kernel
def _best(
    nodes: NDArray[np.int32],
    blocks: NDArray[np.int32],
    prose: NDArray[np.int32],
    sums: NDArray[np.int32],
    features: NDArray[np.int32],
) -> int:
    """The element whose own paragraphs weigh most."""
    points = np.zeros(len(nodes), np.int64)
    for block in range(len(blocks)):
        if prose[block] == 0:
            continue
        value = 100 + 100 * features[_COMMAS, block] + min(features[_CHARACTERS, block], 300)
        node = blocks[block, NODE]
        if features[_KIND, block] != _BARE:
            node = max(nodes[node, PARENT], 0)
        points[node] += value
        points[max(nodes[node, PARENT], 0)] += value // 2
    best, most = 0, 0
    for node in range(len(points)):
        characters = max(sums[node, _SUM_CHARACTERS], 1)
        worth = points[node] * (characters - sums[node, _SUM_LINKS]) // characters
        if worth > most:
            best, most = node, worth
    return best


@kernel
def _measure_distance(
    nodes: NDArray[np.int32],
    blocks: NDArray[np.int32],
    chosen: int,
    depths: NDArray[np.int32],
    at: int,
    features: NDArray[np.int32],
) -> None:
    """Levels from the innermost element around both a block and the chosen node to each of them."""
    on_path = np.zeros(len(nodes), np.bool_)
    node = chosen
    while node >= 0:
        on_path[node] = True
        node = nodes[node, PARENT]
    for block in range(len(blocks)):
        own = node = blocks[block, NODE]
        while not on_path[node]:
            node = nodes[node, PARENT]
        features[at, block] = depths[chosen] - depths[node]
        features[at + 1, block] = depths[own] - depths[node]


@kernel
def _measure_page(
    blocks: NDArray[np.int32],
    depths: NDArray[np.int32],
    sums: NDArray[np.int32],
    column: int,
    best: int,
    features: NDArray[np.int32],
) -> None:
    """What the page holds, and how much of its prose the chosen nodes do."""
    all_prose, at = max(sums[0, _SUM_PROSE], 1), _COLUMN_AT + 4
    for block in range(len(blocks)):
        features[_DEPTH, block] = depths[blocks[block, NODE]]
        features[at, block] = 1000 * sums[column, _SUM_PROSE] // all_prose
        features[at + 1, block] = 1000 * sums[best, _SUM_PROSE] // all_prose
        features[at + 2, block] = sums[0, _SUM_PROSE]
        features[at + 3, block] = sums[0, _SUM_CHARACTERS]
        features[at + 4, block] = len(blocks)


@kernel
def _measure_names(
    nodes: NDArray[np.int32],
    blocks: NDArray[np.int32],
    named: NDArray[np.uint64],
    inline: NDArray[np.uint64],
    sums: NDArray[np.int32],
    features: NDArray[np.int32],
) -> None:
    """For each hint: 1 if a large element around the block has it, 2 a small one, 4 its own."""
    large = np.zeros(len(nodes), np.uint64)
    small = np.zeros(len(nodes), np.uint64)
    for node in range(1, len(nodes)):
        parent = nodes[node, PARENT]
        bits = named[node] | _TAG_BITS[nodes[node, NODE_TAG]]
        is_large = 2 * sums[node, _SUM_PROSE] > sums[0, _SUM_PROSE]
        large[node] = large[parent] | bits if is_large else large[parent]
        small[node] = small[parent] if is_large else small[parent] | bits
    for block in range(len(blocks)):
        node = blocks[block, NODE]
        own = inline[block] | named[node]
        for bit in range(_ELEMENT_HINTS):
            shift = np.uint64(bit)
            features[_NAMED_AT + bit, block] = (
                np.int32((large[node] >> shift) & np.uint64(1))
                + 2 * np.int32((small[node] >> shift) & np.uint64(1))
                + 4 * np.int32((own >> shift) & np.uint64(1))
            )


@kernel
def _measure_repetition(
    nodes: NDArray[np.int32],
    blocks: NDArray[np.int32],
    classes: NDArray[np.uint64],
    sums: NDArray[np.int32],
    features: NDArray[np.int32],
) -> None:
    """How many elements of the page look like the one around the block, and what share they are."""
    slots = slots_for(len(classes))
    seen, alike = np.zeros(slots, np.uint64), np.zeros(slots, np.int32)
    for node in range(len(classes)):
        if classes[node]:
            slot = slot_of(seen, classes[node])
            seen[slot] = classes[node]
            alike[slot] += 1
    at = _COLUMN_AT + 9
    for block in range(len(blocks)):
        node = blocks[block, NODE]
        while node > 0 and classes[node] == 0:
            node = nodes[node, PARENT]
        features[at, block] = alike[slot_of(seen, classes[node])] if node > 0 else 0
        features[at + 1, block] = (
            1000 * sums[node, _SUM_CHARACTERS] // max(sums[0, _SUM_CHARACTERS], 1)
        )
