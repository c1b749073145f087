"""Real captures, whole and broken, counted by a scan that shares no code with the reader."""

import gzip
import re
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.readers.spans import ReadReport
from tests.pipelines.readers.archives import read, read_in_ranges, span_of

_DOCUMENTS = ("response", "resource", "conversion")
_WARC_TYPE = re.compile(rb"^WARC/\d\.\d+\r?\n(?:[^\r\n]+\r?\n)*?WARC-Type: *(\w+)", re.MULTILINE)
_ARC_RECORD = re.compile(rb"^(\w+):\S.* [\d.]+ \d{14} \S+ \d+\r?\n", re.MULTILINE)

# Whole, dropped, failed; looked at by hand. What is broken:
_BROKEN = {
    # The robots.txt and both pages are longer or shorter than their headers say.
    "archivesunleashed_aut/badexample.arc.gz": (0, 1, 3),
    # The only gzip member ends in the middle of the only page.
    "chatnoir-eu_chatnoir-resiliparse/clipped.warc.gz": (0, 0, 1),
    # In spite of its name all its records are there; no newline stands between them.
    "iipc_webarchive-commons/IAH-20080430204825-00000-blackbook-truncated.arc": (3, 5, 0),
    # The response's length is one too small.
    "webrecorder_warcio.js/example-bad-length.warc": (0, 0, 1),
    # Lengths of -1 and 'abc' and dates of 18 digits, around one good record.
    "webrecorder_warcio/bad.arc": (1, 0, 3),
    # The page is 12 bytes shorter than its header says.
    "webrecorder_warcio/example-space-in-url.arc": (0, 0, 1),
    # The response's length is wrong, and the file stops before its last records.
    "webrecorder_warcio/example-trunc.warc": (0, 0, 1),
}
_WHOLE = {
    "allenai_dolma/sample-0000.warc.gz": (24, 0),
    "allenai_dolma/sample-0001.warc.gz": (17, 0),
    "archivesunleashed_aut/example.arc.gz": (130, 169),
    "archivesunleashed_aut/example.docs.warc.gz": (0, 9),
    "archivesunleashed_aut/example.pdf.warc.gz": (1, 34),
    "archivesunleashed_aut/example.txt.warc.gz": (2, 0),
    "archivesunleashed_aut/example.warc.gz": (130, 169),
    "archivesunleashed_aut/issue-493.warc": (4, 6),
    "archivesunleashed_aut/issue-514.warc": (3, 1),
    "chatnoir-eu_chatnoir-resiliparse/block-sized-records.warc": (0, 0),
    "chatnoir-eu_chatnoir-resiliparse/block-sized-records.warc.gz": (0, 0),
    "chatnoir-eu_chatnoir-resiliparse/block-sized-records.warc.lz4": (0, 0),
    "chatnoir-eu_chatnoir-resiliparse/clueweb-quirk.warc.gz": (29, 0),
    "chatnoir-eu_chatnoir-resiliparse/warcfile.warc": (16, 0),
    "chatnoir-eu_chatnoir-resiliparse/warcfile.warc.gz": (16, 0),
    "chatnoir-eu_chatnoir-resiliparse/warcfile.warc.lz4": (16, 0),
    "commoncrawl_whirlwind-python/whirlwind.warc": (1, 0),
    "commoncrawl_whirlwind-python/whirlwind.warc.gz": (1, 0),
    "commoncrawl_whirlwind-python/whirlwind.warc.wat": (0, 0),
    "commoncrawl_whirlwind-python/whirlwind.warc.wat.gz": (0, 0),
    "commoncrawl_whirlwind-python/whirlwind.warc.wet": (1, 0),
    "commoncrawl_whirlwind-python/whirlwind.warc.wet.gz": (1, 0),
    "iipc_jwarc/cc.warc.gz": (1, 0),
    "iipc_jwarc/gzip_extra_sl.warc.gz": (0, 0),
    "iipc_webarchive-commons/IAH-urls-wget.warc": (6, 13),
    "iipc_webarchive-commons/IAH-urls-wget.warc.gz": (6, 13),
    "iipc_webarchive-commons/link-extraction-test.warc": (7, 0),
    "iipc_webarchive-commons/mutliple-headers.warc": (1, 0),
    "webrecorder_warcio.js/example-iana.org-chunked.warc": (1, 0),
    "webrecorder_warcio.js/example-resource.warc.gz": (1, 0),
    "webrecorder_warcio.js/example-url-agnostic-revisit.warc.gz": (0, 0),
    "webrecorder_warcio.js/example-wget-bad-target-uri.warc.gz": (3, 0),
    "webrecorder_warcio.js/example.warc": (1, 0),
    "webrecorder_warcio.js/example.warc.gz": (1, 0),
    "webrecorder_warcio.js/post-test-more.warc": (0, 3),
    "webrecorder_warcio.js/post-test.warc.gz": (0, 3),
    "webrecorder_warcio.js/redirect.warc": (0, 1),
    "webrecorder_warcio/example-bad-non-chunked.warc.gz": (1, 0),
    "webrecorder_warcio/example-digest.warc": (0, 0),
    "webrecorder_warcio/example-iana.org-chunked.warc": (1, 0),
    "webrecorder_warcio/example-resource.warc.gz": (1, 0),
    "webrecorder_warcio/example-space-in-target-uri.warc.gz": (0, 1),
    "webrecorder_warcio/example-wget-bad-target-uri.warc.gz": (3, 0),
    "webrecorder_warcio/example-wrong-chunks.warc.gz": (1, 0),
    "webrecorder_warcio/example.arc": (1, 0),
    "webrecorder_warcio/example.arc.gz": (1, 0),
    "webrecorder_warcio/example.warc": (1, 0),
    "webrecorder_warcio/example.warc.gz": (1, 0),
    "webrecorder_warcio/post-test.warc.gz": (0, 3),
}


