"""What a text's lines begin and end with, how long they are, and which come again.

Each tool has its own bullets, ellipses and ends of sentences; they all are counted at once, from
the first and the last characters of each line. Repeated lines and paragraphs are found by 64-bit
hashes in one open table. A paragraph is a run of lines between empty ones.

Cost (2-core AMD EPYC): 1 ns a byte of English.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.heuristics import characters
from transforms.heuristics.characters import character_table
from transforms.heuristics.scan import Scan
from transforms.heuristics.scan_bytes import NO_EDGES, Lines
from transforms.kernels import kernel

LINES, FULL_LINES, SHORT_LINES, TERMINAL_LINES = range(4)
BULLETS_DATATROVE, BULLETS_DOLMA, BULLETS_DCLM, BULLETS_REDPAJAMA = range(4, 8)
ELLIPSES, ELLIPSES_DOLMA, ELLIPSES_DCLM, ENDS_REDPAJAMA = range(8, 12)
NO_END_DOLMA, FEW_WORDS_DOLMA, NEWLINES = range(12, 15)
NUM_LINE_COLUMNS = 15

UNITS, AGAIN, AGAIN_CHARACTERS, SHARED, SHARED_CHARACTERS, UNIT_CHARACTERS = range(6)
NUM_REPEAT_COLUMNS = 6

SHORT_LINE = 30
"""Characters of a short line, to FineWeb."""

_TERMINAL = characters.TERMINAL
_FEWEST_WORDS = 3
_NO_EDGES = NO_EDGES


def count_lines(scan: Scan, keep: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Counts of lines by their length, beginning and end, int64[rows, NUM_LINE_COLUMNS].

    Columns: all lines; those that aren't empty; of 30 characters at most; that end in a terminal
    mark of any script; that begin with a bullet of datatrove, dolma, DCLM, RedPajama; that end in
    an ellipsis, by dolma's and by DCLM's meaning; in an end of RedPajama; that have no end of
    dolma's, fewer than 3 words; line ends between lines. With `keep`, lines that aren't kept don't
    count, and the others are taken without the blanks at their ends.
    """
    rows = scan.rows.stop - scan.rows.start
    out = np.zeros((rows, NUM_LINE_COLUMNS), np.int64)
    chosen = np.empty(0, np.bool_) if keep is None else keep
    words, lines = scan.words, scan.lines
    _count(
        *(scan.data, rows, words.starts, words.ends, lines.offsets, lines.ends, lines.words),
        *(lines.lengths, lines.leading, character_table(), chosen, out),
    )
    return out


