"""A supervised run ends when it is told to, takes its processes along, and says how it ended."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from pipelines.cli.running import supervised_run
from pipelines.supervise import INTERRUPTED, supervised
from tests.pipelines import flow

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

STUBBORN = """
import ctypes, os, signal, subprocess, sys, time
from pathlib import Path
from pipelines.cli.running import supervised_run
from pipelines.supervise import supervised

def work():
    {work}
    return 0

def ready(*more):
    Path(sys.argv[1]).write_text(" ".join(map(str, [os.getpid(), *more])))

sys.exit(supervised(work))
"""


@pytest.mark.parametrize("status", [0, 1, 2])
def test_the_status_of_the_work_is_handed_on(status: int) -> None:
    assert supervised(lambda: status) == status


def test_an_error_that_nobody_caught_is_status_one(capfd: pytest.CaptureFixture[str]) -> None:
    def broken() -> int:
        raise RuntimeError("unforeseen")

    assert supervised(broken) == 1


def test_a_child_that_was_killed_is_told_by_its_signal() -> None:
    def killed() -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    assert supervised(killed) == -signal.SIGKILL


def test_the_command_says_that_its_run_was_killed(capsys: pytest.CaptureFixture[str]) -> None:
    assert supervised_run(lambda: os.kill(os.getpid(), signal.SIGKILL)) == 1
    assert "killed by SIGKILL, by the system if memory ran out; the same" in capsys.readouterr().err


def test_what_the_work_printed_comes_out_once(tmp_path: Path) -> None:
    process = _start(tmp_path, "print('once')", before="print('before')\n")
    output, _ = process.communicate(timeout=20)
    assert output.split() == ["before", "once"]


def _start(folder: Path, work: str, *, before: str = "") -> subprocess.Popen[str]:
    script = before + STUBBORN.format(work=textwrap.indent(work, "    ").strip())
    return subprocess.Popen(
        [sys.executable, "-c", script, str(folder / "ready")],
        env={**os.environ, "PYTHONPATH": str(flow.REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _pids(folder: Path) -> list[int]:
    """The processes that say that they have begun."""
    for _ in range(2000):
        path = folder / "ready"
        if path.exists() and (pids := path.read_text().split()):
            return [int(pid) for pid in pids]
        time.sleep(0.01)
    raise AssertionError("the work never began")


def _gone(pid: int) -> bool:
    """Whether a process ends within a moment; what is dead but not reaped counts as gone."""
    for _ in range(200):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


WAYS = {
    "in Python": "ready()\ntime.sleep(60)",
    "in a C call that nothing interrupts": (
        "ready()\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])\n"
        "time.sleep(60)"
    ),
    "in processes of its own that don't listen": (
        "code = 'import signal, time; signal.signal(2, signal.SIG_IGN); time.sleep(60)'\n"
        "ready(subprocess.Popen([sys.executable, '-c', code]).pid)\ntime.sleep(60)"
    ),
}


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("way", WAYS)
def test_a_signal_ends_it_and_all_that_it_started(
    way: str, number: signal.Signals, tmp_path: Path
) -> None:
    process = _start(tmp_path, WAYS[way])
    pids = _pids(tmp_path)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == INTERRUPTED
    assert all(_gone(pid) for pid in pids)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for it")
def test_the_work_does_not_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    process = _start(tmp_path, WAYS["in Python"])
    (pid,) = _pids(tmp_path)
    process.kill()
    process.communicate(timeout=20)
    assert _gone(pid)


def test_handlers_of_the_caller_come_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    supervised(lambda: 0)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
