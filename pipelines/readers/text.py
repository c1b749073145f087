"""Plain text files: a document a file, or a document a line.

A file's name and place say nothing of its content, so they don't go into its doc_id: two files of
the same bytes are the same document.
"""

from collections.abc import Iterator

from pipelines.readers.lines import Line
from pipelines.readers.options import ReadOptions
from pipelines.readers.rows import MAX_RAW_BYTES, Record, failed, id_digest
from pipelines.readers.spans import ReadReport
from pipelines.readers.unpack import BrokenStreamError
from schemas.records import TEXT
from transforms.identity import record_id


def read_text_file(
    blocks: Iterator[bytes], *, options: ReadOptions, report: ReadReport
) -> Iterator[Record]:
    """One record for the whole file."""
    cap = options.max_record_bytes
    parts: list[bytes] = []
    total = 0
    digest = id_digest(b"")
    try:
        for block in blocks:
            digest.update(block)
            total += len(block)
            if total <= cap:
                parts.append(block)
    except BrokenStreamError as error:
        report.records += 1
        yield failed(offset=0, raw=b"".join(parts)[:MAX_RAW_BYTES], error=str(error))
        return
    report.records += 1
    if total > cap:
        yield _too_long(digest.digest(), 0, total, cap)
    else:
        content = b"".join(parts)
        yield Record(doc_id=digest.digest(), offset=0, media=TEXT, content=content)


def read_text_lines(
    lines: Iterator[Line], *, options: ReadOptions, report: ReadReport
) -> Iterator[Record]:
    """One record for each line that isn't blank."""
    cap = options.max_record_bytes
    for line in lines:
        content = line.data.rstrip(b"\r")
        if line.error is None and not content.strip():
            continue
        report.records += 1
        if line.error is not None:
            yield failed(offset=line.offset, raw=content, error=line.error)
            continue
        doc_id = record_id(identity=b"", content=content)
        if len(content) > cap:
            yield _too_long(doc_id, line.offset, len(content), cap)
        else:
            yield Record(doc_id=doc_id, offset=line.offset, media=TEXT, content=content)


def _too_long(doc_id: bytes, offset: int, length: int, cap: int) -> Record:
    return Record(
        doc_id=doc_id,
        offset=offset,
        rule="max_record_bytes",
        value=str(length),
        threshold=str(cap),
    )
