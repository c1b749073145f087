"""Words as RedPajama-v2 normalizes them: between blanks, lower case, no ASCII punctuation, NFD.

Each word of a scan becomes one folded word, or none where it is punctuation alone. Words of ASCII,
which are told by their bytes and code points being as many, take a loop without decoding.

Cost (2-core AMD EPYC): 3 ns a byte of English.

Source: togethercomputer/RedPajama-Data, `core/document.py` and `utilities/text/normalization.py`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transforms.heuristics import characters as c
from transforms.heuristics import folding
from transforms.heuristics.scan import Scan
from transforms.heuristics.scan_bytes import Words
from transforms.kernels import kernel

_SEED, _PRIME = 0xCBF29CE484222325, 0x9E3779B97F4A7C15
_DROPPED, _MANY, _LISTED = folding.DROPPED, folding.MANY, folding.LISTED
_SIGMA, _FINAL_SIGMA, _NUMERIC = folding.SIGMA, folding.FINAL_SIGMA, folding.NUMERIC
_CASED, _IGNORABLE, _ASCII_DIGIT = folding.CASED, folding.IGNORABLE, c.ASCII_DIGIT


class FoldedWords(NamedTuple):
    """Folded words of some rows in order: those of row i at `offsets[i]` to `offsets[i + 1]`.

    `hashes` uint64, never 0; `lengths` int32 in code points; `numerics` int32, how many of these
    are numeric; `of_words` int64: the folded words before each word of the scan.
    """

    offsets: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    lengths: NDArray[np.int32]
    numerics: NDArray[np.int32]
    of_words: NDArray[np.int64]


def folded_words(scan: Scan) -> FoldedWords:
    """The folded words of a scan.

    >>> from transforms.heuristics.scan import scans
    >>> import pyarrow as pa
    >>> words = folded_words(next(scans(pa.array(["It's -- NAÏVE!"]))))
    >>> words.lengths.tolist(), words.of_words.tolist()
    ([3, 6], [0, 1, 1, 2])
    """
    rows = scan.rows.stop - scan.rows.start
    count = int(scan.words.offsets[rows])
    hashes, of_words = np.empty(count, np.uint64), np.zeros(count + 1, np.int64)
    lengths, numerics = np.empty(count, np.int32), np.empty(count, np.int32)
    tables = folding.kinds(), folding.folded(), folding.several()
    found = _fold(scan.data, scan.words, *tables, hashes, lengths, numerics, of_words)
    offsets = of_words[scan.words.offsets[: rows + 1]]
    return FoldedWords(offsets, hashes[:found], lengths[:found], numerics[:found], of_words)


def entry_hash(word: str) -> np.uint64:
    """The hash of a folded word of exactly these code points: nothing is folded here."""
    hashed = _SEED
    for code in map(ord, word):
        hashed = ((hashed ^ code) * _PRIME) & 0xFFFFFFFFFFFFFFFF
    hashed ^= hashed >> 32
    return np.uint64(hashed or 1)


@kernel
def _fold(
    data: NDArray[np.uint8],
    words: Words,
    kinds: NDArray[np.uint16],
    folded: NDArray[np.uint32],
    several: NDArray[np.uint32],
    hashes: NDArray[np.uint64],
    lengths: NDArray[np.int32],
    numerics: NDArray[np.int32],
    of_words: NDArray[np.int64],
) -> int:
    """Fills the arrays; number of folded words."""
    count = 0
    for word in range(len(of_words) - 1):
        at, end = words.starts[word], words.ends[word]
        numeric = 0
        if end - at == words.lengths[word]:
            hashed, length = _fold_ascii(data, at, end, folded)
            if words.flags[word] & _ASCII_DIGIT:
                numeric = _digits(data, at, end)
        else:
            hashed, length, numeric = _fold_word(data, at, end, kinds, folded, several)
        if length:
            final = hashed ^ (hashed >> np.uint64(32))
            hashes[count] = final | np.uint64(final == 0)
            lengths[count], numerics[count] = length, numeric
            count += 1
        of_words[word + 1] = count
    return count


@kernel
def _fold_ascii(
    data: NDArray[np.uint8], at: int, end: int, folded: NDArray[np.uint32]
) -> tuple[np.uint64, int]:
    hashed, length = np.uint64(_SEED), 0
    for place in range(at, end):
        code = folded[data[np.uint64(place)]]
        if code != _DROPPED:
            hashed = (hashed ^ np.uint64(code)) * np.uint64(_PRIME)
            length += 1
    return hashed, length


@kernel
def _digits(data: NDArray[np.uint8], at: int, end: int) -> int:
    count = 0
    for place in range(at, end):
        byte = data[np.uint64(place)]
        count += int(0x30 <= byte <= 0x39)
    return count


@kernel
def _fold_word(
    data: NDArray[np.uint8],
    at: int,
    end: int,
    kinds: NDArray[np.uint16],
    folded: NDArray[np.uint32],
    several: NDArray[np.uint32],
) -> tuple[np.uint64, int, int]:
    """Hash, length and numeric characters of a word of any characters."""
    hashed, length, numeric, is_after_letter = np.uint64(_SEED), 0, 0, False
    while at < end:
        code, step = _decode(data, at, end)
        at += step
        becomes = folded[code] if code < _LISTED else code
        if becomes == _DROPPED:
            continue
        if code == _SIGMA and is_after_letter and _ends(data, at, end, kinds, folded):
            becomes = np.uint32(_FINAL_SIGMA)
        bits = kinds[code]
        if not bits & _IGNORABLE:
            is_after_letter = bits & _CASED != 0
        numeric += int(bits & _NUMERIC != 0)
        if becomes & _MANY:
            first, many = becomes & 0xFFFFFF, becomes >> 24 & 0x7F
            for k in range(first, first + many):
                hashed = (hashed ^ np.uint64(several[k])) * np.uint64(_PRIME)
            length += int(many)
        else:
            hashed = (hashed ^ np.uint64(becomes)) * np.uint64(_PRIME)
            length += 1
    return hashed, length, numeric


@kernel
def _ends(
    data: NDArray[np.uint8],
    at: int,
    end: int,
    kinds: NDArray[np.uint16],
    folded: NDArray[np.uint32],
) -> bool:
    """Whether no letter follows, apart from what is skipped or dropped."""
    while at < end:
        code, step = _decode(data, at, end)
        is_dropped = code < _LISTED and folded[code] == _DROPPED
        if not is_dropped and not kinds[code] & _IGNORABLE:
            return not kinds[code] & _CASED
        at += step
    return True


@kernel
def _decode(data: NDArray[np.uint8], at: int, end: int) -> tuple[np.uint32, int]:
    """Code point at `at` and its bytes; U+FFFD of one byte where it isn't UTF-8."""
    first = np.uint32(data[at])
    if first < 0x80:
        return first, 1
    length = 2 + int(first >= 0xE0) + int(first >= 0xF0)
    if first < 0xC2 or first > 0xF4 or at + length > end:
        return np.uint32(0xFFFD), 1
    code = first & (0x7F >> length)
    for k in range(1, length):
        byte = np.uint32(data[at + k])
        if byte & 0xC0 != 0x80:
            return np.uint32(0xFFFD), 1
        code = (code << 6) | (byte & 0x3F)
    is_overlong = (length == 3 and code < 0x800) or (length == 4 and code < 0x10000)
    if is_overlong or 0xD800 <= code < 0xE000 or code > 0x10FFFF:
        return np.uint32(0xFFFD), 1
    return np.uint32(code), length
