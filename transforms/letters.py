"""Letters of each text, lower-cased, on one line: what language models are trained on and asked.

Digits, punctuation and markup say nothing about a language and much about a page, so every run of
them becomes one space. Letters of the alphabets of many languages are kept. Of a script with
thousands of signs (Han, Hangul) or with one language or few (Khmer, Ethiopic …) each is written as
the mark of its script, a word of its own: a small model can't learn them one by one, and to tell
languages it's enough that they are there.
A document shows its language in a few lines, and its first may be a menu: a bounded number of bytes
is taken, half from the start and half from the middle, so a long document costs what a short one
does.

Cost: 4 us for a page's 600 bytes of letters.
"""

import functools
import sys
import unicodedata

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.buffers import text_buffers
from transforms.kernels import kernel
from transforms.tables import shipped_table
from transforms.utf8 import decode, encode

_LETTER_PLANES = 0x20000
_ALPHABETS = (
    (0x0000, 0x0700),  # Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic
    (0x0750, 0x0780),  # Arabic supplement
    (0x08A0, 0x0B00),  # Arabic extended, Devanagari, Bengali, Gurmukhi, Gujarati
    (0x0B80, 0x0C80),  # Tamil, Telugu
    (0x0E00, 0x0E80),  # Thai
    (0x10A0, 0x1200),  # Georgian, Hangul jamo
    (0x1AB0, 0x1B00),  # combining marks
    (0x1C80, 0x1CC0),  # Cyrillic and Georgian extended
    (0x1D00, 0x2C00),  # phonetic, Latin and Greek extended, letters as symbols
    (0x2C60, 0x2C80),  # Latin extended
    (0x2D00, 0x2D30),  # Georgian supplement
    (0x2DE0, 0x2E00),  # Cyrillic extended
    (0x3040, 0x3100),  # kana
    (0x31F0, 0x3200),  # kana extensions
    (0xA640, 0xA6A0),  # Cyrillic extended
    (0xA720, 0xA800),  # Latin extended
    (0xAB30, 0xAB70),  # Latin extended
    (0xFB00, 0x10000),  # presentation forms, half and full width
)
_LARGE_SCRIPTS = {
    "一": ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x40000)),
    "가": ((0xAC00, 0xD7A4),),
}
_BLOCK = 0x80
_ALONE = np.uint32(1 << 31)
"""Beside a letter: it's a word of its own."""

_STEP_BYTES = 6
"""Most that one letter writes: itself in four bytes, a space on each side."""


def letter_lines(text: pa.StringArray, *, maximum_bytes: int) -> list[str]:
    """About maximum_bytes of lower-cased letters of each text and `\\n`; null gives "\\n".

    >>> letter_lines(pa.array(["It's 3 o'clock,\\nÉMILE!", "北京2008", None]), maximum_bytes=100)
    ['it s o clock émile\\n', '一 一\\n', '\\n']
    """
    data, starts, ends = text_buffers(text)
    room = np.minimum(2 * (ends - starts), maximum_bytes) + _STEP_BYTES + 1
    out = np.empty(int(room.sum()), np.uint8)
    offsets = _write_letters(data, starts, ends, _lower_letters(), maximum_bytes, out)
    lines = pa.LargeStringArray.from_buffers(len(text), pa.py_buffer(offsets), pa.py_buffer(out))
    rows: list[str] = lines.to_pylist()
    return rows


@functools.cache
def script_marks() -> tuple[str, ...]:
    """The marks of scripts whose letters aren't told apart, sorted."""
    letters = _lower_letters()
    return tuple(map(chr, np.unique(letters[letters >= _ALONE] & ~_ALONE)))


@shipped_table
def _lower_letters() -> NDArray[np.uint32]:
    """For each code point how it is written, 0 for a separator: its lower case or a mark."""
    table = np.zeros(sys.maxunicode + 1, np.uint32)
    table[:_LETTER_PLANES] = [_written(chr(code)) for code in range(_LETTER_PLANES)]
    blocks = np.arange(_LETTER_PLANES, dtype=np.uint32) // _BLOCK * _BLOCK
    is_marked = table[:_LETTER_PLANES] > 0
    for start, end in _ALPHABETS:
        is_marked[start:end] = False
    table[:_LETTER_PLANES][is_marked] = _ALONE | blocks[is_marked]
    for mark, ranges in _LARGE_SCRIPTS.items():
        for start, end in ranges:
            table[start:end] = _ALONE | np.uint32(ord(mark))
    return table


def _written(character: str) -> int:
    return ord(character.lower()[0]) if unicodedata.category(character)[0] in "LM" else 0


@kernel
def _write_letters(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    letters: NDArray[np.uint32],
    maximum_bytes: int,
    out: NDArray[np.uint8],
) -> NDArray[np.int64]:
    """Offsets of the lines written to `out`."""
    offsets = np.zeros(len(starts) + 1, np.int64)
    for row in range(len(starts)):
        start, end, line = starts[row], ends[row], offsets[row]
        half, whole = line + maximum_bytes // 2, line + maximum_bytes
        at, written, parted = _write_part(data, start, end, letters, out, line, line, half, False)
        middle = max(at, (start + end) // 2)
        while middle < end and data[middle] & 0xC0 == 0x80:
            middle += 1
        parted |= middle > at
        _, written, _ = _write_part(data, middle, end, letters, out, line, written, whole, parted)
        offsets[row + 1] = encode(out, written, np.uint32(0x0A))
    return offsets


@kernel
def _write_part(
    data: NDArray[np.uint8],
    at: int,
    end: int,
    letters: NDArray[np.uint32],
    out: NDArray[np.uint8],
    line: int,
    written: int,
    until: int,
    parted: bool,
) -> tuple[int, int, bool]:
    """Reads from `at`, writes up to `until`: places reached, and whether a space is due."""
    while at < end and written < until:
        code, length = decode(data, at, end)
        at += length
        letter = letters[code]
        if letter == 0:
            parted = True
            continue
        is_alone = letter >= _ALONE
        if (parted or is_alone) and written > line:
            written = encode(out, written, np.uint32(0x20))
        written = encode(out, written, letter & ~_ALONE)
        parted = is_alone
    return at, written, parted
