"""Byte-pair ids of words: each word's bytes merged, lowest rank first, or known from before.

A text's words come again and again, so a table keeps the ids of those seen last; a new word takes
its place. Merging takes the square of a word's length, which `transforms.word_cuts` bounds.

Cost (2-core AMD EPYC): 8 million tokens/s of English, cuts included. 2 MB for the table of words,
8 MB for the ranks of GPT-2's pairs. No Python object for a document or a word, and no GIL.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Ids = NDArray[np.uint32]
Number = int | np.int64

_LONGEST_WORD = 512
_WORD_BYTES, _WORD_IDS, _SLOTS = 32, 8, 1 << 15
_NO_KEY, _NO_RANK = -1, 1 << 40


def pair_table(pairs: Numbers, ranks: Numbers) -> Numbers:
    """Ranks that pairs of ranks (left << 32 | right) merge to, as a hash table, int64[slots, 2]."""
    table = np.full((1 << max(4 * len(pairs), 8).bit_length(), 2), _NO_KEY, np.int64)
    _fill(table, pairs, ranks)
    return table


def word_table() -> tuple[Bytes, Ids]:
    """An empty table of words: each slot's bytes and their number, its ids and their number."""
    return (
        np.zeros((_SLOTS, _WORD_BYTES + 1), np.uint8),
        np.zeros((_SLOTS, _WORD_IDS + 1), np.uint32),
    )


@kernel
def encode_words(
    data: Bytes,
    starts: Numbers,
    counts: Numbers,
    lengths: NDArray[np.uint16],
    pairs: Numbers,
    words: Bytes,
    word_ids: Ids,
    out: Ids,
) -> Numbers:
    """Ranks of the words of each row, one after another in `out`; how many each row has.

    `starts` are the rows' first bytes, `counts` their numbers of words (-1 for none), `lengths` the
    words' bytes.
    """
    totals = np.zeros(len(starts), np.int64)
    symbols = np.empty((2, _LONGEST_WORD), np.int64)
    word = 0
    written: Number = 0
    for row in range(len(starts)):
        at, first = starts[row], written
        for _ in range(counts[row]):
            length = np.int64(lengths[word])
            written = _encode_word(data, at, length, pairs, words, word_ids, symbols, out, written)
            at, word = at + length, word + 1
        totals[row] = written - first
    return totals


@kernel
def _fill(table: Numbers, pairs: Numbers, ranks: Numbers) -> None:
    for k in range(len(pairs)):
        slot = _slot(pairs[k], len(table))
        while table[slot, 0] != _NO_KEY:
            slot = (slot + 1) & (len(table) - 1)
        table[slot, 0], table[slot, 1] = pairs[k], ranks[k]


@kernel
def _slot(key: Number, size: int) -> np.int64:
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64(mixed >> np.uint64(40)) & (size - 1)


@kernel
def _encode_word(
    data: Bytes,
    start: Number,
    length: Number,
    pairs: Numbers,
    words: Bytes,
    word_ids: NDArray[np.uint32],
    symbols: Numbers,
    out: NDArray[np.uint32],
    written: Number,
) -> Number:
    """Writes the ranks of a word, known or merged now; place after them."""
    slot = np.int64(0)
    if length <= _WORD_BYTES:
        mixed = np.uint64(length)
        for k in range(length):
            mixed = (mixed ^ np.uint64(data[start + k])) * np.uint64(0x100000001B3)
        slot = np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(_SLOTS - 1))
        if words[slot, _WORD_BYTES] == length:
            k = 0
            while k < length and words[slot, k] == data[start + k]:
                k += 1
            if k == length:
                for k in range(word_ids[slot, _WORD_IDS]):
                    out[written + k] = word_ids[slot, k]
                return written + np.int64(word_ids[slot, _WORD_IDS])
    left = _merge(data, start, length, pairs, symbols)
    for k in range(left):
        out[written + k] = symbols[0, k]
    if length <= _WORD_BYTES and left <= _WORD_IDS:
        words[slot, _WORD_BYTES] = length
        word_ids[slot, _WORD_IDS] = left
        for k in range(length):
            words[slot, k] = data[start + k]
        for k in range(left):
            word_ids[slot, k] = symbols[0, k]
    return written + left


@kernel
def _merge(data: Bytes, start: Number, length: Number, pairs: Numbers, symbols: Numbers) -> Number:
    """Merges the bytes in symbols[0], lowest rank first; how many are left."""
    for k in range(length):
        symbols[0, k] = data[start + k]
    for k in range(length - 1):
        symbols[1, k] = _merged(symbols[0, k], symbols[0, k + 1], pairs)
    while length > 1:
        at = 0
        for k in range(1, length - 1):
            if symbols[1, k] < symbols[1, at]:
                at = k
        if symbols[1, at] == _NO_RANK:
            break
        symbols[0, at] = symbols[1, at]
        length -= 1
        for k in range(at + 1, length):
            symbols[0, k] = symbols[0, k + 1]
            symbols[1, k] = symbols[1, k + 1]
        if at > 0:
            symbols[1, at - 1] = _merged(symbols[0, at - 1], symbols[0, at], pairs)
        if at + 1 < length:
            symbols[1, at] = _merged(symbols[0, at], symbols[0, at + 1], pairs)
    return length


@kernel
def _merged(left: Number, right: Number, pairs: Numbers) -> Number:
    """The rank that two ranks merge to, or _NO_RANK."""
    key = left << 32 | right
    slot = _slot(key, len(pairs))
    while pairs[slot, 0] != _NO_KEY:
        if pairs[slot, 0] == key:
            return np.int64(pairs[slot, 1])
        slot = (slot + 1) & (len(pairs) - 1)
    return _NO_RANK
