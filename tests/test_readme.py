"""What the README says is so: its commands, its output, its Python and its recipe."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml

from pipelines.cli.main import app
from pipelines.recipe import TextRecipe
from tests.pipelines import flow

README = (flow.REPOSITORY / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the first screen's commands were given."""
    return tmp_path_factory.mktemp("readme")


def test_the_first_screen_shows_what_its_commands_print(demo: Path) -> None:
    (block,) = (text for _, text in BLOCKS if text.startswith("$ "))
    printed = ""
    for line in block.splitlines():
        if line.startswith("$ penstock "):
            printed = _penstock(shlex.split(line[2:])[1:], demo)
    shown = [line for line in block.splitlines() if not line.startswith("$ ")]
    assert _lines(printed) == _lines("\n".join(shown))


def _penstock(arguments: list[str], folder: Path) -> str:
    call = [sys.executable, "-c", "from pipelines.cli import main; main()", *arguments]
    environment = {"PYTHONPATH": str(flow.REPOSITORY), "PATH": "/usr/bin:/bin", "COLUMNS": "120"}
    done = subprocess.run(
        call, cwd=folder, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _lines(text: str) -> list[str]:
    """Lines without what the machine decides: times, and white space at their ends."""
    text = re.sub(r"in [\d.]+ s$", "in a while", text, flags=re.MULTILINE)
    return [line.rstrip() for line in text.strip().splitlines()]


def test_the_python_runs(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (demo / "demo").exists():
        pytest.skip("runs after the commands that make demo/out")
    monkeypatch.chdir(demo)
    (code,) = (text for language, text in BLOCKS if language == "python")
    exec(compile(code, "README.md", "exec"), {})


def test_the_recipe_is_one() -> None:
    (text,) = (text for language, text in BLOCKS if language == "yaml")
    recipe = TextRecipe.model_validate(yaml.safe_load(text))
    assert recipe.validation.fraction == 0.005


def test_commands_and_options_exist() -> None:
    group = typer.main.get_command(app)
    calls = [line for _, text in BLOCKS for line in text.splitlines() if "penstock " in line]
    calls = [line.removeprefix("$ ") for line in calls]
    calls = [line for line in calls if line.startswith("penstock ")]
    assert calls
    for call in calls:
        name, *arguments = shlex.split(call.partition(" #")[0].partition(" -- ")[0])[1:]
        command = group.commands[name]  # type: ignore[attr-defined]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in arguments if word.startswith("--")} <= known, call


def test_make_targets_exist() -> None:
    makefile = (flow.REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"^make ([a-z]+)", README, flags=re.MULTILINE):
        assert f"\n{target}:" in makefile
