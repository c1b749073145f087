"""The stored bytes of one file, by offset, with patience for storage that doesn't answer.

A short run of bytes that moves forward is kept in memory (1 MiB at a time), so that callers may
ask for what they need where they need it. A failing read is tried again on a newly opened file,
waiting 0.5, 1, 2 … seconds; a file that isn't there or may not be read isn't asked twice.
"""

import time
from types import TracebackType
from typing import IO

from penstock.storage import open_input

BLOCK_BYTES = 1 << 20
FIRST_WAIT_S = 0.5
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)


class StorageLostError(Exception):
    """The file couldn't be read from `offset` on, also after trying again."""

    def __init__(self, offset: int, cause: BaseException) -> None:
        super().__init__(f"io: {type(cause).__name__}: {cause}")
        self.offset = offset


class StoredFile:
    """Bytes of a stored file by offset; `bytes_read` counts what was asked of storage."""

    def __init__(self, url: str, *, size: int, retries: int) -> None:
        self.url, self.size, self.bytes_read = url, size, 0
        self._retries = retries
        self._file: IO[bytes] | None = None
        self._start, self._block = 0, memoryview(b"")

    def __enter__(self) -> "StoredFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; reading again opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def view(self, offset: int, length: int) -> memoryview:
        """The bytes [offset, offset + length), fewer at the file's end.

        Raises:
            StorageLostError: the bytes can't be read.
        """
        skip = offset - self._start
        if not 0 <= skip <= len(self._block) or skip + length > len(self._block):
            self._load(offset, length)
            skip = 0
        return self._block[skip : skip + length]

    def _load(self, offset: int, length: int) -> None:
        skip = offset - self._start
        kept = self._block[skip:] if 0 <= skip < len(self._block) else memoryview(b"")
        wanted = min(max(length, BLOCK_BYTES), self.size - offset) - len(kept)
        if wanted <= 0:
            self._start, self._block = offset, kept
            return
        fresh = self._read(offset + len(kept), wanted)
        self._start = offset
        self._block = memoryview(bytes(kept) + fresh if kept else fresh)

    def _read(self, offset: int, length: int) -> bytes:
        for attempt in range(self._retries + 1):
            try:
                data = self._read_once(offset, length)
            except OSError as error:
                self._forget()
                if attempt == self._retries or isinstance(error, _FINAL):
                    raise StorageLostError(offset, error) from error
                time.sleep(FIRST_WAIT_S * 2**attempt)
            else:
                self.bytes_read += len(data)
                return data
        raise AssertionError("the loop returns or raises")

    def _read_once(self, offset: int, length: int) -> bytes:
        if self._file is None:
            self._file = open_input(self.url)
        self._file.seek(offset)
        parts = []
        while length > 0 and (part := self._file.read(length)):
            parts.append(part)
            length -= len(part)
        if length > 0:
            raise OSError(f"the file ends {length} bytes before its listed size {self.size}")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _forget(self) -> None:
        try:
            self.close()
        except OSError:
            self._file = None
