"""A WARC or ARC file as a row of records, told apart by lengths, broken ones included.

The record starts are found as a careful person would: a header, as many bytes as it says, a blank
line, then the next header. Where that fails, the record is broken: it is given as one entry with an
error, and reading goes on at the next place that looks like a record: the start of the next frame
or a line that begins a header. A record that runs out where the next frame starts with a header was
cut; one that runs out elsewhere continues in the next frame.

Where an entry starts never depends on how the file was cut into spans; see `readers.spans`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.readers.frames import CHUNK_BYTES, RAW_BYTES
from pipelines.readers.headers import (
    MAX_HEADER_BYTES,
    BrokenRecordError,
    RecordHeader,
    header_end,
    parse_header,
    record_line,
    record_start,
)
from pipelines.readers.rows import id_digest
from pipelines.readers.tape import Tape
from transforms.identity import identity_bytes

HEAD_BYTES = 1 << 16
_TAIL_BYTES = 1 << 14
_TERMINATOR = b"\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record as it stands in the file; `offset` is its stored offset.

    `block` is what follows the header, or its first 64 KiB where the block is longer than the
    reader's limit. A broken entry has an `error` ('code: detail') and, as `block`, its raw bytes,
    the first MiB of them; its header is None where it couldn't be read.
    """

    offset: int
    doc_id: bytes
    header: RecordHeader | None
    block: memoryview
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class Archive:
    """A tape of WARC or ARC records.

    Blocks longer than `limit` bytes are passed over, not kept. `stored_end` is the size of an
    uncompressed file, whose records can't reach beyond it; None where frames are compressed.
    """

    tape: Tape
    is_arc: bool
    limit: int
    stored_end: int | None

    def entries(self, span_end: int) -> Iterator[Entry | int]:
        """The entries up to the first record start at or after `span_end`, whose place is last.

        Where the file ends first, no place is given.
        """
        tape = self.tape
        while True:
            before = tape.pos
            if not self._seek_entry():
                if tape.break_ is None:
                    return
                yield self._broken_frame()
                continue
            place = self._place(before)
            if place >= span_end and self._is_start(before):
                yield place
                return
            yield self._entry(place)

    def _seek_entry(self) -> bool:
        """Move to the first byte of the next entry; False where none is left before a break."""
        tape = self.tape
        while True:
            tape.skip_blank()
            if tape.pos < tape.limit:
                return True
            if not tape.more():
                return False

    def _place(self, before: int) -> int:
        """Stored offset of the entry here; newlines since `before` don't count."""
        frames = self.tape.frame_starts(before, self.tape.pos)
        if frames and self.stored_end is None:
            return frames[-1][1]
        return self.tape.place(self.tape.pos)

    def _is_start(self, before: int) -> bool:
        """Whether a span that looks for its first record would find the one here."""
        tape = self.tape
        if self.stored_end is None and not tape.frame_starts(before, tape.pos):
            return False
        return self._looks_like_record(tape.pos)

    def _looks_like_record(self, at: int) -> bool:
        self.tape.load(at + _TAIL_BYTES)
        return self.tape.matches(record_start(is_arc=self.is_arc), at)

    def _entry(self, place: int) -> Entry:
        start = self.tape.pos
        header = None
        try:
            header = self._header(start)
            end = start + header.size + header.length
            if self.stored_end is not None and place + end - start > self.stored_end:
                raise BrokenRecordError(f"truncated: {header.length} bytes reach beyond the file")
            if header.length > self.limit:
                return self._long(place, start, header)
            self._reach(start + 1, end)
            self._check_end(end, header.length)
        except BrokenRecordError as error:
            return self._broken(place, header, error)
        self.tape.pos = end
        block = self.tape.view(start + header.size, end)
        return _whole(place, header, block)

    def _header(self, start: int) -> RecordHeader:
        tape, most = self.tape, start + MAX_HEADER_BYTES
        while (end := tape.end_of(header_end(is_arc=self.is_arc), start, most)) is None:
            if tape.limit >= most:
                self._reach(start + 1, most)
                raise BrokenRecordError(f"header: no end within {MAX_HEADER_BYTES} bytes")
            self._reach(start + 1, tape.limit + 1)
        self._reach(start + 1, end)
        return parse_header(bytes(tape.view(start, end)), is_arc=self.is_arc)

    def _reach(self, since: int, end: int) -> None:
        """Load the tape up to `end`, all of which must belong to the record that is being read.

        It doesn't where a frame in [since, end) opens a record, however much is loaded already.
        """
        tape = self.tape
        while True:
            for frame, _ in tape.frame_starts(since, min(end, tape.limit) - 1):
                if self._opens_record(frame):
                    raise BrokenRecordError(
                        "truncated: its frame ends inside the record", resume=frame
                    )
                since = frame + 1
            if tape.limit >= end:
                return
            if tape.more():
                continue
            if tape.break_ is not None:
                raise BrokenRecordError(str(tape.break_.error), resume=tape.limit)
            raise BrokenRecordError("truncated: the file ends inside the record")

    def _opens_record(self, frame: int) -> bool:
        return self._looks_like_record(self.tape.after_newlines(frame))

    def _check_end(self, end: int, length: int) -> None:
        """Return when a record, a frame or the file's end follows the record's last byte."""
        tape = self.tape
        if not self.is_arc and tape.load(end + 4) and bytes(tape.view(end, end + 4)) == _TERMINATOR:
            return
        at = tape.after_newlines(end)
        while at == tape.limit:
            if tape.is_between_frames():
                return
            if not tape.more():
                if tape.break_ is not None:
                    raise BrokenRecordError(str(tape.break_.error), resume=at)
                return
            at = tape.after_newlines(at)
        if not tape.frame_starts(end, at) and not self._looks_like_record(at):
            raise BrokenRecordError(f"length: no record starts after the {length} bytes given")

    def _long(self, place: int, start: int, header: RecordHeader) -> Entry:
        """Pass over a block that is longer than the limit; only its head is kept."""
        tape = self.tape
        at, end = start + header.size, start + header.size + header.length
        self._reach(start + 1, at + HEAD_BYTES)
        head = memoryview(bytes(tape.view(at, at + HEAD_BYTES)))
        digest = id_digest(_identity(header))
        try:
            while at < end:
                upto = min(at + CHUNK_BYTES, end)
                self._reach(max(at, start + 1), upto)
                digest.update(tape.view(at, upto))
                at = tape.pos = upto
            self._check_end(end, header.length)
        except BrokenRecordError as error:
            return self._broken(place, header, error, raw=head)
        return Entry(offset=place, doc_id=digest.digest(), header=header, block=head)

    def _broken(
        self,
        place: int,
        header: RecordHeader | None,
        error: BrokenRecordError,
        raw: memoryview | None = None,
    ) -> Entry:
        tape = self.tape
        if error.resume is not None:
            passed = bytes(tape.view(tape.pos, min(error.resume, tape.pos + RAW_BYTES)))
            tape.pos = error.resume
            is_damaged = tape.pos == tape.limit
        else:
            known = header.size if header is not None and raw is None else 1
            passed = self._resync(tape.pos + known)
            is_damaged = tape.pos == tape.limit and not tape.is_between_frames()
        message = str(error)
        if is_damaged and tape.break_ is not None:
            # A frame that breaks off inside a record is that record's damage, not one of its own.
            message = str(tape.take_break().error)
        return _failed(place, header, memoryview(passed) if raw is None else raw, message)

    def _resync(self, at: int) -> bytes:
        """Move to the first record start at or after a position; the bytes passed on the way."""
        tape = self.tape
        passed = bytearray()
        while (found := self._find_start(at)) is None:
            at = max(at, tape.limit - _TAIL_BYTES)
            # The byte before `at` stays, to tell whether a line begins there.
            self._pass_to(at - 1, passed)
            if not tape.more():
                self._pass_to(tape.limit, passed)
                return bytes(passed)
        self._pass_to(found, passed)
        return bytes(passed)

    def _pass_to(self, position: int, passed: bytearray) -> None:
        tape = self.tape
        if position > tape.pos:
            room = RAW_BYTES - len(passed)
            passed += tape.view(tape.pos, min(position, tape.pos + room))
            tape.pos = position

    def _find_start(self, at: int) -> int | None:
        tape = self.tape
        found = tape.start_of(record_line(is_arc=self.is_arc), at)
        for frame, _ in tape.frame_starts(at, tape.limit):
            if found is not None and frame >= found:
                break
            if frame < tape.limit and self._opens_record(frame):
                return frame
        return found

    def _broken_frame(self) -> Entry:
        chunk = self.tape.take_break()
        raw = memoryview(chunk.raw)
        return _failed(chunk.start or 0, None, raw, str(chunk.error))


def _whole(place: int, header: RecordHeader, block: memoryview) -> Entry:
    digest = id_digest(_identity(header))
    digest.update(block)
    return Entry(offset=place, doc_id=digest.digest(), header=header, block=block)


def _failed(place: int, header: RecordHeader | None, raw: memoryview, error: str) -> Entry:
    digest = id_digest(_identity(header) if header is not None else b"")
    digest.update(raw)
    return Entry(offset=place, doc_id=digest.digest(), header=header, block=raw, error=error)


def _identity(header: RecordHeader) -> bytes:
    return identity_bytes(header.record_id, None, header.url, header.date)
