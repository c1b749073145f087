"""Chunks as one continuous tape of uncompressed bytes, which remembers where frames are stored.

Positions on the tape are counted from where reading began. Bytes before `pos` are forgotten when
the next chunk is loaded; a chunk that follows an empty tape isn't copied.
"""

import re
from bisect import bisect_left, bisect_right
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
        """Load more bytes after the others; False at a damaged frame and at the end."""
        parts: list[bytes] = []
        fresh, kept = 0, self.limit - self.pos
        # A quarter of what is kept at least, or frames of a few bytes would copy a record often.
        while 4 * fresh <= kept and (chunk := self._next()) is not None:
            if chunk.start is not None:
                self._marks.append((self.limit + fresh, chunk.start))
            parts.append(chunk.data)
            fresh += len(chunk.data)
            self._is_frame_end = chunk.is_last
        self._append(parts)
        return fresh > 0

    def _next(self) -> Chunk | None:
        if self.ended or self.break_ is not None:
            return None
        chunk = next(self._chunks, None)
        self.ended = chunk is None
        if chunk is not None and chunk.error is not None:
            self.break_ = chunk
            return None
        return chunk

    def _append(self, parts: list[bytes]) -> None:
        kept = self._data[self.pos - self._base :]
        self._data = b"".join([kept, *parts] if kept else parts)
        self._base = self.pos
        self.limit = self.pos + len(self._data)
        passed = bisect_right(self._marks, self.pos, key=_position)
        del self._marks[: max(passed - 1, 0)]

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
        first = bisect_left(self._marks, start, key=_position)
        return self._marks[first : bisect_right(self._marks, end, key=_position)]

    def is_between_frames(self) -> bool:
        """Whether a frame ended whole at `limit`, whether or not the next one has begun."""
        return self._is_frame_end or (self.limit > 0 and self._marks[-1][0] == self.limit)

    def place(self, at: int) -> int:
        """The stored offset of a position: its frame's, plus its distance from the frame's start.

        For the first record of a frame, and in an uncompressed file, that is its stored offset.
        """
        mark, stored = self._marks[bisect_right(self._marks, at, key=_position) - 1]
        return stored + at - mark


def _position(mark: tuple[int, int]) -> int:
    return mark[0]
