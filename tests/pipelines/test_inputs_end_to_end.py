"""Every real and hostile file through a whole run: it never crashes, and no record is lost.

The counts come from tables made by hand and from scans that share no code with the reader.
"""

import gzip
import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import polars
import pyarrow as pa
import pyarrow.parquet
import pytest

from penstock import TokenLoader
from penstock.manifest import read_manifest
from pipelines.events import TaskEnd
from pipelines.explain import explain
from pipelines.report import gather
from tests.pipelines import flow
from tests.pipelines.readers.archives import arc, http, warc
from tests.pipelines.readers.test_warc_files import _BROKEN, _WHOLE

# It holds paths of WARC files, a line each, and is no WARC file itself, in spite of its name.
_LIST_OF_PATHS = "commoncrawl_whirlwind-python/CC-MAIN-2024-22.warc.paths.gz"
_ANY_TEXT = ("length.minimum_words=0", "length.minimum_characters=0", "language.minimum_score=0")
_PARAGRAPH = "The valve opens when the water in the upper gallery stands above the old stone mark. "


class Run(NamedTuple):
    output: Path
    ledger: polars.DataFrame
    counters: Counter[str]


def run(inputs: Iterable[Path], output: Path, *overrides: str) -> Run:
    _, events = flow.run([str(path) for path in inputs], output, *overrides)
    counters: Counter[str] = Counter()
    for event in events:
        if isinstance(event, TaskEnd) and event.stage == "curate":
            counters.update(event.counters)
    return Run(output, polars.read_parquet(output / "ledger" / "*.parquet"), counters)


def by_source(done: Run, folder: Path) -> dict[str, int]:
    counts = Counter(str(Path(source).relative_to(folder)) for source in done.ledger["source"])
    return dict(counts)


def check_counts(done: Run) -> None:
    """What the ledger, the manifest, the report, the documents and the shards say is the same."""
    ledger, manifest = done.ledger, read_manifest(str(done.output))
    verdicts = Counter(ledger["verdict"])
    assert done.counters["records_read"] == len(ledger) == manifest.counts.records
    assert (manifest.counts.kept, manifest.counts.dropped, manifest.counts.failed) == (
        verdicts["kept"], verdicts["dropped"], verdicts["failed"],
    )  # fmt: skip
    facts = gather(str(done.output)).ledger
    assert (facts.records, facts.kept, facts.dropped.total(), facts.failed.total()) == (
        len(ledger), verdicts["kept"], verdicts["dropped"], verdicts["failed"],
    )  # fmt: skip
    assert ledger.select("source", "offset").n_unique() == len(ledger)
    check_kept(done)


def check_kept(done: Run) -> None:
    kept = set(done.ledger.filter(polars.col("verdict") == "kept")["doc_id"])
    documents = polars.read_parquet(done.output / "documents" / "*.parquet")["doc_id"]
    assert len(documents) == len(kept)
    assert set(documents) == kept
    manifest = read_manifest(str(done.output))
    ids: list[bytes] = []
    for shard in manifest.shards:
        assert len(tokens_of(done.output / shard.path)) == shard.tokens
        ids += shard_table(done.output / shard.path)["doc_id"].to_pylist()
    assert sorted(ids) == sorted(kept)
    assert set(done.ledger["duplicate_of"].drop_nulls()) <= kept


