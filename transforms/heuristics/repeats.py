"""How much of a text its repeated n-grams are, for n from 2 to 10, by everybody's way of counting.

An n-gram can occur twice only where both (n-1)-grams in it do, so each length looks only at what
was repeated before: words first, then pairs of repeated words, and so on until nothing is left,
which in most texts is after four. N-grams are told apart exactly, by the numbers of their first
n - 1 words and of their last, in one open hash table that all lengths and rows use again.

The trade-off: n-grams are equal when their words are. datatrove compares letters run together, so
that `a bc` and `ab c` are the same to it (`dialects.md`).

Cost (2-core AMD EPYC): 4.5 ns a byte of English; 70 bytes of scratch a word of the longest row.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel

DISTINCT, STOP_WORDS, STOP_WORD_OCCURRENCES, CHARACTERS = range(4)
TOP, TOP_SPACED, TOP_LONGEST = 4, 7, 10
GREEDY, COVERED, SUMMED, ALL = 13, 19, 25, 31
NUM_COLUMNS = 37
"""Columns of `count_repeats`; from TOP on one for each length, 2 to 4, from GREEDY on 5 to 10."""

_LONGEST = 10


class Scratch(NamedTuple):
    """Arrays that each row uses anew: for a word its number, place in characters and more."""

    numbers: NDArray[np.int32]
    places: NDArray[np.int64]
    grams: NDArray[np.int32]
    candidates: NDArray[np.int64]
    counts: NDArray[np.int32]
    firsts: NDArray[np.int64]
    keys: NDArray[np.uint64]
    values: NDArray[np.int32]


def count_repeats(
    offsets: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    lengths: NDArray[np.int32],
    *,
    stop_words: NDArray[np.uint64],
    sums: bool = False,
) -> NDArray[np.int64]:
    """Counts of repeated words and n-grams of each row, int64[rows, NUM_COLUMNS].

    Columns: different words; stop words present; occurrences of stop words; characters of words.
    For n = 2, 3, 4: characters of the most frequent n-gram (the first of them) times its count;
    the same with a blank between words; the same of the longest of the most frequent, 0 if none
    occurs twice. For n = 5 to 10: characters of n-grams that were met before, jumping over them
    (datatrove); characters in any repeated n-gram, each once (Gopher, RedPajama, DCLM); characters
    of all repeated n-grams, summed (dolma); characters of all n-grams, summed, or 0 without `sums`.

    Raises:
        Nothing: any words will do.
    """
    out = np.zeros((len(offsets) - 1, NUM_COLUMNS), np.int64)
    most = int(np.diff(offsets).max(initial=0))
    slots = 1 << max(4, (2 * most).bit_length())
    scratch = Scratch(
        np.empty(most, np.int32),
        np.empty(most + 1, np.int64),
        np.empty(most, np.int32),
        np.empty(most, np.int64),
        np.empty(most + 1, np.int32),
        np.empty(most + 1, np.int64),
        np.empty(slots, np.uint64),
        np.empty(slots, np.int32),
    )
    _count(offsets, hashes, lengths, stop_words, sums, *scratch, out)
    return out


@kernel
def _count(
    offsets: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    lengths: NDArray[np.int32],
    stop_words: NDArray[np.uint64],
    sums: bool,
    numbers: NDArray[np.int32],
    places: NDArray[np.int64],
    grams: NDArray[np.int32],
    candidates: NDArray[np.int64],
    counts: NDArray[np.int32],
    firsts: NDArray[np.int64],
    keys: NDArray[np.uint64],
    values: NDArray[np.int32],
    out: NDArray[np.int64],
) -> None:
    for row in range(len(offsets) - 1):
        first, last = offsets[row], offsets[row + 1]
        total = last - first
        _place(lengths[first:last], places)
        distinct = _number(hashes[first:last], numbers, counts, firsts, keys, values)
        out[row, DISTINCT], out[row, CHARACTERS] = distinct, places[total]
        _count_stop_words(hashes[first:last], firsts, counts, distinct, stop_words, out[row])
        for n in range(5, min(_LONGEST, total if sums else 0) + 1):
            out[row, ALL + n - 5] = _sum_all(places, total, n)
        grams[:total] = numbers[:total]
        many = _repeated_words(numbers, counts, total, candidates)
        for n in range(2, min(_LONGEST, total) + 1):
            kinds = _number_grams(
                n, total, many, numbers, grams, candidates, counts, firsts, keys, values
            )
            if n < 5:
                _count_top(n, kinds, counts, firsts, places, out[row])
            many = _keep_repeated(many, grams, candidates, counts)
            if n >= 5 and many:
                _count_duplicates(n, many, kinds, grams, candidates, counts, places, out[row])


@kernel
def _place(lengths: NDArray[np.int32], places: NDArray[np.int64]) -> None:
    places[0] = 0
    for word in range(len(lengths)):
        places[word + 1] = places[word] + lengths[word]


@kernel
def _number(
    hashes: NDArray[np.uint64],
    numbers: NDArray[np.int32],
    counts: NDArray[np.int32],
    firsts: NDArray[np.int64],
    keys: NDArray[np.uint64],
    values: NDArray[np.int32],
) -> int:
    """Number of different words; each word's number in order of appearance, counts and places."""
    mask = _clear(keys, len(hashes))
    kinds = 0
    for word in range(len(hashes)):
        slot = hashes[word] & mask
        while keys[slot] != 0 and keys[slot] != hashes[word]:
            slot = (slot + np.uint64(1)) & mask
        if keys[slot] == 0:
            keys[slot], values[slot] = hashes[word], kinds
            counts[kinds], firsts[kinds] = 0, word
            kinds += 1
        numbers[word] = values[slot]
        counts[values[slot]] += 1
    return kinds


