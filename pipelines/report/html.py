"""HTML that can't be injected into: every string is escaped unless this module made it.

`tag` takes children; a plain `str` among them is text and is escaped, `Html` is markup that `tag`
itself returned. So there is no place where text from a page becomes markup. Characters that a
reader can't see but that change what he sees (bidirectional overrides, zero-width and control
characters) are shown by their code point.
"""

import html
import re
import unicodedata

from pipelines.visible import INVISIBLE, code_point

_VOID = frozenset({"meta", "br", "wbr", "hr", "link", "rect", "line", "circle", "path", "col"})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


class Html(str):
    """Markup that is safe to put into a page as it is."""

    __slots__ = ()


Child = Html | str | int | None


def tag(name: str, /, *children: Child, **attributes: str | float | None) -> Html:
    """An element with escaped children and attributes; an attribute that is None is left out.

    A trailing underscore of an attribute is dropped, other underscores become hyphens.

    >>> tag("p", "a < b", tag("b", "!"), class_="note")
    '<p class="note">a &lt; b<b>!</b></p>'
    """
    pairs = [
        f' {_attribute(key)}="{html.escape(_number(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    ]
    opening = f"<{name}{''.join(pairs)}>"
    if name in _VOID and not children:
        return Html(opening[:-1] + "/>")
    return Html(opening + join(*children) + f"</{name}>")


def header_row(*names: str) -> Html:
    """The head of a table; a name that begins with '#' is of a column of numbers."""
    cells = [
        tag("th", name.removeprefix("#"), scope="col", class_="number" if name[:1] == "#" else None)
        for name in names
    ]
    return tag("thead", tag("tr", *cells))


def join(*children: Child) -> Html:
    """Children one after another, each escaped unless it is markup."""
    return Html("".join(_child(child) for child in children if child is not None))


def text(value: str) -> Html:
    """Text from a page: escaped, with characters shown that can't be seen.

    >>> text("abc\\u202edef")
    'abc<span class="hidden-char" title="RIGHT-TO-LEFT OVERRIDE">U+202E</span>def'
    """
    parts: list[str] = []
    end = 0
    for match in INVISIBLE.finditer(value):
        parts += [html.escape(value[end : match.start()], quote=True), _shown(match[0])]
        end = match.end()
    return Html("".join([*parts, html.escape(value[end:], quote=True)]))


def breakable(value: str) -> Html:
    """Text from a page or a recipe that may be broken behind a slash, as media types must be.

    >>> breakable("text/html")
    'text/<wbr/>html'
    """
    first, *rest = value.split("/")
    return join(first, *[child for part in rest for child in ("/", tag("wbr"), part)])


def many(number: int, thing: str) -> str:
    """A number of things: '1 shard', '1,200 shards'."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def clock(moment: str) -> str:
    """A moment of run.json for people.

    >>> clock("2026-11-23T15:55:26Z")
    '2026-11-23 15:55:26 UTC'
    """
    return moment.replace("T", " ").replace("Z", " UTC")


def _shown(character: str) -> Html:
    name = unicodedata.name(character, "") or "control character"
    shown = code_point(character)
    return Html(f'<span class="hidden-char" title="{html.escape(name)}">{shown}</span>')


def _child(child: Html | str | int) -> str:
    return child if isinstance(child, Html) else text(str(child))


def _attribute(key: str) -> str:
    name = key.rstrip("_").replace("_", "-")
    if not _NAME.fullmatch(name):
        raise ValueError(f"attribute {key!r} isn't a name")
    return name


def _number(value: str | float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
