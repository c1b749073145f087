"""Runs of the program under measurement, and what their run.json says of them."""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import Usage, measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished run: its cost, its run.json and its manifest."""

    usage: Usage
    record: dict[str, Any]
    manifest: dict[str, Any]

    @property
    def spilled_bytes(self) -> int:
        """Bytes that all tasks put on disk because memory was full."""
        return sum(int(stage["spilled_bytes"]) for stage in self.record["stages"])

    @property
    def peak_task_bytes(self) -> int:
        """Resident memory of the largest process that ran a task, imports included."""
        return max(int(stage["peak_memory_bytes"]) for stage in self.record["stages"])


def run_penstock(
    inputs: str,
    output: Path,
    *,
    options: Sequence[str],
    recipe: str = "quickstart",
    cpus: str | None = None,
) -> Run:
    """Run a recipe anew and read what it left."""
    shutil.rmtree(output, ignore_errors=True)
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", "run", recipe]
    usage = measured([*command, "--input", inputs, "--output", output, *options], cpus=cpus)
    return Run(
        usage=usage,
        record=json.loads((output / "run.json").read_text()),
        manifest=json.loads((output / "manifest.json").read_text()),
    )


def step_shares(record: dict[str, Any], *, total_cpu_s: float) -> list[tuple[str, float, float]]:
    """Stage and step, CPU seconds and share of the whole run, in order; the rest is the last."""
    rows = []
    for stage in record["stages"]:
        steps = stage["cpu_seconds_by_step"]
        named = {name: seconds for name, seconds in steps.items() if name != "signals"}
        rows += [(f"{stage['stage']}: {name}", seconds) for name, seconds in named.items()]
        rows.append((f"{stage['stage']}: the rest", stage["cpu_seconds"] - sum(named.values())))
    rows.append(("start, plan, report", total_cpu_s - sum(seconds for _, seconds in rows)))
    return [(name, seconds, seconds / total_cpu_s) for name, seconds in rows]
