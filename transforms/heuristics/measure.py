"""Signals of the heuristics for a batch: only what the rules of the chosen dialects read.

Texts are read some 256 kB at a time, so that words and lines stay in the processor's caches, and
each kernel sees them there. Rows don't know of each other: any cut of a batch gives the same.

Cost (2-core AMD EPYC): see `make bench ARGS=heuristics`.
"""

import functools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.heuristics.columns import Count, Family, fields
from transforms.heuristics.english import Tokens, english_tokens
from transforms.heuristics.lines import (
    count_lines,
    count_repeated_lines,
    count_repeated_paragraphs,
)
from transforms.heuristics.repeats import count_repeats
from transforms.heuristics.scan import Scan, scans, word_hash
from transforms.heuristics.word_counts import count_signs, count_words

_STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
_ENGLISH = {Family.ENGLISH, Family.ENGLISH_REPEATS}


def heuristic_signals(text: pa.Array, counts: Sequence[Count]) -> pa.RecordBatch:
    """The columns asked for, int32, one row for each text; a null text counts as an empty one.

    >>> from transforms.heuristics.columns import chosen
    >>> heuristic_signals(pa.array(["- one two.\\n- one two."]), chosen(["lines", "again_lines"]))
    pyarrow.RecordBatch
    lines: int32 not null
    again_lines: int32 not null
    ----
    lines: [2]
    again_lines: [1]
    """
    columns = [np.zeros(len(text), np.int32) for _ in counts]
    families = {count.family for count in counts}
    for scan in scans(text):
        measured = _measure(scan, families)
        for column, count in zip(columns, counts, strict=True):
            column[scan.rows] = measured[count.family][:, count.place]
    return pa.RecordBatch.from_arrays(
        [pa.array(column) for column in columns], schema=pa.schema(fields(counts))
    )


def _measure(scan: Scan, families: set[Family]) -> dict[Family, NDArray[np.int64]]:
    tokens = english_tokens(scan) if families & _ENGLISH else None
    return {family: _family(scan, tokens, family) for family in families}


def _family(scan: Scan, tokens: Tokens | None, family: Family) -> NDArray[np.int64]:
    words, offsets = scan.words, scan.words.offsets[: scan.rows.stop - scan.rows.start + 1]
    if tokens is not None and family is Family.ENGLISH:
        return count_words(tokens.offsets, tokens.lengths, tokens.flags)
    if tokens is not None and family is Family.ENGLISH_REPEATS:
        return count_repeats(
            tokens.offsets, tokens.hashes, tokens.lengths, stop_words=_stop_words()
        )
    match family:
        case Family.SPACED:
            return count_words(offsets, words.lengths, words.flags)
        case Family.SPACED_REPEATS:
            return count_repeats(offsets, words.hashes, words.lengths, stop_words=_stop_words())
        case Family.SIGNS:
            return count_signs(scan)
        case Family.LINES:
            return count_lines(scan)
        case Family.LINE_REPEATS:
            return count_repeated_lines(scan)
    return count_repeated_paragraphs(scan)


@functools.cache
def _stop_words() -> NDArray[np.uint64]:
    return np.array([word_hash(word) for word in _STOP_WORDS])
