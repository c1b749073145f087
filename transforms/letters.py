"""Letters of each text, lower-cased, on one line: what language models are trained on and asked.

Digits, punctuation and markup say nothing about a language and much about a page, so every run of
them becomes one space. Each Han character stands alone, as a word would: n-grams across them are
too many to learn, and what they gain in Chinese they lose where a page mixes in Latin words.
A document shows its language in a few lines, and its first may be a menu: a bounded number of bytes
is taken, half from the start and half from the middle, so a long document costs what a short one
does.

Cost: 1 ns a byte read; a page's 600 bytes of letters take a microsecond.
"""

import functools
import sys
import unicodedata

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.buffers import text_buffers
from transforms.kernels import kernel

_LETTER_PLANES = 0x20000
_HAN_PLANES = slice(0x20000, 0x40000)
_HAN_BLOCKS = (slice(0x3400, 0x4DC0), slice(0x4E00, 0xA000), slice(0xF900, 0xFB00), _HAN_PLANES)
_ALONE = np.uint32(1 << 31)
"""Beside a letter: it's a word of its own."""

_STEP_BYTES = 6
"""Most that one letter writes: itself in four bytes, a space on each side."""


def letter_lines(text: pa.StringArray, *, maximum_bytes: int) -> list[str]:
    """About maximum_bytes of lower-cased letters of each text and `\\n`; null gives "\\n".

    >>> letter_lines(pa.array(["It's 3 o'clock,\\nÉMILE!", "北京2008", None]), maximum_bytes=100)
    ['it s o clock émile\\n', '北 京\\n', '\\n']
    """
    data, starts, ends = text_buffers(text)
    room = np.minimum(2 * (ends - starts), maximum_bytes) + _STEP_BYTES + 1
    out = np.empty(int(room.sum()), np.uint8)
    offsets = _write_letters(data, starts, ends, _lower_letters(), maximum_bytes, out)
    lines = pa.LargeStringArray.from_buffers(len(text), pa.py_buffer(offsets), pa.py_buffer(out))
    rows: list[str] = lines.to_pylist()
    return rows


@functools.cache
def _lower_letters() -> NDArray[np.uint32]:
    """For each code point its lower case if it's a letter or a mark, else 0."""
    table = np.zeros(sys.maxunicode + 1, np.uint32)
    table[_HAN_PLANES] = np.arange(_HAN_PLANES.start, _HAN_PLANES.stop)
    table[:_LETTER_PLANES] = [_lower_letter(chr(code)) for code in range(_LETTER_PLANES)]
    for block in _HAN_BLOCKS:
        table[block] |= np.where(table[block] > 0, _ALONE, np.uint32(0))
    return table


def _lower_letter(character: str) -> int:
    if unicodedata.category(character)[0] not in "LM":
        return 0
    return ord(character.lower()[0])


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
        offsets[row + 1] = _put(out, written, np.uint32(0x0A))
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
        code, length = _decode(data, at, end)
        at += length
        letter = letters[code]
        if letter == 0:
            parted = True
            continue
        is_alone = letter >= _ALONE
        if (parted or is_alone) and written > line:
            written = _put(out, written, np.uint32(0x20))
        written = _put(out, written, letter & ~_ALONE)
        parted = is_alone
    return at, written, parted


@kernel
def _put(out: NDArray[np.uint8], at: int, code: np.uint32) -> int:
    """Writes the code point as UTF-8; place after it."""
    length = 1 + int(code >= 0x80) + int(code >= 0x800) + int(code >= 0x10000)
    if length == 1:
        out[at] = code
        return at + 1
    for k in range(length - 1, 0, -1):
        out[at + k] = 0x80 | (code & 0x3F)
        code >>= 6
    out[at] = (0xF00 >> length) & 0xFF | code
    return at + length


@kernel
def _decode(data: NDArray[np.uint8], at: int, end: int) -> tuple[np.uint32, int]:
    """Code point at `at` and its bytes, of text that is UTF-8; 0 where it isn't."""
    first = np.uint32(data[at])
    if first < 0x80:
        return first, 1
    length = 2 + int(first >= 0xE0) + int(first >= 0xF0)
    if first < 0xC2 or first > 0xF4 or at + length > end:
        return np.uint32(0), 1
    code = first & (0x7F >> length)
    for k in range(1, length):
        byte = np.uint32(data[at + k])
        if byte & 0xC0 != 0x80:
            return np.uint32(0), 1
        code = (code << 6) | (byte & 0x3F)
    if code > 0x10FFFF:
        return np.uint32(0), 1
    return np.uint32(code), length
