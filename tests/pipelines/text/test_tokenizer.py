"""A fitted tokenizer is trained on the sample by keyed hash, whatever the pieces."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import UsageError
from penstock.manifest import read_manifest
from pipelines.text.tokenizer import TEXT_CHARACTERS, sample_bound
from tests.pipelines import flow
from transforms.identity import keyed_hash
from transforms.train_tokenizer import train_sentencepiece

SEED = 5
TEXT = "weir dam mill wheel race sluice pond gate river stone grain flour sack cart bridge"


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Ninety documents of some words, every third of them there twice."""
    random = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("fit") / "in.jsonl"
    texts = [" ".join(random.choice(TEXT.split(), 80)) for _ in range(90)]
    rows = [{"text": text} for text in [*texts, *texts[::3]]]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def fitted(lines: str, output: Path, documents: int, pieces: str) -> bytes:
    """The tokenizer's file of a run that samples so many documents."""
    flow.run(
        [lines],
        output,
        "language.minimum_score=0",
        f"seed={SEED}",
        f"tokenizer.fit={{vocabulary_size: 300, sample_documents: {documents}}}",
        pieces=f"read.piece_bytes={pieces}",
    )
    return (output / "index" / "tokenizer.model").read_bytes()


@pytest.mark.parametrize("documents", [30, 1000])
def test_the_sample_is_the_smallest_keyed_hashes_of_what_is_kept(
    documents: int, lines: str, tmp_path: Path
) -> None:
    whole = fitted(lines, tmp_path / "whole", documents, "1GB")
    assert fitted(lines, tmp_path / "cut", documents, "9kB") == whole
    manifests = [read_manifest(str(tmp_path / name)) for name in ("whole", "cut")]
    assert manifests[0].shards == manifests[1].shards
    assert manifests[0].artefacts == manifests[1].artefacts
    kept = pq.read_table(tmp_path / "whole" / "documents").sort_by("doc_id")
    keys = keyed_hash(kept["doc_id"].combine_chunks(), seed=SEED + 2)
    chosen = np.sort(np.argsort(keys)[:documents])
    texts = pa.array([text[:TEXT_CHARACTERS] for text in kept["text"].take(chosen).to_pylist()])
    assert len(texts) == min(documents, 90)
    assert train_sentencepiece(texts, vocabulary_size=300) == whole


@given(st.integers(1, 5000), st.integers(1, 100_000), st.integers(0, 2**32))
def test_enough_documents_lie_below_the_bound(wanted: int, total: int, seed: int) -> None:
    hashes = np.random.default_rng(seed).integers(0, 2**64, total, dtype=np.uint64)
    offered = int((hashes <= sample_bound(wanted, total)).sum())
    assert offered >= min(wanted, total)
    assert offered <= wanted + 15 * (wanted**0.5 + 2)


def test_a_vocabulary_too_large_for_the_text_is_a_mistake_in_the_recipe(
    lines: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"tokenizer\.fit: vocabulary_size: got 30000"):
        flow.run(
            [lines],
            tmp_path / "out",
            "language.minimum_score=0",
            "tokenizer.fit={vocabulary_size: 30000}",
        )
    assert not (tmp_path / "out" / "manifest.json").exists()
