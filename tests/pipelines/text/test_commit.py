"""A manifest is written only where all counts agree, and nothing else is left beside it."""

import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from penstock import storage
from penstock.errors import DataError
from penstock.manifest import Manifest, TokenizerInfo, read_manifest
from pipelines.plan import StageResult
from pipelines.task import TaskResult
from pipelines.text.commit import commit

TOKENIZER = TokenizerInfo(
    kind="sentencepiece",
    digest="0" * 32,
    vocabulary_size=9,
    special_ids={"bos": 1, "eos": 2, "pad": None, "unk": 0},
    token_type="uint16",
)
SHARD = {
    "path": "shards/train-00000.arrow",
    "split": "train",
    "rows": 2,
    "tokens": 30,
    "bytes": 8,
    "xxh3_128": "0" * 32,
}
LAST_ID = 2**128 - 1


def stage(name: str, *tasks: tuple[Mapping[str, int], Mapping[str, Any]]) -> StageResult:
    """A complete stage whose tasks say these counters and values."""
    return StageResult(
        folder="memory://work",
        fingerprint="",
        items=[{} for _ in tasks],
        tasks=[_task(name, counters, value) for counters, value in tasks],
        buckets={},
    )


def _task(name: str, counters: Mapping[str, int], value: Mapping[str, Any]) -> TaskResult:
    return TaskResult(
        stage=name,
        task="0",
        files=[],
        value=dict(value),
        counters=dict(counters),
        engine="serial",
        executor="process 1",
        process=1,
        seconds=0.0,
        cpu_seconds=0.0,
        spilled_bytes=0,
        peak_memory_bytes=0,
    )


def results(**other: StageResult) -> dict[str, StageResult]:
    """Five records in two pieces: two kept, two dropped, one failed."""
    verdicts = {
        "kept/finish/-": 2,
        "dropped/length/minimum_words": 1,
        "failed/read/json": 1,
    }
    return {
        "curate": stage(
            "curate",
            ({"records_read": 3}, {"input_digest": f"{LAST_ID:032x}"}),
            ({"records_read": 2}, {"input_digest": f"{2:032x}"}),
        ),
        "finish": stage(
            "finish",
            ({**verdicts, "tokens": 20, "ledger_rows": 4}, {}),
            ({"dropped/dedup/duplicate_id": 1, "tokens": 10}, {}),
        ),
        "shards": stage("shards", ({"tokens": 30}, {"shard": SHARD}), ({}, {})),
        "ledger": stage("ledger", ({"rows": 5}, {})),
        **other,
    }


def committed(out: str, found: Mapping[str, StageResult]) -> Manifest:
    return commit(out, found, recipe={}, sources=("in",), tokenizer=TOKENIZER, artefacts={})


@pytest.fixture
def out() -> str:
    return f"memory://commit-{uuid.uuid4().hex}"


def test_counts_are_those_of_the_stages(out: str) -> None:
    manifest = committed(out, results())
    assert manifest == read_manifest(out)
    counts = manifest.counts
    assert (counts.records, counts.kept, counts.dropped, counts.failed) == (5, 2, 2, 1)
    assert counts.stages == {
        "dedup": {"duplicate_id": 1},
        "finish": {"kept": 2},
        "length": {"minimum_words": 1},
        "read": {"json": 1},
    }
    # The sum of both pieces' digests, modulo 2**128; an empty bucket is no shard.
    assert manifest.input_digest == f"{1:032x}"
    assert [shard.path for shard in manifest.shards] == [SHARD["path"]]


@pytest.mark.parametrize(
    ("name", "counters", "message"),
    [
        ("ledger", {"rows": 4}, "readers counted 5, the ledger has 4 rows and 5 verdicts"),
        ("ledger", {"rows": 6}, "readers counted 5, the ledger has 6 rows and 5 verdicts"),
        ("shards", {"tokens": 29}, "30 were made, but the shards hold 29"),
    ],
)
def test_what_was_lost_is_never_committed(
    name: str, counters: dict[str, int], message: str, out: str
) -> None:
    with pytest.raises(DataError, match=message):
        committed(out, results(**{name: stage(name, (counters, {}))}))
    assert storage.list_files(out) == []


def test_what_other_attempts_left_is_removed(out: str) -> None:
    mine = [
        "documents/part-000000.parquet",
        "documents/part-000001.parquet",
        "ledger/part-00000.parquet",
        "rejects/part-00000.parquet",
        "run.json",
        "shards/train-00000.arrow",
        "signals/part-000001.parquet",
    ]
    strays = [
        "documents/part-000002.parquet",
        "ledger/part-00001.parquet",
        "shards/train-00001.arrow",
        "shards/validation-00000.arrow",
        "signals/part-000011.parquet",
    ]
    for path in [*mine, *strays]:
        storage.write_bytes(storage.join(out, path), b"x")
    committed(out, results())
    left = {url.rpartition(out.rpartition("/")[2] + "/")[2] for url in storage.list_files(out)}
    assert left == {*mine, "manifest.json", "manifests/0001.json"}
