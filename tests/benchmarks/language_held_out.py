"""Rows of lingua-py's texts that are held out: sentences by hash, and words out of those sentences.

lingua-py drew its single words and word pairs from its sentences. Of those that a hash holds out
92 % stand in sentences that are trained on, so they'd say how well a model remembers. Here words
and pairs are taken from the sentences held out, and rows that may come from them are left out of
training: half of the words still occur elsewhere, as half of any new text's do.
"""

import unicodedata
from collections import defaultdict
from itertools import pairwise

import pyarrow as pa
import xxhash

from transforms.letters import letter_lines
from transforms.train_language import LabelledTexts, TrainLanguageOptions, split_held_out

Rows = list[tuple[str, str]]
"""Language code and text."""

_EACH = 60
"""Words, and pairs, of each language."""

_LINE_BYTES = 100_000


def split(rows: Rows) -> tuple[Rows, Rows]:
    """Rows that the training command trains on, and those that it holds out."""
    texts = LabelledTexts(
        language=pa.array([code for code, _ in rows]),
        text=pa.array([text for _, text in rows], pa.large_string()),
    )
    first, second = (
        list(zip(part.language.to_pylist(), part.text.to_pylist(), strict=True))
        for part in split_held_out(texts, options=TrainLanguageOptions())
    )
    return first, second


def not_from(rows: Rows, *, sentences: Rows) -> Rows:
    """The rows without a word, or two neighbours, that of all sentences only held out ones have."""
    others, held_out = map(_parts, split(sentences))
    return [
        row
        for row, line in zip(rows, _lines(rows), strict=True)
        if not any(
            part in held_out[row[0]] and part not in others[row[0]] for part in _parts_of(line)
        )
    ]


def _lines(rows: Rows) -> list[str]:
    texts = pa.array([text for _, text in rows], pa.large_string())
    return letter_lines(texts, maximum_bytes=_LINE_BYTES)


def _parts(rows: Rows) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for (code, _), line in zip(rows, _lines(rows), strict=True):
        found[code].update(_parts_of(line))
    return found


def _parts_of(line: str) -> list[str]:
    words = line.split()
    return [*words, *map(" ".join, pairwise(words))]


def short_rows(sentences: Rows, num_words: int) -> Rows:
    """Words in a row of each language's sentences, so many at once: some by hash, each once."""
    found: dict[str, set[str]] = defaultdict(set)
    for code, text in sentences:
        words = [_bare(word) for word in text.split()]
        runs = zip(*(words[at:] for at in range(num_words)), strict=False)
        found[code].update(" ".join(run) for run in runs if all(run))
    return [
        (code, text)
        for code, texts in sorted(found.items())
        for text in sorted(texts, key=_shuffled)[:_EACH]
    ]


def _bare(word: str) -> str:
    """The word without the signs around it; nothing if there are others than letters in it."""
    is_letter = [unicodedata.category(character)[0] in "LM" for character in word]
    if not any(is_letter):
        return ""
    first, last = is_letter.index(True), len(word) - is_letter[::-1].index(True)
    return word[first:last] if last - first > 1 and all(is_letter[first:last]) else ""


def _shuffled(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode())
