"""Choices that follow from names alone.

SHA-256 of (seed, names) decides, never a generator whose sequence may change between Python
versions or with the order of calls: adding a page leaves all others as they were.
"""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def digest(*names: object) -> bytes:
    """32 bytes that depend on the names and their order."""
    return hashlib.sha256("\x1f".join(str(name) for name in names).encode()).digest()


def number(below: int, *names: object) -> int:
    """An integer in [0, below) that depends on the names."""
    return int.from_bytes(digest(*names)[:8], "big") % below


def pick(options: Sequence[T], *names: object) -> T:
    """One of the options."""
    return options[number(len(options), *names)]


def shuffled(items: Sequence[T], *names: object) -> list[T]:
    """The items in an order that depends on the names."""
    order = sorted(range(len(items)), key=lambda i: digest(*names, i))
    return [items[i] for i in order]


def some(items: Sequence[T], count: int, *names: object) -> list[T]:
    """At most `count` of the items, each once, in a chosen order."""
    return shuffled(items, *names)[:count]
