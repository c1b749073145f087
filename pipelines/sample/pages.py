"""Which pages the sample crawl has: texts put on sites, copied, edited, stuffed and left empty."""

import re
from collections.abc import Iterator
from dataclasses import replace

from pipelines.sample.choices import number, pick, shuffled, some
from pipelines.sample.dress import page_path
from pipelines.sample.model import Article, Kind, Page, Site
from pipelines.sample.noise import contact_note, spam_words
from pipelines.sample.texts import load_articles, load_sites, make_digests, phrases

DIGESTS = 12
SPARE_DIGESTS = 4
NEAR_DUPLICATES = 50
SPAM = 30
BOILERPLATE = 24
SHORT = 24
PII = 24
WRONG_CHARSETS = 14
_DAMAGED = (Kind.TRUNCATED,) * 5 + (Kind.BROKEN,) * 3
_EDITS = ("other_site", "sentence_dropped", "note_added", "paragraphs_swapped", "dropped_and_added")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")
_MIRRORS = ("mirror.weir-archive.example", "cache.reservoir.example", "copies.floodplain.example")
_CHARSETS = {
    "ru": ("windows-1251", "koi8-r"),
    "pl": ("iso-8859-2", "windows-1250"),
    "ja": ("shift_jis", "euc-jp"),
    "zh": ("gb18030", "gb18030"),
}
_WESTERN = ("windows-1252", "iso-8859-15")
_WRONG = {
    "windows-1252": "utf-8",
    "iso-8859-15": "utf-8",
    "windows-1251": "koi8-r",
    "koi8-r": "windows-1251",
    "iso-8859-2": "iso-8859-1",
    "windows-1250": "utf-8",
    "shift_jis": "euc-jp",
    "euc-jp": "iso-8859-1",
    "gb18030": "utf-8",
}


def plan_pages(*, seed: int) -> list[Page]:
    """All HTML pages of the sample but the exact copies, which are copies of responses."""
    articles = load_articles()
    works = [*articles, *make_digests(articles, lines=DIGESTS)]
    originals = [_publish(work, seed=seed) for work in works]
    spare = make_digests(articles, lines=DIGESTS + SPARE_DIGESTS)
    used = {work.cluster for work in works}
    spare = shuffled([d for d in spare if d.cluster not in used], seed, "spare")
    english = [work for work in spare if work.language == "en"]
    foreign = [work for work in spare if work.language != "en"]
    return [
        *originals,
        *_near_duplicates(originals, seed=seed),
        *(
            _publish(work, kind=kind, seed=seed)
            for kind, work in zip(_DAMAGED, english[PII:], strict=False)
        ),
        *(_misdeclared(work, seed=seed) for work in foreign[:WRONG_CHARSETS]),
        *_pii(english[:PII], seed=seed),
        *_spam(seed=seed),
        *_empty(seed=seed),
        *_short(articles, seed=seed),
    ]


def mirror_url(url: str, copy: int) -> str:
    """Where a mirror keeps the same bytes."""
    host, _, path = url.removeprefix("https://").partition("/")
    return f"http://{pick(_MIRRORS, 'mirror', url, copy)}/{host}/{path}"


def _sites(language: str) -> list[Site]:
    return [site for site in load_sites() if site.language == language]


def _homes(work: Article) -> list[Site]:
    """The sites that may carry a text; what documents this project stands in a handbook."""
    sites = _sites(work.language)
    return [site for site in sites if site.template == "docs"] if work.theme == "project" else sites


def _publish(work: Article, *, seed: int, kind: Kind = Kind.ARTICLE) -> Page:
    site = pick(_homes(work), seed, "site", work.cluster)
    page = Page(
        kind=kind,
        site=site,
        path=page_path(site, work.slug),
        title=work.title,
        paragraphs=work.paragraphs,
        cluster=work.cluster,
    )
    return _in_charset(page, seed=seed)


def _in_charset(page: Page, *, seed: int) -> Page:
    """The page in an old charset, rightly declared, for one in four (English: one in eight)."""
    language = page.site.language
    where = pick(("both", "header", "meta", "nowhere"), seed, "declared", page.url)
    if number(8, seed, "old", page.url) > (0 if language == "en" else 1):
        return replace(page, declared_in=where)
    charset = pick(_CHARSETS.get(language, _WESTERN), seed, "charset", page.url)
    where = pick(("both", "header", "meta"), seed, "declared", page.url)
    return replace(page, charset=charset, declared=charset, declared_in=where)


