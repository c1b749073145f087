"""Dialects beside the tools they are named for: on golden values always, and live where they are.

datatrove and dolma run in environments of their own, which `make bench` makes; $PENSTOCK_PEERS
names the folder of these environments where it is another one.
"""

import gzip
import json
import os
import tarfile
from pathlib import Path

import pyarrow as pa
import pytest

from tests.benchmarks.peers import cache_folder
from tests.golden.heuristics import GOLDEN, ask, texts
from tests.transforms.heuristics.parity import datatrove_values, datatrove_verdicts, dolma_values
from transforms.normalize import NormalizeOptions, normalize_text

EACH = 60
KNOWN = "''''"
"""Overlapping exceptions, which spaCy joins in another order (`dialects.md`)."""


def test_golden_values_of_datatrove_are_met() -> None:
    said = json.loads(GOLDEN.read_text("utf-8"))["datatrove"]
    assert datatrove_values(texts(), said) == []


def test_golden_verdicts_of_datatrove_are_met() -> None:
    said = json.loads(GOLDEN.read_text("utf-8"))["datatrove"]
    assert datatrove_verdicts(texts(), said) == []


def test_golden_values_of_dolma_are_met() -> None:
    said = json.loads(GOLDEN.read_text("utf-8"))["dolma"]
    assert dolma_values(texts(), said) == []


def peer(name: str) -> Path:
    folder = Path(os.environ.get("PENSTOCK_PEERS", cache_folder()))
    python = folder / name / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{name} isn't installed at {python}: `make bench` makes its environment")
    return python


@pytest.fixture(scope="module")
def real_texts(shared_data: Path) -> list[str]:
    """Reviews, news, documentation and a book in many languages, hostile strings; normalized."""
    folder = shared_data / "text"
    found: list[str] = []
    for path in sorted(folder.rglob("*.jsonl.gz")):
        with gzip.open(path) as lines:
            rows = [json.loads(line) for line, _ in zip(lines, range(EACH), strict=False)]
        found += [(row.get("text") or "").replace("<br />", "\n")[:20_000] for row in rows]
    for archive in (
        folder / "progit_many_languages.tar.gz",
        shared_data / "adversarial/blns.tar.gz",
    ):
        with tarfile.open(archive) as members:
            for member in members:
                content = members.extractfile(member)
                if content is not None:
                    found.append(content.read(20_000).decode("utf-8", "replace"))
    normalized = normalize_text(pa.array(found), options=NormalizeOptions()).to_pylist()
    return [text for text in normalized if text]


def test_datatrove_itself_says_the_same_of_real_texts(real_texts: list[str]) -> None:
    said = ask("datatrove", peer("datatrove"), real_texts)
    plain = [number for number, text in enumerate(real_texts) if KNOWN not in text]
    of_plain = [real_texts[number] for number in plain], [said[number] for number in plain]
    assert datatrove_values(*of_plain) == []
    assert datatrove_verdicts(real_texts, said) == []


def test_dolma_itself_says_the_same_of_real_texts(real_texts: list[str]) -> None:
    assert dolma_values(real_texts, ask("dolma", peer("dolma"), real_texts)) == []