def _states(path: Path) -> tuple[Counter[str], ReadReport]:
    rows, report = read(span_of(path, "warc"))
    states = Counter(
        "failed" if row["error"] else "dropped" if row["rule"] else "whole" for row in rows
    )
    return states, report


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if path.suffix == ".lz4":
        return pa.CompressedInputStream(pa.BufferReader(data), "lz4").read()  # type: ignore[no-any-return]
    return data


def test_the_tables_name_every_file(shared_data: Path) -> None:
    folder = shared_data / "warc"
    files = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert files - {"commoncrawl_whirlwind-python/CC-MAIN-2024-22.warc.paths.gz"} == {
        *_BROKEN,
        *_WHOLE,
    }


@pytest.mark.parametrize("name", _WHOLE)
def test_whole_files(shared_data: Path, name: str) -> None:
    path = shared_data / "warc" / name
    states, report = _states(path)
    assert (states["whole"], states["dropped"], states["failed"]) == (*_WHOLE[name], 0)
    data = _unpacked(path)
    if ".arc" in name:
        kinds = Counter(match[1] == b"filedesc" for match in _ARC_RECORD.finditer(data))
        assert (report.records, report.other) == (kinds[False], {"filedesc": kinds[True]})
        return
    types = Counter(match[1].decode() for match in _WARC_TYPE.finditer(data))
    assert report.records == sum(types.pop(kind, 0) for kind in _DOCUMENTS)
    assert report.other == types


@pytest.mark.parametrize("name", _BROKEN)
def test_broken_files(shared_data: Path, name: str) -> None:
    states, _ = _states(shared_data / "warc" / name)
    assert (states["whole"], states["dropped"], states["failed"]) == _BROKEN[name]


@pytest.mark.parametrize("name", [*_WHOLE, *_BROKEN])
def test_real_files_in_ranges(shared_data: Path, name: str) -> None:
    whole = span_of(shared_data / "warc" / name, "warc")
    cuts = [whole.size * part // 4 for part in (1, 2, 3)]
    assert read_in_ranges(whole, cuts)[0] == read(whole)[0]


def test_a_chunked_page_is_put_together(shared_data: Path) -> None:
    rows, _ = read(span_of(shared_data / "warc/webrecorder_warcio/example-iana.org-chunked.warc"))
    content = rows[0]["content"]
    assert content.startswith(b"<!doctype html>")
    assert content.rstrip().endswith(b"</html>")
    assert not re.search(rb"\n[0-9a-f]{1,6}\r\n", content)


def test_compressions_of_one_file_give_the_same_documents(shared_data: Path) -> None:
    folder = shared_data / "warc/chatnoir-eu_chatnoir-resiliparse"
    ids = []
    for name in ("warcfile.warc", "warcfile.warc.gz", "warcfile.warc.lz4"):
        rows, _ = read(span_of(folder / name))
        ids.append([(row["doc_id"], row["content"]) for row in rows])
    assert ids[0] == ids[1] == ids[2]


def test_the_crawl_is_all_pages(shared_data: Path) -> None:
    rows = []
    for path in sorted((shared_data / "crawl").glob("*.warc.gz")):
        rows += read(span_of(path))[0]
    assert len(rows) == len({row["doc_id"] for row in rows}) == 1120
    assert {row["media"] for row in rows} == {"html"}
