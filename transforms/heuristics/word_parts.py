"""Words parted from punctuation, and sentences, as RedPajama-v2 counts them in the text as it is.

A part is a run of letters, digits and underscores, or of what is neither, within a word between
blanks: what NLTK's `WordPunctTokenizer` gives. A sentence is what stands between runs of `.`, `!`
and `?`, if there is a letter or digit in it.

Cost (2-core AMD EPYC): 2 ns a byte of English.

Source: togethercomputer/RedPajama-Data, `core/document.py` and `quality_signals`.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.heuristics import characters as c
from transforms.heuristics import folding
from transforms.heuristics.folding import kinds
from transforms.heuristics.scan import Scan
from transforms.heuristics.scan_bytes import Words
from transforms.kernels import kernel
from transforms.utf8 import decode

PARTS, WITHOUT_LETTER, IN_CAPITALS, SENTENCES, BRACKETS, SIGNS = range(6)
NUM_PART_COLUMNS = 6

_WORD, _LETTER, _UPPER, _SMALL = folding.WORD, folding.LETTER, folding.UPPER, folding.SMALL
_STOP, _BRACKET = folding.STOP, folding.BRACKET
_NO_ALNUM, _CASED, _CAPITAL = c.NO_ALNUM, c.UPPER | c.LOWER, c.UPPER


def count_parts(scan: Scan) -> NDArray[np.int64]:
    """Counts of the parts of words of each row, int64[rows, NUM_PART_COLUMNS].

    Columns: parts; those without a letter of ASCII; those in capitals; sentences; `{` and `}`;
    `#`, `...` and `…`.

    >>> from transforms.heuristics.scan import scans
    >>> import pyarrow as pa
    >>> count_parts(next(scans(pa.array(["It's {NASA}. Is it?"])))).tolist()
    [[9, 4, 1, 2, 2, 0]]
    """
    out = np.zeros((scan.rows.stop - scan.rows.start, NUM_PART_COLUMNS), np.int64)
    _count(scan.data, scan.words, kinds(), out)
    return out


@kernel
def _count(
    data: NDArray[np.uint8], words: Words, table: NDArray[np.uint16], out: NDArray[np.int64]
) -> None:
    for row in range(len(out)):
        plain, lettered, capitals, is_open = 0, 0, 0, False
        for word in range(words.offsets[row], words.offsets[row + 1]):
            start, end, flags = words.starts[word], words.ends[word], words.flags[word]
            is_ascii = end - start == words.lengths[word]
            if flags & _NO_ALNUM or (flags & _CASED and not is_ascii):
                is_open = _take_apart(data, start, end, table, is_open, out[row])
                continue
            plain += 1
            lettered += int(flags & _CASED != 0)
            capitals += int(flags & _CASED == _CAPITAL)
            out[row, SENTENCES] += int(not is_open)
            is_open = True
        out[row, PARTS] += plain
        out[row, WITHOUT_LETTER] += plain - lettered
        out[row, IN_CAPITALS] += capitals


@kernel
def _take_apart(
    data: NDArray[np.uint8],
    at: int,
    end: int,
    table: NDArray[np.uint16],
    is_open: bool,
    out: NDArray[np.int64],
) -> bool:
    """Count what a word is made of; whether a sentence goes on behind it."""
    last, seen, dots = np.uint32(_WORD << 1), np.uint32(_LETTER | _SMALL), 0
    while at < end:
        code, step = np.uint32(data[np.uint64(at)]), 1
        if code >= 0x80:
            code, step = decode(data, at, end)
        at += step
        bits = np.uint32(table[code])
        if bits & _WORD != last:
            out[WITHOUT_LETTER] += int(seen & _LETTER == 0)
            out[IN_CAPITALS] += int(seen & (_UPPER | _SMALL) == _UPPER)
            out[PARTS] += 1
            last, seen = bits & _WORD, np.uint32(0)
        seen |= bits
        out[SENTENCES] += int(not is_open and bits & _WORD != 0)
        is_open = (is_open or bits & _WORD != 0) and bits & _STOP == 0
        out[BRACKETS] += int(bits & _BRACKET != 0)
        dots = dots % 3 + 1 if code == 0x2E else 0
        out[SIGNS] += int(dots == 3 or code == 0x23 or code == 0x2026)
    out[WITHOUT_LETTER] += int(seen & _LETTER == 0)
    out[IN_CAPITALS] += int(seen & (_UPPER | _SMALL) == _UPPER)
    return is_open
