"""What a page's tags would cost a tree builder, counted before a tree is built.

Three shapes of markup make a small page take hours or gigabytes in any parser that follows the HTML
standard, and real pages come nowhere near them:

* attributes of one tag are compared with one another, so their cost is quadratic;
* formatting elements (`<b>`, `<font>` …) that stay open are opened again in each following block:
  50 kB of `<b id=1><p><b id=2><p>` … take 1.9 GB;
* elements in elements: what walks up from each costs size times depth (`transforms.extract`).

The count of reopened elements is an upper bound. It follows the standard's tokenizer, believes an
end tag only where no table cell or other boundary stands between it and its start, and counts
every open formatting element at every tag.

Cost: 0.15 ms for a page of 150 kB, 7 % of its extraction.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transforms.html_bytes import (
    EQUALS,
    EXCLAMATION,
    GREATER,
    LESS,
    QUESTION,
    SLASH,
    attribute_value,
    ends_name,
    find_byte,
    is_letter,
    skip_blanks,
    skip_declaration,
)
from transforms.kernels import kernel


def _packed(name: str) -> int:
    """A tag's name of up to eight letters as one number."""
    return int.from_bytes(name.encode(), "big")


def _names(names: str) -> NDArray[np.uint64]:
    return np.array([_packed(name) for name in names.split()], np.uint64)


_FORMATTING = _names("a b big code em font i nobr s small strike strong tt u")
_BOUNDARIES = _names("applet caption html marquee math object select svg table td template th")
_RAW_TEXT = _names("iframe noembed noframes script style textarea title xmp")
_LONGEST_NAME = 8
_IDENTICAL_KEPT = 3
"""Of formatting elements that are the same, a parser reopens the last three (Noah's Ark clause)."""

_ONES = np.uint64(0x0101010101010101)
_HIGH_BITS = np.uint64(0x8080808080808080)


class RefusedPageError(ValueError):
    """A page that isn't read; the message is its error, 'code: detail'."""


class MarkupCost(NamedTuple):
    """Counts that bound what a tree of the page costs."""

    tags: int
    """Start and end tags."""

    attributes: int
    """Most attributes in one tag."""

    reopened: int
    """Formatting elements that a parser may have to open again, over all tags."""


def markup_cost(page: bytes) -> MarkupCost:
    """What the tags of a page (ASCII-compatible bytes) cost at most.

    >>> markup_cost(b'<p class=x id=y>one <b a=1><p>two')
    MarkupCost(tags=3, attributes=2, reopened=1)
    """
    return MarkupCost(*map(int, _count(np.frombuffer(page, np.uint8))))


_SMALL_TAGS, _SMALL_CHARACTERS = 1_500, 131_072
"""A page below both costs three seconds at worst, whatever its markup: half of all real pages."""

_MAXIMUM_ATTRIBUTES = 1_000
_MAXIMUM_REOPENED = 1_000_000
"""Of 1,120 real pages the worst has 70 attributes in a tag and may reopen 231,760 elements."""


def refuse_costly(page: str, *, maximum_tags: int) -> None:
    """Returns when a tree of the page can be built in bounded time and memory.

    Raises:
        RefusedPageError: says which count is beyond what is read.
    """
    if len(page) < _SMALL_CHARACTERS and page.count("<") < _SMALL_TAGS:
        return
    cost = markup_cost(page.encode("utf-8", "replace"))
    if cost.tags > maximum_tags:
        raise RefusedPageError(f"too_many_tags: {cost.tags:,}, {maximum_tags:,} are read")
    if cost.attributes > _MAXIMUM_ATTRIBUTES:
        raise RefusedPageError(
            f"too_many_attributes: {cost.attributes:,} in one tag, {_MAXIMUM_ATTRIBUTES:,} are read"
        )
    if cost.reopened > _MAXIMUM_REOPENED:
        raise RefusedPageError("too_many_unclosed: formatting elements that a tree would repeat")


