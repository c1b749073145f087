"""How many words there are, how long, and how many have letters, signs or dots.

Works on any way to split a text, since it only reads lengths and flags; the bytes are looked at
where a word has a period or a sign, to count those.

Cost (2-core AMD EPYC): 1 ns a byte of English.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.heuristics import characters as c
from transforms.heuristics.bytes8 import load_eight
from transforms.heuristics.scan import Scan
from transforms.heuristics.scan_bytes import Words
from transforms.kernels import kernel

WORDS, CHARACTERS, ALPHABETIC, SYMBOLIC, WORDY, WORDY_CHARACTERS, MEDIAN_DOUBLED = range(7)
NUM_WORD_COLUMNS = 7

NUMBER_SIGNS, ELLIPSES, SYMBOLS, ALPHANUMERIC_FIRST = range(4)
NUM_SIGN_COLUMNS = 4

_LONGEST = 1024
_ALPHA, _WORDY, _SYMBOLS = c.ALPHA, c.WORDY, c.NUMBER_SIGN | c.ELLIPSIS
_PERIODS, _LOWS = 0x2E2E2E2E2E2E2E2E, 0x7F7F7F7F7F7F7F7F
_SIGNS, _ALNUM = c.NUMBER_SIGN | c.ELLIPSIS | c.PERIOD, c.ALNUM


def count_words(
    offsets: NDArray[np.int64],
    lengths: NDArray[np.int32],
    flags: NDArray[np.uint32],
    *,
    median: bool = False,
) -> NDArray[np.int64]:
    """Counts of the words of each row, int64[rows, NUM_WORD_COLUMNS].

    Columns: words; their characters; those with a letter; with `#` or `…`; with a character that
    isn't punctuation to datatrove, and the characters of these; twice the median length, in
    characters (lengths above 1,024 count as that), or 0 without `median`.
    """
    out = np.zeros((len(offsets) - 1, NUM_WORD_COLUMNS), np.int64)
    _count(offsets, lengths, flags, out)
    if median:
        _find_medians(offsets, lengths, np.zeros(_LONGEST + 1, np.int64), out)
    return out


def count_signs(scan: Scan) -> NDArray[np.int64]:
    """Counts of signs in each row's words, int64[rows, NUM_SIGN_COLUMNS].

    Columns: `#`; `...` and `…`; both and `. . .`; words whose first character is a letter or digit.
    """
    out = np.zeros((scan.rows.stop - scan.rows.start, NUM_SIGN_COLUMNS), np.int64)
    _count_signs(scan.data, scan.words, c.character_table(), out)
    return out


@kernel
def _count(
    offsets: NDArray[np.int64],
    lengths: NDArray[np.int32],
    flags: NDArray[np.uint32],
    out: NDArray[np.int64],
) -> None:
    for row in range(len(offsets) - 1):
        characters, alphabetic, symbolic, wordy, wordy_characters = 0, 0, 0, 0, 0
        for word in range(offsets[row], offsets[row + 1]):
            length, bits = int(lengths[word]), flags[word]
            characters += length
            alphabetic += int(bits & _ALPHA != 0)
            symbolic += int(bits & _SYMBOLS != 0)
            wordy += int(bits & _WORDY != 0)
            wordy_characters += length if bits & _WORDY else 0
        words = offsets[row + 1] - offsets[row]
        out[row, WORDS], out[row, CHARACTERS] = words, characters
        out[row, ALPHABETIC], out[row, SYMBOLIC] = alphabetic, symbolic
        out[row, WORDY], out[row, WORDY_CHARACTERS] = wordy, wordy_characters


@kernel
def _find_medians(
    offsets: NDArray[np.int64],
    lengths: NDArray[np.int32],
    histogram: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    for row in range(len(offsets) - 1):
        longest, words = np.int32(0), offsets[row + 1] - offsets[row]
        for word in range(offsets[row], offsets[row + 1]):
            length = min(lengths[word], np.int32(_LONGEST))
            longest = max(longest, length)
            histogram[length] += 1
        middle = _place(histogram, (words - 1) // 2) + _place(histogram, words // 2)
        out[row, MEDIAN_DOUBLED] = middle if words else 0
        histogram[: longest + 1] = 0


@kernel
def _place(histogram: NDArray[np.int64], place: int) -> int:
    """The value at this place of the sorted values."""
    before = 0
    for value in range(len(histogram)):
        before += histogram[value]
        if before > place:
            return value
    return 0


@kernel
def _count_signs(
    data: NDArray[np.uint8], words: Words, table: NDArray[np.uint32], out: NDArray[np.int64]
) -> None:
    for row in range(len(out)):
        first, last = words.offsets[row], words.offsets[row + 1]
        for word in range(first, last):
            start, end = words.starts[word], words.ends[word]
            byte = data[start]
            is_alnum = table[byte] & _ALNUM != 0 if byte < 0x80 else words.flags[word] & _ALNUM != 0
            out[row, ALPHANUMERIC_FIRST] += int(is_alnum)
            if words.flags[word] & _SIGNS and _may_have_signs(data, start, end, words.flags[word]):
                number_signs, ellipses = _signs(data, start, end)
                out[row, NUMBER_SIGNS] += number_signs
                out[row, ELLIPSES] += ellipses
                out[row, SYMBOLS] += number_signs + ellipses
            if end - start == 1 and byte == 0x2E and first < word < last - 1:
                is_spaced = data[start - 2] == 0x2E and data[words.starts[word + 1]] == 0x2E
                out[row, SYMBOLS] += int(is_spaced)


@kernel
def _may_have_signs(data: NDArray[np.uint8], at: int, end: int, bits: np.uint32) -> bool:
    """Whether there are other signs than periods, or two periods in a row, as in all ellipses."""
    if bits & _SYMBOLS or end > len(data) - 8:
        return True
    while at < end:
        periods = load_eight(data, at) ^ np.uint64(_PERIODS)
        periods = ~(((periods & np.uint64(_LOWS)) + np.uint64(_LOWS)) | periods | np.uint64(_LOWS))
        if periods & (periods >> np.uint64(8)):
            return True
        at += 7
    return False


@kernel
def _signs(data: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    number_signs, ellipses, run = 0, 0, 0
    while at < end:
        byte = data[at]
        run = run + 1 if byte == 0x2E else 0
        number_signs += int(byte == 0x23)
        if run == 3:
            ellipses, run = ellipses + 1, 0
        is_sign = byte == 0xE2 and at + 2 < end and data[at + 1] == 0x80 and data[at + 2] == 0xA6
        ellipses += int(is_sign)
        at += 1
    return number_signs, ellipses
