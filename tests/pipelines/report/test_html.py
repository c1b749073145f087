from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.report.html import Html, header_row, join, tag, text


class Reader(HTMLParser):
    """What a browser sees: elements, attributes, text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.seen = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.seen += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        assert decl == "DOCTYPE html"


def read(markup: str) -> Reader:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    return reader


@given(st.text())
@example("<script>alert(1)</script>")
@example("</p><!-- &lt; -->\"'><img src=x onerror=alert(1)>")
@example("&#60;script&#62;")
def test_text_stays_text_whatever_it_is(value: str) -> None:
    reader = read(tag("p", value))
    assert {name for name, _ in reader.elements} <= {"p", "span"}
    assert all(attributes.get("class") == "hidden-char" for name, attributes in reader.elements
               if name == "span")  # fmt: skip


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_what_can_be_seen_is_shown_as_it_is(value: str) -> None:
    hidden = "\u3164\uffa0\u115f\u1160\u17b4\u17b5"
    value = "".join(c for c in value if c not in hidden)
    assert read(tag("p", value)).seen == value


@given(st.text(st.characters(codec="utf-8")))
def test_an_attribute_stays_an_attribute(value: str) -> None:
    [(name, attributes)] = read(tag("p", title=value)).elements
    assert name == "p"
    assert list(attributes) == ["title"]


@pytest.mark.parametrize(
    ("character", "name"),
    [("\u202e", "RIGHT-TO-LEFT OVERRIDE"), ("\u200b", "ZERO WIDTH SPACE"), ("\x00", "control")],
)
def test_what_can_not_be_seen_is_named(character: str, name: str) -> None:
    assert f"U+{ord(character):04X}" in text(f"a{character}b")
    assert name in text(character)


def test_joiners_that_scripts_need_stay() -> None:
    assert text("نمی\u200cخواهم 👩\u200d🔬") == "نمی\u200cخواهم 👩\u200d🔬"


def test_markup_is_not_escaped_twice() -> None:
    assert tag("p", tag("b", "<"), "&") == "<p><b>&lt;</b>&amp;</p>"
    assert join("a", None, Html("<br/>"), 3) == "a<br/>3"


def test_attributes_are_named_in_python() -> None:
    assert tag("rect", class_="a", text_anchor="end", x=1.5, y=None) == (
        '<rect class="a" text-anchor="end" x="1.5"/>'
    )
    with pytest.raises(ValueError, match="isn't a name"):
        tag("p", **{'x" onload="y': "z"})


def test_numbers_stand_right() -> None:
    assert header_row("rule", "#records").count('class="number"') == 1
