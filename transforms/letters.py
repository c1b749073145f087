"""Letters of each text, lower-cased, on one line: what language models are trained on and asked.

Digits, punctuation and markup say nothing about a language and much about a page, so every run of
them becomes one space. A document's language shows in its first lines: only a bounded number of
bytes of letters is kept, which makes the cost of a long document that of a short one.

Cost: 0.5 ns a byte read; a page's first 1,000 bytes of letters take a microsecond.
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
_LONGEST = 4
"""Bytes of the longest code point in UTF-8."""


def letter_lines(text: pa.StringArray, *, maximum_bytes: int) -> list[str]:
    """Up to maximum_bytes of lower-cased letters of each text, `\\n` at the end; null is "\\n".

    >>> letter_lines(pa.array(["It's 3 o'clock,\\nÉMILE!", None, "42"]), maximum_bytes=100)
    ['it s o clock émile\\n', '\\n', '\\n']
    """
    data, starts, ends = text_buffers(text)
    room = np.minimum(ends - starts + _LONGEST, maximum_bytes + _LONGEST) + 1
    out = np.empty(int(room.sum()), np.uint8)
    offsets = _write_letters(data, starts, ends, _lower_letters(), maximum_bytes, out)
    lines = pa.LargeStringArray.from_buffers(len(text), pa.py_buffer(offsets), pa.py_buffer(out))
    rows: list[str] = lines.to_pylist()
    return rows


@functools.cache
def _lower_letters() -> NDArray[np.uint32]:
    """For each code point its simple lower case if it's a letter or a mark, else 0."""
    table = np.zeros(sys.maxunicode + 1, np.uint32)
    table[_HAN_PLANES] = np.arange(_HAN_PLANES.start, _HAN_PLANES.stop)
    table[:_LETTER_PLANES] = [_lower_letter(chr(code)) for code in range(_LETTER_PLANES)]
    return table


def _lower_letter(character: str) -> int:
    if unicodedata.category(character)[0] not in "LM":
        return 0
    lower = ord(character.lower()[0])
    # A longer form would overrun the room that a text of this length has.
    return (
        lower
        if len(chr(lower).encode("utf-8", "replace")) <= len(character.encode("utf-8", "replace"))
        else ord(character)
    )


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
    written = 0
    for row in range(len(starts)):
        at, end, first, spaced = starts[row], ends[row], written, True
        while at < end and written - first < maximum_bytes:
            code, length = _decode(data, at, end)
            at += length
            letter = letters[code]
            if letter:
                written, spaced = _put(out, written, letter), False
            elif not spaced:
                out[written] = 0x20
                written, spaced = written + 1, True
        written -= int(spaced and written > first)
        out[written] = 0x0A
        written += 1
        offsets[row + 1] = written
    return offsets


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
    if 0xD800 <= code < 0xE000 or code > 0x10FFFF:
        return np.uint32(0), 1
    return np.uint32(code), length
