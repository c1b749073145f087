"""Whether a large file can be cut, told from its first bytes."""

from pipelines.readers.frames import CODECS, Codec
from pipelines.readers.spans import Span
from pipelines.readers.stored import StorageLostError, StoredFile
from pipelines.readers.unpack import BrokenStreamError, compression_of

_MOST_FRAME_BYTES = 64 << 20


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
    if span.format == "warc" and not _is_one_frame(file, CODECS[compression]):
        return None
    return f"it's one {compression} stream"


def _is_one_frame(file: StoredFile, codec: Codec) -> bool:
    """Whether the first frame goes on beyond what a record may take."""
    blocks = codec.blocks(file, 0)
    seen = 0
    try:
        while seen < _MOST_FRAME_BYTES:
            seen += len(next(blocks))
    except StopIteration as stop:
        return int(stop.value) >= file.size
    except BrokenStreamError:
        return False
    return True
