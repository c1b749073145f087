"""Output where a person or a program reads it: widths, encodings, folders with blanks."""

import contextlib
import html
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.cli.summary import print_summary
from pipelines.report import gather, write_page
from tests.pipelines.made_output import Page, doc_id, write_output

LONG = f"https://x.example/{'a-long-way/' * 20}end.html"
PAGES = [
    Page(number=1, url=LONG, words=100, cluster_size=2),
    Page(number=2, url=f"{LONG}?copy", words=100, rule="near_duplicate", stage="dedup", twin=1),
]
PROGRAM = "from pipelines.cli import main; main()"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_output(tmp_path_factory.mktemp("out") / "my büro's out", PAGES)


def printed(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=os.environ | {"FORCE_COLOR": ""} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", ["clusters", "explain", "whatif"])
def test_what_a_program_reads_has_no_width(out: str, command: str) -> None:
    rest = {"explain": [doc_id(2).hex()], "whatif": ["--set", "length.minimum_words=200"]}
    lines = printed(command, out, *rest.get(command, []), COLUMNS="40").splitlines()
    assert any(LONG in line for line in lines)
    assert lines == [line.rstrip() for line in lines]


def test_a_terminal_folds_a_url_and_loses_nothing_of_it(out: str) -> None:
    reader, writer = os.openpty()
    plain = {"COLUMNS": "40", "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-c", PROGRAM, "clusters", out]
    with open(writer, "wb") as terminal:
        subprocess.run(command, stdout=terminal, env=os.environ | plain, check=True)
    with open(reader, "rb") as screen:
        text = screen.read1().decode()
    assert "…" not in text
    assert LONG in "".join(line.strip() for line in text.splitlines())


def test_letters_that_the_terminal_lacks_are_told_by_their_number(tmp_path: Path) -> None:
    url = "https://x.example/Überlauf/河畔"
    out = write_output(tmp_path / "out", [Page(number=1, url=url, words=100)])
    text = printed("explain", out, doc_id(1).hex(), PYTHONIOENCODING="ascii")
    assert "KEPT https://x.example/\\xdcberlauf/" in text
    assert "\\u6cb3\\u7554" in text


def test_commands_to_copy_name_a_folder_with_blanks(out: str) -> None:
    page = html.unescape(Path(write_page(gather(out))).read_text())
    assert f"penstock verify {shlex.quote(out)}" in page
    facts = gather(out)
    with contextlib.redirect_stdout(io.StringIO()) as text:
        print_summary(facts, report="report.html", already_done=False)
    assert f"penstock explain {shlex.quote(out)} URL\n" in text.getvalue()
