"""Where in a WARC or ARC file a record starts, looked for from any offset."""

from pipelines.readers.frames import CODECS, PREFIX_BYTES, Codec, prefix
from pipelines.readers.headers import record_line, record_start
from pipelines.readers.stored import BLOCK_BYTES, StoredFile
from pipelines.readers.unpack import compression_of


def open_codec(file: StoredFile) -> Codec | None:
    """How the file's frames are compressed, by its first bytes; None for an uncompressed file."""
    return CODECS.get(compression_of(file.view(0, 16)) or "")


def holds_arc(file: StoredFile, codec: Codec | None) -> bool:
    """Whether the file is an ARC, by its first record, or by its name where that is broken."""
    head = bytes(file.view(0, PREFIX_BYTES)) if codec is None else prefix(file, codec, 0)
    head = head.lstrip(b"\r\n")
    if head.startswith((b"WARC/", b"filedesc:")):
        return head.startswith(b"filedesc:")
    is_arc_line = record_start(is_arc=True).match(head) is not None
    return is_arc_line or ".arc" in file.url.rsplit("/", 1)[-1].lower().replace(".warc", "")


def find_start(file: StoredFile, codec: Codec | None, offset: int, *, is_arc: bool) -> int:
    """The first offset at or after `offset` where a record seems to start; else the file's size."""
    if codec is None:
        return _find_line(file, offset, is_arc=is_arc)
    while (offset := _find_magic(file, codec.magic, offset)) < file.size:
        head = prefix(file, codec, offset).lstrip(b"\r\n")
        if record_start(is_arc=is_arc).match(head):
            return offset
        offset += 1
    return file.size


def _find_magic(file: StoredFile, magic: bytes, offset: int) -> int:
    while offset < file.size:
        block = bytes(file.view(offset, BLOCK_BYTES))
        found = block.find(magic)
        if found >= 0:
            return offset + found
        if offset + len(block) >= file.size:
            break
        # The magic may lie across two blocks.
        offset += len(block) - len(magic) + 1
    return file.size


def _find_line(file: StoredFile, offset: int, *, is_arc: bool) -> int:
    pattern = record_line(is_arc=is_arc)
    # The byte before tells whether a line begins at the offset itself.
    at = max(offset - 1, 0)
    while at < file.size:
        block = bytes(file.view(at, BLOCK_BYTES))
        match = pattern.search(block, 0 if offset == 0 else 1)
        if match is not None:
            return at + match.start()
        if at + len(block) >= file.size:
            break
        at += len(block) - PREFIX_BYTES
        offset = at + 1
    return file.size
