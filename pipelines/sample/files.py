"""What a crawl brings home beside pages: pictures, documents, data, redirects and errors."""

import json
import struct
import zlib
from collections.abc import Iterator

from pipelines.sample.choices import number, pick
from pipelines.sample.model import Capture, Kind, Site
from pipelines.sample.responses import capture_file
from pipelines.sample.texts import load_sites
from pipelines.sample.warc import gzip_stored, stored_blocks, warc_record

PICTURES = 8
REDIRECTS = 10
NOT_FOUND = 10


def plan_files(*, seed: int) -> Iterator[Capture]:
    """All responses of the sample that no text is wanted from."""
    for i in range(PICTURES):
        url = f"https://{_site(seed, 'png', i).host}/media/picture-{i + 1}.png"
        yield capture_file(Kind.NON_HTML, url, "image/png", png(8 + i, 8 + i, shade=16 * i))
    for i, (path, mime, body) in enumerate(_documents()):
        url = f"https://{_site(seed, 'document', i).host}/{path}"
        yield capture_file(Kind.NON_HTML, url, mime, body)
    for i in range(REDIRECTS):
        yield _redirect(_site(seed, "redirect", i), i, seed=seed)
    for i in range(NOT_FOUND):
        url = f"https://{_site(seed, 'lost', i).host}/lost/{i + 1}"
        body = (
            b"<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"
        )
        yield capture_file(Kind.NOT_FOUND, url, "text/html", body, status="404 Not Found")


def _site(*names: object) -> Site:
    return pick(load_sites(), *names)


def _redirect(site: Site, index: int, *, seed: int) -> Capture:
    status = pick(("301 Moved Permanently", "302 Found"), seed, "status", index)
    target = f"https://{site.host}/"
    body = f'<html><body>Moved <a href="{target}">here</a></body></html>'.encode()
    url = f"http://{site.host}/old/{number(10_000, seed, 'old', index)}"
    return capture_file(Kind.REDIRECT, url, "text/html", body, status=status, location=target)


def _documents() -> list[tuple[str, str, bytes]]:
    levels = {"station": "weir-3", "unit": "cm", "levels": [112, 114, 119, 131, 127]}
    inner = warc_record([("WARC-Type", "warcinfo"), ("WARC-Record-ID", "<urn:x>")], b"inner: 1\r\n")
    return [
        ("files/levels.pdf", "application/pdf", _pdf("River levels")),
        ("files/rules.pdf", "application/pdf", _pdf("House rules")),
        ("api/levels.json", "application/json", json.dumps(levels).encode()),
        ("api/empty.json", "application/json; charset=utf-8", b"[]"),
        ("static/site.css", "text/css", b"body { margin: 0; color: #222 }\n"),
        ("static/app.js", "application/javascript", b"console.log('ready');\n"),
        ("backup/crawl.warc.gz", "application/octet-stream", gzip_stored(inner)),
    ]


def png(width: int, height: int, *, shade: int) -> bytes:
    """A grey picture of one shade, its pixels in stored blocks."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + bytes([shade % 256]) * width) * height
    pixels = b"\x78\x01" + stored_blocks(rows) + struct.pack(">I", zlib.adler32(rows))
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def _pdf(title: str) -> bytes:
    content = f"BT /F1 18 Tf 72 720 Td ({title}) Tj ET"
    return (
        "%PDF-1.4\n1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj\n"
        "2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 >> endobj\n"
        "3 0 obj << /Type /Page /Parent 2 0 R /Contents 4 0 R >> endobj\n"
        f"4 0 obj << /Length {len(content)} >> stream\n{content}\nendstream endobj\n"
        "trailer << /Root 1 0 R >>\n%%EOF\n"
    ).encode("ascii")
