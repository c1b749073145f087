"""Whether a large file can be cut, told from its first bytes."""

from pipelines.readers.spans import Span
from pipelines.readers.stored import StorageLostError, StoredFile
from pipelines.readers.unpack import compression_of


def unsplittable(span: Span, *, retries: int) -> str | None:
    """Why the file must be read in one go, or None when it can be cut into ranges."""
    try:
        with StoredFile(span.url, size=span.size, retries=retries) as file:
            return _reason(file, span)
    except StorageLostError:
        # The reader meets the same error and gives it its row.
        return "its first bytes can't be read"


def _reason(file: StoredFile, span: Span) -> str | None:
    if span.format == "text" and not span.fields.lines:
        return "a text file is one document"
    if span.format == "parquet":
        return None
    compression = compression_of(file.view(0, 16))
    if compression is None:
        return None
    if span.format == "warc" and compression in ("gzip", "lz4"):
        return None
    return f"it's one {compression} stream"
