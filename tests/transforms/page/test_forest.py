import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.page.context import CONTEXT
from transforms.page.features import FEATURES
from transforms.page.forest import SHIPPED, Forest, Judge, forest_scores, judge_json, load_judge
from transforms.page.train_forest import ForestOptions, train_forest

SMALL = ForestOptions(trees=20, depth=2, column_share=1.0)


def walked(forest: Forest, row: np.ndarray) -> int:
    """The score of one block, question by question."""
    score = forest.bias
    for columns, thresholds, leaves in zip(
        forest.columns.tolist(), forest.thresholds.tolist(), forest.leaves.tolist(), strict=True
    ):
        answers = [int(row[c] > t) for c, t in zip(columns, thresholds, strict=True)]
        score += leaves[sum(bit << level for level, bit in enumerate(answers))]
    return int(score)


@given(seed=st.integers(0, 1000))
def test_scores_are_those_of_the_questions_one_by_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    forest = Forest(
        random.integers(0, 5, (7, 3), dtype=np.int32),
        random.integers(-3, 4, (7, 3), dtype=np.int32),
        random.integers(-99, 99, (7, 8), dtype=np.int32),
        int(random.integers(-9, 9)),
    )
    features = random.integers(-5, 6, (5, 11), dtype=np.int32)
    assert forest_scores(features, forest).tolist() == [walked(forest, row) for row in features.T]


def rows(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Two features of which either decides, and one of noise."""
    random = np.random.default_rng(0)
    features = random.integers(0, 100, (3, count), dtype=np.int32)
    return features, (features[0] > 60) ^ (features[2] > 30)


def test_training_finds_what_decides() -> None:
    features, labels = rows(2000)
    forest = train_forest(features, labels, np.ones(2000), SMALL)
    fresh, wanted = rows(4000)
    right = (forest_scores(fresh, forest) > 0) == wanted
    assert right.mean() > 0.97


def test_training_twice_gives_the_same_forest_and_weights_count() -> None:
    features, labels = rows(500)
    first, again = (train_forest(features, labels, np.ones(500), SMALL) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    weights = np.where(labels, 1.0, 1e-3)
    assert (forest_scores(features, train_forest(features, labels, weights, SMALL)) > 0).all()


def test_a_classifier_survives_its_file(tmp_path: Path) -> None:
    features, labels = rows(300)
    judge = Judge(*[train_forest(features, labels, np.ones(300), SMALL)] * 2)
    (tmp_path / "judge.json").write_text(judge_json(judge))
    for one, other in zip(load_judge(tmp_path / "judge.json"), judge, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_file_that_is_no_classifier_is_told(tmp_path: Path) -> None:
    for content in ("{", '{"first": {}}', SHIPPED.read_text().replace('"words"', '"wards"')):
        path = tmp_path / f"{len(content)}.json"
        path.write_text(content)
        with pytest.raises(ValueError, match="not a classifier of this version"):
            load_judge(path)


def test_the_shipped_classifier_asks_what_is_measured() -> None:
    data = json.loads(SHIPPED.read_text())
    for name, known in (("first", set(FEATURES)), ("second", {*FEATURES, *CONTEXT})):
        asked = {column for tree in data[name]["trees"] for column in tree["columns"]}
        assert asked <= known
    assert any(column in CONTEXT for tree in data["second"]["trees"] for column in tree["columns"])
