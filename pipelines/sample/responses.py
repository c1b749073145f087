"""Pages and files as HTTP/1.1 responses: charset, content and transfer coding, headers."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from pipelines.sample.choices import number, pick
from pipelines.sample.model import Capture, Kind, Page
from pipelines.sample.warc import gzip_stored

_START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
_SERVERS = ("nginx", "Apache/2.4.62 (Debian)", "Caddy", "lighttpd/1.4.76", "Microsoft-IIS/10.0")
_TRANSFERS = ("plain",) * 12 + ("chunked",) * 3 + ("gzip",) * 3 + ("gzip chunked",) * 2


def capture_date(url: str) -> datetime:
    """When the sample's crawler met an address: some second of the first days of March 2026."""
    return _START + timedelta(seconds=number(400_000, "date", url))


def capture_page(page: Page, html: str, *, transfer: str | None = None) -> Capture:
    """The response that carries a page; its truth is what the page says."""
    body = html.encode(page.charset, "xmlcharrefreplace")
    mime = "text/html"
    if page.declared_in in ("header", "both"):
        mime += f"; charset={page.declared}"
    transfer = transfer or pick(_TRANSFERS, "transfer", page.url)
    payload = gzip_stored(body) if "gzip" in transfer else body
    return Capture(
        kind=page.kind,
        url=page.url,
        message=http_message(page.url, mime, payload, transfer=transfer),
        payload=payload,
        mime="text/html",
        language=page.site.language,
        cluster=page.cluster,
        edit=page.edit,
        charset=page.charset,
        declared=page.declared if page.declared_in != "nowhere" else None,
        declared_in=page.declared_in,
        transfer=transfer,
        paragraphs=page.paragraphs,
        emails=page.emails,
        phones=page.phones,
    )


def http_message(
    url: str,
    mime: str,
    payload: bytes,
    *,
    status: str = "200 OK",
    transfer: str = "plain",
    location: str | None = None,
) -> bytes:
    """Status line, headers and the payload in its transfer coding."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Server: {pick(_SERVERS, 'server', url.split('/')[2])}",
        f"Date: {format_datetime(capture_date(url), usegmt=True)}",
        f"Content-Type: {mime}",
    ]
    if location is not None:
        lines.append(f"Location: {location}")
    if "gzip" in transfer:
        lines += ["Content-Encoding: gzip", "Vary: Accept-Encoding"]
    chunked = "chunked" in transfer
    lines.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(payload)}")
    body = chunks(payload, url) if chunked else payload
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


def chunks(payload: bytes, url: str) -> bytes:
    """The payload in chunks of a few kB (RFC 9112, section 7.1)."""
    size = 512 + number(4096, "chunk", url)
    parts = []
    for start in range(0, len(payload), size):
        part = payload[start : start + size]
        parts.append(f"{len(part):x}\r\n".encode() + part + b"\r\n")
    return b"".join(parts) + b"0\r\n\r\n"


def capture_file(
    kind: Kind,
    url: str,
    mime: str,
    payload: bytes,
    *,
    status: str = "200 OK",
    location: str | None = None,
) -> Capture:
    """A response that is no page: a picture, a redirect, an error."""
    return Capture(
        kind=kind,
        url=url,
        message=http_message(url, mime, payload, status=status, location=location),
        payload=payload,
        mime=mime.split(";")[0],
    )
