import numpy as np
import pytest

from tests.transforms.page.test_cut import cut
from transforms.extract_options import ExtractOptions
from transforms.markup import RefusedPageError
from transforms.page.features import FEATURES
from transforms.page.main_text import main_blocks, page_text, read_page
from transforms.page.measure import block_features
from transforms.page.render import render_blocks

SENTENCE = "The miller opens the gate, and the water that was held back turns the wheel again. "
NAVIGATION = "".join(f'<li><a href="/{n}">Section {n}</a></li>' for n in range(12))


def page(article: str) -> str:
    return (
        f"<html><body><div class=menu><ul>{NAVIGATION}</ul></div><div class=article>"
        f"<h1>The mill</h1><p>{SENTENCE * 3}</p>{article}<p>{SENTENCE * 2}</p>"
        f"<p>{SENTENCE}</p></div>"
        "<div class=sidebar><h3>Related articles</h3><ul><li><a href=/x>Ten mills to see</a></li>"
        "</ul></div><footer>Copyright 2020, all rights reserved</footer></body></html>"
    )


def text(html: str, **options: bool) -> str:
    read = read_page(html.encode(), maximum_tags=999, maximum_depth=99)
    return page_text(read, ExtractOptions.model_validate(options))


def rendered(html: str, *, bullets: bool = True) -> str:
    blocks = cut(html)
    every = np.ones(len(blocks.blocks), np.bool_)
    return render_blocks(blocks, every, list_bullets=bullets).decode()


def test_furniture_is_dropped_and_the_article_kept_in_its_order() -> None:
    found = text(page(f"<h2>Its wheel</h2><p>{SENTENCE * 2}</p>"))
    assert found.startswith("The mill\n\nThe miller opens")
    assert "\n\nIts wheel\n\nThe miller" in found
    for furniture in ("Section 3", "Ten mills", "Copyright"):
        assert furniture not in found
    whole = text(page("<p hidden>Nobody sees this.</p>"), main_content=False)
    assert "Section 3" in whole
    assert "Nobody sees this" not in whole


def test_entities_are_decoded_once() -> None:
    found = text(
        page(f"<p>{SENTENCE} Caf&eacute; &amp;lt; &#8364; &lt;b&gt; was written there.</p>")
    )
    assert "Café &lt; € <b> was written there." in found


WRAPPED = {
    "水车在\n  河边。\r\n石磨也转，\n（慢慢地）": "水车在河边。石磨也转，（慢慢地）",
    "水车 在 \n河边\nthe mill\n水": "水车 在河边 the mill 水",
    "물레방아가\n돌아갑니다": "물레방아가 돌아갑니다",
    "<code>水</code>\n<b>车</b>": "水 车",
    "水<br>\n车": "水\n车",
}


@pytest.mark.parametrize("source", WRAPPED)
def test_a_line_that_the_source_wraps_in_chinese_has_no_blank(source: str) -> None:
    assert text(f"<p>{source}</p>", main_content=False) == WRAPPED[source]


def test_lists_tables_and_code_keep_their_form() -> None:
    assert rendered("<ul><li>a<li>b<ul><li>c</ul></ul>d") == "• a\n• b\n• c\n\nd"
    assert rendered("<ol><li>a<li><p>b</p><p>c</p></ol>") == "1. a\n\n2. b\n\nc"
    assert rendered("<ol>" + "<li>x" * 10 + "</ol>").endswith("9. x\n10. x")
    assert rendered("<ol start=9><li>a<li>b<ol><li>c</ol></ol>") == "9. a\n10. b\n1. c"
    assert rendered("<ol start=-9><li>a</ol><ol start=x><li>a</ol>") == "1. a\n\n1. a"
    assert rendered("<ol start=999999999><li>a</ol>") == "999999999. a"
    assert rendered("<ol start=9999999999><li>a</ol>") == "1. a"
    assert rendered("<ul><li>a<li>b</ul>", bullets=False) == "a\nb"
    assert rendered("<table><tr><th>a<th>b<tr><td>c<td>d</table>e") == "a | b\nc | d\n\ne"
    assert rendered("<p>a</p><pre>if x:\n    y\n</pre>") == "a\n\nif x:\n    y"
    assert rendered("<dl><dt>a<dd>b</dl>") == "a\nb"


