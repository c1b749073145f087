"""Which words are URLs, or hosts with or without user, port and path: they aren't parted inside.

The shape is that of the URL pattern in spaCy's English tokenizer: a scheme and `//` or none, a user
and `@` or none, names with periods between them of which the last is two lower-case letters or more
(or a public IPv4 address), a port or none, a path or none.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.heuristics import characters as c
from transforms.kernels import kernel

_DIGIT, _LOWER, _HOST, _ALNUM = c.ASCII_DIGIT, c.LOWER_LETTER, c.HOST, c.ALNUM
_MOST_LOGINS = 4
"""Places of `@` after which a host is looked for."""

Codes = NDArray[np.uint32]
Bits = NDArray[np.uint32]
Places = NDArray[np.int64]


@kernel
def leave_urls(codes: Codes, bits: Bits, starts: Places, stops: Places) -> None:
    """Empty those of the ranges of letters that are URLs: the start becomes the stop."""
    for word in range(len(starts)):
        if starts[word] < stops[word] and _is_url(codes, bits, starts[word], stops[word]):
            starts[word] = stops[word]


@kernel
def _is_url(codes: Codes, bits: Bits, start: int, stop: int) -> bool:
    """Whether the word is a URL, or a host name with or without user, port and path."""
    logins, at = 0, start
    if _is_host(codes, bits, start, stop):
        return True
    while at < stop and (bits[at] & _ALNUM or codes[at] in (0x2B, 0x2D, 0x2E, 0x5F)):
        at += 1
    has_scheme = start + 1 < at < stop - 2 and codes[at] == 0x3A and codes[at + 1] == 0x2F
    if has_scheme and codes[at + 2] == 0x2F and _is_host(codes, bits, at + 3, stop):
        return True
    for at in range(start + 1, stop):
        if codes[at] == 0x40 and logins < _MOST_LOGINS:
            logins += 1
            if _is_host(codes, bits, at + 1, stop):
                return True
    return False


@kernel
def _is_host(codes: Codes, bits: Bits, start: int, stop: int) -> bool:
    at, label, labels = start, start, 0
    while at < stop and (bits[at] & _HOST or codes[at] in (0x2D, 0x2E, 0x5F)):
        if codes[at] == 0x2E:
            if at == label or at - label > 64:
                return False
            if not (bits[label] & _HOST and bits[at - 1] & _HOST):
                return False
            label, labels = at + 1, labels + 1
        at += 1
    lower = 0
    while label + lower < at and bits[label + lower] & _LOWER:
        lower += 1
    is_name = labels > 0 and label + lower == at and 2 <= lower <= 63
    if not (is_name or (labels == 3 and _is_address(codes, bits, start, at))):
        return False
    if at < stop and codes[at] == 0x3A:
        port = at + 1
        while port < stop and bits[port] & _DIGIT:
            port += 1
        at = port if 3 <= port - at <= 6 else at
    return at == stop or codes[at] == 0x2F or codes[at] == 0x3F or codes[at] == 0x23


@kernel
def _is_address(codes: Codes, bits: Bits, start: int, stop: int) -> bool:
    """Whether four numbers with periods between them are a public IPv4 address."""
    part, number, first = 0, np.int64(0), np.int64(0)
    for at in range(start, stop + 1):
        if at == stop or codes[at] == 0x2E:
            if number > (223 if part == 0 else 254 if part == 3 else 255):
                return False
            first = number if part == 0 else first
            part, number = part + 1, np.int64(0)
        elif not bits[at] & _DIGIT or number > 255:
            return False
        else:
            number = number * 10 + np.int64(codes[at] - 0x30)
    return first not in (0, 10, 127)
