"""What becomes of a record: a page, a drop with its rule, or a failure; and hostile records."""

import gzip
import json
import random
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import pytest
import xxhash
import zstandard

from tests.pipelines.readers.archives import http, read_file, warc

PAGE = b"<!doctype html><title>t</title><p>" + "Grüße ".encode() * 50
HTML = "Content-Type: text/html; charset=ISO-8859-1"
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda data: brotli.compress(data, quality=1),
    "zstd": zstandard.compress,
}


def _one(tmp_path: Path, record: bytes, **options: Any) -> dict[str, Any]:
    (row,), _ = read_file(tmp_path / "x.warc", record, **options)
    return row


def test_a_page(tmp_path: Path) -> None:
    row = _one(tmp_path, warc(http(PAGE, HTML), number=7))
    assert row["content"] == PAGE
    assert (row["media"], row["charset"]) == ("html", "iso-8859-1")
    assert row["url"] == "http://example.org/7"
    assert row["date"].isoformat() == "2024-05-18T01:58:10+00:00"
    assert (row["input"], row["offset"]) == ("in", 0)


def test_the_id_is_of_record_id_and_block(tmp_path: Path) -> None:
    block = http(PAGE, HTML)
    identity = b"w\0<urn:uuid:00000007>"
    encoded = len(identity).to_bytes(8, "little") + identity + block
    row = _one(tmp_path, warc(block, number=7))
    assert row["doc_id"] == xxhash.xxh3_128_digest(encoded)
    small = _one(tmp_path, warc(block, number=7), max_record_bytes=10)
    assert (small["rule"], small["doc_id"]) == ("max_record_bytes", row["doc_id"])


def _chunked(body: bytes, size: int = 50) -> bytes:
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;ext=1\r\n%s\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"


def _raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


_ENCODED = {
    "identity": PAGE,
    "gzip": gzip.compress(PAGE),
    "x-gzip": gzip.compress(PAGE),
    "deflate": zlib.compress(PAGE),
    "Deflate": _raw_deflate(PAGE),
    "br": brotli.compress(PAGE),
    "zstd": zstandard.compress(PAGE),
    "deflate, gzip": gzip.compress(zlib.compress(PAGE)),
}


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("coding", _ENCODED)
def test_encodings_are_undone(tmp_path: Path, coding: str, chunked: bool) -> None:
    body = _ENCODED[coding]
    fields = [HTML, f"Content-Encoding: {coding}"]
    if chunked:
        body, fields = _chunked(body), [*fields, "Transfer-Encoding: Chunked"]
    assert _one(tmp_path, warc(http(body, *fields)))["content"] == PAGE


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "utf-8", "none"])
def test_encodings_that_the_crawler_undid_are_not_missed(tmp_path: Path, coding: str) -> None:
    fields = [HTML, f"Content-Encoding: {coding}", "Transfer-Encoding: chunked"]
    assert _one(tmp_path, warc(http(PAGE, *fields)))["content"] == PAGE


@pytest.mark.parametrize("coding", PACKERS)
def test_an_encoding_that_breaks_off_fails_unless_the_crawler_cut_it(
    tmp_path: Path, coding: str
) -> None:
    page = b"<html>" + json.dumps(list(range(200_000))).encode()
    whole = PACKERS[coding](page)
    block = http(whole[:-100], HTML, f"Content-Encoding: {coding}")
    error = _one(tmp_path, warc(block))["error"]
    assert error.startswith(f"{coding}: ")
    cut, report = read_file(tmp_path / "x.warc", warc(block, "WARC-Truncated: length"))
    assert page.startswith(cut[0]["content"])
    assert len(cut[0]["content"]) > 100_000
    assert report.truncated == 1


def test_chunks_that_go_wrong_fail(tmp_path: Path) -> None:
    body = _chunked(PAGE, 100).replace(b"64;ext=1", b"60;ext=1", 1)
    row = _one(tmp_path, warc(http(body, HTML, "Transfer-Encoding: chunked")))
    assert row["error"] == "chunked: no chunk size at byte 106"


def test_a_transfer_that_stops_before_its_last_chunk_is_kept(tmp_path: Path) -> None:
    body = _chunked(PAGE)[:-5]
    row = _one(tmp_path, warc(http(body, HTML, "Transfer-Encoding: chunked")))
    assert row["content"] == PAGE


@pytest.mark.parametrize("coding", PACKERS)
def test_a_bomb_is_dropped_at_the_cap(tmp_path: Path, coding: str) -> None:
    bomb = PACKERS[coding](bytes(50_000_000))
    row = _one(tmp_path, warc(http(bomb, HTML, f"Content-Encoding: {coding}")))
    assert (row["rule"], row["value"], row["threshold"]) == (
        "max_record_bytes",
        ">8000000",
        "8000000",
    )


def test_a_record_of_300_mb_is_passed_over_in_little_memory(tmp_path: Path) -> None:
    length = 300_000_000
    packer = zlib.compressobj(1, wbits=31)
    head = warc(http(b"", HTML), length=length).removesuffix(b"\r\n\r\n")
    zeros = bytes(1 << 20)
    parts = [packer.compress(head)]
    left = length - len(http(b"", HTML))
    while left:
        parts.append(packer.compress(zeros[:left]))
        left -= len(zeros[:left])
    stored = b"".join([*parts, packer.compress(b"\r\n\r\n"), packer.flush()])
    tracemalloc.start()
    rows, _ = read_file(tmp_path / "x.warc.gz", stored + gzip.compress(warc(http(PAGE, HTML))))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16_000_000
    assert [row["rule"] for row in rows] == ["max_record_bytes", None]
    assert rows[0]["value"] == str(length - len(http(b"", HTML)))


