"""Curating a batch: one outcome for each record, and batch boundaries that don't show."""

import dataclasses
import uuid
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.errors import DataError
from pipelines.recipe import load_recipe
from pipelines.task import Settings, StageSpec, Task, TaskContext
from pipelines.text.curate import (
    SECTIONS,
    CurateOptions,
    Outcome,
    count_verdicts,
    curate_batch,
    sum_of_ids,
)
from schemas.curated import CURATED
from schemas.ledger import LEDGER
from schemas.records import RECORDS
from schemas.signals import signals_schema
from schemas.validate import validate
from transforms.heuristics.options import heuristic_fields

ENGLISH = "The miller opened the sluice and watched the water turn the old wheel of the mill. "
PAGE = f"<html><head><title>A mill</title></head><body><p>{ENGLISH * 8}</p></body></html>"
KINDS = {
    "text": {"media": "text", "content": (ENGLISH * 6).encode()},
    "page": {"media": "html", "content": PAGE.encode()},
    "short": {"media": "text", "content": b"A few words."},
    "empty": {"media": "text", "content": b""},
    "bytes": {"media": "html", "content": bytes(range(256)) * 20},
    "image": {"rule": "media_type", "value": "image/png", "threshold": "a page"},
    "broken": {"error": "json: not JSON at all"},
}


@pytest.fixture(scope="module")
def options() -> CurateOptions:
    return options_of([])


@pytest.fixture(scope="module")
def many_rules() -> CurateOptions:
    return options_of(["heuristics.dialects=[gopher@datatrove, fineweb@code]"])


def options_of(overrides: list[str]) -> CurateOptions:
    recipe = load_recipe("quickstart", inputs=["in"], output="out", overrides=overrides)
    plain = {**recipe.model_dump(mode="json"), "snapshot_number": 0, "models": {}}
    return CurateOptions.of({name: plain[name] for name in SECTIONS})


def context() -> TaskContext:
    folder = f"memory://curate-{uuid.uuid4().hex}"
    spec = StageSpec(folder=folder, stage="curate", options={}, inputs={}, buckets={})
    spec.save()
    task = Task(spec_url=spec.url, name="0", function=lambda *_: None, item={})
    return TaskContext(task, Settings(engine="serial", memory_bytes=1 << 26))


def records(kinds: list[str]) -> pa.RecordBatch:
    rows = [
        {
            "doc_id": number.to_bytes(16, "big"),
            "url": f"https://example.org/{number}" if number % 3 else None,
            "date": number if number % 2 else None,
            "source": "file",
            "offset": number,
            "input": "input",
            **KINDS[kind],
        }
        for number, kind in enumerate(kinds)
    ]
    return pa.RecordBatch.from_pylist(rows, RECORDS)


def plain(outcomes: list[Outcome]) -> tuple[list[object], list[object], list[object]]:
    """Documents, signals and closed rows with their texts, the latter by place."""
    closed = [
        (row["offset"], row, text)
        for outcome in outcomes
        for rows, texts in outcome.closed
        for row, text in zip(rows.to_pylist(), texts.to_pylist(), strict=True)
    ]
    return (
        [row for outcome in outcomes for row in outcome.documents.to_pylist()],
        [row for outcome in outcomes for row in outcome.signals.to_pylist()],
        sorted(closed, key=lambda row: row[0]),
    )


@settings(max_examples=20)
@given(kinds=st.lists(st.sampled_from(sorted(KINDS)), max_size=12), size=st.integers(1, 12))
def test_every_record_has_one_outcome_and_batches_do_not_show(
    many_rules: CurateOptions, kinds: list[str], size: int
) -> None:
    batch = records(kinds)
    whole = curate_batch(context(), batch, many_rules)
    validate(whole.documents, CURATED)
    validate(whole.signals, signals_schema(heuristic_fields(many_rules.heuristics)))
    for rows, texts in whole.closed:
        validate(rows, LEDGER)
        assert len(texts) == rows.num_rows
    parts = [
        curate_batch(context(), batch.slice(start, size), many_rules)
        for start in range(0, len(kinds), size)
    ]
    documents, signals, closed = plain([whole])
    assert (documents, signals, closed) == plain(parts)
    places = [row["offset"] for row in documents] + [place for place, *_ in closed]
    assert sorted(places) == list(range(len(kinds)))
    measured = {row["doc_id"] for row in signals}
    assert {row["doc_id"] for row in documents} <= measured


def test_each_kind_of_record_is_decided_by_its_own_stage(options: CurateOptions) -> None:
    kinds = ["text", "page", "short", "empty", "image", "broken"]
    documents, signals, closed = plain([curate_batch(context(), records(kinds), options)])
    assert [row["offset"] for row in documents] == [0, 1]
    assert [row["failing"] == 0 for row in signals][:2] == [True, True]
    told = {kinds[place]: (row["verdict"], row["stage"], row["rule"]) for place, row, _ in closed}
    assert told["image"] == ("dropped", "read", "media_type")
    assert told["broken"] == ("failed", "read", None)
    assert told["short"][:2] == ("dropped", "language") or told["short"][:2] == (
        "dropped",
        "length",
    )
    texts = {kinds[place]: text for place, _, text in closed}
    assert texts["short"] == "A few words."
    assert texts["image"] is texts["broken"] is None


def test_verdicts_are_counted_by_stage_and_by_rule_or_code(options: CurateOptions) -> None:
    task = context()
    kinds = ["image", "broken", "broken"]
    for rows, _ in curate_batch(task, records(kinds), options).closed:
        count_verdicts(task, rows)
    assert task.counters == Counter({"failed/read/json": 2, "dropped/read/media_type": 1})


def test_a_worker_with_another_model_than_the_run_is_told(options: CurateOptions) -> None:
    other = dataclasses.replace(options, models={"language": "f" * 32})
    with pytest.raises(DataError, match=r"model 'language': the run began with a file of digest f"):
        curate_batch(context(), records(["text"]), other)


@given(st.lists(st.binary(min_size=16, max_size=16)))
def test_the_sum_of_ids_is_that_of_plain_numbers(ids: list[bytes]) -> None:
    wanted = sum(int.from_bytes(doc_id, "big") for doc_id in ids) % 2**128
    array = pa.array([b"x" * 16, *ids], pa.binary(16)).slice(1)
    assert sum_of_ids(array) == wanted
    order = np.random.default_rng(0).permutation(len(ids))
    assert sum_of_ids(array.take(pa.array(order, pa.int64()))) == wanted
