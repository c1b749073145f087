"""What RedPajama-v2 counts of folded words: how many, how evenly, and which lines they make.

The entropy of a text's words is a sum over their counts. It is summed in integers of 2^-32 nats
times words, one term for each different word, so that no order of words or rows can change it, and
told to four decimals: RedPajama sums floats in the order of words and tells eight.

Cost (2-core AMD EPYC): 1.5 ns a byte of English.
"""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from transforms.heuristics import characters as c
from transforms.heuristics import folding, repeats
from transforms.heuristics.folded_words import FoldedWords
from transforms.heuristics.folding import folded
from transforms.heuristics.repeats import count_repeats
from transforms.heuristics.scan import Scan, word_hash
from transforms.heuristics.scan_bytes import Lines, Words
from transforms.kernels import kernel

WORDS, CHARACTERS, JOINED, JAVASCRIPT, LOREM, DISTINCT, ENTROPY = range(7)
NUMERICS, NUMERIC_LINES, FEW_WORDS, JAVASCRIPT_LINES = range(7, 11)
NUM_COUNT_COLUMNS = 11

TOP, COVERED = 0, 3
NUM_REPEAT_COLUMNS = 9
"""Columns of `count_folded_repeats`: n from 2 to 4 from TOP on, from 5 to 10 from COVERED on."""

DECIMALS = 4
"""Of the entropy."""

_FEWEST_WORDS = 5
_NEAR = 64
_UNIT, _TELL = 1 << 32, 10**DECIMALS
_DROPPED = folding.DROPPED
_PAIR = c.CUE_M | c.CUE_R
"""Every word with `lorem` in it has both letters."""
_FORWARD, _BACKWARD = (int.from_bytes(word, "little") for word in (b"ipsum", b"merol"))


def count_folded(scan: Scan, words: FoldedWords) -> NDArray[np.int64]:
    """Counts of the folded words of each row, int64[rows, NUM_COUNT_COLUMNS].

    Columns: words; their characters; the same and a blank between words; words `javascript`;
    `lorem ipsum`, also within words; different words; their entropy in 10^-DECIMALS nats; numeric
    characters; lines of which more than half is numeric; lines of fewer than 5 words that have one;
    lines with a word `javascript`.
    """
    rows = scan.rows.stop - scan.rows.start
    out = np.zeros((rows, NUM_COUNT_COLUMNS), np.int64)
    of_words = (words.of_words, words.hashes, words.lengths, words.numerics)
    _count_lines(scan.lines, *of_words, _javascript(), out)
    _count_lorem(scan.data, scan.words, words.of_words, folded(), out)
    slots = 1 << max(4, (2 * int(out[:, WORDS].max(initial=0))).bit_length())
    scratch = np.empty(slots, np.uint64), np.empty(slots, np.int64), np.empty(slots, np.int64)
    _count_kinds(words.offsets, words.hashes, *scratch, out)
    return out


def count_folded_repeats(words: FoldedWords) -> NDArray[np.int64]:
    """Characters of repeated n-grams of folded words, int64[rows, NUM_REPEAT_COLUMNS].

    Columns: for n = 2 to 4 those of the most frequent n-gram (the first of them), each time, 0 if
    none occurs twice; for n = 5 to 10 those in any n-gram that occurs twice, each once.
    """
    none = np.empty(0, np.uint64)
    counts = count_repeats(words.offsets, words.hashes, words.lengths, stop_words=none)
    top = counts[:, repeats.TOP : repeats.TOP + 3]
    occurs_twice = counts[:, repeats.TOP_LONGEST : repeats.TOP_LONGEST + 3] > 0
    covered = counts[:, repeats.COVERED : repeats.COVERED + 6]
    return np.concatenate([np.where(occurs_twice, top, 0), covered], axis=1)


@functools.cache
def _javascript() -> np.uint64:
    return word_hash("javascript")


