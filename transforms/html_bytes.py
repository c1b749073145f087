"""The bytes of HTML, as the standard's tokenizer reads them: names, values, comments.

What any pass over markup shares, whatever it makes of the tags. A place that is given back lies at
most one beyond the page's end. Source: WHATWG HTML, section 13.2.5.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel

LESS, GREATER, SLASH, EXCLAMATION, QUESTION, EQUALS, MINUS = b"<>/!?=-"
QUOTE, APOSTROPHE = b"\"'"


@kernel
def is_letter(byte: int) -> bool:
    """Whether the byte is a letter of ASCII, which begins a tag's name."""
    return 0x61 <= byte | 0x20 <= 0x7A


@kernel
def is_blank(byte: int) -> bool:
    """Whether the byte is white space: a blank, a tab, a line break."""
    return byte == 0x20 or 0x09 <= byte <= 0x0D


@kernel
def to_lower(byte: int) -> int:
    """The byte in lower case, if it's a letter of ASCII."""
    return byte | 0x20 if 0x41 <= byte <= 0x5A else byte


@kernel
def ends_name(byte: int) -> bool:
    """Whether the byte ends the name of a tag or stands between attributes."""
    return is_blank(byte) or byte in (SLASH, GREATER)


@kernel
def find_byte(data: NDArray[np.uint8], at: int, byte: int) -> int:
    """First place of the byte from `at` on, the length if there is none."""
    while at < len(data) and data[at] != byte:
        at += 1
    return min(at, len(data))


@kernel
def skip_blanks(data: NDArray[np.uint8], at: int) -> int:
    """Place after white space."""
    while at < len(data) and is_blank(data[at]):
        at += 1
    return at


@kernel
def attribute_value(data: NDArray[np.uint8], at: int) -> tuple[int, int, int]:
    """Where an attribute's value starts and ends, and the place after it."""
    if at < len(data) and (data[at] == QUOTE or data[at] == APOSTROPHE):
        end = find_byte(data, at + 1, data[at])
        return at + 1, end, end + 1
    start = at
    while at < len(data) and not is_blank(data[at]) and data[at] != GREATER:
        at += 1
    return start, at, at


@kernel
def skip_declaration(data: NDArray[np.uint8], at: int) -> int:
    """Place after `<!…>`; a comment ends at `-->` (or `--!>`), of its own first dashes too."""
    if at + 1 >= len(data) or data[at] != MINUS or data[at + 1] != MINUS:
        return find_byte(data, at, GREATER) + 1
    first = at + 2
    at = find_byte(data, first, GREATER) + 1
    while at <= len(data):
        dashes = at - 3
        if data[at - 2] == EXCLAMATION and dashes > first:
            dashes -= 1
        if data[dashes] == MINUS and data[dashes + 1] == MINUS:
            return at
        at = find_byte(data, at, GREATER) + 1
    return at
