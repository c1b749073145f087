import gzip
from pathlib import Path

import xxhash

from tests.pipelines.readers.archives import read, read_in_ranges, span_of


def test_a_file_is_a_document(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_bytes(b"line\n\nline \xff\n")
    (row,), report = read(span_of(path))
    assert (row["content"], row["media"], row["charset"]) == (b"line\n\nline \xff\n", "text", None)
    assert row["doc_id"] == xxhash.xxh3_128_digest(bytes(8) + b"line\n\nline \xff\n")
    assert (report.first_record_start, report.end) == (0, path.stat().st_size)


def test_a_compressed_file_is_the_same_document(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"text " * 100_000)
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"text " * 100_000))
    (first,), _ = read(span_of(tmp_path / "a.txt"))
    (second,), _ = read(span_of(tmp_path / "b.txt.gz"))
    assert first["doc_id"] == second["doc_id"]
    (cut,), _ = read(span_of(tmp_path / "b.txt.gz"), max_record_bytes=1000)
    assert (cut["rule"], cut["value"], cut["doc_id"]) == (
        "max_record_bytes",
        "500000",
        first["doc_id"],
    )


def test_a_cut_file_fails(tmp_path: Path) -> None:
    path = tmp_path / "b.txt.gz"
    path.write_bytes(gzip.compress(b"text " * 100_000)[:-20])
    (row,), _ = read(span_of(path))
    assert row["error"].startswith("gzip: ")


def test_lines_are_documents_on_request(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(b"one\r\n\n two\n" + b"x" * 200 + b"\n" + b"y" * 900 + b"\nlast")
    span = span_of(path, lines=True)
    rows, _ = read(span, max_record_bytes=100)
    assert [row["content"] for row in rows] == [b"one", b" two", None, None, b"last"]
    assert (rows[2]["rule"], rows[2]["value"]) == ("max_record_bytes", "200")
    assert rows[3]["error"] == "long_line: 900 bytes, more than the 400 that are read"
    found, _ = read_in_ranges(span, [3, 7, 200])
    assert [row["offset"] for row in found] == [0, 6, 11, 212, 1113]
