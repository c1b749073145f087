"""Which blocks of the crawl's pages are main text: labels to train the classifier with.

Three sources, from sure to likely: the gold strings (a block that holds one), readability's gold
articles (the blocks that are in them), and, for all other blocks, the text of the tool that does
best on that page's gold strings. A teacher that errs on a page counts less on it.
"""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.extraction_gold import Gold, string_counts

_WORD = re.compile(r"\w+")
_LONG_WORDS = 6
_GOLD_WEIGHT = 4.0
_ARTICLE_WEIGHT = 1.5
_SQUASHED_ENOUGH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """For each block of a page whether it is main text, and how much that counts."""

    labels: NDArray[np.bool_]
    weights: NDArray[np.float64]


def label_page(
    url: str, blocks: Sequence[str], gold: Gold, teachers: Mapping[str, Mapping[str, str]]
) -> Labels:
    """Labels of a page's blocks; `teachers` are the texts of other tools, by tool and URL."""
    size = np.array([len(block) for block in blocks], np.float64)
    weights = 0.3 + np.minimum(size, 500) / 250
    if url in gold.articles:
        labels = covered(blocks, gold.articles[url])
        return Labels(labels=labels, weights=weights * _ARTICLE_WEIGHT)
    strings = gold.strings[url]
    best, trust = max(
        ((texts[url], _trust(texts[url], strings)) for texts in teachers.values()),
        key=lambda pair: pair[1],
    )
    labels = covered(blocks, best)
    weights *= trust
    _correct(blocks, strings, labels, weights)
    return Labels(labels=labels, weights=weights)


def _trust(text: str, strings: Mapping[str, Sequence[str]]) -> float:
    """From 0.2 to 1: how far a tool is right about a page's strings."""
    right, missed, wrong, absent = string_counts(text, strings)
    return 0.2 + 0.8 * ((right + absent) / max(right + missed + wrong + absent, 1)) ** 2


def covered(blocks: Sequence[str], text: str) -> NDArray[np.bool_]:
    """Which blocks stand in a text that holds a part of them in their order.

    Long blocks are looked for anywhere and serve as anchors, short ones between their anchors.
    """
    words = [_words(block) for block in blocks]
    wanted = _words(text)
    places: dict[tuple[str, ...], int] = {}
    for at in range(len(wanted) - 3):
        places.setdefault(tuple(wanted[at : at + 4]), at)
    labels = np.zeros(len(blocks), np.bool_)
    anchors = {}
    for number, own in enumerate(words):
        if len(own) >= _LONG_WORDS:
            found = [places.get(tuple(own[at : at + 4])) for at in range(len(own) - 3)]
            known = [place for place in found if place is not None]
            labels[number] = len(known) > len(found) / 2
            if labels[number]:
                anchors[number] = (min(known), max(known) + 4)
    lines, after = _line_starts(text), 0
    following = _next_starts(len(blocks), anchors, len(wanted))
    for number, own in enumerate(words):
        if number in anchors:
            after = anchors[number][1]
        elif own and len(own) < _LONG_WORDS:
            starts = lines.get(tuple(own), [])
            labels[number] = any(after <= at < following[number] for at in starts)
    return labels


def _line_starts(text: str) -> dict[tuple[str, ...], list[int]]:
    """Where each line, or cell of a table's row, starts, in words."""
    starts: dict[tuple[str, ...], list[int]] = {}
    at = 0
    for line in re.split(r"[\n|]", text):
        words = _words(line)
        starts.setdefault(tuple(words), []).append(at)
        at += len(words)
    return starts


def _next_starts(count: int, anchors: Mapping[int, tuple[int, int]], end: int) -> list[int]:
    starts = [end] * count
    for number in range(count - 1, -1, -1):
        starts[number] = end
        if number in anchors:
            end = anchors[number][0]
    return starts


def _words(text: str) -> list[str]:
    return _WORD.findall(html.unescape(text).lower())


def _correct(
    blocks: Sequence[str],
    strings: Mapping[str, Sequence[str]],
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64],
) -> None:
    """Set the labels of blocks that hold a gold string."""
    squashed = [_squash(html.unescape(block)) for block in blocks]
    starts = np.cumsum([0, *map(len, squashed)])
    page = "".join(squashed)
    for string in strings["without"]:
        for block in _holders(page, starts, string):
            is_most = 2 * len(_squash(string)) >= len(squashed[block])
            if is_most or not labels[block]:
                labels[block] = False
                weights[block] = max(weights[block], _GOLD_WEIGHT)
    for string in strings["with"]:
        holders = _holders(page, starts, string)
        likely = [block for block in holders if labels[block]] or holders
        for block in likely:
            labels[block] = True
            weights[block] = max(weights[block], _GOLD_WEIGHT)


def _holders(page: str, starts: NDArray[np.int64], string: str) -> list[int]:
    """The blocks in which a string stands; too short ones aren't looked for."""
    wanted = _squash(string)
    if len(wanted) < _SQUASHED_ENOUGH:
        return []
    holders: set[int] = set()
    at = page.find(wanted)
    while at >= 0:
        first, last = np.searchsorted(starts, [at, at + len(wanted) - 1], side="right") - 1
        holders.update(range(int(first), int(last) + 1))
        at = page.find(wanted, at + 1)
    return sorted(holders)


def _squash(text: str) -> str:
    return "".join(_WORD.findall(text.lower()))
