"""C4's and RefinedWeb's line rules on lines that a person can judge."""

import pyarrow as pa
import pytest

from transforms.heuristics.c4 import LineRules
from transforms.heuristics.columns import COUNTS, REFINED_LINES, REMOVED_LINES
from transforms.heuristics.measure import heuristic_signals
from transforms.heuristics.refinedweb import RefinedWeb

C4 = LineRules(fewest_words=3, ends=".?!\"'")


def judged(lines: list[str], rules: LineRules | RefinedWeb) -> tuple[list[str], dict[str, int]]:
    names = REFINED_LINES if isinstance(rules, RefinedWeb) else REMOVED_LINES
    counts = [COUNTS[name] for name in names]
    signals, text = heuristic_signals(pa.array(["\n".join(lines)]), counts, line_rules=rules)
    left = text[0].as_py()
    return left.split("\n") if left else [], signals.to_pylist()[0]


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("A line that ends properly.", "lines_kept"),
        ('She said "so it is"', "lines_kept"),
        ("No mark at its end", "lines_without_end"),
        ("It goes on and on...", "lines_without_end"),
        ("Too short.", "lines_with_few_words"),
        ("Please turn JavaScript on.", "lines_with_javascript"),
        ("We USE COOKIES on this site.", "lines_with_policy"),
        ("Read the Terms of Use here.", "lines_with_policy"),
        ("Our privacy policy has changed.", "lines_with_policy"),
        ("x" * 1001 + " is a word.", "lines_with_long_word"),
        ("", "lines_without_end"),
    ],
)
def test_c4_keeps_a_line_or_says_why_it_goes(line: str, count: str) -> None:
    left, counts = judged(["It begins like this.", line, "It ends like this."], C4)
    kept = count == "lines_kept"
    assert left == ["It begins like this.", *([line] if kept else []), "It ends like this."]
    assert counts["lines_kept"] == 2 + kept
    assert counts[count] == 1 + 2 * kept
    assert counts["sentences"] == 2 + kept


def test_a_line_without_end_may_stay_where_no_end_is_asked() -> None:
    left, _ = judged(["Three plain words", "two words"], LineRules(fewest_words=3))
    assert left == ["Three plain words"]


def test_braces_and_lorem_ipsum_are_counted_where_the_line_came_so_far() -> None:
    lines = [
        "This has { in it, yes.",
        "Lorem ipsum dolor sit amet.",
        "javascript { goes first.",
        "{",
    ]
    _, counts = judged(lines, C4)
    assert (counts["lines_with_brace"], counts["lines_with_lorem_ipsum"]) == (1, 1)


def test_citations_are_cut_before_lines_are_looked_at() -> None:
    left, counts = judged(["So it was.[12] Then it wasn't.[citation needed]"], C4)
    assert left == ["So it was. Then it wasn't."]
    assert counts["sentences"] == 2


@pytest.mark.parametrize(
    ("line", "left", "count"),
    [
        ("THIS IS SHOUTED at you", None, "lines_in_capitals"),
        ("12345", None, "lines_of_digits"),
        ("1.2K views", None, "lines_of_counters"),
        ("– 3 Likes!", None, "lines_of_counters"),
        ("3 pages", "3 pages", "refined_lines"),
        ("Menu", None, "lines_of_one_word"),
        ("Items in cart", None, "lines_cut_away"),
        ("Sign-in to go on", "to go on", "lines_cut"),
        ("The story of a mill Read more...", "The story of a mill", "lines_cut"),
        ("You have 3 items in cart now", "You have 3  now", "lines_cut"),
        ("A line as it should be.", "A line as it should be.", "refined_lines"),
    ],
)
def test_refinedweb_takes_a_line_or_a_piece_of_it(line: str, left: str | None, count: str) -> None:
    around = ["A line before it, in plain words.", "A line after it, in plain words."]
    found, counts = judged([around[0], line, around[1]], RefinedWeb())
    assert found == [around[0], *([left] if left else []), around[1]]
    assert counts[count] == 1 + 2 * (count == "refined_lines")
    gone = len(line.split()) - len((left or "").split())
    assert counts["removed_words"] == gone - line.startswith("–")


def test_empty_lines_stay_between_lines_to_refinedweb() -> None:
    assert judged(["MENU", "", "One paragraph is here.", "", "And another one."], RefinedWeb())[
        0
    ] == [
        "One paragraph is here.",
        "",
        "And another one.",
    ]
