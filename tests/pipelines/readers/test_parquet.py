from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash

from penstock.errors import UsageError
from tests.pipelines.readers.archives import read, read_in_ranges, span_of


def _write(path: Path, columns: dict[str, pa.Array | list[object]], group: int = 100) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=group)
    return path


def test_rows(tmp_path: Path) -> None:
    path = _write(
        tmp_path / "x.parquet",
        {
            "text": ["a", "", None, "ü"],
            "url": ["http://a", None, None, "http://d"],
            "date": [datetime(2024, 5, 18, 1, 58, 10, 500_000, tzinfo=UTC), None, None, None],
            "n": [1, 2, 3, 4],
        },
    )
    rows, report = read(span_of(path))
    assert [row["content"] for row in rows] == [b"a", b"", None, "ü".encode()]
    assert [row["offset"] for row in rows] == [0, 1, 2, 3]
    assert [row["url"] for row in rows] == ["http://a", None, None, "http://d"]
    assert rows[0]["date"] == datetime(2024, 5, 18, 1, 58, 10, tzinfo=UTC)
    assert rows[2]["error"] == "text_field: 'text' is null"
    assert report.end == path.stat().st_size


@pytest.mark.parametrize(
    "type_", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
)
def test_string_columns_of_any_kind(tmp_path: Path, type_: pa.DataType) -> None:
    path = _write(tmp_path / "x.parquet", {"body": pa.array(["a", "b"]).cast(type_)})
    rows, _ = read(span_of(path, text_field="body"))
    assert [row["content"] for row in rows] == [b"a", b"b"]


@pytest.mark.parametrize(
    "dates",
    [
        pa.array([date(2024, 5, 18)]),
        pa.array([datetime(2024, 5, 18)], pa.timestamp("ns")),
        pa.array([datetime(2024, 5, 18)], pa.timestamp("us", "Europe/Berlin")),
        pa.array(["2024-05-18"]),
        pa.array([1715990400]),
        pa.array([1715990400000]),
    ],
)
def test_dates_of_any_kind(tmp_path: Path, dates: pa.Array) -> None:
    rows, _ = read(span_of(_write(tmp_path / "x.parquet", {"text": ["a"], "date": dates})))
    assert rows[0]["date"] == datetime(2024, 5, 18, tzinfo=UTC)


def test_the_same_document_has_the_id_that_jsonl_gives_it(tmp_path: Path) -> None:
    (row,), _ = read(
        span_of(_write(tmp_path / "x.parquet", {"text": ["a"], "key": [5]}), id_field="key")
    )
    json_path = tmp_path / "x.jsonl"
    json_path.write_text('{"key": 5, "text": "a"}')
    (other,), _ = read(span_of(json_path, id_field="key"))
    assert row["doc_id"] == other["doc_id"]
    assert row["doc_id"] == xxhash.xxh3_128_digest((3).to_bytes(8, "little") + b"i\x005" + b"a")


def test_a_missing_column_is_the_user_s_mistake(tmp_path: Path) -> None:
    path = _write(tmp_path / "x.parquet", {"content": ["a"], "n": [1]})
    with pytest.raises(
        UsageError, match=r"inputs\.in\.text_field: no column 'text' in .*content, n"
    ):
        read(span_of(path))
    with pytest.raises(UsageError, match=r"inputs\.in\.id_field: no column 'key'"):
        read(span_of(path, text_field="content", id_field="key"))
    with pytest.raises(UsageError, match=r"column 'n' of .* is int64; choose a column of strings"):
        read(span_of(path, text_field="n"))


def test_ranges_share_the_row_groups(tmp_path: Path) -> None:
    texts = [f"text {n} " * 20 for n in range(100)]
    path = _write(tmp_path / "x.parquet", {"text": texts}, group=7)
    whole = span_of(path)
    for cuts in ([1], [whole.size // 3, whole.size // 2], list(range(0, whole.size, 300))):
        found, again = read_in_ranges(whole, cuts)
        assert [row["content"].decode() for row in found] == texts
        assert [row["offset"] for row in found] == list(range(100))
        assert again == 0


def test_a_broken_file_is_one_failed_row(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1 this is not parquet")
    rows, _ = read_in_ranges(span_of(path), [5])
    assert len(rows) == 1
    assert rows[0]["error"].startswith("parquet: ")


def test_a_broken_row_group_costs_itself(tmp_path: Path) -> None:
    texts = [f"{n} {3**n:x}" for n in range(300)]
    path = _write(tmp_path / "x.parquet", {"text": texts}, group=100)
    group = pq.read_metadata(path).row_group(1).column(0)
    stored = bytearray(path.read_bytes())
    at = group.dictionary_page_offset or group.data_page_offset
    stored[at : at + 40] = b"\xff" * 40
    path.write_bytes(stored)
    rows, _ = read(replace(span_of(path)))
    assert len(rows) == 201
    assert rows[100]["error"].startswith("parquet: row group 1: ")
    assert rows[100]["offset"] == 100
    assert rows[101]["content"].decode() == texts[200]


def test_a_long_row_group_is_read_in_parts(tmp_path: Path) -> None:
    path = _write(tmp_path / "x.parquet", {"text": ["x" * 1_000_000] * 30}, group=1000)
    rows, _ = read(span_of(path))
    assert len(rows) == 30
