from datetime import UTC, datetime

import numpy as np
import pytest

from transforms.page.facts import Facts, page_facts
from transforms.page.scan import scan_tags


def facts(page: str) -> Facts:
    data = np.frombuffer(page.encode(), np.uint8)
    tokens = scan_tags(data, maximum=1000)
    assert tokens is not None
    return page_facts(data, tokens)


def test_the_surest_place_is_asked_first() -> None:
    found = facts(
        '<html lang="pt-BR"><meta property="og:title" content="Other">'
        "<title>\n Caf&eacute;\n</title>"
        '<meta property=og:url content="https://a.example/other">'
        '<link rel="canonical" href="https://a.example/?a=1&amp;b=2">'
        '<time datetime="2001-01-01"></time>'
        '<meta property="article:published_time" content="2019-05-15T05:28:29+02:00">'
    )
    assert found == Facts(
        title="Café",
        canonical_url="https://a.example/?a=1&b=2",
        html_language="pt-BR",
        published=datetime(2019, 5, 15, 3, 28, 29, tzinfo=UTC),
    )


def test_a_page_that_says_nothing_claims_nothing() -> None:
    assert facts("<html lang=''><title> </title><p>text") == Facts()
    assert facts('<html lang="not a tag!"><link rel=canonical href="/relative">') == Facts()


def test_an_address_that_is_not_whole_gives_way_to_one_that_is() -> None:
    found = facts(
        '<link rel=canonical href="/here"><meta property="og:url" content="HTTPS://a.b/">'
    )
    assert found.canonical_url == "HTTPS://a.b/"


@pytest.mark.parametrize("query", ["a=1&section=2", "a&copy", "region&regions=1", "x&lt=3&ampere"])
def test_an_address_keeps_what_only_looks_like_a_character(query: str) -> None:
    expected = query.replace("&copy", "©")
    found = facts(f'<link rel=canonical href="https://a.example/?{query}">')
    assert found.canonical_url == f"https://a.example/?{expected}"
    assert facts(f"<title>{query}</title>").title != query


@pytest.mark.parametrize(
    "page",
    [
        '<html xml:lang="de-AT">',
        '<html lang="" xml:lang="de-AT">',
        '<meta http-equiv="Content-Language" content="de-AT">',
        '<html lang="not a tag!"><meta name=language content="de-AT">',
    ],
)
def test_languages(page: str) -> None:
    assert facts(page).html_language == "de-AT"


def test_the_title_of_a_drawing_is_not_the_pages() -> None:
    drawing = "<svg><title>Menu</title><g/></svg><svg/>"
    assert facts(f"{drawing}<title>Page</title>").title == "Page"
    assert facts(f'{drawing}<meta property="og:title" content="Page">').title == "Page"


DATES = {
    '<script type="application/ld+json">{"datePublished": "2020-02-03"}</script>': (2020, 2, 3),
    '<span itemprop=datePublished><meta itemprop="datePublished" content="20200203">': (2020, 2, 3),
    '<meta name="DC.date" content="2020-02-03 04:05">': (2020, 2, 3, 4, 5),
    '<time datetime="2020-02-03T04:05:06.7Z">': (2020, 2, 3, 4, 5, 6),
    '<script type="application/ld+json">{}</script>'
    '<script type="application/ld+json">{"datePublished":"2020-02-03"}</script>': (2020, 2, 3),
    '<span itemprop="datePublished" content="2020-02-03T04:05">3.2.</span>': (2020, 2, 3, 4, 5),
    "<abbr class=published title='2020-02-03T04:05:00+00:00'>": (2020, 2, 3, 4, 5),
    '<time itemprop="datePublished" content="2020-02-03">': (2020, 2, 3),
    '<span itemprop="datePublished" title="2020-02-03">3.2.</span>': (2020, 2, 3),
    '<link rel=canonical href="https://a.example/news/2020/02/03/mill">': (2020, 2, 3),
    '<meta property="og:url" content="https://a.example/2020-02-03-mill">': (2020, 2, 3),
}


@pytest.mark.parametrize("page", DATES)
def test_dates_are_read_as_iso_8601_writes_them(page: str) -> None:
    assert facts(page).published == datetime(*DATES[page], tzinfo=UTC)


@pytest.mark.parametrize("date", ["3 February 2020", "2020-13-01", "1820-01-01", "0000-00-00"])
def test_what_is_no_date_is_none(date: str) -> None:
    assert facts(f'<meta name=date content="{date}">').published is None


def test_a_claim_of_absurd_length_is_none() -> None:
    assert facts(f"<title>{'x' * 1001}</title>").title is None
