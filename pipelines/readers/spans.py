"""A span is what is read of one file, and a report is what reading it found.

A span that starts inside a file can't know where a record starts: it takes the first place that
looks like one. What looks like one may be the content of another record (a page whose body holds a
WARC). So each report says where its span's first record starts and where the first record after it
would; when the two of neighbours differ, the later span started wrongly and `settle` has it read
again from the right place. The answer is therefore that of reading the file from its start, and
the price is one more reading of a span in the rare case.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Any

DEFAULT_ID = "id"
"""The field that names a document, where it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Which fields of a JSONL or Parquet row are read, and how text files are cut."""

    text: str = "text"
    id: str | None = DEFAULT_ID
    url: str | None = "url"
    date: str | None = "date"
    lines: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The records of a file that start in its stored bytes [start, end).

    `aligned` says that a record is known to start at `start`; otherwise the first one at or after
    it is looked for. `format` is warc, jsonl, parquet or text; `size` is the file's, in bytes.
    """

    url: str
    input: str
    format: str
    size: int
    start: int
    end: int
    aligned: bool
    fields: Fields = Fields()

    def to_json(self) -> dict[str, Any]:
        """The span as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Span":
        """The span that `to_json` gave."""
        return cls(**{**data, "fields": Fields(**data["fields"])})


@dataclass(slots=True, kw_only=True)
class ReadReport:
    """What reading one span found; complete when the span's last batch has been taken.

    `records` is counted where a record is recognised in the input, before any row is built, so
    that the ledger can be held against it. `other` counts what isn't a document by type (warcinfo,
    request, metadata, revisit …). `truncated` counts records that their writer marked as cut short.
    `first_record_start` and `end` are stored offsets: of the first record at or after the span's
    start, and of the first one at or after its end (the file's size where there is none). `end` is
    None when storage failed before it was reached.
    """

    records: int = 0
    truncated: int = 0
    bytes_read: int = 0
    other: dict[str, int] = field(default_factory=dict)
    first_record_start: int | None = None
    end: int | None = None

    def count_other(self, kind: str) -> None:
        """Count something in the input that isn't a document."""
        self.other[kind] = self.other.get(kind, 0) + 1

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "ReadReport":
        """The report that `to_json` gave."""
        return cls(**data)


def settle(reports: Iterable[tuple[Span, ReadReport]]) -> list[Span]:
    """The spans to be read again, each with the start that it should have had.

    At most one span for each file: the first that didn't start where the one before it ended.
    Read it, put it and its report in the place of the span with the same url and end, and ask
    again until the answer is empty.
    """
    files: dict[str, list[tuple[Span, ReadReport]]] = {}
    for span, report in reports:
        files.setdefault(span.url, []).append((span, report))
    again = (_first_wrong_start(files[url]) for url in sorted(files))
    return [span for span in again if span is not None]


def _first_wrong_start(reports: list[tuple[Span, ReadReport]]) -> Span | None:
    ordered = sorted(reports, key=lambda pair: pair[0].end)
    for (_, before), (span, report) in pairwise(ordered):
        if before.end is None or report.end is None:
            continue
        if report.first_record_start != before.end:
            return replace(span, start=before.end, aligned=True)
    return None
