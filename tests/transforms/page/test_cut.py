import html
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.page.blocks import (
    BOLD_BYTES,
    END_BLOCK,
    FIRST_BLOCK,
    LINK_BYTES,
    NODE,
    NODE_TAG,
    PARENT,
    TEXT_END,
    TEXT_START,
    Blocks,
)
from transforms.page.cut import cut_blocks
from transforms.page.names import TAGS
from transforms.page.scan import scan_tags


def cut(page: str | bytes, *, depth: int = 50, image_texts: bool = False) -> Blocks:
    data = np.frombuffer(page.encode() if isinstance(page, str) else page, np.uint8)
    tokens = scan_tags(data, maximum=100_000)
    assert tokens is not None
    blocks = cut_blocks(data, tokens, maximum_depth=depth, image_texts=image_texts)
    assert blocks is not None
    return blocks


def texts(page: str | bytes, *, depth: int = 50, image_texts: bool = False) -> list[str]:
    blocks = cut(page, depth=depth, image_texts=image_texts)
    return [
        blocks.text[start:end].tobytes().decode()
        for start, end in blocks.blocks[:, [TEXT_START, TEXT_END]]
    ]


def paths(page: str) -> list[str]:
    """The elements around each block."""
    blocks = cut(page)
    found = []
    for node in blocks.blocks[:, NODE]:
        path = []
        while node > 0:
            path.append(TAGS[blocks.nodes[node, NODE_TAG] - 1])
            node = blocks.nodes[node, PARENT]
        found.append("/".join(reversed(path)))
    return found


def test_blocks_end_where_a_browser_starts_a_new_line() -> None:
    assert texts("one <b>two</b> <i>th</i>ree<p>four</p>five<div>six") == [
        "one two three",
        "four",
        "five",
        "six",
    ]


def test_white_space_is_collapsed_but_in_code() -> None:
    assert texts("<p> a \n b&nbsp;&#160; c\u00a0 </p>") == ["a b c"]
    assert texts("<pre>\n  if x:\n    y\n</pre>") == ["  if x:\n    y"]


def test_line_ends_of_all_systems_stay_in_code() -> None:
    assert texts("<pre>a\rb\r\nc\nd\r</pre>") == ["a\nb\nc\nd"]


def test_nul_is_dropped_as_a_browser_does_it() -> None:
    assert texts("<p>a\0b \0 c\0</p>\0<pre>d\0e</pre>") == ["ab c", "de"]


def test_text_that_is_no_markup_but_shown_is_a_block_as_it_stands() -> None:
    assert texts("a<xmp>if (a < b)\n  <b>c</b></xmp>d") == ["a", "if (a < b)\n  <b>c</b>", "d"]
    assert texts("a<plaintext>b\n<p>") == ["a", "b\n<p>"]
    assert texts("<noscript><xmp>a</xmp></noscript><textarea>b</textarea>") == []


@pytest.mark.parametrize("attribute", ["shadowrootmode=open", "shadowroot"])
def test_a_template_that_a_browser_shows_is_text(attribute: str) -> None:
    shown = f"<x-y><template {attribute}>a<p>b</p>c</template>d</x-y>e"
    assert texts(shown) == ["a", "b", "c", "de"]
    assert texts("<x-y>a<template><b>b</b>c</template>d</x-y>") == ["ad"]
    assert texts(f"<noscript>{shown}</noscript>") == []


TEX = '<annotation encoding="application/x-tex">'
FORMULAS = {
    f"a <math><mfrac><mi>x</mi><mi>y</mi></mfrac>{TEX}x/y</annotation></math>, b": "a $x/y$, b",
    f"a<br><math><mi>x</mi>\n{TEX} x </annotation></math>": "a\n$x$",
    f"<math>{TEX}{{\\displaystyle {{x}}}}</annotation></math><img src=x>, b": "${x}$, b",
    f"a <math>{TEX}\\displaystyle {{x}}</annotation></math>": "a $\\displaystyle {x}$",
    "<math><mi>x</mi><annotation encoding=Maple>y</annotation></math>z": "xz",
    f"<b>a <math><mi>xyz</mi>{TEX}x</annotation></math></b>": "a $x$",
    f"<a href=b>c <math><mi>x</mi>{TEX}y</annotation></math></a>": "c x",
    f"a {TEX}x</annotation>b": "a b",
    f'<span class="katex"><span class="katex-mathml"><math><mi>x</mi>{TEX}x_1</annotation></math>'
    '</span><span class="katex-html"><i>x</i></span></span>': "$x_1$",
    '<span class="mwe-math-mathml-inline" style="display: none;"><math><mi>x</mi>'
    f"{TEX}x</annotation></math></span><img src=x>": "$x$",
}


@pytest.mark.parametrize("page", FORMULAS)
def test_formulas_are_their_tex(page: str) -> None:
    assert texts(page) == [FORMULAS[page]]


def test_tex_that_a_page_forgot_to_close_ends_with_its_block() -> None:
    assert texts("<p><math><mi>x</mi><annotation encoding=tex>y<p>z</annotation>") == ["$y", "z$"]
    assert texts("<p><math><mi>x</mi><p><annotation encoding=tex>y</annotation>z") == ["x", "z"]


def test_breaks_part_lines_and_two_of_them_blocks() -> None:
    assert texts("<p>a<br>b<br/><br>c<hr>d") == ["a\nb", "c", "d"]
    assert texts("<p><br>a<br></p>") == ["a"]


