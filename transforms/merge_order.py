"""Which tokens of a byte-pair vocabulary the merge list itself can make, and in which order.

A byte-pair encoder applies the merge of lowest rank first, leftmost first (Sennrich et al.,
arXiv 1508.07909, section 3.2). tiktoken's engine knows no merges: it joins two neighbours whenever
their bytes together are a token, lowest token rank first. Both do the same on every text if each
token that it may join comes out whole when its own bytes are encoded by the merges, and tokens are
ranked by the merge that ended this. For say neighbours x, y stand in a text, and xy is such a
token: no merge has crossed the ends of xy, so those inside it were the ones that its bytes alone
go through, in that order; two parts are left, so x, y is the last merge of xy. And a merge of the
list that could apply to x, y makes a token which its bytes alone reach, by the same argument.

Cost: 15 ms for the 50,000 merges of GPT-2, 0.1 s for the 280,000 of Llama 3.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel

Numbers = NDArray[np.int64]
_NO_KEY, _NO_PLACE = -1, 1 << 40


@kernel
def final_merges(
    data: NDArray[np.uint8], offsets: Numbers, byte_ids: Numbers, keys: Numbers, results: Numbers
) -> tuple[Numbers, Numbers]:
    """Parts that each token's bytes end as, int64[n], and the place of their last merge, or -1.

    `keys` are the merges' pairs of ids, left << 32 | right, in the order of the merge list;
    `results` the ids that they make.
    """
    count = len(offsets) - 1
    parts, last = np.zeros(count, np.int64), np.full(count, -1, np.int64)
    longest = 0
    for token in range(count):
        longest = max(longest, offsets[token + 1] - offsets[token])
    symbols, places, table = np.empty(longest, np.int64), np.empty(longest, np.int64), _table(keys)
    for token in range(count):
        length = offsets[token + 1] - offsets[token]
        for k in range(length):
            symbols[k] = byte_ids[data[offsets[token] + k]]
        parts[token], last[token] = _merged(symbols, places, length, keys, results, table)
    return parts, last


@kernel
def _table(keys: Numbers) -> Numbers:
    """Places of the keys, each in the first free slot from where its hash points."""
    size = 8
    while size < 2 * len(keys):
        size *= 2
    table = np.full(size, _NO_KEY, np.int64)
    for place in range(len(keys)):
        slot = _slot(keys[place], size)
        while table[slot] != _NO_KEY:
            slot = (slot + 1) & (size - 1)
        table[slot] = place
    return table


@kernel
def _slot(key: int, size: int) -> np.int64:
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64(mixed >> np.uint64(32)) & (size - 1)


@kernel
def _place(left: int, right: int, keys: Numbers, table: Numbers) -> int:
    """Where in the merge list this pair stands, or _NO_PLACE."""
    key = left << 32 | right
    slot = _slot(key, len(table))
    while table[slot] != _NO_KEY:
        if keys[table[slot]] == key:
            return int(table[slot])
        slot = (slot + 1) & (len(table) - 1)
    return _NO_PLACE


@kernel
def _merged(
    symbols: Numbers, places: Numbers, length: int, keys: Numbers, results: Numbers, table: Numbers
) -> tuple[int, int]:
    """Parts left of `symbols` when no merge applies, and the place of the last that did."""
    last = -1
    for k in range(length - 1):
        places[k] = _place(symbols[k], symbols[k + 1], keys, table)
    while length > 1:
        at = np.argmin(places[: length - 1])
        if places[at] == _NO_PLACE:
            break
        last = places[at]
        symbols[at] = results[last]
        length -= 1
        for k in range(at + 1, length):
            symbols[k] = symbols[k + 1]
            places[k] = places[k + 1]
        if at > 0:
            places[at - 1] = _place(symbols[at - 1], symbols[at], keys, table)
        if at + 1 < length:
            places[at] = _place(symbols[at], symbols[at + 1], keys, table)
    return length, last
