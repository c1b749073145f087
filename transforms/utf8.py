"""UTF-8 in kernels: a code point read, a code point written.

Arrow promises that texts are UTF-8, but a page's bytes and a damaged file aren't; therefore reading
checks everything and never looks beyond the end (Unicode 16, section 3.9, table 3-7).
"""

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel

REPLACEMENT = 0xFFFD


@kernel
def decode(data: NDArray[np.uint8], at: int, end: int) -> tuple[np.uint32, int]:
    """Code point at `at` and its bytes; U+FFFD of one byte where it isn't UTF-8."""
    first = np.uint32(data[at])
    if first < 0x80:
        return first, 1
    length = 2 + int(first >= 0xE0) + int(first >= 0xF0)
    if first < 0xC2 or first > 0xF4 or at + length > end:
        return np.uint32(REPLACEMENT), 1
    code = first & (0x7F >> length)
    for k in range(1, length):
        byte = np.uint32(data[at + k])
        if byte & 0xC0 != 0x80:
            return np.uint32(REPLACEMENT), 1
        code = (code << 6) | (byte & 0x3F)
    is_overlong = (length == 3 and code < 0x800) or (length == 4 and code < 0x10000)
    if is_overlong or 0xD800 <= code < 0xE000 or code > 0x10FFFF:
        return np.uint32(REPLACEMENT), 1
    return np.uint32(code), length


@kernel
def encode(out: NDArray[np.uint8], at: int, code: np.uint32) -> int:
    """Place after the code point, which is written there if `out` reaches so far."""
    length = 1 + int(code >= 0x80) + int(code >= 0x800) + int(code >= 0x10000)
    if at + length > len(out):
        return at + length
    if length == 1:
        out[at] = code
        return at + 1
    for k in range(length - 1, 0, -1):
        out[at + k] = 0x80 | (code & 0x3F)
        code >>= 6
    out[at] = (0xF00 >> length) & 0xFF | code
    return at + length
