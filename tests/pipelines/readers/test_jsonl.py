import bz2
import gzip
import io
import json
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xxhash
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipelines.readers.archives import lz4_frame, read, read_file, read_in_ranges, span_of

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:]),
    "zstd": lambda data: zstandard.compress(data[:50]) + zstandard.compress(data[50:]),
    "lz4": lz4_frame,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def _lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.mark.parametrize("packing", PACKERS)
def test_rows_of_any_compression(tmp_path: Path, packing: str) -> None:
    data = _lines({"text": "one"}, {"text": "zwei ü"}, {"text": ""}) + b'\n{"text": "last"}'
    rows, report = read_file(tmp_path / "x.jsonl", PACKERS[packing](data))
    assert [row["content"].decode() for row in rows] == ["one", "zwei ü", "", "last"]
    assert [row["offset"] for row in rows] == [0, 16, 40, 54]
    assert {(row["media"], row["charset"]) for row in rows} == {("text", "utf-8")}
    assert (report.first_record_start, report.end) == (0, len(PACKERS[packing](data)))


def test_fields(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(
        _lines(
            {"body": "a", "key": "k1", "link": "http://a", "when": "2024-05-18"},
            {"body": "a", "key": 5, "link": None, "when": 1715990400},
            {"body": "a", "key": 5.5, "when": []},
        )
    )
    span = span_of(path, text_field="body", id_field="key", url_field="link", date_field="when")
    rows, _ = read(span)
    assert [row["url"] for row in rows] == ["http://a", None, None]
    assert [str(row["date"])[:10] for row in rows] == ["2024-05-18", "2024-05-18", "None"]
    identity = b"i\0" + b"k1"
    encoded = len(identity).to_bytes(8, "little") + identity + b"a"
    assert rows[0]["doc_id"] == xxhash.xxh3_128_digest(encoded)
    assert len({row["doc_id"] for row in rows}) == 3


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b'{"text": "a"', "json: Expecting ',' delimiter: line 1 column 13 (char 12)"),
        (b"[1]", "json: the line is no object but a list"),
        (b"3", "json: the line is no object but a number"),
        (b"null", "json: the line is no object but null"),
        (b'{"txt": "a"}', "text_field: no field 'text'; there are 'txt'"),
        (b"{}", "text_field: no field 'text'; there are none"),
        (b'{"text": null}', "text_field: 'text' is no string but null"),
        (b'{"text": ["a"]}', "text_field: 'text' is no string but a list"),
        (b'{"text": "\xff"}', "utf8: byte 10 of the line isn't UTF-8"),
        (b"[" * 100_000, "json: "),
        (b'{"text": ' + b"9" * 5000 + b"}", "json: "),
        (b'{"text": "' + b"x" * 41_000_000 + b'"}', "long_line: 41000012 bytes, more than"),
    ],
)
def test_a_bad_line_is_one_failed_row(tmp_path: Path, line: bytes, error: str) -> None:
    good = _lines({"text": "good"})
    rows, _ = read_file(tmp_path / "x.jsonl", good + line + b"\n" + good)
    assert [row["error"] is None for row in rows] == [True, False, True]
    assert rows[1]["error"].startswith(error)
    assert rows[1]["offset"] == len(good)


def test_a_text_over_the_cap_is_dropped(tmp_path: Path) -> None:
    (row,), _ = read_file(tmp_path / "x.jsonl", _lines({"text": "x" * 10_000_000}))
    assert (row["rule"], row["value"]) == ("max_record_bytes", "10000000")


def test_nuls_half_surrogates_and_a_byte_order_mark(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbf{"text": "a\\u0000b \\ud800 \\ud83d\\ude00"}\r\n'
    (row,), _ = read_file(tmp_path / "x.jsonl", data)
    assert row["content"].decode() == "a\0b � 😀"


def test_a_cut_stream_keeps_its_lines_and_fails_once(tmp_path: Path) -> None:
    data = _lines(*({"text": f"row {n}", "pad": "%x" % (7**n)} for n in range(500)))
    for packing in ("gzip", "zstd", "lz4", "bzip2", "xz"):
        stored = PACKERS[packing](data)
        rows, _ = read_file(tmp_path / "x.jsonl", stored[: len(stored) // 2])
        *good, last = rows
        assert [row["content"].decode() for row in good] == [f"row {n}" for n in range(len(good))]
        assert last["error"].startswith(f"{packing}: ")


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.text(max_size=30) | st.integers(), max_size=12),
    ending=st.sampled_from(["", "\n", "\n\n"]),
    data=st.data(),
)
def test_ranges_give_the_rows_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], ending: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("j") / "x.jsonl"
    lines = (json.dumps({"text": row}, ensure_ascii=False) for row in rows)
    path.write_text("\n".join(lines) + ending, encoding="utf-8")
    whole = span_of(path)
    cuts = data.draw(st.lists(st.integers(0, whole.size), max_size=6, unique=True))
    found, again = read_in_ranges(whole, cuts)
    assert found == read(whole)[0]
    assert len(found) == len(rows)
    assert again == 0


def _members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        files = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        return {name: file.read() for name, file in files.items() if file is not None}


def test_json_test_suite(shared_data: Path, tmp_path: Path) -> None:
    """Every file of the suite, as the value of a document's field, on one line."""
    members = _members(shared_data / "adversarial" / "JSONTestSuite.tar.gz")
    names = [name for name in members if name.endswith(".json") and b"\n" not in members[name]]
    cases = {name.rsplit("/", 1)[-1]: members[name] for name in names}
    assert len(cases) > 250
    path = tmp_path / "x.jsonl"
    with io.BytesIO() as lines:
        for data in cases.values():
            lines.write(b'{"text": "t", "value": ' + data + b"}\n")
        path.write_bytes(lines.getvalue())
    rows, _ = read(span_of(path))
    assert len(rows) == len(cases)
    for name, row in zip(cases, rows, strict=True):
        if name.startswith("y_"):
            assert row["content"] == b"t", name
        # Python's parser takes more than the standard: NaN, Infinity and control characters no.
        if name.startswith("n_") and "NaN" not in name and "nfinity" not in name:
            assert row["error"], name


def test_naughty_strings(shared_data: Path, tmp_path: Path) -> None:
    members = _members(shared_data / "adversarial" / "blns.tar.gz")
    (listed,) = (json.loads(data) for name, data in members.items() if name.endswith("blns.json"))
    rows, _ = read_file(tmp_path / "x.jsonl", _lines(*({"text": text} for text in listed)))
    assert [row["content"].decode() for row in rows] == listed
