import os
import signal
import subprocess
from collections.abc import Iterator

import pyarrow as pa
import pytest

from tests.transforms.test_extract import PAGE, extract
from transforms.extract_options import ExtractEngine, ExtractOptions
from transforms.extract_trafilatura import Trafilatura, TrafilaturaError
from transforms.markup import RefusedPageError

pytest.importorskip("trafilatura", reason="the extra [trafilatura] isn't installed")


@pytest.fixture
def child() -> Iterator[Trafilatura]:
    child = Trafilatura(comments=False, timeout_s=60, pages_per_process=2)
    yield child
    child.close()


def process_of(child: Trafilatura) -> "subprocess.Popen[bytes]":
    process = child._process
    assert process is not None
    return process


def test_the_recipe_chooses_trafilatura() -> None:
    from trafilatura import extract as reference

    options = ExtractOptions(engine=ExtractEngine.TRAFILATURA)
    text, error = extract(PAGE, options=options)
    assert error is None
    assert text == reference(PAGE, include_comments=False)
    refused = "too_many_tags: 800,000, 100,000 are read"
    assert extract("<option><optgroup>" * 400_000, options=options) == (None, refused)


def test_a_process_is_replaced_after_its_pages(child: Trafilatura) -> None:
    processes = []
    for _ in range(3):
        assert "How a mill works" in child.text(PAGE)
        processes.append(process_of(child).pid)
    assert processes[0] == processes[1] != processes[2]


def test_a_page_past_its_deadline_fails_and_the_next_is_read() -> None:
    child = Trafilatura(comments=False, timeout_s=60, pages_per_process=9)
    assert child.text(PAGE)
    stopped = process_of(child)
    os.kill(stopped.pid, signal.SIGSTOP)
    child._timeout_s = 0.2
    with pytest.raises(RefusedPageError, match=r"timeout: trafilatura took longer than 0\.2 s"):
        child.text(PAGE)
    assert stopped.returncode == -signal.SIGKILL
    child._timeout_s = 60
    assert child.text(PAGE)
    child.close()


def test_a_process_that_dies_costs_one_page(child: Trafilatura) -> None:
    assert child.text(PAGE)
    os.kill(process_of(child).pid, signal.SIGKILL)
    process_of(child).wait()
    with pytest.raises(TrafilaturaError, match="its process ended with status -9"):
        child.text(PAGE)
    assert child.text(PAGE)


def test_a_page_without_text_is_empty() -> None:
    options = ExtractOptions(engine=ExtractEngine.TRAFILATURA)
    assert extract("", options=options) == ("", None)
    assert pa.array([extract("<p>", options=options)[0]]).null_count == 0
