"""What is measured of each block, as integers: the columns that the classifier reads.

A block's own text and tags, its place, its neighbours, the elements around it and what their
authors call them, and the page's main column: the element that holds most of the prose. All
figures are integers (shares in thousandths), so that a verdict is the same on every machine.

Elements are named in two ways. An element with at most half of the page's prose that is called
`sidebar` may well be one; one with more of it isn't (a page's body may be called `has-sidebar`).
So hints of small and of large elements around a block are told apart.

Cost: 0.15 ms for a page of 200 blocks.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel
from transforms.page.blocks import (
    BOLD_BYTES,
    INLINE,
    LINES,
    LINK_BYTES,
    LINKS,
    NODE,
    NODE_TAG,
    NODE_TOKEN,
    PARENT,
    TEXT_END,
    TEXT_START,
    Blocks,
)
from transforms.page.hints import HINTS, element_hints, text_hints
from transforms.page.names import TAGS, listed, tag, tag_set
from transforms.page.patterns import TEXTS
from transforms.page.scan import Tokens
from transforms.page.texts import Count, text_counts

_OWN = listed(
    "characters words commas sentences function_words digits capitals separators wide last "
    "first link_share links function_share bold_share lines word_length heading tag_kind "
    "repeated_text depth"
)
_ELEMENT_TAGS = {
    "in_list": "ul ol dl",
    "in_table": "table",
    "in_quote": "blockquote",
    "in_section": "section",
    "in_article": "article",
    "in_main": "main",
    "in_nav": "nav menu",
    "in_footer": "footer",
    "in_aside": "aside",
    "in_header": "header",
    "in_form": "form fieldset",
    "in_figure": "figure",
}
_PLACE = listed(
    "block block_from_end share_before characters_before characters_after prose_before "
    "prose_after since_heading heading_level after_first_heading heading_link_share "
    "first_heading_distance"
)
_NEIGHBOURS = tuple(
    f"{name}_{side}{distance}"
    for distance in (1, 2, 3)
    for side in ("before", "after")
    for name in ("characters", "link_share", "sentences", "same_parent")
)
_WINDOWS = tuple(f"{name}_within_{radius}" for radius in (2, 6) for name in ("prose", "links"))
_ANCESTORS = tuple(
    f"{which}_{name}"
    for which in ("parent", "grandparent", "third", "fourth")
    for name in ("characters", "link_share", "blocks", "prose_share", "sentences", "mean_prose")
)
_COLUMN = listed(
    "above_column below_column above_best below_best column_share best_share page_prose "
    "page_characters page_blocks same_class same_class_share"
)
FEATURES = (
    *_OWN,
    *TEXTS,
    *_PLACE,
    *_NEIGHBOURS,
    *_WINDOWS,
    *_ANCESTORS,
    *_COLUMN,
    *(f"named_{name}" for name in HINTS),
    *_ELEMENT_TAGS,
)
"""The columns, in the order of the matrix."""


def _first(name: str) -> int:
    return FEATURES.index(name)


_OWN_AT, _TEXTS_AT, _PLACE_AT = map(_first, (_OWN[0], next(iter(TEXTS)), _PLACE[0]))
_NEIGHBOURS_AT, _WINDOWS_AT = _first(_NEIGHBOURS[0]), _first(_WINDOWS[0])
_ANCESTORS_AT, _COLUMN_AT, _NAMED_AT = map(_first, (_ANCESTORS[0], _COLUMN[0], f"named_{HINTS[0]}"))
_TEXT_HINTS, _ELEMENT_HINTS = len(TEXTS), len(HINTS) + len(_ELEMENT_TAGS)
_TAG_BITS = np.zeros(len(TAGS) + 1, np.uint64)
for _bit, _names in enumerate(_ELEMENT_TAGS.values(), len(HINTS)):
    _TAG_BITS[tag_set(_names)] |= np.uint64(1 << _bit)
_LEVELS = np.zeros(len(TAGS) + 1, np.int32)
_LEVELS[[tag(f"h{level}") for level in range(1, 7)]] = range(1, 7)
_KINDS = np.zeros(len(TAGS) + 1, np.int32)
_KIND_NAMES = (
    "p",
    "blockquote pre listing",
    "li dt dd",
    "td th tr",
    "div section article main center",
    "h1 h2 h3 h4 h5 h6",
    "figcaption caption legend",
    "header footer nav aside form address",
)
for _number, _names in enumerate(_KIND_NAMES, 1):
    _KINDS[tag_set(_names)] = _number
_PARAGRAPH, _BARE = 1, 5
_SHORT_TEXT = 160
"""Bytes of a text whose phrases may say what it is for."""

(_CHARACTERS, _WORDS, _COMMAS, _SENTENCES, _FUNCTION, _WIDE) = (
    int(count)
    for count in (
        Count.CHARACTERS,
        Count.WORDS,
        Count.COMMAS,
        Count.SENTENCES,
        Count.FUNCTION_WORDS,
        Count.WIDE,
    )
)
_COUNTS = len(Count)
_SUM_CHARACTERS, _SUM_LINKS, _SUM_BLOCKS, _SUM_PROSE, _SUM_SENTENCES = range(5)


def block_features(page: NDArray[np.uint8], tokens: Tokens, cut: Blocks) -> NDArray[np.int32]:
    """The features of each block, (len(FEATURES), blocks) int32."""
    starts, ends = (np.ascontiguousarray(cut.blocks[:, at]) for at in (TEXT_START, TEXT_END))
    counts = text_counts(cut.text, starts, ends)
    phrases = text_hints(cut.text, starts, ends, longest=_SHORT_TEXT)
    named, classes = element_hints(page, tokens, np.ascontiguousarray(cut.nodes[:, NODE_TOKEN]))
    inline, _ = element_hints(page, tokens, np.ascontiguousarray(cut.blocks[:, INLINE]))
    features = np.zeros((len(FEATURES), len(cut.blocks)), np.int32)
    _measure(_Page(cut.nodes, cut.blocks, counts, phrases, named, classes, inline), features)
    _mark_repeats(cut.text, cut.blocks, features)
    return features


class _Page(NamedTuple):
    nodes: NDArray[np.int32]
    blocks: NDArray[np.int32]
    counts: NDArray[np.int32]
    phrases: NDArray[np.uint64]
    named: NDArray[np.uint64]
    classes: NDArray[np.uint64]
    inline: NDArray[np.uint64]


@kernel
def _measure(page: _Page, features: NDArray[np.int32]) -> None:
    prose = np.zeros(len(page.blocks), np.int32)
    for block in range(len(page.blocks)):
        _measure_own(page, block, features)
        prose[block] = _prose(features, block)
    sums = _sums(page, prose)
    depths = _depths(page.nodes)
    _measure_place(page, prose, features)
    _measure_neighbours(page, prose, features)
    _measure_ancestors(page, sums, features)
    _measure_column(page, sums, depths, features)
    _measure_names(page, sums, features)
    _measure_repetition(page, sums, features)


_LINK_SHARE, _KIND, _REPEATED, _DEPTH, _LEVEL = map(
    _first, ("link_share", "tag_kind", "repeated_text", "depth", "heading")
)


@kernel
def _measure_own(page: _Page, block: int, features: NDArray[np.int32]) -> None:
    row, counts = page.blocks[block], page.counts[block]
    size = row[TEXT_END] - row[TEXT_START]
    words = max(counts[_WORDS], 1)
    number = page.nodes[row[NODE], NODE_TAG]
    own = features[_OWN_AT:, block]
    own[:_COUNTS] = counts
    at = _COUNTS
    own[at] = 1000 * row[LINK_BYTES] // size
    own[at + 1] = row[LINKS]
    own[at + 2] = 1000 * counts[_FUNCTION] // words
    own[at + 3] = 1000 * row[BOLD_BYTES] // size
    own[at + 4] = row[LINES]
    own[at + 5] = 10 * counts[_CHARACTERS] // words
    own[at + 6] = _LEVELS[number]
    own[at + 7] = _KINDS[number]
    for bit in range(_TEXT_HINTS):
        features[_TEXTS_AT + bit, block] = np.int32(page.phrases[block] >> np.uint64(bit)) & 1


@kernel
def _prose(features: NDArray[np.int32], block: int) -> int:
    """Characters of a block that reads like running text, else 0."""
    words = features[_WORDS, block] + features[_WIDE, block] // 2
    if features[_LINK_SHARE, block] > 400 or words < 6:
        return 0
    is_prose = features[_SENTENCES, block] > 0 or words >= 20
    return features[_CHARACTERS, block] if is_prose else 0


@kernel
def _sums(page: _Page, prose: NDArray[np.int32]) -> NDArray[np.int32]:
    """Characters, characters in links, blocks, prose and sentences in each node."""
    sums = np.zeros((len(page.nodes), 5), np.int32)
    for block in range(len(page.blocks)):
        row, own = page.blocks[block], sums[page.blocks[block, NODE]]
        characters = page.counts[block, _CHARACTERS]
        own[_SUM_CHARACTERS] += characters
        share = row[LINK_BYTES] / (row[TEXT_END] - row[TEXT_START])
        own[_SUM_LINKS] += np.int32(share * characters)
        own[_SUM_BLOCKS] += 1
        own[_SUM_PROSE] += prose[block]
        own[_SUM_SENTENCES] += page.counts[block, _SENTENCES]
    for node in range(len(page.nodes) - 1, 0, -1):
        sums[page.nodes[node, PARENT]] += sums[node]
    return sums


@kernel
def _depths(nodes: NDArray[np.int32]) -> NDArray[np.int32]:
    depths = np.zeros(len(nodes), np.int32)
    for node in range(1, len(nodes)):
        depths[node] = depths[nodes[node, PARENT]] + 1
    return depths


@kernel
def _measure_place(page: _Page, prose: NDArray[np.int32], features: NDArray[np.int32]) -> None:
    """Where a block stands on the page, and under which heading."""
    blocks, place = len(page.blocks), features[_PLACE_AT:]
    characters, before, prose_before = page.counts[:, _CHARACTERS].sum(), 0, 0
    all_prose = prose.sum()
    heading, first = -1, -1
    for block in range(blocks):
        level = features[_LEVEL, block]
        place[0, block] = block
        place[1, block] = blocks - 1 - block
        place[2, block] = 1000 * before // max(characters, 1)
        place[3, block] = before
        before += page.counts[block, _CHARACTERS]
        place[4, block] = characters - before
        place[5, block] = 1000 * prose_before // max(all_prose, 1)
        prose_before += prose[block]
        place[6, block] = all_prose - prose_before
        place[7, block] = block - heading if heading >= 0 else 999
        place[8, block] = features[_LEVEL, heading] if heading >= 0 else 0
        place[9, block] = int(first >= 0)
        place[10, block] = features[_LINK_SHARE, heading] if heading >= 0 else 0
        place[11, block] = block - first if first >= 0 else 999
        heading = block if level else heading
        first = block if level == 1 and first < 0 else first


@kernel
def _measure_neighbours(page: _Page, prose: NDArray[np.int32], features: NDArray[np.int32]) -> None:
    blocks = len(page.blocks)
    for block in range(blocks):
        at = _NEIGHBOURS_AT
        parent = page.nodes[page.blocks[block, NODE], PARENT]
        for distance in (-1, 1, -2, 2, -3, 3):
            other = block + distance
            if 0 <= other < blocks:
                features[at, block] = features[_CHARACTERS, other]
                features[at + 1, block] = features[_LINK_SHARE, other]
                features[at + 2, block] = features[_SENTENCES, other]
                above = page.nodes[page.blocks[other, NODE], PARENT]
                features[at + 3, block] = int(above == parent)
            at += 4
        at = _WINDOWS_AT
        for radius in (2, 6):
            for other in range(max(0, block - radius), min(blocks, block + radius + 1)):
                features[at, block] += prose[other]
                features[at + 1, block] += features[_LINK_SHARE, other]
            at += 2


@kernel
def _measure_ancestors(page: _Page, sums: NDArray[np.int32], features: NDArray[np.int32]) -> None:
    all_prose = max(sums[0, _SUM_PROSE], 1)
    for block in range(len(page.blocks)):
        node, at = page.blocks[block, NODE], _ANCESTORS_AT
        for _ in range(4):
            own = sums[node]
            features[at, block] = own[_SUM_CHARACTERS]
            features[at + 1, block] = 1000 * own[_SUM_LINKS] // max(own[_SUM_CHARACTERS], 1)
            features[at + 2, block] = own[_SUM_BLOCKS]
            features[at + 3, block] = 1000 * own[_SUM_PROSE] // all_prose
            features[at + 4, block] = own[_SUM_SENTENCES]
            features[at + 5, block] = own[_SUM_PROSE] // max(own[_SUM_BLOCKS], 1)
            node, at = max(page.nodes[node, PARENT], 0), at + 6


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
def _best(page: _Page, sums: NDArray[np.int32], features: NDArray[np.int32]) -> int:
    """The element whose own paragraphs weigh most."""
    points = np.zeros(len(page.nodes), np.int64)
    for block in range(len(page.blocks)):
        if _prose(features, block) == 0:
            continue
        value = 100 + 100 * features[_COMMAS, block] + min(features[_CHARACTERS, block], 300)
        node = page.blocks[block, NODE]
        if features[_KIND, block] != _BARE:
            node = max(page.nodes[node, PARENT], 0)
        points[node] += value
        points[max(page.nodes[node, PARENT], 0)] += value // 2
    best, most = 0, 0
    for node in range(len(points)):
        characters = max(sums[node, _SUM_CHARACTERS], 1)
        worth = points[node] * (characters - sums[node, _SUM_LINKS]) // characters
        if worth > most:
            best, most = node, worth
    return best


@kernel
def _measure_column(
    page: _Page,
    sums: NDArray[np.int32],
    depths: NDArray[np.int32],
    features: NDArray[np.int32],
) -> None:
    """How far a block is from the page's main column, and from the element of its paragraphs."""
    chosen = (_column(page.nodes, sums), _best(page, sums, features))
    all_prose = max(sums[0, _SUM_PROSE], 1)
    for which in range(2):
        on_path = np.zeros(len(page.nodes), np.bool_)
        node = chosen[which]
        while node >= 0:
            on_path[node] = True
            node = page.nodes[node, PARENT]
        at = _COLUMN_AT + 2 * which
        for block in range(len(page.blocks)):
            own = node = page.blocks[block, NODE]
            while not on_path[node]:
                node = page.nodes[node, PARENT]
            features[at, block] = depths[chosen[which]] - depths[node]
            features[at + 1, block] = depths[own] - depths[node]
            features[_COLUMN_AT + 4 + which, block] = (
                1000 * sums[chosen[which], _SUM_PROSE] // all_prose
            )
    at = _COLUMN_AT + 6
    for block in range(len(page.blocks)):
        features[_DEPTH, block] = depths[page.blocks[block, NODE]]
        features[at, block] = sums[0, _SUM_PROSE]
        features[at + 1, block] = sums[0, _SUM_CHARACTERS]
        features[at + 2, block] = len(page.blocks)