def test_status_and_type_drop(tmp_path: Path) -> None:
    row = _one(tmp_path, warc(http(PAGE, HTML, status="404 Not Found")))
    assert (row["rule"], row["value"], row["threshold"]) == ("http_status", "404", "200")
    row = _one(tmp_path, warc(http(PAGE, HTML, status="203 Fine")), keep_http_status=(200, 203))
    assert row["content"] == PAGE
    row = _one(tmp_path, warc(http(b"{}", "Content-Type: application/json")))
    assert (row["rule"], row["value"]) == ("media_type", "application/json")


@pytest.mark.parametrize(
    ("body", "http_type", "payload_type", "media"),
    [
        (PAGE, "", "", "html"),
        (PAGE, "application/octet-stream", "", "html"),
        (PAGE, "", "text/html", "html"),
        (b"  \n<?xml version='1.0'?><html xmlns='x'>", "application/xhtml+xml", "", "html"),
        (b"<!-- a --><html>", "", "", "html"),
        (b"\xff\xfe" + "<!DOCTYPE html>".encode("utf-16-le"), "", "", "html"),
        (PAGE, "text/plain", "", "html"),
        (b"plain words", "text/plain", "text/html", "text"),
        (b"plain words", "", "", "text"),
        (b"<rss>", "text/html", "", "html"),
        (b"\x00\x01\x02", "", "", "application/octet-stream"),
        (b"%PDF-1.4 ...", "text/html", "", "application/pdf"),
        (random.Random(3).randbytes(2_000), "text/html", "", "application/octet-stream"),
        (random.Random(4).randbytes(2_000), "text/plain", "", "application/octet-stream"),
        ("Вода течёт вниз. ".encode("utf-16-le") * 9, "text/html", "", "html"),
        (("\ufeff" + "น้ำไหลลง " * 9).encode("utf-16-le"), "text/html", "", "html"),
        (b"a\x01b\x02 form feeds\x0c and other controls\x03 in a page", "text/html", "", "html"),
        (b"anything", "", "image/png", "image/png"),
        (b"anything", "Text/CSS ; charset=x", "text/html", "text/css"),
        (b"", "", "", "text"),
    ],
)
def test_what_counts_as_html(
    tmp_path: Path, body: bytes, http_type: str, payload_type: str, media: str
) -> None:
    fields = [f"Content-Type: {http_type}"] if http_type else ["Server: x"]
    extra = [f"WARC-Identified-Payload-Type: {payload_type}"] if payload_type else []
    row = _one(tmp_path, warc(http(body, *fields), *extra))
    assert media == (row["media"] or row["value"])


def test_resources_and_conversions(tmp_path: Path) -> None:
    row = _one(tmp_path, warc(PAGE, kind="resource", content_type="text/html"))
    assert (row["media"], row["content"]) == ("html", PAGE)
    row = _one(tmp_path, warc(b"text", kind="conversion", content_type="text/plain"))
    assert (row["media"], row["content"], row["charset"]) == ("text", b"text", "utf-8")
    row = _one(tmp_path, warc(b"example.org", kind="response", content_type="text/dns"))
    assert (row["rule"], row["value"]) == ("media_type", "text/dns")


def test_what_is_no_document_is_counted(tmp_path: Path) -> None:
    kinds = ["warcinfo", "request", "request", "metadata", "revisit", "continuation", "odd"]
    records = [warc(b"x", kind=kind) for kind in kinds]
    rows, report = read_file(tmp_path / "x.warc", b"".join(records))
    assert rows == []
    assert report.other == {kind: kinds.count(kind) for kind in kinds[:-1]} | {"unknown": 1}


def test_a_response_without_a_status_line_fails(tmp_path: Path) -> None:
    assert _one(tmp_path, warc(PAGE))["error"] == "http: no status line"


def test_odd_http_heads(tmp_path: Path) -> None:
    for head in (b"HTTP/1.1 200\n\n", b"HTTP/1.0 200 OK\nA\nContent-Type:text/html\r\n\r\n"):
        assert _one(tmp_path, warc(head + PAGE))["content"] == PAGE
    assert _one(tmp_path, warc(b"HTTP/2 200\r\nServer: x"))["content"] == b""
    fields = ["content-TYPE:  text/html;\r\n\tcharset='koi8-r'", "Content-Type: image/png"]
    row = _one(tmp_path, warc(http(PAGE, *fields)))
    assert (row["content"], row["charset"]) == (PAGE, "koi8-r")


def test_hostile_addresses_and_dates(tmp_path: Path) -> None:
    record = warc(http(PAGE, HTML)).replace(b"http://example.org/0", b"<http://x/\xff\x00 y>")
    row = _one(tmp_path, record.replace(b"2024-05-18T01:58:10Z", b"2008-10-294T05:21:46-0700"))
    assert row["url"] == "http://x/\xff\x00 y"
    assert row["date"] is None
