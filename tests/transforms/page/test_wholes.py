import numpy as np

from tests.transforms.page.test_cut import cut
from transforms.page.wholes import keep_wholes

LOGIT = 65_536


def whole(page: str, *scores: float, linked: int = 0) -> str:
    """Which blocks, of ten characters each, are in lists that are kept, by their scores."""
    found = keep_wholes(
        cut(page),
        np.full(len(scores), 10, np.int32),
        np.full(len(scores), linked, np.int64),
        np.array([score * LOGIT for score in scores]).astype(np.int32),
    )
    return "".join("x" if keep else "." for keep in found)


def test_a_table_is_kept_or_dropped_by_its_mean_score() -> None:
    table = "<p>a<table><tr><td>b<td>c<tr><td>d<td>e</table><p>f"
    assert whole(table, -9, 1, -1, -1, -0.9, -9) == ".xxxx."
    assert whole(table, 9, 1, -1, -1, -1.1, 9) == "......"


def test_a_block_that_is_quite_sure_does_not_decide_for_all() -> None:
    assert whole("<ul><li>a<li>b<li>c</ul>", 30, -6, -6) == "..."
    assert whole("<ul><li>a<li>b<li>c</ul>", -30, 5, 5) == "xxx"


def test_lists_in_a_list_that_is_kept_are_kept() -> None:
    assert whole("<ul><li>a<li>b<li>c<ol><li>d</ol></ul><p>e", 1, 1, 1, -4, 1) == "xxxx."
    assert whole("<ul><li>a<li>b<ol><li>c<li>d</ol></ul>", -3, -3, 1, -1) == "..xx"
    assert whole("<dl><dt>a<dd>b</dl><dl><dt>c<dd>d</dl>", -1, 1, -1, -1) == "xx.."


def test_lists_of_links_and_layout_tables_are_left_alone() -> None:
    assert whole("<ul><li>a<li>b<li>c</ul>", 1, 1, -1, linked=4) == "..."
    assert whole("<ul><li>a<li>b<li>c</ul>", 1, 1, -1, linked=3) == "xxx"
    layout = "<table><tr><td>a<td><table><tr><td>b</table><td>c</table>"
    assert whole(layout, 1, 1, -1) == ".x."


def test_a_page_without_text_is_no_trouble() -> None:
    assert whole("<table></table><ul></ul>") == ""
