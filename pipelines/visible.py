"""Which characters of a page's text a reader can't see, and how to show them.

Bidirectional overrides, zero-width and control characters change what a person reads (or what a
terminal does) without being seen. The joiners U+200C and U+200D stay: scripts and emoji need them.
"""

import re

INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)


def code_point(character: str) -> str:
    """A character by its number, such as 'U+202E'."""
    return f"U+{ord(character):04X}"


def is_text(value: str) -> bool:
    """Whether a name is letters throughout: Linux allows bytes in it that are none.

    >>> is_text("größe"), is_text("gr\\udcf6\\udcdfe")
    (True, False)
    """
    return not any("\ud800" <= character <= "\udfff" for character in value)


def shown(text: str) -> str:
    """Text for one line of a terminal: what can't be seen, tabs and newlines by code point.

    >>> shown("a\\x1b[31mb\\tc")
    'a<U+001B>[31mb<U+0009>c'
    """
    flat = text.replace("\t", "<U+0009>").replace("\n", "<U+000A>")
    return INVISIBLE.sub(lambda match: f"<{code_point(match[0])}>", flat)
