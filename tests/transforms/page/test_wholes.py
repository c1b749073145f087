import numpy as np

from tests.transforms.page.test_blocks import cut
from transforms.page.wholes import keep_wholes


def kept(page: str, marks: str, *, linked: int = 0) -> str:
    """Which blocks, of ten characters each, are kept where `x` marks what the classifier keeps."""
    every = np.full(len(marks), 10, np.int32)
    own = np.array([mark == "x" for mark in marks], np.bool_)
    found = keep_wholes(cut(page), every, np.full(len(marks), linked, np.int64), own)
    return "".join("x" if keep else "." for keep in found)


def test_a_table_of_which_half_is_kept_is_kept() -> None:
    table = "<p>a<table><tr><td>b<td>c<tr><td>d<td>e</table><p>f"
    assert kept(table, "x.x..x") == "x.x..x"
    assert kept(table, "x.xx.x") == "xxxxxx"
    assert kept(table, "x.x..x") == "x.x..x"


def test_lists_in_a_list_that_is_kept_are_kept() -> None:
    assert kept("<ul><li>a<li>b<li>c<ol><li>d</ol></ul><p>e", "xx.x.") == "xxxx."
    assert kept("<ul><li>a<li>b<ol><li>c<li>d</ol></ul>", "..x.") == "..xx"
    assert kept("<dl><dt>a<dd>b</dl><dl><dt>c<dd>d</dl>", ".x..") == "xx.."


def test_lists_of_links_and_layout_tables_are_left_alone() -> None:
    assert kept("<ul><li>a<li>b<li>c</ul>", "xx.", linked=4) == "xx."
    assert kept("<ul><li>a<li>b<li>c</ul>", "xx.", linked=3) == "xxx"
    assert kept("<table><tr><td>a<td><table><tr><td>b</table><td>c</table>", "xx.") == "xx."


def test_a_page_without_text_is_no_trouble() -> None:
    assert kept("<table></table><ul></ul>", "") == ""
