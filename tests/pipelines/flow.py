"""Runs of the text flow for tests: small, real, and on whichever engine a test asks for."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines.events import Event
from pipelines.recipe import TextRecipe, load_recipe
from pipelines.run import RunSummary, run_text

REPOSITORY = Path(__file__).parents[2]
SMALL_PIECES = "read.piece_bytes=400kB"


def recipe(
    inputs: Sequence[str], output: Path, *overrides: str, pieces: str | None = SMALL_PIECES
) -> TextRecipe:
    """The quickstart recipe over these inputs, in several pieces or in its own."""
    changes = [*([pieces] if pieces else []), *overrides]
    return load_recipe("quickstart", inputs=inputs, output=str(output), overrides=changes)


def run(
    inputs: Sequence[str],
    output: Path,
    *overrides: str,
    engine: str = "serial",
    workers: int | None = None,
    pieces: str | None = SMALL_PIECES,
) -> tuple[RunSummary, list[Event]]:
    """A finished run and its events."""
    events: list[Event] = []
    chosen = recipe(inputs, output, *overrides, pieces=pieces)
    summary = run_text(chosen, engine=engine, workers=workers, on_event=events.append)
    return summary, events


def content(output: Path) -> dict[str, bytes]:
    """The files that are under the law of same bytes, by name."""
    files = [output / "manifest.json", *sorted((output / "shards").iterdir())]
    return {str(path.relative_to(output)): path.read_bytes() for path in files}


def command(
    inputs: Sequence[str],
    output: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """`penstock run quickstart` as a process of its own."""
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from pipelines.cli import main; main()",
            "run",
            "quickstart",
            *(part for path in inputs for part in ("--input", path)),
            "--output",
            str(output),
            "--set",
            SMALL_PIECES,
            *arguments,
        ],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
