"""The hash of a word: the same from its bytes, from its code points, and in a table of words.

A word of ASCII is hashed eight bytes at a time; behind the last comes a one, which tells where it
ends. Any other word is hashed code point by code point. 0 is no word's hash: tables use it for a
free slot.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.heuristics.bytes8 import load_eight
from transforms.kernels import inlined, kernel

SEED, PRIME = 0xCBF29CE484222325, 0x9E3779B97F4A7C15


@kernel
def hash_ascii(data: NDArray[np.uint8], at: int, end: int) -> np.uint64:
    """The hash of a word of ASCII in these bytes."""
    hashed = np.uint64(SEED)
    while at + 8 <= end:
        hashed = mix(hashed, load_eight(data, at))
        at += 8
    return finish(mix(hashed, last_chunk(data, at, end)))


@kernel
def hash_codes(codes: NDArray[np.uint32], at: int, end: int) -> np.uint64:
    """The hash of a word of these code points."""
    packed, hashed, chunk = np.uint64(SEED), np.uint64(SEED), np.uint64(0)
    seen, shift = np.uint32(0), np.uint64(0)
    for place in range(at, end):
        code = np.uint64(codes[place])
        seen |= codes[place]
        hashed = add_code(hashed, code)
        chunk |= code << shift
        shift += np.uint64(8)
        if shift == 64:
            packed, chunk, shift = mix(packed, chunk), np.uint64(0), np.uint64(0)
    chunk |= np.uint64(1) << shift
    return finish(mix(packed, chunk) if seen < 0x80 else hashed)


@inlined
def mix(hashed: np.uint64, chunk: np.uint64) -> np.uint64:
    """The hash so far of a word of ASCII, with eight more bytes."""
    mixed = (hashed ^ chunk) * np.uint64(PRIME)
    return mixed ^ (mixed >> np.uint64(32))


@inlined
def last_chunk(data: NDArray[np.uint8], at: int, end: int) -> np.uint64:
    """The bytes before the end, seven at most, a one, and zeros."""
    chunk = np.uint64(1) << np.uint64(8 * (end - at))
    if at + 8 <= len(data):
        return (load_eight(data, at) & (chunk - np.uint64(1))) | chunk
    for place in range(at, end):
        chunk |= np.uint64(data[place]) << np.uint64(8 * (place - at))
    return chunk


@inlined
def add_code(hashed: np.uint64, code: np.uint64) -> np.uint64:
    """The hash so far of a word that isn't ASCII, with one more code point."""
    return (hashed ^ code) * np.uint64(PRIME)


@inlined
def finish(hashed: np.uint64) -> np.uint64:
    """The hash of the whole word; never 0."""
    final = hashed * np.uint64(PRIME)
    final ^= final >> np.uint64(32)
    return final | np.uint64(final == 0)


@inlined
def look_up(hashed: np.uint64, keys: NDArray[np.uint64], values: NDArray[np.int32]) -> np.int32:
    """The value of a word in an open table of hashes; what a free slot has where it isn't there."""
    mask = np.uint64(len(keys) - 1)
    slot = hashed & mask
    while keys[slot] != 0 and keys[slot] != hashed:
        slot = (slot + np.uint64(1)) & mask
    value: np.int32 = values[slot]
    return value
