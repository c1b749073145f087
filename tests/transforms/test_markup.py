import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.markup import markup_cost


@pytest.mark.parametrize(
    ("page", "tags", "attributes"),
    [
        ("", 0, 0),
        ("a < b > c <3 </3>", 0, 0),
        ("<p>one</p><br/>", 3, 0),
        ("<a b c=d e='<x y>' f=\">\" g = h>", 1, 5),
        ("<!-- <a b> --><!--><i><!---><i><!-- x --!><i>", 3, 0),
        ("<!doctype html><?xml v='1'><p>", 1, 0),
        ("<script a>if (x <y z w) '<p q r s>'</script><p>", 3, 1),
        ("<textarea><p a b></textarea >", 2, 0),
        ("<a b", 1, 1),
        ("<", 0, 0),
        ("<!", 0, 0),
        ("<!--", 0, 0),
        ("</", 0, 0),
        ("<script>", 1, 0),
    ],
)
def test_tags_and_attributes_are_those_of_the_standard(
    page: str, tags: int, attributes: int
) -> None:
    assert markup_cost(page.encode())[:2] == (tags, attributes)


def test_closed_formatting_is_not_reopened() -> None:
    assert markup_cost(b"<p><b><i>x</i></b></p>" * 100).reopened == 400


def test_identical_open_elements_count_three_times() -> None:
    assert markup_cost(b"<b>" * 100 + b"<p>").reopened == 1 + 2 + 3 * 98


def test_open_elements_that_differ_all_count() -> None:
    page = "".join(f"<b a={number}><p>" for number in range(100))
    assert markup_cost(page.encode()).reopened == 100 * 100


@pytest.mark.parametrize("hidden", ["<!--</b>-->", "<p title='</b>'>", "<script></b></script>"])
def test_an_end_tag_that_a_parser_does_not_see_closes_nothing(hidden: str) -> None:
    page = "".join(f"<b a={number}>{hidden}<p>" for number in range(100))
    assert markup_cost(page.encode()).reopened >= 100 * 99 / 2


def test_an_end_tag_in_a_cell_does_not_close_what_stands_outside() -> None:
    page = "".join(f"<b a={number}><table><td></b></table>" for number in range(100))
    assert markup_cost(page.encode()).reopened >= 100 * 99 / 2


@given(st.text(st.sampled_from("<>/!-='\"ab \n\0") | st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_counted(page: str) -> None:
    cost = markup_cost(page.encode())
    assert 0 <= cost.tags <= page.count("<")
    assert cost.attributes <= len(page)
