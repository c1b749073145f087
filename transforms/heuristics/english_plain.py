"""Words that part in a plain way, told from their bytes: most words that are more than one token.

Such a word is letters of ASCII, perhaps with hyphens between them, after a prefix of one mark, or
none, and before up to three suffixes of one mark, or `'s`; or it's listed with two tokens: `(so`,
`said.",`, `John's`, `well-known`, `can't`. None of its runs of tokens may be listed as an
exception, since then the rules go another way. All other words are read letter by letter
(`english_affixes`).

Cost (2-core AMD EPYC): 70 ns such a word, where the other way takes 500.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.heuristics import characters as c
from transforms.heuristics.bytes8 import trailing_zeros
from transforms.heuristics.scan_bytes import Words
from transforms.heuristics.word_hashes import hash_ascii, look_up
from transforms.kernels import inlined, kernel

LONGEST_EXCEPTION = 12
EXCEPTION, UNIT = 1, 2
SECOND_TOKEN, THIRD_TOKEN = 2, 10

_SPECIAL, _DIGIT, _ALPHA = c.SPECIAL, c.ASCII_DIGIT, c.ALPHA
_LETTER = c.LOWER_LETTER | c.UPPER_LETTER
_PREFIX, _SUFFIX, _BEFORE_PERIOD = c.PREFIX, c.SUFFIX, c.BEFORE_PERIOD
_LONGEST, _MOST_SUFFIXES = 63, 3
_LONGEST_EXCEPTION, _EXCEPTION = LONGEST_EXCEPTION, EXCEPTION
_SECOND, _THIRD = SECOND_TOKEN, THIRD_TOKEN


@kernel
def choose_words(
    data: NDArray[np.uint8],
    words: Words,
    count: int,
    table: NDArray[np.uint32],
    sieve: NDArray[np.uint8],
    keys: NDArray[np.uint64],
    values: NDArray[np.int32],
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]:
    """Words that may be more than one token, where their tokens begin, and where letters stand.

    The second array has a bit for each character at which a token begins; 0 where the word must be
    read by letters. The third says where the letters of each of these will stand.
    """
    near, chosen = np.zeros(256, np.uint32), np.empty(count + 1, np.int64)
    near[0x21:0x80] = table[0x21:0x80]
    maybe = _sift(words, count, sieve, chosen)
    begins, limits = np.empty(maybe, np.uint64), np.zeros(maybe + 1, np.int64)
    many, spelled = 0, 0
    for k in range(maybe):
        word, value = chosen[k], np.int32(0)
        flags, length = words.flags[word], words.lengths[word]
        if length <= _LONGEST_EXCEPTION and _may_be_listed(words.hashes[word], sieve):
            value = look_up(words.hashes[word], keys, values)
        if value >> _SECOND == 0 and (_is_one(flags, length) or value & _EXCEPTION):
            continue
        start, end = words.starts[word], words.ends[word]
        begin = np.uint64(0)
        if end - start == length and value & _EXCEPTION and value >> _THIRD == 0:
            begin = np.uint64(1) | np.uint64(1) << np.uint64(value >> _SECOND)
        elif length <= _LONGEST and end - start == length and not (flags & _DIGIT or value):
            begin = _begins(data, start, end, near)
            if begin and _has_exception(data, start, end, begin, sieve, keys, values):
                begin = np.uint64(0)
        chosen[many], begins[many] = word, begin
        many += 1
        spelled += int(begin == 0)
        limits[spelled] = limits[spelled - 1] + length if begin == 0 else limits[spelled]
    return chosen[:many], begins[:many], limits[: spelled + 1]


@kernel
def _sift(words: Words, count: int, sieve: NDArray[np.uint8], chosen: NDArray[np.int64]) -> int:
    """How many words aren't one token at first sight; nothing branches on what a word is."""
    many = 0
    for word in range(count):
        at = np.uint64(word)
        is_listed = _may_be_listed(words.hashes[at], sieve)
        chosen[np.uint64(many)] = word
        many += int(is_listed | (not _is_one(words.flags[at], words.lengths[at])))
    return many


