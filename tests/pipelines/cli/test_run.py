"""The command line from records to a verified dataset, as a person would call it."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WORDS = "water wall gate river stone valve turbine pipe weight flow night letter copper".split()  # noqa: SIM905


def penstock(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 120 documents, of which ten are copies and five too short."""
    chance = random.Random(0)
    texts = [" ".join(chance.choices(WORDS, k=80)) + "." for _ in range(105)]
    texts += texts[:10] + ["too short"] * 5
    folder = tmp_path_factory.mktemp("run")
    rows = [{"text": text, "url": f"http://x.example/{i}"} for i, text in enumerate(texts)]
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = penstock("train", "tokenizer", str(folder / "in.jsonl"), "--output",
                    str(folder / "small.model"), "--vocabulary-size", "300")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"use it: --set tokenizer.path={folder}/small.model" in done.stdout
    return folder


def arguments(folder: Path, output: str) -> list[str]:
    return ["run", "quickstart", "--input", str(folder / "in.jsonl"), "--output",
            str(folder / output), "--engine", "serial", "--set",
            f"tokenizer.path={folder / 'small.model'}", "--set", "language.minimum_score=0",
            "--set", "dedup.minhash=null"]  # fmt: skip


@pytest.fixture(scope="module")
def run(folder: Path) -> "subprocess.CompletedProcess[str]":
    return penstock(*arguments(folder, "out"), "--log-json")


def test_a_run_prints_what_became_of_the_records(run, folder: Path) -> None:  # type: ignore[no-untyped-def]
    assert run.returncode == 0, run.stderr
    said = " ".join(run.stdout.split())
    assert "records 120 100.0 %" in said
    assert "kept 105 87.5 %" in said
    assert "dedup: exact_duplicate 10" in said
    assert "length: minimum_characters 5" in said
    assert f"report {folder}/out/report.html" in said


def test_json_logs_hold_one_event_a_line(run) -> None:  # type: ignore[no-untyped-def]
    events = [json.loads(line) for line in run.stderr.splitlines()]
    kinds = {event["event"] for event in events}
    assert {"stage-start", "task-end", "stage-end"} <= kinds
    read = sum(e["counters"].get("records_read", 0) for e in events if e["event"] == "task-end")
    assert read == 120


def test_the_output_is_what_the_contract_names(run, folder: Path) -> None:  # type: ignore[no-untyped-def]
    names = {path.name for path in (folder / "out").iterdir()}
    assert {"manifest.json", "manifests", "run.json", "shards", "documents", "signals", "rejects",
            "ledger", "report.html"} <= names  # fmt: skip


def test_the_dataset_verifies_down_to_each_token(run, folder: Path) -> None:  # type: ignore[no-untyped-def]
    done = penstock("verify", str(folder / "out"), "--loader")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("verified\n")
    assert re.search(r"^loader, train: .*; batches [0-9a-f]{32}$", done.stdout, re.MULTILINE)


def test_the_same_run_again_does_nothing(run, folder: Path) -> None:  # type: ignore[no-untyped-def]
    files = [path for path in (folder / "out").rglob("*") if path.is_file()]
    before = {path: path.stat().st_mtime_ns for path in files}
    done = penstock(*arguments(folder, "out"))
    assert done.returncode == 0, done.stderr
    assert "this run was finished before" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in files} == before


def test_another_recipe_may_not_have_its_output(run, folder: Path) -> None:  # type: ignore[no-untyped-def]
    done = penstock(*arguments(folder, "out"), "--set", "seed=8")
    assert done.returncode == 2
    assert "seed is 0 there and 8 here" in done.stderr


def test_explain_finds_a_dropped_copy_and_its_twin(run, folder: Path) -> None:  # type: ignore[no-untyped-def]
    done = penstock("explain", str(folder / "out"), "http://x.example/105", "--json")
    other = penstock("explain", str(folder / "out"), "http://x.example/0", "--json")
    pair = [json.loads(text)[0] for text in (done.stdout, other.stdout)]
    [dropped] = [item for item in pair if item["ledger"]["verdict"] == "dropped"]
    [kept] = [item for item in pair if item["ledger"]["verdict"] == "kept"]
    assert dropped["twin"]["doc_id"] == kept["ledger"]["doc_id"]


def test_a_dry_run_shows_the_plan_and_writes_nothing(folder: Path) -> None:
    done = penstock(*arguments(folder, "dry"), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "1 file, " in done.stdout
    for stage in ("curate", "match", "finish", "shards"):
        assert stage in done.stdout
    assert not (folder / "dry").exists()
