"""Random order as a function: the i-th item of a shuffle without the ones before it.

A permutation of n items is a balanced Feistel network over the smallest even number of bits that
holds n - 1 (at least 16, since a network over a few bits reaches few orders), with cycle-walking:
a value past the end goes through the network again until it lands inside. That is a bijection for
every n, and needs no memory. Eight rounds: with four, batch means spread up to twice as wide as
those of a random order. About 25 ns an item where n is close to a power of four, up to four times
that just above one; a whole small permutation costs 2^16 such evaluations.

Feistel permutations with 4 rounds and more: Luby and Rackoff, SIAM J. Comput. 17 (1988), section 3;
cycle-walking: Black and Rogaway, CT-RSA 2002, section 4.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.kernel import kernel

ROUNDS = 8
MINIMUM_BITS = 16

Int64s = npt.NDArray[np.int64]
_WORD = (1 << 64) - 1


def derive_key(*parts: int) -> np.uint64:
    """One 64-bit key from integers, different for every sequence of them.

    >>> bool(derive_key(0, 1) == derive_key(1, 0))
    False
    """
    key = len(parts)
    for part in parts:
        key = _finalize(key ^ _finalize(part & _WORD))
    return np.uint64(key)


def permutation(count: int, key: np.uint64) -> Int64s:
    """All of 0 .. count - 1, in the order of the key, as int64.

    >>> sorted(permutation(5, derive_key(7)).tolist())
    [0, 1, 2, 3, 4]
    """
    return permute(np.arange(count, dtype=np.int64), count, key)


def permute(positions: Int64s, count: int, key: np.uint64) -> Int64s:
    """Which of `count` items stands at each of the positions, in the order of the key."""
    if len(positions) and (positions.min() < 0 or positions.max() >= count):
        raise ValueError(f"positions reach from {positions.min()} to {positions.max()} of {count}")
    return _permute(positions, round_keys(key), feistel_bits(count), count)


def round_keys(key: np.uint64) -> npt.NDArray[np.uint64]:
    """The keys of the network's rounds."""
    return np.array([derive_key(int(key), index) for index in range(ROUNDS)], np.uint64)


def feistel_bits(count: int) -> int:
    """The even number of bits over which the network for `count` items runs."""
    bits = max((count - 1).bit_length(), MINIMUM_BITS)
    return bits + bits % 2


def _finalize(value: int) -> int:
    """SplitMix64's step: Steele, Lea and Flood, OOPSLA 2014, figure 17."""
    value = (value + 0x9E3779B97F4A7C15) & _WORD
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _WORD
    return value ^ (value >> 31)


@kernel
def _mix(value: np.uint64) -> np.uint64:
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@kernel
def _permute(positions: Int64s, keys: npt.NDArray[np.uint64], bits: int, count: int) -> Int64s:
    half = np.uint64(bits // 2)
    mask = (np.uint64(1) << half) - np.uint64(1)
    limit = np.uint64(count)
    items = np.empty(len(positions), np.int64)
    for index in range(len(positions)):
        value = np.uint64(positions[index])
        while True:
            left, right = value >> half, value & mask
            for key in keys:
                left, right = right, left ^ (_mix(right ^ key) & mask)
            value = (left << half) | right
            if value < limit:
                break
        items[index] = value
    return items


@kernel
def shuffle(values: npt.NDArray[Any], key: np.uint64) -> None:
    """Shuffle a small array in place: Fisher and Yates, with SplitMix64 from the key.

    A place comes from 32 random bits times the places left (Lemire, ACM TOMACS 29, 2019,
    without the rejection step): below 2^20 items the bias is under 2^-12.
    """
    state = _mix(key)
    for index in range(len(values) - 1, 0, -1):
        state += np.uint64(0x9E3779B97F4A7C15)
        other = np.int64((_mix(state) >> np.uint64(32)) * np.uint64(index + 1) >> np.uint64(32))
        values[index], values[other] = values[other], values[index]