@kernel
def _count_lines(
    lines: Lines,
    of_words: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    lengths: NDArray[np.int32],
    numerics: NDArray[np.int32],
    javascript: np.uint64,
    out: NDArray[np.int64],
) -> None:
    for row in range(len(out)):
        for line in range(lines.offsets[row], lines.offsets[row + 1]):
            first, last = of_words[lines.words[line]], of_words[lines.words[line + 1]]
            length, numeric, scripts = 0, 0, 0
            for word in range(first, last):
                length += lengths[word]
                numeric += numerics[word]
                scripts += int(hashes[word] == javascript)
            out[row, WORDS] += last - first
            out[row, CHARACTERS] += length
            out[row, JAVASCRIPT] += scripts
            out[row, JAVASCRIPT_LINES] += int(scripts > 0)
            out[row, NUMERICS] += numeric
            out[row, NUMERIC_LINES] += int(2 * numeric > length + max(last - first - 1, 0))
            out[row, FEW_WORDS] += int(0 < last - first < _FEWEST_WORDS)
        out[row, JOINED] = out[row, CHARACTERS] + max(out[row, WORDS] - 1, 0)


@kernel
def _count_lorem(
    data: NDArray[np.uint8],
    words: Words,
    of_words: NDArray[np.int64],
    folded: NDArray[np.uint32],
    out: NDArray[np.int64],
) -> None:
    for row in range(len(out)):
        first, last = words.offsets[row], words.offsets[row + 1]
        for word in range(first, last):
            if words.flags[word] & _PAIR != _PAIR:
                continue
            if _count_found(data, words.ends[word] - 1, words.starts[word] - 1, -1, folded) == 5:
                following = word + 1
                while following < last and of_words[following + 1] == of_words[following]:
                    following += 1
                if following < last:
                    start, end = words.starts[following], words.ends[following]
                    out[row, LOREM] += int(_count_found(data, start, end, 1, folded) == 5)


@kernel
def _count_found(
    data: NDArray[np.uint8], at: int, end: int, step: int, folded: NDArray[np.uint32]
) -> int:
    """How many letters of `ipsum`, or of `lorem` from its end, stand here, punctuation skipped."""
    found = 0
    while at != end and found < 5:
        byte = data[at]
        at += step
        if byte < 0x80 and folded[byte] == _DROPPED:
            continue
        letter = _FORWARD >> (8 * found) if step > 0 else _BACKWARD >> (8 * found)
        if byte >= 0x80 or folded[byte] != letter & 0xFF:
            return 0
        found += 1
    return found


@kernel
def _count_kinds(
    offsets: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    counts: NDArray[np.int64],
    places: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Different words and the entropy of their counts."""
    near = np.array([_times_log(count) for count in range(_NEAR)])
    for row in range(len(out)):
        first, last = offsets[row], offsets[row + 1]
        total, slots, many = last - first, 16, 0
        while slots < 2 * total:
            slots *= 2
        keys[:slots] = 0
        mask = np.uint64(slots - 1)
        for word in range(first, last):
            slot = hashes[word] & mask
            while keys[slot] != 0 and keys[slot] != hashes[word]:
                slot = (slot + np.uint64(1)) & mask
            # Most words are new or not by chance: a branch would be foretold wrongly.
            is_new = int(keys[slot] == 0)
            keys[slot], places[many] = hashes[word], slot
            counts[slot] = counts[slot] * (1 - is_new) + 1
            many += is_new
        unevenness = 0
        for kind in range(many):
            count = counts[places[kind]]
            unevenness += near[count] if count < _NEAR else _times_log(count)
        out[row, DISTINCT] = many
        if total > 1:
            entropy = (_times_log(total) - unevenness) / (total * _UNIT)
            out[row, ENTROPY] = max(math.floor(entropy * _TELL + 0.5), 0)


@kernel
def _times_log(count: int) -> int:
    """`count * log(count)` in units of 2^-32."""
    return 0 if count < 2 else round(count * math.log(count) * _UNIT)
