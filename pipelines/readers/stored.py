"""The stored bytes of one file, by offset, with patience for storage that doesn't answer.

A short run of bytes that moves forward is kept in memory, so that callers may ask for what they
need where they need it. Reading ahead starts small after each jump and doubles: looking at a file's
first bytes costs 64 KiB, reading on costs few requests (of 8 MiB each from an object store; a
general read-ahead cache there fetches tens of MiB for each look). A failing read is tried again,
waiting 0.5, 1, 2 … seconds; a file that isn't there or may not be read isn't asked twice.
"""

import time
from types import TracebackType
from typing import IO

from penstock.storage import is_local, open_input, read_bytes

BLOCK_BYTES = 1 << 20
_REMOTE_BLOCK_BYTES = 8 << 20
_FIRST_BLOCK_BYTES = 1 << 16
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
        self._is_local = is_local(url)
        self._ahead = _FIRST_BLOCK_BYTES

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
        goes_on = 0 <= skip <= len(self._block)
        kept = self._block[skip:] if goes_on else memoryview(b"")
        most = BLOCK_BYTES if self._is_local else _REMOTE_BLOCK_BYTES
        self._ahead = min(2 * self._ahead, most) if goes_on else _FIRST_BLOCK_BYTES
        wanted = min(max(length, self._ahead), self.size - offset) - len(kept)
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
        if self._is_local:
            self._file = self._file or open_input(self.url)
            self._file.seek(offset)
            data = self._file.read(length)
        else:
            data = read_bytes(self.url, offset, offset + length)
        if len(data) < length:
            missing = self.size - offset - len(data)
            raise OSError(f"the file ends {missing} bytes before its listed size {self.size}")
        return data

    def _forget(self) -> None:
        try:
            self.close()
        except OSError:
            self._file = None
