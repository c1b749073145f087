"""Paragraphs dressed as the pages of real sites: menus, banners, related links, comments, footers.

Each site has one of a few looks, kept as HTML files whose structure differs (an article element,
nested divs, tables with tags left open). Around the text stands what sites put there; within it,
some words are links or emphasised. What differs between two pages of a site follows from the
address alone.
"""

from html import escape
from string import Template

from pipelines.sample.choices import number, pick, some
from pipelines.sample.model import Page, Site
from pipelines.sample.texts import phrases, template

_UNSPACED = ("ja", "zh")
_NAMES = ("heron", "sluice7", "mira", "tomasz", "old_miller", "keiko", "brook", "jp", "wren", "lea")


def dress(page: Page, *, related: list[tuple[str, str]]) -> str:
    """The HTML of a page; `related` are the (title, path) of other pages of its site."""
    words = {key: value for key, value in phrases(page.site.language).items() if key != "said"}
    charset = ""
    if page.declared_in in ("meta", "both"):
        charset = f'<meta charset="{page.declared}">'
    return Template(template(page.site.template)).substitute(
        {key: escape(str(value)) for key, value in words.items()},
        lang=page.site.language,
        charset=charset,
        title=escape(page.title),
        site=escape(page.site.name),
        host=page.site.host,
        path=escape(page.path),
        body=_body(page),
        links=_links(related),
        comments=_comments(page),
        author=_author(page.url),
        views=number(9000, "views", page.url) + 12,
        year=2026,
    )


def _body(page: Page) -> str:
    look = page.site.template
    spoken = [_marked(text, page, i) for i, text in enumerate(page.paragraphs)]
    if look == "forum":
        return "\n".join(_post(text, page, i) for i, text in enumerate(spoken))
    if look == "docs":
        return "\n".join(f'<div class="section"><p>{text}</p></div>' for text in spoken)
    return "\n".join(f"<p>{text}</p>" for text in spoken)


def _post(text: str, page: Page, place: int) -> str:
    name = pick(_NAMES, "poster", page.url, place)
    day = number(27, "posted", page.url, place) + 1
    return (
        f'<tr><td class=who><b>{name}</b><br><img src="/avatars/{name}.gif" alt="">'
        f"<br>#{place + 1}<td class=post><small>2026-02-{day:02d}</small>"
        f'<div class="message">{text}</div>'
    )


def _marked(text: str, page: Page, place: int) -> str:
    """The paragraph with a word or two as a link or emphasised; its text stays as it was."""
    if page.site.language in _UNSPACED:
        return escape(text, quote=False)
    words = [escape(word, quote=False) for word in text.split(" ")]
    for mark in range(number(3, "marks", page.url, place)):
        at = number(len(words), "mark", page.url, place, mark)
        if "<" not in words[at]:
            words[at] = _mark(words[at], number(3, "style", page.url, place, mark))
    return " ".join(words)


def _mark(word: str, style: int) -> str:
    """The word as a link (no site links a word of two letters), or emphasised."""
    if style == 0 and len(word) > 3:
        return f'<a href="/topic/{len(word)}">{word}</a>'
    return f"<em>{word}</em>" if style == 1 else f"<b>{word}</b>"


def _links(related: list[tuple[str, str]]) -> str:
    return "\n".join(f'<li><a href="{path}">{escape(title)}</a></li>' for title, path in related)


def _comments(page: Page) -> str:
    said = some(phrases(page.site.language)["said"], number(5, "said", page.url), page.url)
    return "\n".join(
        f'<li class="comment"><span class="name">{pick(_NAMES, "name", page.url, i)}</span> '
        f"<p>{escape(text)}</p></li>"
        for i, text in enumerate(said)
    )


def _author(url: str) -> str:
    return pick(("A. Weir", "M. Brook", "L. Strand", "K. Mori", "P. Nowak", "S. Lind"), "by", url)


def page_path(site: Site, slug: str) -> str:
    """Where a site keeps a page of this name."""
    styles = {
        "blog": f"/2026/{number(2, 'month', slug) + 1:02d}/{slug}/",
        "news": f"/{number(90000, 'story', slug) + 10000}-{slug}.html",
        "docs": f"/guide/{slug}",
        "forum": f"/viewtopic.php?t={number(9000, 'topic', slug) + 1000}&title={slug}",
        "shop": f"/advice/{slug}?ref=home",
    }
    return styles[site.template]
