"""Any way to cut an archive gives what reading it from its start gives."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.readers.spans import ReadReport, Span, settle
from tests.pipelines.readers.archives import (
    PACKERS,
    arc,
    http,
    read,
    read_in_ranges,
    span_of,
    warc,
)

_KINDS = st.sampled_from(["response", "response", "request", "resource", "warcinfo"])
_BODIES = st.binary(max_size=400) | st.sampled_from(
    [b"", b"\r\n\r\n", b"WARC/1.1\r\nWARC-Type: response\r\n", b"\x1f\x8b\x08\x00", b"text " * 9000]
)


@st.composite
def _archives(draw: st.DrawFn) -> tuple[list[bytes], bool]:
    bodies = draw(st.lists(st.tuples(_KINDS, _BODIES), min_size=1, max_size=8))
    if draw(st.booleans()):
        return [arc(http(body), number) for number, (_, body) in enumerate(bodies)], True
    records = []
    for number, (kind, body) in enumerate(bodies):
        block = http(body) if kind == "response" else body
        type_ = "application/http" if kind == "response" else "text/plain"
        records.append(warc(block, kind=kind, number=number, content_type=type_))
    return records, False


@settings(max_examples=60, deadline=None)
@given(data=st.data(), archive=_archives(), packing=st.sampled_from(sorted(PACKERS)))
def test_ranges_give_the_rows_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    archive: tuple[list[bytes], bool],
    packing: str,
) -> None:
    records, is_arc = archive
    path = tmp_path_factory.mktemp("a") / ("x.arc" if is_arc else "x.warc")
    path.write_bytes(PACKERS[packing](records))
    whole = span_of(path)
    cuts = data.draw(st.lists(st.integers(0, whole.size), max_size=6, unique=True))
    expected, report = read(whole)
    found, _ = read_in_ranges(whole, cuts)
    assert found == expected
    documents = [r for r in records if is_arc or b"response\r\n" in r[:40] or b"resource" in r[:40]]
    assert report.records == len(documents)
    assert not [row["error"] for row in found if row["error"]]


def _page_with_an_archive_inside(packing: str) -> list[bytes]:
    inner = [warc(http(b"<p>inner"), number=100 + n) for n in range(8)]
    body = PACKERS["gzip" if packing == "stored gzip" else packing](inner)
    outer = [warc(http(b"<p>outer"), number=n) for n in range(4)]
    holder = warc(http(body, "Content-Type: text/html"), number=50)
    return [*outer[:2], holder, *outer[2:]]


@pytest.mark.parametrize("packing", ["stored gzip", "plain"])
def test_an_archive_inside_a_page_is_not_read_as_records(tmp_path: Path, packing: str) -> None:
    path = tmp_path / "x.warc"
    path.write_bytes(PACKERS[packing](_page_with_an_archive_inside(packing)))
    whole = span_of(path)
    expected, _ = read(whole)
    assert [row["url"][-3:] for row in expected] == ["g/0", "g/1", "/50", "g/2", "g/3"]
    most = 0
    for cut in range(1, whole.size, 7):
        found, again = read_in_ranges(whole, [cut])
        assert found == expected
        most = max(most, again)
    assert most == 1, "some cut must lie before an inner record, or the test shows nothing"


def test_ranges_inside_the_inner_archive_settle_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "x.warc"
    path.write_bytes(PACKERS["plain"](_page_with_an_archive_inside("plain")))
    whole = span_of(path)
    found, again = read_in_ranges(whole, list(range(100, whole.size, 150)))
    assert found == read(whole)[0]
    assert again > 3


def _span(start: int, end: int) -> Span:
    return Span(
        url="u", input="i", format="warc", size=99, start=start, end=end, aligned=start == 0
    )


def test_settle_names_the_first_wrong_start_of_each_file() -> None:
    spans = [_span(0, 30), _span(30, 60), _span(60, 99)]
    reports = [
        ReadReport(first_record_start=0, end=40),
        ReadReport(first_record_start=35, end=70),
        ReadReport(first_record_start=66, end=99),
    ]
    (again,) = settle(zip(reversed(spans), reversed(reports), strict=True))
    assert (again.start, again.end, again.aligned) == (40, 60, True)
    reports[1].first_record_start = 40
    (again,) = settle(zip(spans, reports, strict=True))
    assert (again.start, again.end) == (70, 99)
    reports[2].first_record_start = 70
    assert settle(zip(spans, reports, strict=True)) == []


def test_a_range_that_another_record_covers_is_read_again_as_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.warc.gz"
    path.write_bytes(gzip.compress(warc(http(b"<p>" + bytes(range(256)) * 50)), mtime=0))
    whole = span_of(path)
    found, _ = read_in_ranges(whole, [10, 20, 30])
    assert len(found) == 1


def test_spans_and_reports_survive_json() -> None:
    span, report = _span(3, 9), ReadReport(records=2, other={"request": 1}, end=9)
    assert Span.from_json(span.to_json()) == span
    assert ReadReport.from_json(report.to_json()) == report
