"""What a command and all its descendants cost: CPU seconds, wall seconds, memory, output.

CPU time is what the kernel charged to the whole process tree. This process makes itself the
reaper of orphans, so that workers whose parent has gone are counted as well. On a shared machine
wall time says little and CPU time is inflated by a few percent by what else runs; so contenders
take turns, and a figure is a median with its range.
"""

import ctypes
import os
import platform
import resource
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

_PR_SET_CHILD_SUBREAPER = 36
_SAMPLE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A finished command: what it cost and printed. `peak_rss` is of its largest process."""

    cpu_s: float
    wall_s: float
    peak_rss: int
    output: str


class CommandError(RuntimeError):
    """A command that didn't end with status 0; the message has the end of what it printed."""


def measured(command: Sequence[str | Path], *, cpus: str | None = None) -> Usage:
    """Run a command to its end, on some CPUs only (`taskset` syntax), and what it cost.

    Raises:
        CommandError: its exit status isn't 0.
    """
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    pinned = ["taskset", "-c", cpus] if cpus else []
    before, started = _children_cpu_s(), time.perf_counter()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*pinned, *map(str, command)], stdout=output, stderr=errors, stdin=subprocess.DEVNULL
        )
        watch = _Watch(process.pid)
        status = process.wait()
        wall_s = time.perf_counter() - started
        peak = watch.finish()
        _reap_orphans()
        output.seek(0)
        errors.seek(0)
        text = output.read().decode()
        if status:
            raise CommandError(f"{command}: status {status}\n{errors.read().decode()[-2000:]}")
    return Usage(cpu_s=_children_cpu_s() - before, wall_s=wall_s, peak_rss=peak, output=text)


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median, and the range when there is one.

    >>> spread([3.0, 1.0, 2.0]), spread([1.0])
    ('2.0 (1.0 to 3.0)', '1.0')
    """
    median = f"{statistics.median(values):,.{digits}f}"
    low, high = f"{min(values):,.{digits}f}", f"{max(values):,.{digits}f}"
    return median if low == high else f"{median} ({low} to {high})"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with aligned columns."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    rule = ["-" * width for width in widths]
    cells = (
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in (lines[0], rule, *lines[1:])
    )
    return "\n".join(f"| {line} |" for line in cells)


def machine() -> str:
    """The machine, the date and how busy it is: a line to put over a table."""
    model = platform.processor()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = psutil.virtual_memory().total / 2**30
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{now} · {os.cpu_count()} cores of {model} · {memory:.0f} GiB · {platform.system()} "
        f"{platform.release()} · Python {platform.python_version()} · "
        f"load average {os.getloadavg()[0]:.1f}"
    )


class _Watch(threading.Thread):
    """Samples the resident memory of every process below one, and keeps the largest."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._root = psutil.Process(pid)
        self._over = threading.Event()
        self._peak = 0
        self.start()

    def run(self) -> None:
        while not self._over.wait(_SAMPLE_S):
            try:
                for process in (self._root, *self._root.children(recursive=True)):
                    self._peak = max(self._peak, process.memory_info().rss)
            except psutil.Error:
                continue

    def finish(self) -> int:
        self._over.set()
        self.join()
        return self._peak


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _reap_orphans() -> None:
    """Wait for whatever the command left behind, so that it is charged to it."""
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
