"""What must work without the extras: their modules are made unimportable in a fresh interpreter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.extras import EXTRAS
from tests.pipelines.made_output import some_pages, write_output

ROOT = Path(__file__).parents[3]
ABSENT = sorted(module for modules in EXTRAS.values() for module in modules)
WITHOUT_EXTRAS = (
    f"import sys; sys.modules.update(dict.fromkeys({ABSENT})); "
    "from pipelines.cli import main; main()"
)


def penstock(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", WITHOUT_EXTRAS, *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_output(tmp_path_factory.mktemp("out"), some_pages(60))


def test_looking_needs_no_extra(out: str) -> None:
    for arguments in (
        ("--help",),
        ("recipe", "list"),
        ("recipe", "schema"),
        ("report", out),
        ("clusters", out),
        ("whatif", out, "--set", "length.minimum_words=9"),
        ("explain", out, "0000"),
    ):
        done = penstock(*arguments)
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_verify_needs_no_extra(out: str) -> None:
    done = penstock("verify", out)
    assert "is missing; restore it or run again" in done.stderr
    assert done.returncode == 1


def test_a_command_whose_extra_is_absent_says_which_pip_line_brings_it(tmp_path: Path) -> None:
    page = {"text": "some words"}
    (tmp_path / "a.jsonl").write_text(json.dumps(page))
    done = penstock(
        "run", "quickstart", "--input", str(tmp_path / "a.jsonl"), "--output", str(tmp_path / "o")
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "resiliparse" in done.stderr
    assert done.stderr.rstrip().endswith("bring it with: pip install 'penstock[text,dask]'")
    assert not (tmp_path / "o").exists()


def test_the_doctor_says_what_is_absent() -> None:
    done = penstock("doctor")
    assert "pip install 'penstock[dask]'" in " ".join(done.stdout.split())