def test_costly_pages_are_refused_with_their_error() -> None:
    with pytest.raises(RefusedPageError, match="too_many_tags: 12, 10 are read"):
        read_page(b"<p>" * 12, maximum_tags=10, maximum_depth=9)
    with pytest.raises(RefusedPageError, match="too_deep: elements are nested more than 9 deep"):
        read_page(b"<div>" * 9_000, maximum_tags=10_000, maximum_depth=9)


def test_a_page_of_which_nothing_is_sure_falls_back_to_its_prose() -> None:
    html = f"<nav><p>{SENTENCE}</p></nav><div><p>{SENTENCE * 3}</p><p>Share</p></div>"
    read = read_page(html.encode(), maximum_tags=99, maximum_depth=99)
    features = block_features(*read)
    unsure = np.full(3, -(10**6), np.int32)
    assert main_blocks(read.cut, features, unsure).tolist() == [False, True, False]
    chinese = "<p>水车在河边慢慢地转动，石磨也跟着转。</p><p>分享</p>" * 15
    wide = read_page(chinese.encode(), maximum_tags=99, maximum_depth=99)
    found = main_blocks(wide.cut, block_features(*wide), np.full(30, -(10**6), np.int32))
    assert found.tolist() == [True, False] * 15
    short = read_page(b"<nav><p>Home</nav><p>Short", maximum_tags=99, maximum_depth=99)
    assert main_blocks(short.cut, block_features(*short), unsure[:2]).tolist() == [False, True]


@pytest.mark.parametrize(("names", "kept"), [(9, True), (10, False)])
def test_a_line_of_the_footer_is_no_main_text_for_being_all_that_is_kept(
    names: int, kept: bool
) -> None:
    footer = "<footer><p>Copyright 2020 by the people of the mill. All rights are reserved."
    html = "<p>Anna Smith, mayor</p>" * names + footer
    read = read_page(html.encode(), maximum_tags=99, maximum_depth=99)
    scores = np.array([-(10**6)] * names + [10**6], np.int32)
    found = main_blocks(read.cut, block_features(*read), scores)
    assert found.tolist() == [kept] * names + [False]


def test_a_heading_stays_with_the_text_under_it() -> None:
    read = read_page(
        f"<h2>A</h2><h3>B</h3><p>{SENTENCE * 5}</p><h2>C</h2>".encode(),
        maximum_tags=99,
        maximum_depth=99,
    )
    scores = np.array([-(10**5), -(10**5), 10**6, -(10**5)], np.int32)
    assert main_blocks(read.cut, block_features(*read), scores).tolist() == [
        True,
        True,
        True,
        False,
    ]


def test_comments_are_an_option() -> None:
    comments = "".join(
        f"<div class=comment><p>{name} says that {SENTENCE * 2}</p></div>" for name in ("Ann", "Bo")
    )
    html = page("").replace(
        "<div class=sidebar>", f"<div class=comments>{comments}</div><div class=x>"
    )
    assert "Bo says" not in text(html)
    assert "Bo says" in text(html, comments=True)


def test_features_of_a_block_are_what_a_person_counts() -> None:
    html = '<div id="sidebar"><p>One, two.</p><p><a href=x>Three</a> four</p></div>'
    read = read_page(html.encode(), maximum_tags=99, maximum_depth=99)
    features = dict(zip(FEATURES, block_features(*read).tolist(), strict=True))
    assert features["characters"] == [9, 10]
    assert features["words"] == [2, 2]
    assert features["commas"] == [1, 0]
    assert features["link_share"] == [0, 500]
    assert features["block_from_end"] == [1, 0]
    assert features["characters_before1"] == [0, 9]
    assert features["named_sidebar"] == [2, 2]
    assert features["grandparent_blocks"] == [2, 2]
