"""Headers of WARC and ARC records, and where in unknown bytes one seems to start.

Both parsers are lenient in form (newlines, case, folded lines, names given twice: the first wins)
and strict in what framing needs: a type and a length.
"""

import re
from dataclasses import dataclass

from pipelines.readers.dates import parse_date

MAX_HEADER_BYTES = 1 << 16

_WARC_LINE = re.compile(rb"WARC/\d{1,3}\.\d{1,3}[ \t]*\r?\n?")
_WARC_START = rb"WARC/\d{1,3}\.\d{1,3}\r?\n[!-9;-~]{1,100}:"
# URL, IP, date and the rest: a broken date or length still makes it a header, of a broken record.
_ARC_START = (
    rb"[A-Za-z][A-Za-z0-9+.-]{0,30}:[^\r\n]{0,8000}"
    rb" (?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]{2,40}|-) \d{8,20} [^\r\n]{1,300}\r?\n"
)
_START = {False: re.compile(_WARC_START), True: re.compile(_ARC_START)}
_LINE_START = {
    False: re.compile(rb"(?<![^\n])" + _WARC_START),
    True: re.compile(rb"(?<![^\n])" + _ARC_START),
}
_ARC_FIELDS = re.compile(r"(\S.*?) (\S+) (\d{12,14}) (.*?) ?(-?\w+)")
_WARC_END = re.compile(rb"\n\r?\n")
_ARC_END = re.compile(rb"\n")


class BrokenRecordError(Exception):
    """A record can't be read; the message is 'code: detail'.

    `resume` is the position where reading goes on, where that is known.
    """

    def __init__(self, message: str, *, resume: int | None = None) -> None:
        super().__init__(message)
        self.resume = resume


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHeader:
    """What a record says of itself; `size` and `length` are the bytes of header and block."""

    size: int
    type: str
    length: int
    record_id: str | None = None
    url: str | None = None
    date: int | None = None
    content_type: str = ""
    payload_type: str = ""
    truncated: str = ""


def record_start(*, is_arc: bool) -> re.Pattern[bytes]:
    """A pattern that matches the beginning of a record's header."""
    return _START[is_arc]


def record_line(*, is_arc: bool) -> re.Pattern[bytes]:
    """The same pattern where a line begins, to search for one."""
    return _LINE_START[is_arc]


def header_end(*, is_arc: bool) -> re.Pattern[bytes]:
    """A pattern that ends where a header ends."""
    return _ARC_END if is_arc else _WARC_END


def parse_header(data: bytes, *, is_arc: bool) -> RecordHeader:
    """The header of a record from its bytes.

    Raises:
        BrokenRecordError: it's no header, or its type or length is missing or nonsense.
    """
    return _parse_arc(data) if is_arc else _parse_warc(data)


def parse_fields(lines: list[str]) -> dict[str, str]:
    """Lower-case name -> value of 'Name: value' lines; the first of a name given twice."""
    fields: dict[str, str] = {}
    name = ""
    for line in lines:
        if line[:1] in (" ", "\t") and name:
            fields[name] = f"{fields[name]} {line.strip()}"
            continue
        key, colon, value = line.partition(":")
        key = key.strip().lower()
        name = key if colon and key not in fields else ""
        if name:
            fields[name] = value.strip()
    return fields


def text_of(data: bytes) -> str:
    """Header bytes as text: UTF-8 as the standard has it, else byte by byte."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _parse_warc(data: bytes) -> RecordHeader:
    if not _WARC_LINE.match(data):
        raise BrokenRecordError(f"header: wanted WARC/1.1, got {data[:40]!r}")
    fields = parse_fields(text_of(data).splitlines()[1:])
    length, type_ = fields.get("content-length", ""), fields.get("warc-type", "")
    if not (length.isascii() and length.isdigit() and len(length) < 19):
        raise BrokenRecordError(f"header: Content-Length is {length[:40]!r}, wanted a number")
    if not type_:
        raise BrokenRecordError("header: no WARC-Type")
    url = fields.get("warc-target-uri", "")
    return RecordHeader(
        size=len(data),
        type=type_.lower(),
        length=int(length),
        record_id=fields.get("warc-record-id") or None,
        # Wget puts the address in angle brackets.
        url=url.removeprefix("<").removesuffix(">") or None,
        date=parse_date(fields.get("warc-date")),
        content_type=fields.get("content-type", ""),
        payload_type=fields.get("warc-identified-payload-type", ""),
        truncated=fields.get("warc-truncated", ""),
    )


def _parse_arc(data: bytes) -> RecordHeader:
    match = _ARC_FIELDS.fullmatch(text_of(data).strip())
    if match is None:
        raise BrokenRecordError(f"header: wanted 'URL IP date type length', got {data[:80]!r}")
    url, _, date, middle, length = match.groups()
    if not (length.isascii() and length.isdigit() and len(length) < 19):
        raise BrokenRecordError(f"header: the length is {length[:40]!r}, wanted a number")
    # Version 2 has five more words between the type and the length.
    words = middle.split()
    content_type = words[0] if len(words) > 4 else middle
    return RecordHeader(
        size=len(data),
        type="filedesc" if url.startswith("filedesc:") else "response",
        length=int(length),
        url=url,
        date=parse_date(date),
        content_type=content_type,
    )
