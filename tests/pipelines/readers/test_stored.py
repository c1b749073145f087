"""Storage that fails now and then, for good, or not at all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from pipelines.readers import stored
from pipelines.readers.options import ReadOptions
from pipelines.readers.read import read_span
from pipelines.readers.spans import ReadReport, settle
from pipelines.readers.stored import StoredFile
from tests.pipelines.readers.archives import http, read, span_of, warc

_RECORDS = [warc(http(b"<p>" + b"%04d" % n * 100_000), number=n) for n in range(12)]


class ShakyFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """Memory whose reads fail where the test says so."""

    protocol = "shaky"
    store: dict[str, Any] = {}  # noqa: RUF012
    failures_left = 0
    first_bad_byte = 1 << 60

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **options: Any
    ) -> bytes:
        if ShakyFileSystem.failures_left:
            ShakyFileSystem.failures_left -= 1
            raise OSError("connection reset")
        if (end or 0) > ShakyFileSystem.first_bad_byte:
            raise OSError("disk error")
        return bytes(super().cat_file(path, start=start, end=end, **options))


@pytest.fixture
def shaky(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    fsspec.register_implementation("shaky", ShakyFileSystem, clobber=True)
    monkeypatch.setattr(stored, "FIRST_WAIT_S", 0.001)
    url = "shaky://bucket/x.warc"
    with fsspec.open(url, "wb") as file:
        file.write(b"".join(_RECORDS))
    yield url
    ShakyFileSystem.failures_left, ShakyFileSystem.first_bad_byte = 0, 1 << 60
    ShakyFileSystem.store.clear()


def test_reads_that_fail_at_first_are_tried_again(shaky: str) -> None:
    span = span_of(shaky)  # type: ignore[arg-type]
    expected, _ = read(span)
    assert len(expected) == len(_RECORDS)
    ShakyFileSystem.failures_left = 4
    assert read(span)[0] == expected
    assert ShakyFileSystem.failures_left == 0


def test_storage_that_stays_away_is_one_failed_row_after_what_was_read(shaky: str) -> None:
    span = span_of(shaky)  # type: ignore[arg-type]
    ShakyFileSystem.first_bad_byte = 3 << 20
    rows, report = read(span, io_retries=1)
    *whole, last = rows
    assert len(whole) == (3 << 20) // len(_RECORDS[0])
    assert last["error"] == "io: OSError: disk error"
    assert last["source"] == shaky
    assert report.end is None
    assert settle([(span, report)]) == []


def test_a_file_that_is_gone_is_one_failed_row(tmp_path: Path) -> None:
    spans = []
    for name in ("a.jsonl", "b.parquet", "c.warc", "d.txt"):
        (tmp_path / name).write_bytes(b"12345")
        spans.append(span_of(tmp_path / name))
        (tmp_path / name).unlink()
    rows = [row for span in spans for row in read(span)[0]]
    assert [str(row["error"])[:21] for row in rows] == ["io: FileNotFoundError"] * 4
    assert len({row["doc_id"] for row in rows}) == 4


def test_a_file_that_shrank_is_said_to(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"text": "a"}\n' * 100)
    span = span_of(path)
    path.write_bytes(b'{"text": "a"}\n' * 10)
    rows, _ = read(span, io_retries=0)
    assert rows[-1]["error"].startswith("io: OSError: the file ends 1260 bytes before")


def test_any_view_is_of_the_file(tmp_path: Path) -> None:
    data = bytes(range(256)) * 20_000
    path = tmp_path / "x"
    path.write_bytes(data)
    with StoredFile(str(path), size=len(data), retries=0) as file:
        for offset in (0, 5, 3_000_000, 2_999_999, 0, len(data) - 3, len(data), 1_048_570):
            for length in (0, 1, 20, 1_500_000):
                assert bytes(file.view(offset, length)) == data[offset : offset + length]
        assert file.bytes_read < 12 * len(data)


def test_batches_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "x.warc"
    path.write_bytes(b"".join(_RECORDS))
    span = span_of(path)
    batches = list(read_span(span, options=ReadOptions(batch_rows=5), memory_bytes=1 << 30))
    assert [batch.num_rows for batch in batches] == [5, 5, 2]
    batches = list(read_span(span, options=ReadOptions(), memory_bytes=16 << 20))
    assert [batch.num_rows for batch in batches] == [3, 3, 3, 3]
    report = ReadReport()
    list(read_span(span, options=ReadOptions(), memory_bytes=1, report=report))
    assert report.bytes_read == span.size