ENDS = {
    "<p>a<p>b": ["p", "p"],
    "<ul><li>a<li>b<ul><li>c</ul><li>d</ul>": ["ul/li", "ul/li", "ul/li/ul/li", "ul/li"],
    "<dl><dt>a<dd>b<dt>c</dl>d": ["dl/dt", "dl/dd", "dl/dt", ""],
    "<table><tr><td>a<td>b<tr><th>c</table>d": ["table/tr/td", "table/tr/td", "table/tr/th", ""],
    "<div><p>a</div>b": ["div/p", ""],
    "<p>a</div>b</p>c": ["p", "p", ""],
    "<table><tr><td></div>a</td></tr></table>b": ["table/tr/td", ""],
    "<h1>a<h2>b</h2>c": ["h1", "h2", ""],
    "<head><title>t</title>x<p>a": ["p"],
}


@pytest.mark.parametrize("page", ENDS)
def test_end_tags_that_are_left_out_are_implied(page: str) -> None:
    assert paths(page) == ENDS[page]


def test_what_is_no_text_is_left_out() -> None:
    page = "a<script>b</script><noscript>c</noscript><select><option>d</select>"
    assert texts(page + "<svg><text>e</text></svg><svg/>f<button>g<div>h</div></button>i") == [
        "a f",
        "i",
    ]
    assert texts("<div><button>a</div>b") == ["b"]
    assert texts('<h2>a<span class="mw-editsection"><span>[</span>edit</span></h2>') == ["a"]


def test_hidden_spans_are_no_text() -> None:
    assert texts("<p>a<span hidden>b<span>c</span></span> d") == ["a d"]
    assert texts('<p>a <span style="color:red; display: none">b</span>c') == ["a c"]
    assert texts('<p>a <span style="display:inline">b</span>') == ["a b"]
    assert texts('<p>a<span class="sr-only">b</span>') == ["a"]
    assert texts("<pre><span class=lineno>1 </span>a\n<span class='linenos'>2</span>b") == ["a\nb"]


def test_signs_that_link_a_heading_to_itself_are_no_text() -> None:
    assert texts("<h2>a<a href=#a>¶</a></h2>") == ["a"]
    assert texts("<h2><a href=#a> # </a>b</h2><p><a href=#n>#1</a>") == ["b", "#1"]
    blocks = cut("<h2>ab <a href=#a>&para;</a></h2>").blocks
    assert blocks[:, LINK_BYTES].tolist() == [0]
    assert texts("<p>a<span>b<a href=x># </a></span>c") == ["ab c"]


def test_images_part_words() -> None:
    assert texts("<p>a<img src=x>b<wbr>c") == ["a bc"]


def test_links_and_bold_text_are_counted() -> None:
    blocks = cut("<p>ab <a href=x>cde</a> <b>fg</b></p><p><a href=y>h</p><p>i").blocks
    assert blocks[:, LINK_BYTES].tolist() == [4, 1, 0]
    assert blocks[:, BOLD_BYTES].tolist() == [3, 0, 0]


def test_texts_of_images_are_an_option() -> None:
    page = '<p>a <img alt="b c"> d'
    assert texts(page) == ["a d"]
    assert texts(page, image_texts=True) == ["a b c d"]


def test_nesting_beyond_the_maximum_is_told() -> None:
    page = np.frombuffer(b"<div>" * 10 + b"x", np.uint8)
    tokens = scan_tags(page, maximum=100)
    assert tokens is not None
    assert cut_blocks(page, tokens, maximum_depth=9, image_texts=False) is None
    assert cut_blocks(page, tokens, maximum_depth=10, image_texts=False) is not None


SOUP = "div p ul li table tr td h1 a b pre span select br head"
TAG_SOUP = st.lists(
    st.sampled_from(SOUP.split()).flatmap(
        lambda name: st.sampled_from([f"<{name}>", f"</{name}>", f"<{name} class=x>", "text "])
    ),
    max_size=25,
)


@given(pieces=TAG_SOUP)
def test_nodes_hold_their_blocks_whatever_the_markup(pieces: list[str]) -> None:
    found = cut("".join(pieces))
    nodes, blocks = found.nodes, found.blocks
    assert (nodes[1:, PARENT] < np.arange(1, len(nodes))).all()
    assert (nodes[:, FIRST_BLOCK] <= nodes[:, END_BLOCK]).all()
    for number, node in enumerate(blocks[:, NODE]):
        assert nodes[node, FIRST_BLOCK] <= number < nodes[node, END_BLOCK]
    assert (blocks[:, TEXT_START] < blocks[:, TEXT_END]).all()
    assert (blocks[1:, TEXT_START] >= blocks[:-1, TEXT_END]).all()


def test_real_pages_have_the_words_of_a_browsers_tree(shared_data: Path) -> None:
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    found = same = 0
    with (shared_data / "crawl" / "pages-00000.warc.gz").open("rb") as stream:
        for record, _ in zip(
            ArchiveIterator(stream, record_types=WarcRecordType.response), range(60), strict=False
        ):
            page = record.reader.read().decode("utf-8", "replace")
            tree = HTMLTree.parse(page)
            text = extract_plain_text(tree, list_bullets=False, noscript=False, alt_texts=False)
            words = set(text.split())
            own = set(html.unescape("\n".join(texts(page.encode(), depth=256))).split())
            found += len(words)
            same += len({word for word in words if word in own})
    assert same > 0.99 * found > 0