@kernel
def _measure_names(page: _Page, sums: NDArray[np.int32], features: NDArray[np.int32]) -> None:
    """For each hint: 1 if a large element around the block has it, 2 a small one, 4 its own."""
    large = np.zeros(len(page.nodes), np.uint64)
    small = np.zeros(len(page.nodes), np.uint64)
    for node in range(1, len(page.nodes)):
        parent = page.nodes[node, PARENT]
        bits = page.named[node] | _TAG_BITS[page.nodes[node, NODE_TAG]]
        is_large = 2 * sums[node, _SUM_PROSE] > sums[0, _SUM_PROSE]
        large[node] = large[parent] | bits if is_large else large[parent]
        small[node] = small[parent] if is_large else small[parent] | bits
    for block in range(len(page.blocks)):
        node = page.blocks[block, NODE]
        own = page.inline[block] | page.named[node]
        for bit in range(_ELEMENT_HINTS):
            shift = np.uint64(bit)
            features[_NAMED_AT + bit, block] = (
                np.int32((large[node] >> shift) & np.uint64(1))
                + 2 * np.int32((small[node] >> shift) & np.uint64(1))
                + 4 * np.int32((own >> shift) & np.uint64(1))
            )


@kernel
def _measure_repetition(page: _Page, sums: NDArray[np.int32], features: NDArray[np.int32]) -> None:
    """How many elements of the page look like the one around the block, and what share they are."""
    slots = _slots_for(len(page.classes))
    seen, alike = np.zeros(slots, np.uint64), np.zeros(slots, np.int32)
    for node in range(len(page.classes)):
        if page.classes[node]:
            slot = _slot(seen, page.classes[node])
            seen[slot] = page.classes[node]
            alike[slot] += 1
    at = _COLUMN_AT + 9
    for block in range(len(page.blocks)):
        node = page.blocks[block, NODE]
        while node > 0 and page.classes[node] == 0:
            node = page.nodes[node, PARENT]
        features[at, block] = alike[_slot(seen, page.classes[node])] if node > 0 else 0
        features[at + 1, block] = (
            1000 * sums[node, _SUM_CHARACTERS] // max(sums[0, _SUM_CHARACTERS], 1)
        )


