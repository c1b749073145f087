"""Captures as WARC files, and one row of truth for each record in them.

Damage is done on purpose: in the first file a member of which nothing can be inflated, in the
second one whose headers can be read and whose body cannot, and the last file ends in the middle of
a member, as where a transfer stopped. Reading can go on after the first two.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from pipelines.sample.choices import number
from pipelines.sample.model import Capture, Kind
from pipelines.sample.responses import capture_date
from pipelines.sample.warc import (
    broken_member,
    clipped_member,
    gzip_stored,
    record_id,
    sha1_label,
    unreadable_member,
    warc_record,
)

FILES = 3
REVISITS = 8
_WITH_REQUEST = 8
_DAMAGE = (unreadable_member, broken_member, clipped_member)
_PROFILE = "http://netpreserve.org/warc/1.0/revisit/identical-payload-digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A WARC record in its member, and what the truth file says of it."""

    member: bytes
    truth: dict[str, object]


def build_files(captures: list[Capture]) -> list[tuple[str, bytes, list[dict[str, object]]]]:
    """Name, bytes and rows of truth of each WARC file; the rows know file and offset."""
    sound = [c for c in captures if c.kind != Kind.BROKEN]
    broken = [c for c in captures if c.kind == Kind.BROKEN]
    share = -(-len(sound) // FILES)
    files = []
    for i in range(FILES):
        name = f"sample-{i:05d}.warc.gz"
        mine = sound[i * share : (i + 1) * share]
        records = [_warcinfo(name), *(r for c in mine for r in _records(c))]
        if i == FILES - 1:
            records += [_revisit(c) for c in _revisited(sound)]
        middle = len(records) if i == FILES - 1 else len(records) // 2
        records[middle:middle] = [_damaged(c, i) for c in broken[i : i + 1]]
        files.append(_file(name, records))
    return files


def _file(name: str, records: list[Record]) -> tuple[str, bytes, list[dict[str, object]]]:
    rows, offset = [], 0
    for record in records:
        rows.append({"file": name, "offset": offset, **record.truth})
        offset += len(record.member)
    return name, b"".join(record.member for record in records), rows


def _records(capture: Capture) -> Iterator[Record]:
    chatty = number(_WITH_REQUEST, "request", capture.url) == 0
    if chatty:
        host, path = capture.url.split("/", 3)[2:]
        request = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: sample/1.0\r\n\r\n"
        yield _beside(capture, Kind.REQUEST, "application/http; msgtype=request", request)
    yield _response(capture)
    if chatty:
        fetched = f"fetchTimeMs: {number(900, 'fetch', capture.url) + 20}\r\n"
        yield _beside(capture, Kind.METADATA, "application/warc-fields", fetched)


def _response(capture: Capture) -> Record:
    record = _response_record(capture)
    return Record(member=gzip_stored(record), truth=_truth(capture, "response"))


def _damaged(capture: Capture, index: int) -> Record:
    truth = _truth(capture, "response") | {"paragraphs": []}
    return Record(member=_DAMAGE[index](_response_record(capture)), truth=truth)


def _response_record(capture: Capture) -> bytes:
    fields = [
        *_head("response", capture, "application/http; msgtype=response"),
        ("WARC-IP-Address", f"192.0.2.{number(254, 'address', capture.url.split('/')[2]) + 1}"),
        ("WARC-Payload-Digest", sha1_label(capture.payload)),
    ]
    if capture.kind == Kind.TRUNCATED:
        fields.append(("WARC-Truncated", "length"))
    return warc_record(fields, capture.message)


def _head(warc_type: str, capture: Capture, content_type: str) -> list[tuple[str, str]]:
    return [
        ("WARC-Type", warc_type),
        ("WARC-Record-ID", record_id(warc_type, capture.url)),
        ("WARC-Date", f"{capture_date(capture.url):%Y-%m-%dT%H:%M:%SZ}"),
        ("WARC-Target-URI", capture.url),
        ("Content-Type", content_type),
    ]


def _truth(capture: Capture, warc_type: str) -> dict[str, object]:
    return {
        "record_id": record_id(warc_type, capture.url),
        "warc_type": warc_type,
        "kind": capture.kind.value,
        "url": capture.url,
        "language": capture.language,
        "cluster": capture.cluster,
        "edit": capture.edit,
        "charset": capture.charset,
        "declared_charset": capture.declared,
        "transfer": capture.transfer,
        "paragraphs": list(capture.paragraphs),
        "emails": list(capture.emails),
        "phones": list(capture.phones),
    }


def _beside(capture: Capture, kind: Kind, content_type: str, block: str) -> Record:
    """A request or metadata record of a capture."""
    fields = _head(kind.value, capture, content_type)
    fields.append(("WARC-Concurrent-To", record_id("response", capture.url)))
    bare = Capture(kind=kind, url=capture.url, message=b"", payload=b"", mime="")
    return Record(
        member=gzip_stored(warc_record(fields, block.encode())), truth=_truth(bare, kind.value)
    )


def _warcinfo(name: str) -> Record:
    fields = [
        ("WARC-Type", "warcinfo"),
        ("WARC-Record-ID", record_id("warcinfo", name)),
        ("WARC-Date", "2026-03-02T06:00:00Z"),
        ("WARC-Filename", name),
        ("Content-Type", "application/warc-fields"),
    ]
    block = b"software: penstock sample\r\nformat: WARC File Format 1.0\r\n"
    bare = Capture(kind=Kind.WARCINFO, url=name, message=b"", payload=b"", mime="")
    truth = _truth(bare, "warcinfo") | {"url": None}
    return Record(member=gzip_stored(warc_record(fields, block)), truth=truth)


def _revisited(captures: list[Capture]) -> list[Capture]:
    return [c for c in captures if c.kind == Kind.ARTICLE][:REVISITS]


def _revisit(capture: Capture) -> Record:
    """The same address met again a week later, unchanged: headers only."""
    again = capture_date(capture.url) + timedelta(days=7)
    head = dict(_head("revisit", capture, "application/http; msgtype=response"))
    head |= {"WARC-Date": f"{again:%Y-%m-%dT%H:%M:%SZ}", "WARC-Profile": _PROFILE}
    head |= {"WARC-Refers-To": record_id("response", capture.url)}
    head |= {"WARC-Payload-Digest": sha1_label(capture.payload)}
    block = capture.message[: capture.message.index(b"\r\n\r\n") + 4]
    bare = replace(capture, kind=Kind.REVISIT, paragraphs=(), cluster=None)
    return Record(
        member=gzip_stored(warc_record(list(head.items()), block)), truth=_truth(bare, "revisit")
    )
