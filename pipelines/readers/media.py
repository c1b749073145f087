"""What a body is: HTML, plain text or something else.

The first header that names a type decides: HTTP's Content-Type, then the crawler's
WARC-Identified-Payload-Type; where neither does, the body's first bytes do, by the tables of the
WHATWG MIME Sniffing standard (sections 5.2 and 7.1). A type that the body's first bytes prove
wrong (a PDF sent as HTML, HTML sent as plain text) gives way to them, and so does one of bytes that
no text has: a program, a body whose compression was never undone. No header is required.
"""

import re
from dataclasses import dataclass

from schemas.records import HTML, TEXT

ALLOWED = "text/html, application/xhtml+xml, text/plain"

_MEDIA = {"text/html": HTML, "application/xhtml+xml": HTML, "text/plain": TEXT}
_NO_TYPE = {
    "",
    "*/*",
    "application/octet-stream",
    "application/unknown",
    "application/x-unknown-content-type",
    "binary/octet-stream",
    "no-type",
    "unknown/unknown",
}
_BINARY = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"RIFF", "application/riff"),
    (b"OggS", "application/ogg"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"%!PS-Adobe-", "application/postscript"),
)
_SNIFFED_BYTES = 1445
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_TAG = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--|<(?:!doctype\s+html|html|head|script|iframe|h1|div|font|table|"
    r"a|style|title|b|body|br|p)[\s>])",
    re.IGNORECASE,
)
_PAGE = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE)
_BINARY_BYTES = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_CONTROL_BYTES = re.compile(rb"[\x01-\x08\x0b\x0e-\x1a\x1c-\x1f]")
"""Without NUL, of which UTF-16 is full."""

_MOST_CONTROLS, _FEW_CONTROLS = 0.07, 4
"""Share of them that a text may have, and how many at any rate; of random bytes it's a tenth."""

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s\"';,]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Media:
    """`kind` is html, text or None for anything else; `type` is the media type that says so."""

    kind: str | None
    type: str


def declared_type(*content_types: str) -> str:
    """The first media type that says something, in lower case without parameters, or ''."""
    for content_type in content_types:
        essence = content_type.partition(";")[0].partition(",")[0].strip().lower()
        if essence not in _NO_TYPE and "/" in essence:
            return essence
    return ""


def is_other(type_: str) -> bool:
    """Whether a declared type is enough to know that the body is neither HTML nor text."""
    return type_ != "" and type_ not in _MEDIA


def media_of(type_: str, body: bytes | memoryview) -> Media:
    """What the body is, given its declared type ('' for none)."""
    start = bytes(body[:_SNIFFED_BYTES])
    for magic, found in _BINARY:
        if start.startswith(magic):
            return Media(None, found)
    has_bom = any(start.startswith(bom) for bom, _ in _BOMS)
    if not has_bom and _is_full_of_controls(start):
        return Media(None, "application/octet-stream")
    if type_ == "text/plain":
        return Media(HTML, "text/html") if _PAGE.match(_text(start)) else Media(TEXT, type_)
    if type_:
        return Media(_MEDIA.get(type_), type_)
    if _TAG.match(_text(start)):
        return Media(HTML, "text/html")
    if not has_bom and _BINARY_BYTES.search(start):
        return Media(None, "application/octet-stream")
    return Media(TEXT, "text/plain")


def _is_full_of_controls(start: bytes) -> bool:
    """Whether no text begins so; in UTF-16 every second byte may look like a control character."""
    halves = (start[::2], start[1::2])
    return all(
        len(_CONTROL_BYTES.findall(half)) > max(_MOST_CONTROLS * len(half), _FEW_CONTROLS)
        for half in halves
    )


def charset_of(content_type: str) -> str | None:
    """The charset that a Content-Type names, in lower case."""
    match = _CHARSET.search(content_type)
    return match[1].lower() if match else None


def _text(start: bytes) -> str:
    for bom, encoding in _BOMS:
        if start.startswith(bom):
            return start[len(bom) :].decode(encoding, "replace")
    return start.decode("latin-1")
