"""The texts that ship with the package, and the many more that can be put together from them.

A digest takes one paragraph from each of a theme's five articles, as many blogs do ("five notes on
water"). Which paragraph of which article follows the lines of the affine plane over the integers
mod 5: paragraph (a + j * b) mod 5 of article j. Two lines meet in at most one point, so two of the
25 digests share at most one paragraph and stay far from being near-duplicates.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from pipelines.sample.model import Article, Site

PARAGRAPHS = 5
_FOLDER = files("pipelines.sample")


@cache
def load_articles() -> tuple[Article, ...]:
    """All articles, in the order of language, file name and place in the file."""
    folders = sorted(_FOLDER.joinpath("texts").iterdir(), key=lambda entry: entry.name)
    found: list[Article] = []
    for folder in folders:
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
            theme = file.name.removesuffix(".txt")
            found.extend(parse(file.read_text("utf-8"), language=folder.name, theme=theme))
    return tuple(found)


def parse(text: str, *, language: str, theme: str) -> list[Article]:
    r"""The articles of one file: `# slug | Title`, then paragraphs between empty lines.

    >>> [a] = parse("# tea | On tea\n\nBoil water.\n\nWait.\n", language="en", theme="kitchen")
    >>> a.slug, a.title, a.paragraphs
    ('tea', 'On tea', ('Boil water.', 'Wait.'))
    """
    articles = []
    for block in ("\n" + text.replace("\r\n", "\n")).split("\n# ")[1:]:
        head, _, body = block.partition("\n")
        slug, _, title = head.partition(" | ")
        paragraphs = tuple(" ".join(p.split("\n")) for p in body.strip().split("\n\n"))
        articles.append(
            Article(
                language=language,
                theme=theme,
                slug=slug,
                title=title.strip(),
                paragraphs=paragraphs,
            )
        )
    return articles


def make_digests(articles: tuple[Article, ...], *, lines: int) -> list[Article]:
    """Up to 25 digests of each theme: `lines` of the plane's lines, those of slope 1 first."""
    themes: dict[tuple[str, str], list[Article]] = {}
    for article in articles:
        themes.setdefault((article.language, article.theme), []).append(article)
    places = [(line % PARAGRAPHS, (line // PARAGRAPHS + 1) % PARAGRAPHS) for line in range(lines)]
    return [
        _digest(members, start, slope) for members in themes.values() for start, slope in places
    ]


def _digest(members: list[Article], start: int, slope: int) -> Article:
    first = members[0]
    chosen = [a.paragraphs[(start + j * slope) % PARAGRAPHS] for j, a in enumerate(members)]
    number = slope * PARAGRAPHS + start + 1
    titles = [members[(start + slope + j) % len(members)].title for j in range(2)]
    return Article(
        language=first.language,
        theme=first.theme,
        slug=f"{first.theme}-{number}",
        title=f"{phrases(first.language)['notes']} {number}: {' / '.join(titles)}",
        paragraphs=tuple(chosen),
    )


@cache
def _phrase_book() -> dict[str, dict[str, Any]]:
    book: dict[str, dict[str, Any]] = json.loads(
        _FOLDER.joinpath("phrases.json").read_text("utf-8")
    )
    return book


def phrases(language: str) -> dict[str, Any]:
    """What sites of a language say around their texts: menus, banners, comments."""
    return _phrase_book()[language]


@cache
def load_sites() -> tuple[Site, ...]:
    """All sites of the sample."""
    rows = json.loads(_FOLDER.joinpath("sites.json").read_text("utf-8"))
    return tuple(Site(**row) for row in rows)


@cache
def template(name: str) -> str:
    """The HTML of one look, with `$name` where something is filled in."""
    return _FOLDER.joinpath("templates", f"{name}.html").read_text("utf-8").replace("\r\n", "\n")
