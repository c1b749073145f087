"""Inputs of any size made of real documents: repeated, each copy perturbed to be no duplicate.

A copy changes the first letter of a fifth of the words of the visible text, by (copy, place): two
copies then share about (0.8 x 0.8)^5 = 11 % of their 5-word shingles, far below any threshold,
while lengths and markup stay those of real pages. Bytes are changed in place and no length
changes, so making a gigabyte takes seconds. Only words of Latin letters change: copies of a page
in another script stay duplicates, and are dropped as such.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

_WORD = re.compile(rb"(?<![A-Za-z&/.=\\-])[a-z](?=[a-z]{2})")
_TAGS = re.compile(rb"(?is)<(script|style)\b.*?</\1>|<[^>]*>")
_ESCAPES = re.compile(rb"\\u....|\\.")
_DIGITS = 8
_SHARE = 0.2
_KEPT_PAGE = 32
"""The first page of the crawl that the rules of all shipped recipes keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A stored document: where the number of its copy stands, and where its text begins."""

    content: bytes
    number_at: int
    text_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """All documents in one run of bytes: letters that a copy may change, its numbers' places."""

    content: np.ndarray
    letters: np.ndarray
    numbers: np.ndarray
    documents: int
    suffix: str


def crawl_source(folder: Path) -> Source:
    """The responses of a folder of WARC files as one plain WARC file."""
    records = [record for path in sorted(folder.glob("*.warc.gz")) for record in _responses(path)]
    return _source(records, hidden=_TAGS, suffix="warc")


def text_source(folder: Path, *, longest: int = 200_000) -> Source:
    """The texts of a folder's gzipped JSONL files as one JSONL file."""
    texts = (
        json.loads(line).get("text") or ""
        for path in sorted(folder.rglob("*.jsonl.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
    )
    records = [
        _line(number, text) for number, text in enumerate(texts) if 200 <= len(text) <= longest
    ]
    return _source(records, hidden=_ESCAPES, suffix="jsonl")


def write_one_page(folder: Path, target: Path) -> None:
    """A WARC file with one response of a folder: what a run costs beside its pages."""
    pages = _responses(sorted(folder.glob("*.warc.gz"))[0])
    page = next(islice(pages, _KEPT_PAGE, None))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(page.content))


def write_copies(source: Source, target: Path, *, num_bytes: int) -> int:
    """Write perturbed copies until they have so many bytes; the number of documents written."""
    target.mkdir(parents=True, exist_ok=True)
    copies = max(1, round(num_bytes / len(source.content)))
    for number in range(copies):
        _copy(source, number).tofile(target / f"copy-{number:05d}.{source.suffix}")
    return copies * source.documents


def _copy(source: Source, number: int) -> np.ndarray:
    random = np.random.default_rng(number)
    content = source.content.copy()
    changed = source.letters[random.random(len(source.letters)) < _SHARE]
    content[changed] = random.integers(ord("a"), ord("z") + 1, len(changed), dtype=np.uint8)
    digits = np.frombuffer(f"{number:0{_DIGITS}d}".encode(), np.uint8)
    content[source.numbers[:, None] + np.arange(_DIGITS)] = digits
    return content


def _source(records: Sequence[Record], *, hidden: re.Pattern[bytes], suffix: str) -> Source:
    starts = np.cumsum([0, *(len(record.content) for record in records)])[:-1]
    letters = [
        start + _letters(record, hidden) for start, record in zip(starts, records, strict=True)
    ]
    return Source(
        content=np.frombuffer(b"".join(record.content for record in records), np.uint8),
        letters=np.concatenate(letters),
        numbers=starts + np.array([record.number_at for record in records]),
        documents=len(records),
        suffix=suffix,
    )


def _letters(record: Record, hidden: re.Pattern[bytes]) -> np.ndarray:
    """The places of first letters of words in a record's visible text."""
    visible = np.ones(len(record.content), bool)
    visible[: record.text_at] = False
    for match in hidden.finditer(record.content, record.text_at):
        visible[match.start() : match.end()] = False
    words = _WORD.finditer(record.content, record.text_at)
    places = np.fromiter((match.start() for match in words), np.int64)
    return places[visible[places]]


def _responses(path: Path) -> Iterator[Record]:
    """The response records of a WARC file of one gzip member each, under record ids of our own."""
    file_number = int(re.findall(r"\d+", path.name)[-1])
    for place, stored in enumerate(_members(path.read_bytes())):
        head, _, block = stored.partition(b"\r\n\r\n")
        if b"WARC-Type: response" not in head:
            continue
        lines = [
            line
            for line in head.split(b"\r\n")
            if not re.match(rb"WARC-(Record-ID|\w+-Digest):", line)
        ]
        before = b"WARC-Record-ID: <urn:uuid:"
        name = b"%s-0000-4000-8000-%012d>" % (b"0" * _DIGITS, file_number * 1_000_000 + place)
        new_head = b"\r\n".join([lines[0], before + name, *lines[1:]]) + b"\r\n\r\n"
        body = block.lower().find(b"<body")
        yield Record(
            content=new_head + block,
            number_at=len(lines[0]) + 2 + len(before),
            text_at=len(new_head) + (body if body >= 0 else len(block)),
        )


def _members(stored: bytes) -> Iterator[bytes]:
    while stored:
        inflate = zlib.decompressobj(wbits=31)
        yield inflate.decompress(stored)
        stored = inflate.unused_data


def _line(number: int, text: str) -> Record:
    before = b'{"url": "https://example.org/'
    head = before + b"0" * _DIGITS + b'/%d", "text": ' % number
    value = json.dumps(text, ensure_ascii=False).encode()
    return Record(content=head + value + b"}\n", number_at=len(before), text_at=len(head))