@inlined
def _is_one(flags: np.uint32, length: np.int32) -> bool:
    """Whether a word is one token, unless it's listed."""
    is_mixed = (flags & _DIGIT != 0) & (flags & _ALPHA != 0)
    return bool((length == 1) | ((flags & _SPECIAL == 0) & (not is_mixed)))


@inlined
def _may_be_listed(hashed: np.uint64, sieve: NDArray[np.uint8]) -> bool:
    """Whether the exceptions' sieve has a bit for this hash."""
    byte = sieve[hashed & np.uint64(len(sieve) - 1)]
    return bool(byte >> np.uint8(hashed >> np.uint64(61)) & 1)


@kernel
def _begins(data: NDArray[np.uint8], start: int, end: int, near: NDArray[np.uint32]) -> np.uint64:
    """A bit for each place where a token begins; 0 where that isn't plain."""
    core = start + int(near[data[start]] & _PREFIX != 0)
    at, prefixes = core, core - start
    begins = np.uint64(1) | np.uint64(1) << np.uint64(prefixes)
    while at < end:
        bits = near[data[at]]
        if bits & _SPECIAL or not bits:
            if not _is_hyphen(data, core, at, end, near):
                break
            begins |= np.uint64(3) << np.uint64(at - start)
        at += 1
    suffixes = end - at
    if suffixes == 2 and data[at] == 0x27 and data[at + 1] | 0x20 == 0x73:
        suffixes = 1
    elif not _are_suffixes(data, at, end, near):
        return np.uint64(0)
    if at == core or suffixes > _MOST_SUFFIXES or end - at + prefixes > suffixes + 1:
        return np.uint64(0)
    for suffix in range(suffixes):
        begins |= np.uint64(1) << np.uint64(at + suffix - start)
    return begins


@inlined
def _is_hyphen(
    data: NDArray[np.uint8], core: int, at: int, end: int, near: NDArray[np.uint32]
) -> bool:
    """Whether this is a hyphen between letters."""
    if data[at] != 0x2D or at == core or at + 1 == end:
        return False
    return bool(near[data[at - 1]] & _LETTER and near[data[at + 1]] & _LETTER)


@kernel
def _has_exception(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    begins: np.uint64,
    sieve: NDArray[np.uint8],
    keys: NDArray[np.uint64],
    values: NDArray[np.int32],
) -> bool:
    """Whether a run of tokens, but not the whole word, is listed; single marks make none.

    `'s` is listed, but as the last token it's what it is. Of two tokens one is a mark mostly.
    """
    first, rest = begins, begins & (begins - np.uint64(1))
    if rest & (rest - np.uint64(1)) == 0:
        middle = start + trailing_zeros(rest)
        if middle - start > 1:
            return _is_exception(data, start, middle, sieve, keys, values)
        return _is_exception(data, middle, end, sieve, keys, values)
    while first:
        begin = start + trailing_zeros(first)
        first &= first - np.uint64(1)
        last = first
        while last:
            stop = start + trailing_zeros(last)
            last &= last - np.uint64(1)
            if _is_exception(data, begin, stop, sieve, keys, values):
                return True
        is_s = end - begin == 2 and data[begin] == 0x27 and data[begin + 1] | 0x20 == 0x73
        if begin > start and not is_s and _is_exception(data, begin, end, sieve, keys, values):
            return True
    return False


@inlined
def _are_suffixes(data: NDArray[np.uint8], at: int, end: int, near: NDArray[np.uint32]) -> bool:
    """Whether each of these bytes is parted from what's before it."""
    is_fine = True
    for place in range(at, end):
        is_period = data[place] == 0x2E
        is_after = near[data[place - 1]] & _BEFORE_PERIOD != 0 and data[place - 1] != 0x2E
        is_fine &= is_after if is_period else near[data[place]] & _SUFFIX != 0
    return is_fine


@kernel
def _is_exception(
    data: NDArray[np.uint8],
    at: int,
    end: int,
    sieve: NDArray[np.uint8],
    keys: NDArray[np.uint64],
    values: NDArray[np.int32],
) -> bool:
    if not 1 < end - at <= _LONGEST_EXCEPTION:
        return False
    hashed = hash_ascii(data, at, end)
    is_known = _may_be_listed(hashed, sieve)
    return bool(is_known and look_up(hashed, keys, values) & _EXCEPTION)
