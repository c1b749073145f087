"""How many tokens each kept document became: in the signals, by language in the report."""

import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tokenizers

from penstock.manifest import read_manifest
from pipelines.report.facts import Facts, gather
from pipelines.report.page import render
from tests.pipelines import flow
from transforms.tokenizers import TokenizerOptions, load_tokenizer

ENGLISH = (
    "The mill by the river {0} turns its {0} wheels, and the miller counts {0} sacks of flour. "
)
GERMAN = "Die Mühle am Fluss {0} dreht ihre {0} Räder, und der Müller zählt {0} Säcke voll Mehl. "


@pytest.fixture(scope="module")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level tokenizer.json of our own."""
    tokenizer = tokenizers.ByteLevelBPETokenizer()
    texts = [(ENGLISH + GERMAN).format(number) for number in range(50)]
    tokenizer.train_from_iterator(texts, 400, special_tokens=["<|endoftext|>"], show_progress=False)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return path


@pytest.fixture(scope="module")
def out(tokenizer_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fertility")
    texts = [text.format(n) * 6 for n in range(40) for text in (ENGLISH, GERMAN)]
    rows = [{"text": text} for text in [*texts, *texts[:7], "Too short."]]
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    flow.run(
        [str(folder / "in.jsonl")],
        folder / "out",
        f"tokenizer.path={tokenizer_file}",
        "dedup.minhash=null",
        pieces="read.piece_bytes=9kB",
    )
    return folder / "out"


@pytest.fixture(scope="module")
def facts(out: Path) -> Facts:
    return gather(str(out))


def test_each_kept_document_has_its_number_of_tokens(out: Path, tokenizer_file: Path) -> None:
    signals = pq.read_table(out / "signals")
    documents = pq.read_table(out / "documents")
    tokenizer = load_tokenizer(TokenizerOptions(path=str(tokenizer_file)))
    rows = tokenizer.encode(documents["text"].combine_chunks()).to_pylist()
    wanted = dict(zip(documents["doc_id"].to_pylist(), map(len, rows), strict=True))
    pairs = zip(signals["doc_id"].to_pylist(), signals["tokens"].to_pylist(), strict=True)
    found = {doc_id: tokens for doc_id, tokens in pairs if tokens is not None}
    assert found == wanted
    assert len(found) == 80
    assert signals["tokens"].null_count == 8
    assert sum(found.values()) == sum(shard.tokens for shard in read_manifest(str(out)).shards)


def test_the_report_tells_tokens_by_language(out: Path, facts: Facts) -> None:
    signals = pq.read_table(out / "signals").filter(pa.compute.field("tokens").is_valid())
    tokens, words = Counter[str](), Counter[str]()
    for row in signals.to_pylist():
        tokens[row["language"]] += row["tokens"]
        words[row["language"]] += row["words"]
    assert set(tokens) == {"en", "de"}
    told = facts.measures.fertility
    assert {name: (told[name].tokens, told[name].words) for name in told} == {
        name: (tokens[name], words[name]) for name in tokens
    }
    page = render(facts)
    assert "tokens / word" in page
    assert f"{tokens['de'] / words['de']:.3f}" in page


def test_the_run_says_which_library_tokenized(facts: Facts) -> None:
    assert facts.run["tokenizer"] == {"engine": "penstock", "note": ""}
