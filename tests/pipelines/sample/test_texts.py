from itertools import combinations, product

import pytest

from pipelines.sample.dress import dress
from pipelines.sample.model import Kind, Page
from pipelines.sample.texts import (
    PARAGRAPHS,
    load_articles,
    load_sites,
    make_digests,
    parse,
    phrases,
)

LANGUAGES = {"de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "ru", "zh"}


def test_articles_are_many_and_in_eleven_languages() -> None:
    languages = [article.language for article in load_articles()]
    assert set(languages) == LANGUAGES
    assert languages.count("en") == 40
    assert min(languages.count(language) for language in languages) == 5


def test_every_theme_has_five_articles_of_five_paragraphs() -> None:
    articles = load_articles()
    assert len({article.cluster for article in articles}) == len(articles)
    assert {len(article.paragraphs) for article in articles} == {PARAGRAPHS}
    themes = {(article.language, article.theme) for article in articles}
    assert len(articles) == PARAGRAPHS * len(themes)


def test_no_paragraph_is_used_twice() -> None:
    paragraphs = [p for article in load_articles() for p in article.paragraphs]
    assert len(set(paragraphs)) == len(paragraphs)
    assert all(p == p.strip() and "  " not in p and "\n" not in p for p in paragraphs)


def test_two_digests_share_at_most_one_paragraph() -> None:
    theme = tuple(a for a in load_articles() if (a.language, a.theme) == ("en", "water"))
    digests = make_digests(theme, lines=25)
    assert len({digest.slug for digest in digests}) == 25
    shared = [len({*a.paragraphs} & {*b.paragraphs}) for a, b in combinations(digests, 2)]
    assert max(shared) == 1


def test_parsing_takes_windows_line_ends() -> None:
    [article] = parse("# a | A\r\n\r\none\r\ntwo\r\n\r\nthree\r\n", language="en", theme="t")
    assert article.paragraphs == ("one two", "three")


@pytest.mark.parametrize("language", sorted({site.language for site in load_sites()}))
def test_every_language_has_two_sites_and_the_same_phrases(language: str) -> None:
    assert sum(site.language == language for site in load_sites()) >= 2
    assert phrases(language).keys() == phrases("en").keys()
    assert len(phrases(language)["said"]) >= 5


def test_text_from_a_page_is_escaped() -> None:
    looks = {site.template: site for site in load_sites()}
    for site, number in product(looks.values(), range(5)):
        page = Page(
            kind=Kind.ARTICLE,
            site=site,
            path=f"/{number}",
            title="a <b> & c",
            paragraphs=("x < y & z",),
        )
        html = dress(page, related=[("<i>", "/i")])
        assert "a <b>" not in html
        assert "<i>" not in html
        assert "&lt;" in html.split("</h", 1)[1]