def _misdeclared(work: Article, *, seed: int) -> Page:
    """A page in an old charset whose headers or meta element name another one."""
    page = _publish(work, kind=Kind.WRONG_CHARSET, seed=seed)
    charset = pick(_CHARSETS.get(work.language, _WESTERN), seed, "charset", page.url)
    where = pick(("both", "header", "meta"), seed, "misdeclared", page.url)
    return replace(page, charset=charset, declared=_WRONG[charset], declared_in=where)


def _near_duplicates(originals: list[Page], *, seed: int) -> list[Page]:
    """Copies of pages: a changed sentence or two at another path, or the same on another site."""
    chosen = some(originals, NEAR_DUPLICATES, seed, "near")
    return [_edited(page, i, seed=seed) for i, page in enumerate(chosen)]


def _edited(page: Page, index: int, *, seed: int) -> Page:
    edit = _EDITS[index % len(_EDITS)]
    site = page.site
    if edit == "other_site":
        others = [site for site in _sites(page.site.language) if site != page.site]
        site = pick(others, seed, "near", page.url)
    paragraphs = list(page.paragraphs)
    if edit == "paragraphs_swapped":
        paragraphs[-2:] = paragraphs[:-3:-1]
    if edit in ("sentence_dropped", "dropped_and_added"):
        paragraphs = _without_a_sentence(paragraphs)
    if edit in ("note_added", "dropped_and_added"):
        paragraphs.append(phrases(site.language)["update"])
    slug = f"{(page.cluster or '').partition('/')[2]}-{index + 2}"
    return replace(
        page,
        kind=Kind.NEAR_DUPLICATE,
        site=site,
        path=page_path(site, slug),
        paragraphs=tuple(paragraphs),
        edit=edit,
    )


def _without_a_sentence(paragraphs: list[str]) -> list[str]:
    """The paragraphs without the shortest sentence that has another one beside it."""
    sentences = [_SENTENCE_END.split(p) for p in paragraphs]
    spots = [
        (len(s), i, j) for i, p in enumerate(sentences) if len(p) > 1 for j, s in enumerate(p) if s
    ]
    _, i, j = min(spots)
    glue = "" if paragraphs[i].endswith("。") else " "
    kept = glue.join(s for k, s in enumerate(sentences[i]) if k != j)
    return [kept if k == i else p for k, p in enumerate(paragraphs)]


def _spam(*, seed: int) -> Iterator[Page]:
    for i in range(SPAM):
        site = pick(_sites("en"), seed, "spam", i)
        title, paragraphs = spam_words(i, seed=seed)
        yield Page(
            kind=Kind.SPAM,
            site=site,
            path=page_path(site, f"deal-{i + 1}"),
            title=title,
            paragraphs=paragraphs,
        )


def _empty(*, seed: int) -> Iterator[Page]:
    for i in range(BOILERPLATE):
        site = load_sites()[i % len(load_sites())]
        title = phrases(site.language)[pick(("archive", "search", "login"), seed, "empty", i)]
        path = f"/page/{i + 1}"
        yield Page(kind=Kind.BOILERPLATE, site=site, path=path, title=title, paragraphs=())


def _short(articles: tuple[Article, ...], *, seed: int) -> Iterator[Page]:
    for i, article in enumerate(some(articles, SHORT, seed, "short")):
        site = pick(_sites(article.language), seed, "short", i)
        sentence = _SENTENCE_END.split(article.paragraphs[0])[0]
        yield Page(
            kind=Kind.SHORT,
            site=site,
            path=page_path(site, f"photo-{i + 1}"),
            title=article.title,
            paragraphs=(sentence,),
        )


def _pii(works: list[Article], *, seed: int) -> Iterator[Page]:
    for i, work in enumerate(works):
        page = _publish(work, kind=Kind.PII, seed=seed)
        note = contact_note(i, seed=seed)
        yield replace(
            page,
            paragraphs=(work.paragraphs[0], note.text, *work.paragraphs[1:]),
            emails=note.emails,
            phones=note.phones,
        )
