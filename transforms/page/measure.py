"""What is measured of each block by itself and its neighbours, as integers.

Shares are in thousandths, so that a verdict is the same on every machine.

Cost: 0.1 ms for a page of 200 blocks.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel
from transforms.page.blocks import (
    BOLD_BYTES,
    INLINE,
    ITALIC_BYTES,
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
from transforms.page.features import FEATURES, NEIGHBOURS, OWN, PLACE, WINDOWS, column_of
from transforms.page.hash_slots import slot_of, slots_for
from transforms.page.hints import element_hints, text_hints
from transforms.page.names import TAGS, tag, tag_set
from transforms.page.patterns import TEXTS
from transforms.page.scan import Tokens
from transforms.page.surroundings import measure_surroundings
from transforms.page.texts import Count, text_counts

_OWN_AT, _TEXTS_AT, _PLACE_AT = map(column_of, (OWN[0], next(iter(TEXTS)), PLACE[0]))
_NEIGHBOURS_AT, _WINDOWS_AT = column_of(NEIGHBOURS[0]), column_of(WINDOWS[0])
_TEXT_HINTS = len(TEXTS)
_LINK_SHARE, _REPEATED, _LEVEL = map(column_of, ("link_share", "repeated_text", "heading"))
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
_SHORT_TEXT = 160
"""Bytes of a text whose phrases may say what it is for."""

_CHARACTERS, _WORDS, _SENTENCES, _FUNCTION, _WIDE = (
    int(count)
    for count in (
        Count.CHARACTERS,
        Count.WORDS,
        Count.SENTENCES,
        Count.FUNCTION_WORDS,
        Count.WIDE,
    )
)
_COUNTS = len(Count)


def block_features(page: NDArray[np.uint8], tokens: Tokens, cut: Blocks) -> NDArray[np.int32]:
    """The features of each block, (len(FEATURES), blocks) int32."""
    starts, ends = (np.ascontiguousarray(cut.blocks[:, at]) for at in (TEXT_START, TEXT_END))
    counts = text_counts(cut.text, starts, ends)
    phrases = text_hints(cut.text, starts, ends, longest=_SHORT_TEXT)
    named, classes = element_hints(page, tokens, np.ascontiguousarray(cut.nodes[:, NODE_TOKEN]))
    inline, _ = element_hints(page, tokens, np.ascontiguousarray(cut.blocks[:, INLINE]))
    features = np.zeros((len(FEATURES), len(cut.blocks)), np.int32)
    prose = np.zeros(len(cut.blocks), np.int32)
    _measure(cut.text, cut.nodes, cut.blocks, counts, phrases, prose, features)
    measure_surroundings(cut, prose, named, classes, inline, features)
    return features


@kernel
def _measure(
    text: NDArray[np.uint8],
    nodes: NDArray[np.int32],
    blocks: NDArray[np.int32],
    counts: NDArray[np.int32],
    phrases: NDArray[np.uint64],
    prose: NDArray[np.int32],
    features: NDArray[np.int32],
) -> None:
    for block in range(len(blocks)):
        number = nodes[blocks[block, NODE], NODE_TAG]
        _measure_own(blocks[block], counts[block], number, features[:, block])
        for bit in range(_TEXT_HINTS):
            features[_TEXTS_AT + bit, block] = np.int32(phrases[block] >> np.uint64(bit)) & 1
        prose[block] = _prose(features, block)
    _measure_place(prose, features)
    _measure_neighbours(nodes, blocks, prose, features)
    _mark_repeats(text, blocks, features)


@kernel
def _measure_own(
    row: NDArray[np.int32], counts: NDArray[np.int32], number: int, own: NDArray[np.int32]
) -> None:
    size = row[TEXT_END] - row[TEXT_START]
    words = max(counts[_WORDS], 1)
    for at in range(_COUNTS):
        own[_OWN_AT + at] = counts[at]
    at = _OWN_AT + _COUNTS
    own[at] = 1000 * row[LINK_BYTES] // size
    own[at + 1] = row[LINKS]
    own[at + 2] = 1000 * counts[_FUNCTION] // words
    own[at + 3] = 1000 * row[BOLD_BYTES] // size
    own[at + 4] = row[LINES]
    own[at + 5] = 10 * counts[_CHARACTERS] // words
    own[at + 6] = _LEVELS[number]
    own[at + 7] = _KINDS[number]
    own[at + 8] = 1000 * row[ITALIC_BYTES] // size


@kernel
def _prose(features: NDArray[np.int32], block: int) -> int:
    """Characters of a block that reads like running text, else 0."""
    words = features[_WORDS, block] + features[_WIDE, block] // 2
    if features[_LINK_SHARE, block] > 400 or words < 6:
        return 0
    is_prose = features[_SENTENCES, block] > 0 or words >= 20
    return features[_CHARACTERS, block] if is_prose else 0


@kernel
def _measure_place(prose: NDArray[np.int32], features: NDArray[np.int32]) -> None:
    """Where a block stands on the page, and under which heading."""
    blocks, place = len(prose), features[_PLACE_AT:]
    characters, before, prose_before = features[_CHARACTERS].sum(), 0, 0
    all_prose = prose.sum()
    heading, first = -1, -1
    for block in range(blocks):
        level = features[_LEVEL, block]
        place[0, block] = block
        place[1, block] = blocks - 1 - block
        place[2, block] = 1000 * before // max(characters, 1)
        place[3, block] = before
        before += features[_CHARACTERS, block]
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
def _measure_neighbours(
    nodes: NDArray[np.int32],
    blocks: NDArray[np.int32],
    prose: NDArray[np.int32],
    features: NDArray[np.int32],
) -> None:
    count = len(prose)
    for block in range(count):
        at = _NEIGHBOURS_AT
        parent = nodes[blocks[block, NODE], PARENT]
        for distance in (-1, 1, -2, 2, -3, 3):
            other = block + distance
            if 0 <= other < count:
                features[at, block] = features[_CHARACTERS, other]
                features[at + 1, block] = features[_LINK_SHARE, other]
                features[at + 2, block] = features[_SENTENCES, other]
                above = nodes[blocks[other, NODE], PARENT]
                features[at + 3, block] = int(above == parent)
            at += 4
        at = _WINDOWS_AT
        for radius in (2, 6):
            for other in range(max(0, block - radius), min(count, block + radius + 1)):
                features[at, block] += prose[other]
                features[at + 1, block] += features[_LINK_SHARE, other]
            at += 2


@kernel
def _mark_repeats(
    text: NDArray[np.uint8], blocks: NDArray[np.int32], features: NDArray[np.int32]
) -> None:
    """Whether an earlier block has the same text."""
    seen = np.zeros(slots_for(len(blocks)), np.uint64)
    for block in range(len(blocks)):
        hashed = np.uint64(1469598103934665603)
        for place in range(blocks[block, TEXT_START], blocks[block, TEXT_END]):
            hashed = (hashed ^ np.uint64(text[place])) * np.uint64(1099511628211)
        slot = slot_of(seen, hashed)
        features[_REPEATED, block] = int(seen[slot] == hashed)
        seen[slot] = hashed
