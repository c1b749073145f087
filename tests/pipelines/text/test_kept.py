"""Verdicts come back to the rows that they are about, whatever the batches."""

import uuid

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import storage
from pipelines import merge
from pipelines.batches import batch_writer
from pipelines.driver import Driver
from pipelines.engines.serial import SerialEngine
from pipelines.plan import Map
from pipelines.streams import VERDICT_STREAM
from pipelines.task import Item, Settings, TaskContext
from pipelines.text.kept import curated_with_verdicts
from schemas.curated import CURATED
from schemas.hashes import VERDICTS


def write_curated(context: TaskContext, item: Item) -> None:
    """Documents numbered from 0, in batches of the sizes given."""
    number = 0
    with batch_writer(context.file("curated"), CURATED) as writer:
        for size in item["sizes"]:
            rows = [_document(number + place) for place in range(size)]
            writer.write_batch(pa.RecordBatch.from_pylist(rows, CURATED))
            number += size


def _document(number: int) -> dict[str, object]:
    return {
        "doc_id": number.to_bytes(16, "big"),
        "node": number.to_bytes(24, "big"),
        "source": "file",
        "offset": number,
        "input": "input",
        "language": "en",
        "language_score": 1.0,
        "text": f"text {number}",
    }


def emit_verdicts(context: TaskContext, item: Item) -> None:
    """A verdict for each of the rows given, in both pieces; its bands are piece and row."""
    writer = context.emit(VERDICT_STREAM)
    for piece in (0, 1):
        for row in item["rows"]:
            verdict = {
                "piece": piece,
                "row": row,
                "rule": "near_duplicate" if row % 2 else None,
                "matched_bands": 1000 * piece + row,
                "cluster_id": b"k" * 16,
                "cluster_size": 2,
            }
            rows = pa.RecordBatch.from_pylist([verdict], VERDICTS)
            writer.add(rows, rows["piece"].to_numpy())


def join(context: TaskContext, item: Item) -> None:
    """What comes out, as plain data."""
    context.value["rows"] = [
        [document["offset"], verdict["rule"], verdict["matched_bands"], verdict["cluster_size"]]
        for documents, verdicts in curated_with_verdicts(context, 1)
        for document, verdict in zip(documents.to_pylist(), verdicts.to_pylist(), strict=True)
    ]


@pytest.fixture
def _short_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "BATCH_BYTES", 100)


@pytest.mark.usefixtures("_short_batches")
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_each_document_has_its_own_verdict_or_is_kept(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(0, 5), max_size=6))
    total = sum(sizes)
    rows = data.draw(st.lists(st.integers(0, total - 1), unique=True)) if total else []
    work = f"memory://kept-{uuid.uuid4().hex}"
    stages = [
        Map(
            name="curate", function=write_curated, items=lambda _: [{"sizes": []}, {"sizes": sizes}]
        ),
        Map(
            name="verdicts",
            function=emit_verdicts,
            items=lambda _: [{"rows": rows}],
            emits=lambda _: {VERDICT_STREAM.name: 2},
        ),
        Map(
            name="join",
            function=join,
            items=lambda _: [{}],
            of=(("verdicts", VERDICT_STREAM),),
            reads=("curate.curated",),
        ),
    ]
    engine = SerialEngine(settings=Settings(engine="serial", memory_bytes=1 << 20))
    driver = Driver(
        work_dir=work, recipe={}, code_version="", engine=engine, on_event=lambda _: None
    )
    (task,) = driver.run(stages)["join"].tasks
    assert task.value["rows"] == [
        [row, "near_duplicate" if row % 2 else None, 1000 + row, 2]
        if row in rows
        else [row, None, 0, 1]
        for row in range(total)
    ]
    storage.remove_tree(work)
