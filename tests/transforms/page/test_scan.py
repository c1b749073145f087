import re
from html.parser import HTMLParser

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transforms.page.names import ATTRIBUTES, TAGS
from transforms.page.scan import (
    ATTRIBUTES_END,
    END,
    FIRST_ATTRIBUTE,
    NAME,
    START,
    TAG,
    VALUE_END,
    VALUE_START,
    Tokens,
    scan_tags,
)


def scan(page: str) -> tuple[bytes, Tokens]:
    data = page.encode()
    tokens = scan_tags(np.frombuffer(data, np.uint8), maximum=10_000)
    assert tokens is not None
    return data, tokens


def names(page: str) -> list[str]:
    _, tokens = scan(page)
    numbers = tokens.tags[:, TAG].tolist()
    return [("/" if n < 0 else "") + TAGS[abs(n) - 1] if n else "" for n in numbers]


def values(page: str) -> dict[str, str]:
    data, tokens = scan(page)
    first, end = tokens.tags[0, [FIRST_ATTRIBUTE, ATTRIBUTES_END]]
    return {
        ATTRIBUTES[row[NAME] - 1]: data[row[VALUE_START] : row[VALUE_END]].decode()
        for row in tokens.attributes[first:end]
    }


def gaps(page: str) -> str:
    """What no token covers: the text."""
    data, tokens = scan(page)
    place, parts = 0, []
    for start, end in tokens.tags[:, [START, END]].tolist():
        parts.append(data[place:start])
        place = end
    return b"".join([*parts, data[place:]]).decode()


def test_tags_are_known_by_name_in_any_case() -> None:
    assert names("<DIV><p/><Blockquote></DIV></p >") == ["div", "p", "blockquote", "/div", "/p"]
    assert names("<my-tag><div1></spa>") == ["", "", ""]


def test_attributes_keep_their_values_quoted_or_not() -> None:
    page = "<div CLASS='a > b' id=main data-class=no hidden href = \"x\" class=second>"
    assert values(page) == {"class": "a > b", "id": "main", "hidden": "", "href": "x"}
    assert values("<p class=>text") == {"class": ""}
    assert values("<p class=a/b>text") == {"class": "a/b"}


def test_what_is_no_tag_stays_text() -> None:
    assert gaps("5 < 6 and <3 and a<") == "5 < 6 and <3 and a<"
    assert gaps("a<!-- <p> -- > -->b<!-->c<!--->d<!doctype html>e<?php 1 ?>f</3>g") == "abcdefg"


def test_raw_text_ends_at_its_own_end_tag() -> None:
    assert gaps("a<script>if (1 </2) '<p>'</SCRIPT >b<title>x<b></title>c") == "abc"
    assert gaps("a<style>p</styles>{}</style>b") == "ab"
    assert gaps("a<plaintext>b</plaintext>c") == "a"


def test_a_script_in_a_comment_of_a_script_does_not_end_it() -> None:
    inner = "s = '<script>x</script>';"
    assert gaps(f"a<script><!-- {inner} \n//--></script>b") == "ab"
    assert gaps(f"a<script><!-- --> {inner}</script>b") == "a';b"
    assert gaps(f"a<script><!--> {inner}</script>b") == "a';b"
    assert gaps(f"a<script>{inner}</script>b") == "a';b"
    assert gaps("a<script><!-- <p> </script>b<p>") == "ab"
    assert gaps("a<script><!-- <scripts> </script>b") == "ab"
    assert gaps(f"a<style><!-- {inner}</style>b") == "ab"
    assert gaps(f"a<script><!-- {inner}{inner}</script>b<script></script>c") == "abc"


def test_a_title_without_content_in_a_drawing_hides_nothing() -> None:
    assert names("<svg><title/></svg><p>") == ["svg", "title", "/svg", "p"]
    assert names("<title/></svg><p></title>") == ["title", "/title"]


def test_more_tags_than_allowed_are_told() -> None:
    page = np.frombuffer(b"<p>" * 10, np.uint8)
    assert scan_tags(page, maximum=9) is None
    assert scan_tags(page, maximum=10) is not None


class Words(HTMLParser):
    """The text of a page by the standard library."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


PIECES = st.lists(
    st.sampled_from(
        [
            "<p>",
            "</p>",
            "<b class='x'>",
            "</b>",
            "one ",
            "two",
            "<br/>",
            "<!-- no -->",
            "<a href=/>",
        ]
    ),
    max_size=12,
)


@given(pieces=PIECES)
def test_the_text_of_plain_markup_is_the_standard_librarys(pieces: list[str]) -> None:
    page = "".join(pieces)
    oracle = Words()
    oracle.feed(page)
    oracle.close()
    assert gaps(page) == "".join(oracle.parts)


@given(page=st.text(st.sampled_from("<>/!-='\"ab p\0é&#"), max_size=80))
def test_tokens_lie_in_order_within_the_page(page: str) -> None:
    data, tokens = scan(page)
    starts, ends = tokens.tags[:, START], tokens.tags[:, END]
    assert (starts < ends).all()
    assert (ends[:-1] <= starts[1:]).all()
    assert len(ends) == 0 or ends[-1] <= len(data)
    assert (tokens.attributes[:, VALUE_START] <= tokens.attributes[:, VALUE_END]).all()
    assert re.fullmatch(r"(?s).*", gaps(page))