def count_repeated_lines(scan: Scan, keep: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Counts of lines that come again, int64[rows, NUM_REPEAT_COLUMNS]; empty lines don't count.

    Columns: lines; those that came before, and their characters; those that occur twice or more,
    the first included, and their characters; characters of all. With `keep`, only lines that are
    kept, without the blanks at their ends.
    """
    rows = scan.rows.stop - scan.rows.start
    chosen = np.empty(0, np.bool_) if keep is None else keep
    return _count_units(*_line_units(rows, scan.lines, chosen))


def count_repeated_paragraphs(scan: Scan) -> NDArray[np.int64]:
    """The same counts of paragraphs: runs of lines that aren't empty."""
    rows = scan.rows.stop - scan.rows.start
    return _count_units(*_paragraph_units(rows, scan.lines))


@kernel
def _count(
    data: NDArray[np.uint8],
    rows: int,
    word_starts: NDArray[np.int64],
    word_ends: NDArray[np.int64],
    offsets: NDArray[np.int64],
    ends: NDArray[np.int64],
    words: NDArray[np.int64],
    lengths: NDArray[np.int32],
    leading: NDArray[np.int32],
    table: NDArray[np.uint32],
    keep: NDArray[np.bool_],
    out: NDArray[np.int64],
) -> None:
    for row in range(rows):
        for line in range(offsets[row], offsets[row + 1]):
            if len(keep) and not keep[line]:
                continue
            first, last = words[line], words[line + 1]
            out[row, LINES] += 1
            out[row, NO_END_DOLMA] += 1
            out[row, FEW_WORDS_DOLMA] += int(last - first < _FEWEST_WORDS)
            if first == last:
                continue
            length = lengths[line] - (leading[line] if len(keep) else 0)
            out[row, FULL_LINES] += 1
            out[row, SHORT_LINES] += int(length <= SHORT_LINE)
            start, end = word_starts[first], word_ends[last - 1]
            _count_beginning(_code(data, start), leading[line], out[row])
            is_blank_at_end = end < ends[line] and not len(keep)
            _count_end(data, start, end, table, is_blank_at_end, out[row])
        out[row, NEWLINES] = max(out[row, LINES] - 1, 0)


@kernel
def _count_beginning(code: int, leading: int, out: NDArray[np.int64]) -> None:
    is_star, is_hyphen, is_dot = code == 0x2A, code == 0x2D, code == 0x2022
    out[BULLETS_DATATROVE] += int(is_dot or is_hyphen)
    out[BULLETS_DOLMA] += int((is_star or is_hyphen) and leading == 0)
    out[BULLETS_DCLM] += int(is_dot or is_star or is_hyphen or code == 0x25CF)
    if code > 0x2000:
        is_shape = code in (0x2023, 0x2013, 0x25B6, 0x25C0, 0x25E6, 0x25A0, 0x25A1, 0x25AA, 0x25AB)
        out[BULLETS_REDPAJAMA] += int(is_dot or is_shape)


@kernel
def _count_end(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    table: NDArray[np.uint32],
    is_blank_at_end: bool,
    out: NDArray[np.int64],
) -> None:
    at = end - 1
    while at > start and data[at] & 0xC0 == 0x80:
        at -= 1
    code = _code(data, at)
    is_stop = code == 0x2E or code == 0x21 or code == 0x3F
    out[TERMINAL_LINES] += int(table[code] & _TERMINAL != 0 and not is_blank_at_end)
    out[ENDS_REDPAJAMA] += int(is_stop or code == 0x201D)
    out[NO_END_DOLMA] -= int(is_stop or code == 0x22)
    if code == 0x2026:
        out[ELLIPSES] += 1
        out[ELLIPSES_DCLM] += 1
        out[ELLIPSES_DOLMA] += int(not is_blank_at_end)
    if code == 0x2E and end - start >= 3:
        is_run = data[end - 2] == 0x2E and data[end - 3] == 0x2E
        is_spaced = end - start >= 5 and data[end - 3] == 0x2E and data[end - 5] == 0x2E
        is_spaced = is_spaced and data[end - 2] == 0x20 and data[end - 4] == 0x20
        out[ELLIPSES] += int(is_run)
        out[ELLIPSES_DCLM] += int(is_run or is_spaced)


@kernel
def _code(data: NDArray[np.uint8], at: int) -> int:
    """Code point at `at` of a text that is UTF-8; U+FFFD where it isn't."""
    first = int(data[at])
    if first < 0x80:
        return first
    length = 2 + int(first >= 0xE0) + int(first >= 0xF0)
    if first < 0xC2 or first > 0xF4 or at + length > len(data):
        return 0xFFFD
    code = first & (0x7F >> length)
    for k in range(1, length):
        code = (code << 6) | int(data[at + k] & 0x3F)
    return code if code <= 0x10FFFF else 0xFFFD


@kernel
def _line_units(
    rows: int, lines: Lines, keep: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]:
    """Offsets, hashes and lengths of the lines that count."""
    offsets = np.zeros(rows + 1, np.int64)
    most = lines.offsets[rows]
    hashes, lengths = np.empty(most, np.uint64), np.empty(most, np.int64)
    count = 0
    for row in range(rows):
        for line in range(lines.offsets[row], lines.offsets[row + 1]):
            first, last = lines.words[line], lines.words[line + 1]
            if first == last or (len(keep) and not keep[line]):
                continue
            hashes[count], lengths[count] = lines.hashes[line], lines.lengths[line]
            if len(keep):
                lengths[count] -= lines.leading[line]
            else:
                hashes[count] ^= lines.edges[line]
            count += 1
        offsets[row + 1] = count
    return offsets, hashes[:count], lengths[:count]


@kernel
def _paragraph_units(
    rows: int, lines: Lines
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]:
    """Offsets, hashes and lengths of the paragraphs."""
    offsets = np.zeros(rows + 1, np.int64)
    most = lines.offsets[rows]
    hashes, lengths = np.empty(most, np.uint64), np.empty(most, np.int64)
    count = 0
    for row in range(rows):
        is_inside = False
        for line in range(lines.offsets[row], lines.offsets[row + 1]):
            if lines.starts[line] == lines.ends[line]:
                is_inside = False
                continue
            hashed, length = lines.hashes[line], np.int64(lines.lengths[line])
            is_indented = line == lines.offsets[row] and lines.leading[line] > 0
            length -= lines.leading[line] if is_indented else 0
            hashed ^= np.uint64(_NO_EDGES) if is_indented else lines.edges[line]
            if is_inside:
                hashes[count - 1] = hashes[count - 1] * np.uint64(0x9E3779B97F4A7C15) ^ hashed
                lengths[count - 1] += length + 1
            else:
                hashes[count], lengths[count] = hashed, length
                count += 1
            is_inside = True
        offsets[row + 1] = count
    return offsets, hashes[:count], lengths[:count]


@kernel
def _count_units(
    offsets: NDArray[np.int64], hashes: NDArray[np.uint64], lengths: NDArray[np.int64]
) -> NDArray[np.int64]:
    rows = len(offsets) - 1
    out = np.zeros((rows, NUM_REPEAT_COLUMNS), np.int64)
    most = 0
    for row in range(rows):
        most = max(most, offsets[row + 1] - offsets[row])
    slots = 16
    while slots < 2 * most:
        slots *= 2
    keys, counts = np.empty(slots, np.uint64), np.empty(slots, np.int64)
    for row in range(rows):
        first, last = offsets[row], offsets[row + 1]
        _count_unit_row(hashes[first:last], lengths[first:last], keys, counts, out[row])
    return out


@kernel
def _count_unit_row(
    hashes: NDArray[np.uint64],
    lengths: NDArray[np.int64],
    keys: NDArray[np.uint64],
    counts: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    slots = 16
    while slots < 2 * len(hashes):
        slots *= 2
    mask = np.uint64(slots - 1)
    keys[:slots] = 0
    for unit in range(len(hashes)):
        key, length = hashes[unit] | np.uint64(hashes[unit] == 0), lengths[unit]
        slot = (key ^ (key >> np.uint64(32))) & mask
        while keys[slot] != 0 and keys[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        if keys[slot] == 0:
            keys[slot], counts[slot] = key, 0
        counts[slot] += 1
        again = counts[slot]
        out[UNITS] += 1
        out[UNIT_CHARACTERS] += length
        out[AGAIN] += int(again > 1)
        out[AGAIN_CHARACTERS] += length if again > 1 else 0
        out[SHARED] += 2 if again == 2 else int(again > 2)
        out[SHARED_CHARACTERS] += length * (2 if again == 2 else int(again > 2))
