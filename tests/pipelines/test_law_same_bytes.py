"""Law 1: the same recipe and input give the same bytes, however the work is done."""

import gzip
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from penstock.manifest import read_manifest
from pipelines.events import TaskEnd
from tests.pipelines import flow


@pytest.mark.parametrize(
    ("engine", "workers"), [("dask", 1), ("dask", 2), ("beam", 1), ("beam", 2)]
)
def test_engines_and_workers_give_the_same_bytes(
    engine: str, workers: int, sample_crawl: list[str], serial_output: Path, tmp_path: Path
) -> None:
    _, events = flow.run(sample_crawl, tmp_path / "out", engine=engine, workers=workers)
    assert flow.content(tmp_path / "out") == flow.content(serial_output)
    tasks = [event for event in events if isinstance(event, TaskEnd)]
    assert {task.engine for task in tasks} == {engine}
    assert all(task.executor.startswith(("worker", "beam")) for task in tasks)
    processes = {task.process for task in tasks if task.stage == "curate"}
    assert len(processes) == workers


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_splits_of_the_input_give_the_same_bytes(
    parts: int, sample_crawl: list[str], serial_output: Path, tmp_path: Path
) -> None:
    files = [str(path) for path in _split(sample_crawl, serial_output, parts, tmp_path)]
    flow.run(files, tmp_path / "out")
    assert flow.content(tmp_path / "out") == flow.content(serial_output)


def _split(files: list[str], finished: Path, parts: int, folder: Path) -> Iterator[Path]:
    """The files' bytes in another number of files, cut where a finished run saw records begin."""
    ledger = pq.read_table(finished / "ledger").to_pydict()
    data, starts = b"", []
    for file in files:
        places = zip(ledger["source"], ledger["offset"], ledger["error"], strict=True)
        starts += [len(data) + at for source, at, error in places if source == file and not error]
        data += Path(file).read_bytes()
    starts = sorted(starts)
    cuts = [0, *(starts[len(starts) * part // parts] for part in range(1, parts)), len(data)]
    for number, (start, end) in enumerate(itertools.pairwise(cuts)):
        path = folder / f"{number}.warc.gz"
        path.write_bytes(data[start:end])
        yield path


@pytest.mark.parametrize(
    "overrides",
    [
        ("read.piece_bytes=1GB",),
        ("read.piece_bytes=50kB", "exchange.fan_in=7"),
        ("exchange.bucket_bytes=3kB",),
    ],
    ids=["one piece", "files merged in two levels", "many buckets and star rounds"],
)
def test_pieces_and_buckets_give_the_same_shards(
    overrides: tuple[str, ...], sample_crawl: list[str], serial_output: Path, tmp_path: Path
) -> None:
    summary, events = flow.run(sample_crawl, tmp_path / "out", *overrides)
    wanted = read_manifest(str(serial_output))
    assert summary.manifest.shards == wanted.shards
    assert summary.manifest.counts == wanted.counts
    stages = {event.stage for event in events}
    if "exchange.fan_in=7" in overrides:
        assert any("-merge-" in stage for stage in stages)
    if "exchange.bucket_bytes=3kB" in overrides:
        assert {"large-star-1", "small-star-1"} <= stages


def test_an_engine_of_many_hash_seeds_gives_the_same_bytes(
    sample_crawl: list[str], serial_output: Path, tmp_path: Path
) -> None:
    environment = {"PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    process = flow.command(
        sample_crawl, tmp_path / "out", "--engine", "serial", environment=environment
    )
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, output + errors
    assert flow.content(tmp_path / "out") == flow.content(serial_output)


def test_json_lines_split_and_whole_give_the_same_bytes(tmp_path: Path) -> None:
    rows = [
        {
            "text": f"Document {n} tells of weirs, dams and {n % 37} mills on the river. " * 9,
            "id": n,
        }
        for n in range(300)
    ]
    lines = [json.dumps({**row, "id": str(row["id"])}) + "\n" for row in rows]
    (tmp_path / "whole.jsonl").write_text("".join(lines))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress("".join(lines[:100]).encode()))
    (tmp_path / "b.jsonl").write_text("".join(lines[100:]))
    keep = "language.minimum_score=0"
    flow.run([str(tmp_path / "whole.jsonl")], tmp_path / "one", keep)
    flow.run([str(tmp_path / name) for name in ("a.jsonl.gz", "b.jsonl")], tmp_path / "two", keep)
    assert flow.content(tmp_path / "one") == flow.content(tmp_path / "two")
