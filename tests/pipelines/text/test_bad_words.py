"""Lists of bad words in a recipe: by path or URL, held to their hashes, and what they drop."""

import hashlib
import json
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from penstock.errors import UsageError
from penstock.manifest import read_manifest
from pipelines.explain import explain
from tests.pipelines import flow
from tests.pipelines.web import serving

LIST = b"sluice gate\nmillrace\n"
DIGEST = hashlib.sha256(LIST).hexdigest()
TEXTS = {
    "clean": "The mill by the river turns its wheels, and the miller counts the sacks of flour. ",
    "bad": "The miller shuts the Sluice Gate when the millrace runs high, and the wheel stands. ",
    "german": "Das Wasser der Mühle läuft über das Wehr, und der Müller zählt die Säcke. ",
}
KEY = "heuristics.bad_words"
MC4 = ("heuristics.dialects=[mc4@paper]", "heuristics.thresholds={mc4@paper: {long_lines: null}}")


@pytest.fixture
def lines(tmp_path: Path) -> str:
    rows = [json.dumps({"id": name, "text": text * 5}) + "\n" for name, text in TEXTS.items()]
    (tmp_path / "in.jsonl").write_text("".join(rows))
    (tmp_path / "words.txt").write_bytes(LIST)
    return str(tmp_path / "in.jsonl")


def test_a_page_with_a_word_of_its_languages_list_goes(lines: str, tmp_path: Path) -> None:
    words = f"{KEY}.en.file={tmp_path / 'words.txt'}"
    summary, _ = flow.run([lines], tmp_path / "out", *MC4, words)
    assert (summary.manifest.counts.kept, summary.manifest.counts.dropped) == (2, 1)
    assert summary.run["notices"] == []
    assert len(read_manifest(str(tmp_path / "out")).artefacts["bad_words.en"]) == 32
    ledger = ds.dataset(tmp_path / "out/ledger", format="parquet")
    [row] = ledger.to_table(filter=ds.field("verdict") == "dropped").to_pylist()
    assert (row["stage"], row["rule"]) == ("mc4@paper", "bad_words")
    assert (row["value"], row["threshold"]) == ("10", "at most 0")
    assert explain(str(tmp_path / "out"), row["doc_id"].hex())[0].failing


def test_a_list_is_fetched_and_held_to_its_hash(lines: str, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        words = f"{KEY}.en.file={server}/words.txt"
        summary, _ = flow.run([lines], tmp_path / "out", *MC4, words)
        [told] = summary.run["notices"]
        assert f"write {KEY}.en.file_hash: sha256:{DIGEST} into the recipe" in told
        right = f"{KEY}.en.file_hash=sha256:{DIGEST}"
        again, _ = flow.run([lines], tmp_path / "again", *MC4, words, right)
        assert again.run["notices"] == []
        wrong = f"{KEY}.en.file_hash=sha256:{'0' * 64}"
        with pytest.raises(UsageError, match=rf"is sha256:{DIGEST}, but {KEY}.en.file_hash says"):
            flow.run([lines], tmp_path / "other", *MC4, words, wrong)
        with pytest.raises(UsageError, match=r"none\.txt: can't be read"):
            flow.run([lines], tmp_path / "other", *MC4, f"{KEY}.en.file={server}/none.txt")
    assert not (tmp_path / "other").exists()


def test_mistakes_are_told_before_any_work(lines: str, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "latin").write_bytes("Mühle".encode("latin-1"))
    right = f"{KEY}.en.file={tmp_path / 'words.txt'}"
    for overrides, message in (
        ((*MC4, f"{KEY}.en.file=nowhere.txt"), rf"{KEY}.en.file: .*nowhere.txt can't be read"),
        ((*MC4, f"{KEY}.en.file={tmp_path / 'empty'}"), "has no entry"),
        ((*MC4, f"{KEY}.en.file={tmp_path / 'latin'}"), "isn't UTF-8 at byte 1"),
        ((*MC4, right, f"{KEY}.english.file=x"), "knows no 'english'"),
        ((*MC4, right, f"{KEY}.en.file_hash=md5"), "file_hash"),
        ((*MC4, f"{KEY}.en.fil=x"), "did you mean 'file'.*allowed here: file, file_hash"),
        ((right,), "no dialect looks for them; those that do are c4@tfds"),
        ((MC4[0], "heuristics.thresholds={mc4@paper: {bad_words: 1}}"), "no list of bad words"),
    ):
        with pytest.raises(UsageError, match=message):
            flow.run([lines], tmp_path / "out", *overrides)
    assert not (tmp_path / "out").exists()
