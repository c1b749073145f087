"""Law 4: a run killed at any moment goes on from its last finished piece, to the same bytes."""

import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from penstock.errors import UsageError
from tests.pipelines import flow

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="looks into /proc for what a kill leaves behind"
)

KILLER = Path(__file__).parent / "killer"


def _killed(inputs: list[str], folder: Path, kill: str, *arguments: str) -> tuple[int, str]:
    """The exit status of a run that is killed at the moment, and what it said of errors."""
    environment = {
        "PYTHONPATH": f"{KILLER}{os.pathsep}{flow.REPOSITORY}",
        "PENSTOCK_KILL": kill,
        "PENSTOCK_KILLED": str(folder / "killed"),
    }
    process = flow.command(inputs, folder / "out", *arguments, environment=environment)
    _, errors = process.communicate(timeout=200)
    assert (folder / "killed").exists(), "the run never came to that moment"
    return process.returncode, errors


def _moments(folder: Path) -> Counter[tuple[str, str]]:
    lines = (folder / "out" / ".work" / "moments.jsonl").read_text().splitlines()
    return Counter((line["moment"], line["stage"]) for line in map(json.loads, lines))


def _processes_of(folder: Path) -> list[str]:
    """Command lines of living processes that name the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(folder).encode() in path.read_bytes():
                found.append((path.parent / "cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    ("engine", "moment"),
    [
        ("serial", "before-commit:curate:2"),
        ("serial", "after-commit:curate:2"),
        ("serial", "before-commit:verdicts:1"),
        ("serial", "after-commit:finish:3"),
        ("serial", "before-commit:shards:1"),
        ("dask", "before-commit:curate:3"),
        ("dask", "after-commit:finish:2"),
        ("beam", "after-commit:curate:2"),
        ("beam", "before-commit:finish:2"),
    ],
)
def test_a_killed_run_goes_on_to_the_same_bytes(
    engine: str, moment: str, sample_crawl: list[str], serial_output: Path, tmp_path: Path
) -> None:
    arguments = ("--engine", engine, "--workers", "2")
    status, _ = _killed(sample_crawl, tmp_path, f"run:{moment}", *arguments)
    assert status == -signal.SIGKILL
    assert _all_gone(tmp_path), "processes outlive their killed run"
    assert not (tmp_path / "out" / "manifest.json").exists()
    committed = _moments(tmp_path)["after-commit", "curate"]
    _, events = flow.run(sample_crawl, tmp_path / "out")
    assert flow.content(tmp_path / "out") == flow.content(serial_output)
    again = sum(event.stage == "curate" and hasattr(event, "task") for event in events)
    first = next(event for event in events if event.stage == "curate")
    # A task killed between its commit and its note of it counts as committed.
    assert committed <= first.tasks_done <= committed + 2  # type: ignore[attr-defined]
    assert again == first.tasks_total - first.tasks_done  # type: ignore[attr-defined]


@pytest.mark.parametrize("moment", ["before-commit:curate:3", "after-commit:finish:2"])
def test_a_killed_dask_worker_is_made_up_for(
    moment: str, sample_crawl: list[str], serial_output: Path, tmp_path: Path
) -> None:
    status, _ = _killed(
        sample_crawl, tmp_path, f"worker:{moment}", "--engine", "dask", "--workers", "2"
    )
    assert status == 0
    assert flow.content(tmp_path / "out") == flow.content(serial_output)


def test_a_killed_beam_worker_ends_a_run_that_can_go_on(
    sample_crawl: list[str], serial_output: Path, tmp_path: Path
) -> None:
    """Beam's runner would wait for it forever."""
    status, errors = _killed(
        sample_crawl,
        tmp_path,
        "worker:before-commit:curate:2",
        "--engine",
        "beam",
        "--workers",
        "2",
    )
    assert status == 1
    assert "a worker was lost" in errors
    flow.run(sample_crawl, tmp_path / "out")
    assert flow.content(tmp_path / "out") == flow.content(serial_output)


@pytest.mark.parametrize("engine", ["dask", "beam"])
def test_workers_go_when_only_the_command_is_killed(
    engine: str, sample_crawl: list[str], tmp_path: Path
) -> None:
    arguments = ("--engine", engine, "--workers", "2")
    status, _ = _killed(sample_crawl, tmp_path, "top:after-commit:curate:1", *arguments)
    assert status == -signal.SIGKILL
    assert _all_gone(tmp_path), "processes outlive their killed run"


@pytest.mark.parametrize("engine", ["serial", "dask", "beam"])
def test_ctrl_c_ends_a_run_within_three_seconds(
    engine: str, sample_crawl: list[str], tmp_path: Path
) -> None:
    arguments = ("--engine", engine, "--workers", "2", "--set", "read.piece_bytes=20kB")
    mark = {"PENSTOCK_TEST_FOLDER": str(tmp_path)}
    process = flow.command(sample_crawl, tmp_path / "out", *arguments, environment=mark)
    moments = tmp_path / "out" / ".work" / "moments.jsonl"
    while not (moments.exists() and "after-commit" in moments.read_text()):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    interrupted = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - interrupted < 3
    assert process.returncode == 130
    assert "the same command again continues" in errors
    assert _all_gone(tmp_path), "processes outlive the interrupted run"
    assert not (tmp_path / "out" / "manifest.json").exists()


def _all_gone(folder: Path) -> bool:
    """Whether all processes of a run are gone; the kernel may need a moment to reap them."""
    for _ in range(100):
        if not _processes_of(folder):
            return True
        time.sleep(0.05)
    return False


def test_a_finished_run_does_nothing(sample_crawl: list[str], serial_output: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in serial_output.rglob("*")}
    summary, events = flow.run(sample_crawl, serial_output)
    assert summary.already_done
    assert not events
    assert {path: path.stat().st_mtime_ns for path in serial_output.rglob("*")} == before


def test_an_output_of_another_recipe_is_refused(
    sample_crawl: list[str], serial_output: Path
) -> None:
    with pytest.raises(UsageError, match=r"length\.minimum_words is 30 there and 31 here"):
        flow.run(sample_crawl, serial_output, "length.minimum_words=31")
    with pytest.raises(UsageError, match="from other input files"):
        flow.run(sample_crawl[:1], serial_output)