@kernel
def _clear(keys: NDArray[np.uint64], entries: int) -> np.uint64:
    """Mask of a power of two of slots, all empty, of which the entries fill half at most."""
    slots = 16
    while slots < 2 * entries:
        slots *= 2
    keys[:slots] = 0
    return np.uint64(slots - 1)


@kernel
def _count_stop_words(
    hashes: NDArray[np.uint64],
    firsts: NDArray[np.int64],
    counts: NDArray[np.int32],
    kinds: int,
    stop_words: NDArray[np.uint64],
    out: NDArray[np.int64],
) -> None:
    for kind in range(kinds):
        for stop_word in stop_words:
            if hashes[firsts[kind]] == stop_word:
                out[STOP_WORDS] += 1
                out[STOP_WORD_OCCURRENCES] += counts[kind]


@kernel
def _sum_all(places: NDArray[np.int64], total: int, n: int) -> int:
    """Characters of all n-grams, summed."""
    characters = 0
    for word in range(total - n + 1):
        characters += places[word + n] - places[word]
    return characters


@kernel
def _repeated_words(
    numbers: NDArray[np.int32],
    counts: NDArray[np.int32],
    total: int,
    candidates: NDArray[np.int64],
) -> int:
    many = 0
    for word in range(total):
        candidates[many] = word
        many += int(counts[numbers[word]] > 1)
    return many


@kernel
def _number_grams(
    n: int,
    total: int,
    many: int,
    numbers: NDArray[np.int32],
    grams: NDArray[np.int32],
    candidates: NDArray[np.int64],
    counts: NDArray[np.int32],
    firsts: NDArray[np.int64],
    keys: NDArray[np.uint64],
    values: NDArray[np.int32],
) -> int:
    """Number of different n-grams at places where the (n-1)-grams in them are repeated.

    Before, `grams` holds the numbers of the repeated (n-1)-grams and `candidates` their places;
    after, those of n-grams; a place that has none has a negative number.
    """
    mask = _clear(keys, many)
    kinds = 0
    for k in range(many):
        at = candidates[k]
        if k + 1 == many or candidates[k + 1] != at + 1 or at + n > total:
            grams[at] = -1
            continue
        key = (np.uint64(grams[at]) << np.uint64(32) | np.uint64(numbers[at + n - 1])) + np.uint64(
            1
        )
        slot = (key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32) & mask
        while keys[slot] != 0 and keys[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        if keys[slot] == 0:
            keys[slot], values[slot] = key, kinds
            counts[kinds], firsts[kinds] = 0, at
            kinds += 1
        grams[at] = values[slot]
        counts[values[slot]] += 1
    return kinds


@kernel
def _keep_repeated(
    many: int,
    grams: NDArray[np.int32],
    candidates: NDArray[np.int64],
    counts: NDArray[np.int32],
) -> int:
    kept = 0
    for k in range(many):
        at = candidates[k]
        candidates[kept] = at
        kept += int(grams[at] >= 0 and counts[grams[at]] > 1)
    return kept


@kernel
def _count_top(
    n: int,
    kinds: int,
    counts: NDArray[np.int32],
    firsts: NDArray[np.int64],
    places: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    most, length, longest = 1, places[n] - places[0], 0
    for kind in range(kinds):
        count, first = counts[kind], firsts[kind]
        if count > most:
            most, length, longest = count, places[first + n] - places[first], 0
        if count == most and count > 1:
            longest = max(longest, places[first + n] - places[first])
    out[TOP + n - 2] = most * length
    out[TOP_SPACED + n - 2] = most * (length + n - 1)
    out[TOP_LONGEST + n - 2] = most * longest


@kernel
def _count_duplicates(
    n: int,
    many: int,
    kinds: int,
    grams: NDArray[np.int32],
    candidates: NDArray[np.int64],
    seen: NDArray[np.int32],
    places: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Characters of repeated n-grams, three ways; the counts of n-grams are no more needed."""
    seen[:kinds] = 0
    covered_to, next_place = 0, 0
    for k in range(many):
        at = candidates[k]
        end = at + n
        out[SUMMED + n - 5] += places[end] - places[at]
        out[COVERED + n - 5] += places[end] - places[max(at, covered_to)]
        covered_to = end
        if at >= next_place:
            if seen[grams[at]]:
                out[GREEDY + n - 5] += places[end] - places[at]
                next_place = end
            seen[grams[at]] = 1
