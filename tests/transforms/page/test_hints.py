import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.page.hints import HINTS, element_hints, hint, text_hints
from transforms.page.patterns import ELEMENTS, TEXTS
from transforms.page.scan import scan_tags


def hints(tag: str) -> set[str]:
    page = np.frombuffer(tag.encode(), np.uint8)
    tokens = scan_tags(page, maximum=9)
    assert tokens is not None
    bits, _ = element_hints(page, tokens, np.zeros(1, np.int32))
    return {name for name in HINTS if bits[0] & hint(name)}


def phrases(text: str) -> set[str]:
    data = np.frombuffer(text.encode(), np.uint8)
    ends = np.array([len(data)], np.int32)
    bits = text_hints(data, np.zeros(1, np.int32), ends, longest=1000)
    return {name for place, name in enumerate(TEXTS) if int(bits[0]) >> place & 1}


NAMED = {
    '<div class="main-nav">': {"navigation", "main"},
    '<div id="articleBody">': {"article", "body", "text"},
    '<div class="loading shadow">': set(),
    '<aside role="complementary">': {"sidebar"},
    '<div style="color:red; display: none">': {"unseen"},
    '<div style="float: right">': set(),
    "<p hidden>": {"unseen"},
    '<div data-x="sidebar">': set(),
}


@pytest.mark.parametrize("tag", NAMED)
def test_names_tell_what_an_element_is_for(tag: str) -> None:
    assert hints(tag) == NAMED[tag]


def test_short_texts_tell_what_they_are() -> None:
    assert "says_legal" in phrases("© 2020 — All rights reserved.")
    assert "says_more" in phrases("Read more")
    assert not phrases("The wheel turns")


def plainly_found(text: str, patterns: dict[str, str]) -> set[str]:
    """The same by substring search in a text brought into shape by regular expressions."""
    seams = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text)
    shaped = "_" + re.sub(r"[^a-z]+", "_", seams.lower()) + "_"
    return {
        name for name, words in patterns.items() if any(word in shaped for word in words.split())
    }


NAMES = ("nav", "Side", "bar-left", "adBanner", "_text", ": entry", "Content", "tab")


@given(words=st.lists(st.sampled_from(NAMES)))
def test_the_automaton_finds_what_a_search_finds(words: list[str]) -> None:
    value = " ".join(words)
    assert hints(f'<div class="{value}">') == plainly_found(value, ELEMENTS)


@given(text=st.text(st.sampled_from("readmoRE tags© by-1."), max_size=30))
def test_phrases_are_found_as_a_search_finds_them(text: str) -> None:
    assert phrases(text) == plainly_found(text, TEXTS)