@kernel
def _mark_repeats(
    text: NDArray[np.uint8], blocks: NDArray[np.int32], features: NDArray[np.int32]
) -> None:
    """Whether an earlier block has the same text."""
    seen = np.zeros(_slots_for(len(blocks)), np.uint64)
    for block in range(len(blocks)):
        hashed = np.uint64(1469598103934665603)
        for place in range(blocks[block, TEXT_START], blocks[block, TEXT_END]):
            hashed = (hashed ^ np.uint64(text[place])) * np.uint64(1099511628211)
        slot = _slot(seen, hashed)
        features[_REPEATED, block] = int(seen[slot] == hashed)
        seen[slot] = hashed


@kernel
def _slots_for(count: int) -> int:
    """Slots of a hash table for so many values."""
    slots = 2
    while slots < 2 * count:
        slots *= 2
    return slots


@kernel
def _slot(seen: NDArray[np.uint64], hashed: np.uint64) -> int:
    """Where a hash stands in a table with open addressing, or would stand; 0 marks a free slot."""
    mixed = hashed * np.uint64(0x9E3779B97F4A7C15)
    slot = np.int64((mixed >> np.uint64(32)) & np.uint64(len(seen) - 1))
    while seen[slot] != 0 and seen[slot] != hashed:
        slot = (slot + 1) & (len(seen) - 1)
    return int(slot)
