"""Broken records are one failed row each, with their place, and reading goes on after them."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipelines.readers.archives import (
    PACKERS,
    arc,
    http,
    read,
    read_file,
    read_in_ranges,
    span_of,
    warc,
)

_PAGES = [warc(http(b"<p>page %d " % n * 40), number=n) for n in range(5)]


def _summary(rows: list[dict[str, object]]) -> list[str]:
    return [str(row["error"] or row["rule"] or str(row["url"])[-1]) for row in rows]


def _in_small_frames(records: Sequence[bytes]) -> bytes:
    stream = b"".join(records)
    return b"".join(gzip.compress(stream[a : a + 300], mtime=0) for a in range(0, len(stream), 300))


_ALL_PACKERS = {**PACKERS, "small frames": _in_small_frames}
_WRONG_LENGTHS = st.sampled_from([0] * 12 + [-3, 5, 100, 10**7, 10**12])


@st.composite
def _archives(draw: st.DrawFn, *, is_arc: bool) -> list[bytes]:
    """Records of which some have a wrong length, and some hold an archive of their own."""
    records = []
    for number in range(draw(st.integers(1, 7))):
        body = b"<p>page %d " % number * draw(st.integers(0, 60))
        if draw(st.integers(0, 3)) == 0:
            packer = PACKERS[draw(st.sampled_from(sorted(PACKERS)))]
            body = packer([arc(b"in", 90) if is_arc else warc(http(b"in"), number=90)] * 3)
        block = http(body)
        length = len(block) + draw(_WRONG_LENGTHS)
        record = arc(block, number) if is_arc else warc(block, number=number, length=length)
        records.append(record)
    return records


@settings(max_examples=200, deadline=None)
@given(data=st.data(), packing=st.sampled_from(sorted(_ALL_PACKERS)), is_arc=st.booleans())
def test_damage_reads_the_same_however_the_file_is_cut(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, packing: str, is_arc: bool
) -> None:
    stored = bytearray(_ALL_PACKERS[packing](data.draw(_archives(is_arc=is_arc))))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(20, len(stored)))
        removed = data.draw(st.integers(0, 60))
        stored[at : at + removed] = data.draw(st.binary(max_size=60))
    path = tmp_path_factory.mktemp("d") / ("x.arc" if is_arc else "x.warc")
    path.write_bytes(stored)
    whole = span_of(path)
    expected, report = read(whole)
    assert report.end == len(stored)
    cuts = data.draw(st.lists(st.integers(0, len(stored)), max_size=5, unique=True))
    found, _ = read_in_ranges(whole, cuts)
    assert found == expected


@pytest.mark.parametrize("packing", ["gzip", "stored gzip", "lz4"])
def test_a_damaged_frame_is_one_failed_row(tmp_path: Path, packing: str) -> None:
    frames = [PACKERS[packing]([page]) for page in _PAGES]
    middle = len(frames[2]) // 2
    broken = frames[2][:middle] + frames[2][middle + 9 :]
    rows, report = read_file(tmp_path / "x.warc", b"".join([*frames[:2], broken, *frames[3:]]))
    assert [row["error"] is not None for row in rows] == [False, False, True, False, False]
    assert rows[2]["offset"] == len(frames[0]) + len(frames[1])
    assert str(rows[2]["error"]).startswith(packing.split()[-1] + ": ")
    assert report.records == 5


def test_a_damaged_member_is_named_by_its_header_where_that_unpacks(tmp_path: Path) -> None:
    frames = [gzip.compress(page, 0, mtime=0) for page in _PAGES]
    frames[1] = frames[1][:-6] + b"\0" + frames[1][-5:]
    rows, _ = read_file(tmp_path / "x.warc.gz", b"".join(frames))
    assert _summary(rows) == ["0", rows[1]["error"], "2", "3", "4"]
    assert rows[1]["url"] == "http://example.org/1"
    assert "incorrect data check" in rows[1]["error"]


@pytest.mark.parametrize("packing", ["gzip", "lz4", "plain", "one gzip"])
def test_a_cut_file_fails_its_last_record_only(tmp_path: Path, packing: str) -> None:
    stored = PACKERS[packing](_PAGES)
    last = len(stored) - (150 if packing == "plain" else 40)
    if packing == "one gzip":
        stored, last = gzip.compress(b"".join(_PAGES), 0, mtime=0), -300
    rows, _ = read_file(tmp_path / "x.warc", stored[:last])
    assert _summary(rows)[:4] == ["0", "1", "2", "3"]
    assert len(rows) == 5
    assert rows[4]["error"]


def test_a_frame_cut_short_does_not_swallow_the_next_record(tmp_path: Path) -> None:
    frames = [gzip.compress(p, mtime=0) for p in (_PAGES[0], _PAGES[1][:-90], _PAGES[2])]
    rows, _ = read_file(tmp_path / "x.warc.gz", b"".join(frames))
    assert _summary(rows) == ["0", "truncated: its frame ends inside the record", "2"]


def test_a_header_cut_short_does_not_swallow_the_next_record(tmp_path: Path) -> None:
    frames = [gzip.compress(p, mtime=0) for p in (_PAGES[0], _PAGES[1][:40], _PAGES[2])]
    rows, _ = read_file(tmp_path / "x.warc.gz", b"".join(frames))
    assert _summary(rows) == ["0", "truncated: its frame ends inside the record", "2"]


def test_a_record_may_go_over_many_frames(tmp_path: Path) -> None:
    stream = b"".join(_PAGES)
    blocks = [gzip.compress(stream[a : a + 100], mtime=0) for a in range(0, len(stream), 100)]
    rows, _ = read_file(tmp_path / "x.warc.gz", b"".join(blocks))
    assert _summary(rows) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("packing", ["gzip", "plain", "one gzip"])
@pytest.mark.parametrize("wrong", [-30, -1, 30, 200, 10**9, 10**15])
def test_a_wrong_length_costs_one_record(tmp_path: Path, packing: str, wrong: int) -> None:
    block = http(b"<p>wrong " * 20)
    bad = warc(block, number=9, length=len(block) + wrong)
    rows, _ = read_file(tmp_path / "x.warc", PACKERS[packing]([_PAGES[0], bad, *_PAGES[1:3]]))
    urls = [row["url"][-1] for row in rows if not row["error"]]
    assert urls == ["0", "1", "2"]
    assert [row["url"][-1] for row in rows if row["error"]] == ["9"]


def test_bytes_that_are_no_record_are_one_failed_row(tmp_path: Path) -> None:
    stored = _PAGES[0] + b"garbage\nand more\r\n\r\n" + _PAGES[1]
    rows, _ = read_file(tmp_path / "x.warc", stored)
    assert _summary(rows)[0::2] == ["0", "1"]
    assert rows[1]["error"].startswith("header: wanted WARC/1.1, got b'garbage")
    assert rows[1]["offset"] == len(_PAGES[0])


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (b"WARC-Type: response\r\n", "header: Content-Length is '', wanted a number"),
        (b"WARC-Type: response\r\nContent-Length: -5\r\n", "header: Content-Length is '-5'"),
        (b"WARC-Type: response\r\nContent-Length: \xd9\xa3\r\n", "header: Content-Length is"),
        (b"Content-Length: 4\r\n", "header: no WARC-Type"),
    ],
)
def test_headers_without_type_or_length_fail(tmp_path: Path, header: bytes, error: str) -> None:
    bad = b"WARC/1.1\r\n" + header + b"\r\nbody\r\n\r\n"
    rows, _ = read_file(tmp_path / "x.warc", bad + _PAGES[0])
    assert len(rows) == 2
    assert rows[0]["error"].startswith(error)


def test_padding_is_no_record(tmp_path: Path) -> None:
    for packing in ("gzip", "plain", "lz4"):
        rows, _ = read_file(tmp_path / "x.warc", PACKERS[packing](_PAGES[:2]) + b"\0" * 5000)
        assert _summary(rows) == ["0", "1"]


def test_a_failed_row_does_not_depend_on_the_file(tmp_path: Path) -> None:
    broken = gzip.compress(_PAGES[1], mtime=0)[:-20]
    first, _ = read_file(tmp_path / "a.warc.gz", gzip.compress(_PAGES[0], mtime=0) + broken)
    second, _ = read_file(tmp_path / "b.warc.gz", broken)
    assert first[1]["error"] == second[0]["error"]
    assert first[1]["doc_id"] == second[0]["doc_id"]
    assert first[1]["offset"] != second[0]["offset"]


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    assert read_file(tmp_path / "x.warc.gz", b"")[0] == []
