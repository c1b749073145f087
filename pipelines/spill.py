"""Sorted runs on local disk, for what doesn't fit in memory.

A spill file has no name (it's unlinked as soon as it's open), so the system frees it whenever its
process ends, however it ends. What goes there is counted.
"""

import errno
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType

import pyarrow as pa

from penstock.errors import PenstockError
from pipelines.blocks import HEAD, BlockError, Layout, block_length

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(slots=True)
class Spill:
    """Where a task may put what doesn't fit in its memory, and how much it has put there."""

    folder: str | None = None
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Sorted rows that can be read from the start, about read_bytes at a time."""

    num_bytes: int
    read: Callable[[int], Iterator[pa.RecordBatch]]


class SpillFile:
    """Sorted runs one after the other in a local file without a name."""

    def __init__(self, spill: Spill) -> None:
        self._spill = spill
        if spill.folder:
            os.makedirs(spill.folder, exist_ok=True)
        # Closed by `close`, and by the system if it never comes to that.
        self._file = tempfile.TemporaryFile(dir=spill.folder, buffering=0)  # noqa: SIM115
        self._end = 0

    def __enter__(self) -> "SpillFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def append(self, batches: Iterable[pa.RecordBatch], layout: Layout, *, block_bytes: int) -> Run:
        """Write sorted batches of the layout's schema; the run that reads them back."""
        start = self._end
        for batch in batches:
            self._write(b"".join(map(layout.encode, layout.cut(batch, block_bytes))))
        end = self._end

        def read(read_bytes: int) -> Iterator[pa.RecordBatch]:
            return read_blocks(self._read, start, end, layout, read_bytes=read_bytes)

        return Run(num_bytes=end - start, read=read)

    def close(self) -> None:
        """Free the disk space."""
        self._file.close()

    def _write(self, data: bytes) -> None:
        try:
            written = 0
            while written < len(data):
                written += os.write(self._file.fileno(), memoryview(data)[written:])
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            folder = self._spill.folder or tempfile.gettempdir()
            raise PenstockError(
                f"no space left for temporary files in {folder} after {self._spill.bytes:,} bytes: "
                "free some, name a folder on a larger disk, or give the run more memory"
            ) from error
        self._end += len(data)
        self._spill.bytes += len(data)

    def _read(self, start: int, end: int) -> bytes:
        return os.pread(self._file.fileno(), end - start, start)


def read_blocks(
    read: Callable[[int, int], bytes], start: int, end: int, layout: Layout, *, read_bytes: int
) -> Iterator[pa.RecordBatch]:
    """The rows of the blocks in the byte range [start, end), read in pieces of read_bytes or more.

    Raises:
        BlockError: a block is damaged, or the range isn't all there.
    """
    data, at, wanted = b"", 0, HEAD.size
    while start < end or at < len(data):
        held = len(data) - at
        if held >= HEAD.size:
            wanted = block_length(data, at)
        if held >= wanted:
            yield layout.decode(memoryview(data)[at : at + wanted])
            at, wanted = at + wanted, HEAD.size
            continue
        stop = min(end, start + max(read_bytes, wanted - held))
        more = read(start, stop)
        if len(more) != stop - start or start == stop:
            raise BlockError(f"cut off: bytes {start:,} to {end:,} aren't all there")
        data, at, start = (data[at:] + more if held else more), 0, stop
