"""Small pages, written by hand, each with the strings that its main text has and has not.

A page of `cases/` begins with a comment that lists them: `keep: …`, `drop: …`, and
`with comments: …` for what stays where comments are asked for. `\\n` stands for a line's end.
"""

from pathlib import Path

import pytest

from transforms.extract_options import ExtractOptions
from transforms.page.main_text import page_text, read_page

CASES = sorted((Path(__file__).parent / "cases").glob("*.html"))


def case(path: Path) -> tuple[list[tuple[str, str]], bytes]:
    """What is wanted of a page, and the page."""
    wanted, _, page = path.read_text("utf-8").partition("-->\n")
    lines = wanted.removeprefix("<!--\n").splitlines()
    pairs = [line.split(": ", 1) for line in lines]
    return [(kind, string.replace("\\n", "\n")) for kind, string in pairs], page.encode()


def main_text(page: bytes, *, comments: bool) -> str:
    read = read_page(page, maximum_tags=9_999, maximum_depth=99)
    return page_text(read, ExtractOptions(comments=comments))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_main_text_of(path: Path) -> None:
    wanted, page = case(path)
    text, discussed = (main_text(page, comments=comments) for comments in (False, True))
    for kind, string in wanted:
        if kind == "keep":
            assert string in text
        elif kind == "drop":
            assert string not in text
        else:
            assert kind == "with comments"
            assert string in discussed
