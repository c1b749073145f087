import json
import tracemalloc

import numpy as np

from transforms.extract_options import ExtractOptions
from transforms.page.linked_data import stated_body
from transforms.page.main_text import page_text, read_page

STATED = "The bell rang twice.\n\nThen “all” was quiet, and 1 < 2 & 3 > 2 still held. " * 5


def page(script: str, body: str = "") -> bytes:
    return f'<script type="application/ld+json">{script}</script>{body}'.encode()


def stated(script: str) -> str:
    read = read_page(page(script), maximum_tags=99, maximum_depth=99)
    return stated_body(read.data, read.tokens)


def text(html: bytes) -> str:
    return page_text(read_page(html, maximum_tags=99, maximum_depth=99), ExtractOptions())


def test_a_page_without_text_has_that_of_its_script() -> None:
    found = text(page(json.dumps({"articleBody": STATED}), "<div id=app></div>"))
    assert found.startswith("The bell rang twice.\n\nThen “all” was quiet, and 1 < 2 & 3 > 2 still")


def test_a_page_with_text_keeps_its_own() -> None:
    own = "".join(f"<p>{'The miller opens the gate, and the wheel turns. ' * 4}</p>" * 4)
    assert "bell" not in text(page(json.dumps({"articleBody": STATED}), own))


def test_the_longest_body_counts_and_html_in_it_is_read_as_such() -> None:
    assert stated('[{"articleBody": "a"}, {"articleBody" : "abc"}]') == "abc"
    html = f"<p>{STATED[:60]}</p><p>Second</p>" * 3
    assert "quiet" in text(page(json.dumps({"articleBody": html})))
    assert "<p>" not in text(page(json.dumps({"articleBody": html})))


def test_what_is_no_json_string_is_passed_over() -> None:
    assert stated('{"articleBody": "never closed') == ""
    assert stated(r'{"articleBody": "bad \x escape"}') == ""
    assert stated(r'{"articleBody": "lone \ud800 half"}') == "lone ? half"
    assert (
        stated_body(np.zeros(0, np.uint8), read_page(b"", maximum_tags=9, maximum_depth=9)[1]) == ""
    )


def test_a_script_of_escapes_takes_little_memory() -> None:
    html = page('{"articleBody": "' + r"\"" * 1_000_000 + '"}')
    read = read_page(html, maximum_tags=99, maximum_depth=99)
    tracemalloc.start()
    body = stated_body(read.data, read.tokens)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(body) == 1_000_000
    assert peak < 16_000_000
