"""What a first verdict on all blocks says about each: scores around it, in the same elements.

A short line between two paragraphs of an article is of it, the same line in a column of links
isn't. So a second forest judges each block by the first one's scores of its neighbours, of the
elements around it, and by its distance from what surely is main text.

Cost: 0.03 ms for a page of 200 blocks.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel
from transforms.page.blocks import NODE, PARENT, Blocks

_REACH = 4
_AROUND = tuple(f"score_{side}{n}" for side in ("before", "after") for n in range(1, _REACH + 1))
_LEVELS = ("parent", "grandparent", "third", "fourth", "fifth")
CONTEXT = (
    "score",
    *_AROUND,
    "kept_before",
    "kept_after",
    "mean_within_6",
    "since_sure",
    "until_sure",
    "sure_before",
    "sure_after",
    "heading_score",
    "kept_under_heading",
    "page_kept",
    "mean_alike",
    "kept_alike",
    "alike",
    *(f"kept_in_{level}" for level in _LEVELS),
    *(f"mean_in_{level}" for level in _LEVELS),
)
"""The columns, in the order of the matrix; scores in 1/64 of a logit, shares in thousandths."""

_UNIT_BITS = 10
_SURE_SCORE, _SURE_CHARACTERS = 64, 80
_FAR = 999
_LIMIT = 640
_AROUND_AT = 1
_AFTER = _AROUND_AT + 2 * _REACH
_LEVELS_AT = _AFTER + 13


def context_features(
    cut: Blocks,
    characters: NDArray[np.int32],
    headings: NDArray[np.int32],
    looks: NDArray[np.int64],
    scores: NDArray[np.int32],
) -> NDArray[np.int32]:
    """The context of each block, (len(CONTEXT), blocks) int32.

    A heading's level is above 0; blocks that are alike have the same look.
    """
    context = np.zeros((len(CONTEXT), len(scores)), np.int32)
    _measure(cut.nodes, cut.blocks, characters, headings, looks, scores, context)
    return context


@kernel
def _measure(
    nodes: NDArray[np.int32],
    blocks: NDArray[np.int32],
    characters: NDArray[np.int32],
    headings: NDArray[np.int32],
    looks: NDArray[np.int64],
    scores: NDArray[np.int32],
    context: NDArray[np.int32],
) -> None:
    short = np.empty(len(scores), np.int32)
    for block in range(len(scores)):
        short[block] = min(max(scores[block] >> _UNIT_BITS, -_LIMIT), _LIMIT)
    context[0] = short
    _measure_neighbours(short, context)
    _measure_distance(short, characters, context)
    _measure_headings(short, headings, characters, context)
    _measure_looks(looks, characters, short, context)
    _measure_elements(nodes, blocks, characters, short, context)


@kernel
def _measure_neighbours(short: NDArray[np.int32], context: NDArray[np.int32]) -> None:
    blocks = len(short)
    for block in range(blocks):
        for step in range(1, _REACH + 1):
            at = _AROUND_AT + step - 1
            context[at, block] = short[block - step] if block >= step else -_LIMIT
            after = block + step
            context[at + _REACH, block] = short[after] if after < blocks else -_LIMIT
        low, high = max(0, block - 6), min(blocks, block + 7)
        context[_AFTER + 2, block] = short[low:high].sum() // (high - low)


@kernel
def _measure_distance(
    short: NDArray[np.int32], characters: NDArray[np.int32], context: NDArray[np.int32]
) -> None:
    """Characters kept before and after a block; blocks to the next that surely is main text."""
    for backwards in range(2):
        kept, sure, since = 0, 0, _FAR
        for place in range(len(short)):
            block = len(short) - 1 - place if backwards else place
            context[_AFTER + backwards, block] = kept
            context[_AFTER + 3 + backwards, block] = since
            context[_AFTER + 5 + backwards, block] = sure
            since = min(since + 1, _FAR)
            if short[block] > 0:
                kept += characters[block]
            if short[block] > _SURE_SCORE and characters[block] >= _SURE_CHARACTERS:
                since, sure = 0, sure + 1


@kernel
def _measure_headings(
    short: NDArray[np.int32],
    headings: NDArray[np.int32],
    characters: NDArray[np.int32],
    context: NDArray[np.int32],
) -> None:
    """The score of the heading above a block; the kept share from there to the next heading."""
    kept, under, score = 0, 0, -_LIMIT
    for block in range(len(short)):
        context[_AFTER + 7, block] = score
        score = short[block] if headings[block] else score
    for block in range(len(short) - 1, -1, -1):
        context[_AFTER + 8, block] = 1000 * kept // max(under, 1)
        if headings[block]:
            kept, under = 0, 0
        else:
            under += characters[block]
            kept += characters[block] if short[block] > 0 else 0


@kernel
def _measure_looks(
    looks: NDArray[np.int64],
    characters: NDArray[np.int32],
    short: NDArray[np.int32],
    context: NDArray[np.int32],
) -> None:
    """The mean score of the text in blocks that look alike, the kept share of it, their number."""
    sums = np.zeros((looks.max() + 1 if len(looks) else 0, 4), np.int64)
    for block in range(len(short)):
        own, weight = sums[looks[block]], characters[block] + 20
        own[0] += weight
        own[1] += weight if short[block] > 0 else 0
        own[2] += short[block] * weight
        own[3] += 1
    for block in range(len(short)):
        own = sums[looks[block]]
        context[_AFTER + 10, block] = own[2] // own[0]
        context[_AFTER + 11, block] = 1000 * own[1] // own[0]
        context[_AFTER + 12, block] = own[3]


@kernel
def _measure_elements(
    nodes: NDArray[np.int32],
    blocks: NDArray[np.int32],
    characters: NDArray[np.int32],
    short: NDArray[np.int32],
    context: NDArray[np.int32],
) -> None:
    """The kept share and the mean score of the text in each of the elements around a block."""
    sums = np.zeros((len(nodes), 3), np.int64)
    for block in range(len(short)):
        own = sums[blocks[block, NODE]]
        own[0] += characters[block]
        own[1] += characters[block] if short[block] > 0 else 0
        own[2] += short[block] * np.int64(characters[block])
    for node in range(len(nodes) - 1, 0, -1):
        sums[nodes[node, PARENT]] += sums[node]
    for block in range(len(short)):
        node = blocks[block, NODE]
        context[_AFTER + 9, block] = 1000 * sums[0, 1] // max(sums[0, 0], 1)
        for level in range(5):
            total = max(sums[node, 0], 1)
            context[_LEVELS_AT + level, block] = 1000 * sums[node, 1] // total
            context[_LEVELS_AT + 5 + level, block] = sums[node, 2] // total
            node = max(nodes[node, PARENT], 0)
