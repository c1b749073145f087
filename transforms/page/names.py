"""The names that mean something in a page: tags and attributes, as tables for a kernel.

A name is found by a polynomial hash of its lower-cased bytes, in a table with open addressing. The
hash has 64 bits, so that no name of a real page is taken for another one.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TABLE_SIZE = 512
"""Slots of a table, a power of two, some four for each name."""

HASH_FACTOR = 1_000_003


def listed(names: str) -> tuple[str, ...]:
    """The names that blanks part."""
    return tuple(names.split())


class Role(IntEnum):
    """What a tag does to the text around it."""

    INLINE = 0
    BLOCK = 1
    """Ends the block before it and begins one of its own, at both of its ends."""
    BREAK = 2
    RAW = 3
    """Its content is no markup: all up to its end tag is skipped."""
    SKIP = 4
    """Its content is markup that isn't read as text."""
    VOID = 5
    LINK = 6
    BOLD = 7
    ROOT = 8
    """`html`, `head`, `body`: neither nested nor closed."""
    ITALIC = 9


_ROLES = {
    Role.INLINE: "abbr acronym big cite code del dfn font ins kbd label mark math nobr q"
    " ruby s samp small span strike sub sup time tt u var",
    Role.ITALIC: "em i",
    Role.BLOCK: "address article aside blockquote caption center dd details dir div dl dt fieldset"
    " figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup legend li main menu"
    " nav ol p pre search section summary table tbody td tfoot th thead tr ul listing dialog",
    Role.BREAK: "br hr",
    Role.RAW: "script style title textarea xmp iframe noembed noframes plaintext",
    Role.SKIP: "noscript template svg select datalist button object video audio canvas applet map"
    " rp rt annotation head marquee",
    Role.VOID: "img input meta link base col area embed source track wbr param frame keygen",
    Role.LINK: "a",
    Role.BOLD: "b strong",
    Role.ROOT: "html body",
}
TAGS = tuple(name for names in _ROLES.values() for name in names.split())
"""All known tags; a tag's number is its place here plus one, 0 is any other tag."""

ATTRIBUTES = listed(
    "class id role itemprop style hidden href name property content datetime rel lang alt "
    "type title http-equiv xml:lang shadowrootmode shadowroot encoding start"
)
"""All known attributes; an attribute's number is its place here plus one."""


class Names(NamedTuple):
    """Hashes of names with open addressing, and the number of each; 0: an empty slot."""

    hashes: NDArray[np.uint64]
    numbers: NDArray[np.int64]


def tag(name: str) -> int:
    """The number of a known tag."""
    return TAGS.index(name) + 1


def attribute(name: str) -> int:
    """The number of a known attribute."""
    return ATTRIBUTES.index(name) + 1


def name_table(names: tuple[str, ...]) -> Names:
    """The table in which a kernel looks up names; each has its place in `names` plus one."""
    table = Names(np.zeros(TABLE_SIZE, np.uint64), np.zeros(TABLE_SIZE, np.int64))
    for number, name in enumerate(names, 1):
        value = 0
        for byte in name.encode():
            value = (value * HASH_FACTOR + byte) % (1 << 64)
        slot = (value ^ (value >> 17)) % TABLE_SIZE
        while table.numbers[slot]:
            slot = (slot + 1) % TABLE_SIZE
        table.hashes[slot], table.numbers[slot] = value, number
    return table


def tag_set(names: str) -> NDArray[np.bool_]:
    """For each tag number whether it is among the names, which blanks part."""
    chosen = np.zeros(len(TAGS) + 1, np.bool_)
    chosen[[tag(name) for name in names.split()]] = True
    return chosen


def tag_roles() -> NDArray[np.int64]:
    """The role of each tag number."""
    roles = [role for role, names in _ROLES.items() for _ in names.split()]
    return np.array([Role.INLINE, *roles], np.int64)
