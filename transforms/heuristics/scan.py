"""The words and lines of a batch, some rows at a time, from which everything else is counted.

The bytes are read again only where a word must be taken apart. A word is a run of characters that
aren't white space (what Python's `str.split` gives); a line ends at `\n`, since texts are measured
after normalization, which leaves no other line breaks and no blanks before them.

Bounds: a text's first 4 MiB are measured, so that one hostile text of any size costs at most some
400 MB for a moment.
"""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.buffers import text_buffers
from transforms.heuristics.characters import character_table
from transforms.heuristics.scan_bytes import Lines, Words, scan_rows

MAXIMUM_BYTES = 1 << 22
"""Bytes of a text that are measured; what lies beyond is not."""

_GROUP_BYTES = 1 << 18


class Scan(NamedTuple):
    """Some rows of a batch: which, their bytes, code points (int64), words and lines."""

    rows: slice
    data: NDArray[np.uint8]
    lengths: NDArray[np.int64]
    words: Words
    lines: Lines


def scans(text: pa.Array) -> Iterator[Scan]:
    """The words and lines of a batch, some rows at a time; each scan is over when the next comes.

    >>> scan = next(scans(pa.array(["two words\\nand a line"])))
    >>> scan.words.lengths[:5].tolist(), scan.lines.lengths[:2].tolist()
    ([3, 5, 3, 1, 4], [9, 10])
    """
    data, starts, ends = text_buffers(text)
    ends = _cut(data, starts, ends)
    cuts = _groups(ends - starts)
    largest = max((int((ends - starts)[cut].sum()) for cut in cuts), default=0)
    rows = max((cut.stop - cut.start for cut in cuts), default=0)
    words = _empty_words(rows, (largest + 1) // 2 + rows)
    lines = _empty_lines(rows, largest + rows)
    for cut in cuts:
        lengths = scan_rows(data, starts[cut], ends[cut], character_table(), words, lines)
        yield Scan(cut, data, lengths, words, lines)


def word_hash(word: str) -> np.uint64:
    """The hash that a scan gives to this word."""
    return np.uint64(next(scans(pa.array([word]))).words.hashes[0])


def _cut(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Ends of what is measured: no character is cut in two."""
    ends = np.minimum(ends, starts + MAXIMUM_BYTES)
    for row in np.flatnonzero(ends - starts == MAXIMUM_BYTES):
        while ends[row] < len(data) and data[ends[row]] & 0xC0 == 0x80:
            ends[row] -= 1
    return ends


def _groups(sizes: NDArray[np.int64]) -> list[slice]:
    """Runs of rows of some 256 kB each, or one row that is larger."""
    before = np.cumsum(sizes) - sizes
    first = np.flatnonzero(np.diff(before // _GROUP_BYTES, prepend=-1))
    limits = [*first.tolist(), len(sizes)] if len(sizes) else [0]
    return [slice(start, stop) for start, stop in itertools.pairwise(limits)]


def _empty_words(rows: int, size: int) -> Words:
    return Words(
        np.zeros(rows + 1, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.uint64),
        np.empty(size, np.int32),
        np.empty(size, np.uint32),
    )


def _empty_lines(rows: int, size: int) -> Lines:
    return Lines(
        offsets=np.zeros(rows + 1, np.int64),
        starts=np.empty(size, np.int64),
        ends=np.empty(size, np.int64),
        words=np.empty(size + 1, np.int64),
        lengths=np.empty(size, np.int32),
        leading=np.empty(size, np.int32),
        uppers=np.empty(size, np.int32),
        digits=np.empty(size, np.int32),
        hashes=np.empty(size, np.uint64),
        edges=np.empty(size, np.uint64),
    )