def shard_table(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def tokens_of(path: Path) -> list[int]:
    tokens = shard_table(path)["tokens"].combine_chunks().flatten()
    return tokens.to_pylist()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def captures(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run over every real WARC and ARC file."""
    return run([shared_data / "warc"], tmp_path_factory.mktemp("captures") / "out")


def test_each_capture_has_a_row_for_each_record(captures: Run, shared_data: Path) -> None:
    expected = {name: sum(counts) for name, counts in {**_WHOLE, **_BROKEN}.items()}
    expected[_LIST_OF_PATHS] = 1
    found = by_source(captures, shared_data / "warc")
    assert found == {name: number for name, number in expected.items() if number}


def test_what_is_broken_in_captures_has_failed_with_an_error(
    captures: Run, shared_data: Path
) -> None:
    failed = captures.ledger.filter(polars.col("verdict") == "failed")
    expected = {name: counts[2] for name, counts in _BROKEN.items() if counts[2]}
    expected[_LIST_OF_PATHS] = 1
    only_failed = captures._replace(ledger=failed)
    assert by_source(only_failed, shared_data / "warc") == expected
    assert failed["error"].null_count() == 0
    assert (failed["error"].str.len_chars() > 0).all()


def test_all_that_is_said_of_captures_agrees(captures: Run) -> None:
    check_counts(captures)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_the_loader_delivers_the_tokens_of_captures(captures: Run, split: str) -> None:
    manifest = read_manifest(str(captures.output))
    stored: Counter[int] = Counter()
    for shard in manifest.shards:
        if shard.split == split:
            stored.update(tokens_of(captures.output / shard.path))
    loader = TokenLoader(
        str(captures.output), sequence_length=512, global_batch_size=1, seed=0, split=split
    )
    delivered: Counter[int] = Counter()
    for batch in loader:
        delivered.update(batch["input_ids"].flatten().tolist())
    more = delivered - stored
    assert not stored - delivered
    # Rows are filled up with one id.
    assert len(more) <= 1
    assert delivered.total() - more.total() == manifest.splits[split].tokens


@pytest.mark.parametrize("verdict", ["kept", "dropped", "failed"])
def test_each_kind_of_record_can_be_explained(captures: Run, verdict: str) -> None:
    for row in (
        captures.ledger.filter(polars.col("verdict") == verdict).head(5).iter_rows(named=True)
    ):
        [found] = [
            item
            for item in explain(str(captures.output), row["doc_id"].hex())
            if item.ledger["offset"] == row["offset"] and item.ledger["source"] == row["source"]
        ]
        assert found.ledger["verdict"] == verdict
        if row["duplicate_of"] is not None:
            assert found.twin is not None
            assert found.twin["doc_id"] == row["duplicate_of"]


@pytest.fixture(scope="module")
def hostile(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The adversarial collections, unpacked."""
    folder = tmp_path_factory.mktemp("hostile")
    for archive in sorted((shared_data / "adversarial").glob("*.tar.gz")):
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    return folder


def test_hostile_json_becomes_rows(hostile: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.jsonl"
    good.write_text(json.dumps({"text": _PARAGRAPH * 5}) + "\n")
    files = sorted(hostile.rglob("*.json"))
    done = run([good, *files], tmp_path / "out")
    expected = {str(path): number for path in files if (number := lines_in(path))}
    rows = Counter(done.ledger["source"])
    assert rows.pop(str(good)) == 1
    assert dict(rows) == expected
    check_counts(done)


def lines_in(path: Path) -> int:
    """Lines that say anything; a byte order mark says nothing."""
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    return sum(bool(line.strip(b" \t\r")) for line in data.split(b"\n"))


def test_hostile_text_becomes_documents(hostile: Path, tmp_path: Path) -> None:
    files = sorted(path for path in hostile.rglob("*") if path.suffix in (".dat", ".txt"))
    inputs = ("inputs.0.format=text", "inputs.0.lines=true")
    done = run(files, tmp_path / "out", *inputs, *_ANY_TEXT)
    assert set(done.ledger["source"]) == {str(path) for path in files}
    check_counts(done)


def test_each_format_gives_the_same_documents(tmp_path: Path) -> None:
    texts = [f"Page {number} of {number + 1}. " + _PARAGRAPH * (number + 3) for number in range(4)]
    folder = tmp_path / "in"
    folder.mkdir()
    for name, data in _in_each_format(texts).items():
        (folder / name).write_bytes(data)
    done = run([folder], tmp_path / "out", "dedup.minhash=null")
    found = by_source(done, folder)
    plain_text = {name: 1 for name in found if name.endswith(".txt")}
    assert len(plain_text) == len(texts)
    assert found == {**{name: len(texts) for name in _in_each_format(texts)}, **plain_text}
    assert Counter(done.ledger["verdict"])["kept"] == len(texts)
    # Rows with the same id and text in several files are the same record.
    assert set(done.ledger["rule"].drop_nulls()) == {"exact_duplicate", "duplicate_id"}
    check_counts(done)


def _in_each_format(texts: list[str]) -> dict[str, bytes]:
    rows = [{"text": text, "id": f"row {number}"} for number, text in enumerate(texts)]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    pages = [f"<html><body><p>{text}</p></body></html>".encode() for text in texts]
    responses = [warc(http(page), number=number) for number, page in enumerate(pages)]
    conversions = [
        warc(text.encode(), number=100 + number, kind="conversion", content_type="text/plain")
        for number, text in enumerate(texts)
    ]
    answers = [arc(http(page), number=200 + number) for number, page in enumerate(pages)]
    files: dict[str, bytes] = {
        "a.jsonl": lines,
        "b.jsonl.gz": gzip.compress(lines, mtime=0),
        "c.jsonl.zst": pa.compress(lines, "zstd", asbytes=True),
        "d.parquet": _parquet(rows),
        "e.warc": b"".join(responses),
        "f.warc.gz": b"".join(gzip.compress(record, mtime=0) for record in responses),
        "g.wet.gz": b"".join(gzip.compress(record, mtime=0) for record in conversions),
        "h.arc": b"".join(answers),
    }
    return files | {f"{number}.txt": text.encode() for number, text in enumerate(texts)}


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()
