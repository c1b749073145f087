"""Words as RedPajama-v2 normalizes them: between blanks, lower case, no ASCII punctuation, NFD.

Each word of a scan becomes one folded word, or none where it is punctuation alone. Most words are
small letters and are taken as the scan has them, with its hash; so other words, folded, must get
the hash that a scan gives to what they become.

Cost (2-core AMD EPYC): 1.6 ns a byte of English.

Source: togethercomputer/RedPajama-Data, `core/document.py` and `utilities/text/normalization.py`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.heuristics import characters as c
from transforms.heuristics import folding
from transforms.heuristics.scan import Scan, scans
from transforms.heuristics.scan_bytes import Words
from transforms.heuristics.word_hashes import SEED, add_code, finish, mix
from transforms.kernels import inlined, kernel
from transforms.utf8 import decode

_DROPPED, _MANY, _LISTED = folding.DROPPED, folding.MANY, folding.LISTED
_SIGMA, _FINAL_SIGMA, _NUMERIC = folding.SIGMA, folding.FINAL_SIGMA, folding.NUMERIC
_CASED, _IGNORABLE = folding.CASED, folding.IGNORABLE
_FOLDS, _ASCII_DIGIT = c.FOLDS, c.ASCII_DIGIT


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


class Room(NamedTuple):
    """Memory for the folded words of one scan after the other, as in `FoldedWords`.

    Fresh pages for each scan cost up to 2 ns a byte of text.
    """

    hashes: NDArray[np.uint64]
    lengths: NDArray[np.int32]
    numerics: NDArray[np.int32]
    of_words: NDArray[np.int64]

    @classmethod
    def of(cls, scan: Scan) -> "Room":
        """Enough for every scan of the same batch."""
        most = len(scan.words.starts)
        halves = np.empty(most, np.int32), np.empty(most, np.int32)
        return cls(np.empty(most, np.uint64), *halves, np.zeros(most + 1, np.int64))


def folded_words(scan: Scan, room: Room | None = None) -> FoldedWords:
    """The folded words of a scan; those in a room are over when it's used again.

    >>> from transforms.heuristics.scan import scans
    >>> import pyarrow as pa
    >>> words = folded_words(next(scans(pa.array(["It's -- NAÏVE!"]))))
    >>> words.lengths.tolist(), words.of_words.tolist()
    ([3, 6], [0, 1, 1, 2])
    """
    rows = scan.rows.stop - scan.rows.start
    count = int(scan.words.offsets[rows])
    hashes, lengths, numerics, of_words = room or Room.of(scan)
    of_words = of_words[: count + 1]
    tables = folding.kinds(), folding.folded(), folding.several()
    found = _fold(scan.data, scan.words, *tables, hashes, lengths, numerics, of_words)
    offsets = of_words[scan.words.offsets[: rows + 1]]
    return FoldedWords(offsets, hashes[:found], lengths[:found], numerics[:found], of_words)


def entry_hashes(words: Sequence[str]) -> list[int]:
    """The hashes of folded words of exactly these code points: nothing is folded here."""
    found: list[int] = []
    for scan in scans(pa.array(words, pa.string())):
        found += scan.words.hashes[scan.words.offsets[: scan.rows.stop - scan.rows.start]].tolist()
    return found


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
        flags, length, numeric = words.flags[word], int(words.lengths[word]), 0
        hashed = words.hashes[word]
        if flags & _FOLDS:
            at, end = words.starts[word], words.ends[word]
            if end - at == length:
                hashed, length = _fold_ascii(data, at, end, folded)
                numeric = _digits(data, at, end) if flags & _ASCII_DIGIT else 0
            else:
                hashed, length, numeric = _fold_word(data, at, end, kinds, folded, several)
        if length:
            hashes[count], lengths[count], numerics[count] = hashed, length, numeric
            count += 1
        of_words[word + 1] = count
    return count


@inlined
def _fold_ascii(
    data: NDArray[np.uint8], at: int, end: int, folded: NDArray[np.uint32]
) -> tuple[np.uint64, int]:
    hashed, chunk, length = np.uint64(SEED), np.uint64(0), 0
    for place in range(at, end):
        code = np.uint64(folded[data[np.uint64(place)]])
        is_kept = np.uint64(code != _DROPPED)
        chunk |= code * is_kept << np.uint64(length % 8 * 8)
        length += int(is_kept)
        if is_kept and length % 8 == 0:
            hashed, chunk = mix(hashed, chunk), np.uint64(0)
    return _finish_ascii(hashed, chunk, length), length


@inlined
def _take(
    hashed: np.uint64, chunk: np.uint64, length: int, code: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """The hash and the letters that it hasn't yet taken in, eight at most, with one more."""
    chunk |= code << np.uint64(length % 8 * 8)
    if length % 8 == 7:
        return mix(hashed, chunk), np.uint64(0)
    return hashed, chunk


@inlined
def _finish_ascii(hashed: np.uint64, chunk: np.uint64, length: int) -> np.uint64:
    """The hash of all letters: a one tells where the word ends."""
    return finish(mix(hashed, chunk | np.uint64(1) << np.uint64(length % 8 * 8)))


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
    hashed, length, numeric, is_after_letter = np.uint64(SEED), 0, 0, False
    of_ascii, chunk, codes = np.uint64(SEED), np.uint64(0), np.uint64(0)
    while at < end:
        code, step = decode(data, at, end)
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
        many = becomes >> 24 & 0x7F if becomes & _MANY else 1
        for k in range(many):
            one = np.uint64(several[(becomes & 0xFFFFFF) + k] if becomes & _MANY else becomes)
            hashed, codes = add_code(hashed, one), codes | one
            of_ascii, chunk = _take(of_ascii, chunk, length, one)
            length += 1
    if codes >= 0x80:
        return finish(hashed), length, numeric
    return _finish_ascii(of_ascii, chunk, length), length, numeric


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
        code, step = decode(data, at, end)
        is_dropped = code < _LISTED and folded[code] == _DROPPED
        if not is_dropped and not kinds[code] & _IGNORABLE:
            return not kinds[code] & _CASED
        at += step
    return True
