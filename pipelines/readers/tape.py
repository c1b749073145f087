"""Chunks as one continuous tape of uncompressed bytes, which remembers where frames are stored.

Positions on the tape are counted from where reading began. Bytes before `pos` are forgotten when
the next chunk is loaded; a chunk that follows an empty tape isn't copied.
"""

import re
from collections.abc import Iterator

from pipelines.readers.frames import Chunk

_BLANK = re.compile(rb"[\r\n\0]*")
_NEWLINES = re.compile(rb"(?:[\r\n]+\0*)*")


class Tape:
    """Uncompressed bytes from `pos` to `limit`, and more on request.

    `break_` is the damaged end of a frame right after `limit`, `ended` says that there is no more.
    """

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self.pos = 0
        self.limit = 0
        self.ended = False
        self.break_: Chunk | None = None
        self._is_frame_end = False
        self._chunks = chunks
        self._base, self._data = 0, b""
        self._marks: list[tuple[int, int]] = []

    def more(self) -> bool:
        """Load one more chunk after the others; False at a damaged frame and at the end."""
        if self.break_ is not None or self.ended:
            return False
        chunk = next(self._chunks, None)
        if chunk is None:
            self.ended = True
            return False
        if chunk.error is not None:
            self.break_ = chunk
            return False
        self._append(chunk)
        return True

    def _append(self, chunk: Chunk) -> None:
        if chunk.start is not None:
            self._marks.append((self.limit, chunk.start))
        kept = self._data[self.pos - self._base :]
        self._data = kept + chunk.data if kept else chunk.data
        self._base = self.pos
        self.limit = self.pos + len(self._data)
        self._is_frame_end = chunk.is_last
        passed = [number for number, (at, _) in enumerate(self._marks) if at <= self.pos]
        del self._marks[: passed[-1] if passed else 0]

    def take_break(self) -> Chunk:
        """The damaged end of a frame; reading goes on after it."""
        chunk, self.break_ = self.break_, None
        assert chunk is not None
        return chunk

    def load(self, end: int) -> bool:
        """Whether the tape reaches position `end`, after loading what it takes."""
        while self.limit < end:
            if not self.more():
                return False
        return True

    def view(self, start: int, end: int) -> memoryview:
        """The loaded bytes [start, end), without a copy."""
        return memoryview(self._data)[start - self._base : end - self._base]

    def start_of(self, pattern: re.Pattern[bytes], start: int) -> int | None:
        """The position of the first match in the loaded bytes from `start` on."""
        match = pattern.search(self._data, start - self._base)
        return match.start() + self._base if match else None

    def end_of(self, pattern: re.Pattern[bytes], start: int, end: int) -> int | None:
        """The position after the first match in the loaded bytes [start, end)."""
        match = pattern.search(self._data, start - self._base, end - self._base)
        return match.end() + self._base if match else None

    def matches(self, pattern: re.Pattern[bytes], at: int) -> bool:
        """Whether the loaded bytes at a position begin with a match."""
        return pattern.match(self._data, at - self._base) is not None

    def skip_blank(self) -> None:
        """Move to the next loaded byte that is no newline and no padding (NUL)."""
        self.pos = self._after(_BLANK, self.pos)

    def after_newlines(self, at: int) -> int:
        """The position after newlines, and the padding that may follow them."""
        return self._after(_NEWLINES, at)

    def _after(self, pattern: re.Pattern[bytes], at: int) -> int:
        match = pattern.match(self._data, at - self._base)
        return at if match is None else match.end() + self._base

    def frame_starts(self, start: int, end: int) -> list[tuple[int, int]]:
        """(position, stored offset) of the frames that start in [start, end]."""
        return [mark for mark in self._marks if start <= mark[0] <= end]

    def is_between_frames(self) -> bool:
        """Whether a frame ended whole at `limit`, whether or not the next one has begun."""
        return self._is_frame_end or (self.limit > 0 and self._marks[-1][0] == self.limit)

    def place(self, at: int) -> int:
        """The stored offset of a position: its frame's, plus its distance from the frame's start.

        For the first record of a frame, and in an uncompressed file, that is its stored offset.
        """
        mark, stored = [m for m in self._marks if m[0] <= at][-1]
        return stored + at - mark