@kernel
def _count(data: NDArray[np.uint8]) -> tuple[int, int, int]:
    """Tags; most attributes of a tag; sum over tags of the formatting elements open before it."""
    # Per formatting name: those open without attributes, and those that an end tag surely closes.
    plain = np.zeros(len(_FORMATTING), np.int64)
    closable = np.zeros(len(_FORMATTING), np.int64)
    at, tags, still_open, most, reopened = find_byte(data, 0, LESS), 0, 0, 0, 0
    while at < len(data):
        at, name, is_end, attributes = _tag(data, at)
        at = find_byte(data, at, LESS)
        tags += int(name != 0)
        most = max(most, attributes)
        reopened += still_open * int(name != 0)
        place = _find(_FORMATTING, name)
        if place >= 0 and is_end:
            still_open -= int(closable[place] > 0)
            closable[place] = max(closable[place] - 1, 0)
            plain[place] = max(plain[place] - 1, 0)
        elif place >= 0 and (attributes > 0 or plain[place] < _IDENTICAL_KEPT):
            still_open += 1
            closable[place] += 1
            plain[place] += int(attributes == 0)
        elif _find(_BOUNDARIES, name) >= 0:
            closable[:] = 0
            plain[:] = 0
    return tags, most, reopened


@kernel
def _tag(data: NDArray[np.uint8], at: int) -> tuple[int, np.uint64, bool, int]:
    """The tag at a `<`: place after it, packed name (0: no tag), end tag or not, attributes."""
    following = data[at + 1] if at + 1 < len(data) else 0
    if following == EXCLAMATION:
        return skip_declaration(data, at + 2), np.uint64(0), False, 0
    if following == QUESTION:
        return find_byte(data, at + 2, GREATER) + 1, np.uint64(0), False, 0
    is_end = following == SLASH
    at += 1 + int(is_end)
    if at >= len(data) or not is_letter(data[at]):
        # `</3>` is a comment to a parser, `<3` is text.
        return find_byte(data, at, GREATER) + 1 if is_end else at, np.uint64(0), False, 0
    at, name = _name(data, at)
    at, attributes = _attributes(data, at)
    if not is_end and _find(_RAW_TEXT, name) >= 0:
        at = _skip_raw_text(data, at, name)
    return at, name, is_end, attributes


@kernel
def _name(data: NDArray[np.uint8], at: int) -> tuple[int, np.uint64]:
    """Place after a tag's name, and the name packed; 1 if it has more than eight letters."""
    start, packed = at, np.uint64(0)
    while at < len(data) and not ends_name(data[at]):
        letter = data[at] | 0x20 if is_letter(data[at]) else data[at]
        packed = (packed << np.uint64(8)) | np.uint64(letter)
        at += 1
    return at, packed if at - start <= _LONGEST_NAME else np.uint64(1)


@kernel
def _attributes(data: NDArray[np.uint8], at: int) -> tuple[int, int]:
    """Place after the tag, and how many attributes it has."""
    count, size = 0, len(data)
    while at < size and data[at] != GREATER:
        if ends_name(data[at]):
            at += 1
            continue
        count += 1
        at += 1
        while at < size and not (ends_name(data[at]) or data[at] == EQUALS):
            at += 1
        at = skip_blanks(data, at)
        if at < size and data[at] == EQUALS:
            at = attribute_value(data, skip_blanks(data, at + 1))[2]
    return at + 1, count


@kernel
def _skip_raw_text(data: NDArray[np.uint8], at: int, name: np.uint64) -> int:
    """Place of the end tag of an element whose content is no markup."""
    while at < len(data):
        at = find_byte(data, at, LESS) + 1
        if at < len(data) and data[at] == SLASH:
            _, found = _name(data, at + 1)
            if found == name:
                return at - 1
    return at


@kernel
def _find(names: NDArray[np.uint64], name: np.uint64) -> int:
    for place in range(len(names)):
        if names[place] == name:
            return place
    return -1
