"""Scores of blocks by a small forest of boosted trees, in integers.

The trees are oblivious (Kohavi 1994; as in CatBoost, Prokhorenkova et al. 2018): all nodes of a
level ask the same question, so that the answers of a block are the bits of its leaf's number, and
a level is one comparison over all blocks at once. Features, thresholds and leaf values are
integers: a score is the same on every machine. `transforms/page/train_forest.py` trains them.

Cost: 0.1 ms for a page of 200 blocks and 240 trees of five levels.
"""

import functools
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from transforms.kernels import kernel
from transforms.page.context import CONTEXT
from transforms.page.features import FEATURES

SHIPPED = Path(__file__).parents[1] / "models" / "blocks.json"


class Forest(NamedTuple):
    """Trees of one depth D; T trees. A block is main text where its score is above 0."""

    columns: NDArray[np.int32]
    """(T, D) int32: which feature a level compares; level d gives bit d of the leaf's number."""
    thresholds: NDArray[np.int32]
    """(T, D) int32: the bit is 1 where the feature is above it."""
    leaves: NDArray[np.int32]
    """(T, 2**D) int32: what a tree adds to the score, in 1/65536 of a logit."""
    bias: int


def forest_scores(features: NDArray[np.int32], forest: Forest) -> NDArray[np.int32]:
    """The score of each block, int32; `features` is (number of features, blocks).

    >>> one = np.array([[0]], np.int32)
    >>> forest = Forest(one, one + 5, np.array([[-7, 7]], np.int32), 1)
    >>> forest_scores(np.array([[5, 6]], np.int32), forest).tolist()
    [-6, 8]
    """
    scores = np.full(features.shape[1], forest.bias, np.int32)
    _add_scores(features, forest.columns, forest.thresholds, forest.leaves, scores)
    return scores


@kernel
def _add_scores(
    features: NDArray[np.int32],
    columns: NDArray[np.int32],
    thresholds: NDArray[np.int32],
    leaves: NDArray[np.int32],
    scores: NDArray[np.int32],
) -> None:
    leaf = np.empty(len(scores), np.int32)
    for tree in range(len(columns)):
        leaf[:] = 0
        for level in range(columns.shape[1]):
            values, threshold = features[columns[tree, level]], thresholds[tree, level]
            for block in range(len(scores)):
                leaf[block] |= np.int32(values[block] > threshold) << np.int32(level)
        for block in range(len(scores)):
            scores[block] += leaves[tree, leaf[block]]


class Judge(NamedTuple):
    """The classifier: a forest over a block's own features, one that has its context besides."""

    first: Forest
    second: Forest


def judge_json(judge: Judge) -> str:
    """A classifier as text, one tree a line, features by their names."""
    names = FEATURES + CONTEXT
    first, second = (_forest_json(forest, names) for forest in judge)
    return f'{{"first": {first},\n"second": {second}}}\n'


def _forest_json(forest: Forest, names: tuple[str, ...]) -> str:
    trees = [
        {
            "columns": [names[column] for column in forest.columns[tree]],
            "thresholds": forest.thresholds[tree].tolist(),
            "leaves": forest.leaves[tree].tolist(),
        }
        for tree in range(len(forest.columns))
    ]
    lines = ",\n".join(json.dumps(tree) for tree in trees)
    return f'{{"bias": {forest.bias}, "trees": [\n{lines}\n]}}'


@functools.lru_cache(maxsize=4)
def load_judge(path: Path = SHIPPED) -> Judge:
    """A classifier that `judge_json` wrote.

    Raises:
        ValueError: the file isn't one, or asks for features that aren't measured.
    """
    try:
        data = json.loads(path.read_bytes())
        return Judge(_forest(data["first"]), _forest(data["second"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a classifier of this version: {error}") from error


@functools.cache
def judge_digest(path: Path = SHIPPED) -> str:
    """xxh3_128 of a classifier's file, in hexadecimal digits."""
    return xxhash.xxh3_128_hexdigest(path.read_bytes())


def _forest(data: dict[str, Any]) -> Forest:
    names, trees = FEATURES + CONTEXT, data["trees"]
    columns = [[names.index(name) for name in tree["columns"]] for tree in trees]
    return Forest(
        columns=np.array(columns, np.int32),
        thresholds=np.array([tree["thresholds"] for tree in trees], np.int32),
        leaves=np.array([tree["leaves"] for tree in trees], np.int32),
        bias=int(data["bias"]),
    )
