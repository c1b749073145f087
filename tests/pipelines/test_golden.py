"""The sample's dataset has the bytes that it had: what changes them is seen, and meant."""

import json
from pathlib import Path

from tests.golden.dataset import GOLDEN, dataset_digests
from tests.pipelines import flow


def test_the_samples_dataset_is_the_golden_one(sample_crawl: list[str], tmp_path: Path) -> None:
    flow.run(sample_crawl, tmp_path / "out", pieces=None)
    assert dataset_digests(tmp_path / "out") == json.loads(GOLDEN.read_text("utf-8"))
