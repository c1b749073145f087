"""How long a training run's model waits for its batches, and a profile that shows it.

On a GPU the host is ahead of the model: the time that `next` takes says nothing. So moments are
events in the model's stream, which pass when the stream gets to them.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import profiler

PROFILED_STEPS = 3


class HostClock:
    """Times of steps and of waiting for their batches, where the model runs on the host."""

    def __init__(self) -> None:
        self._marks: list[Any] = []

    def mark(self) -> Any:
        """This moment."""
        return time.perf_counter()

    def seconds(self, start: Any, end: Any) -> float:
        """The time between two moments."""
        return float(end - start)

    def step_ends(self) -> None:
        """The model has its last batch's work behind it, and needs the next one from here on."""
        self._marks.append(self.mark())

    def step_begins(self) -> None:
        """It has the batch."""
        self._marks.append(self.mark())

    def report(self, first: int, tokens: int, device: str) -> str:
        """Tokens a second and the share of waiting in the steps from the `first` one on."""
        marks = self._marks[2 * first + 1 :]
        total = self.seconds(marks[0], marks[-1])
        waits = sum(self.seconds(*pair) for pair in zip(marks[1::2], marks[2::2], strict=False))
        return f"{tokens / total:,.0f} tokens/s on {device}, {waits / total:.2%} of it waiting"


class GpuClock(HostClock):
    """The same on a GPU: events in the model's stream, which pass when it gets to them.

    So what counts is how long that stream stood still, not when the host, which is ahead, asked.
    """

    def mark(self) -> Any:
        """An event behind all that the stream has to do so far."""
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def seconds(self, start: Any, end: Any) -> float:
        """The time between two events."""
        end.synchronize()
        return float(start.elapsed_time(end)) / 1000


@contextlib.contextmanager
def profiled(path: Path | None, skipped: int) -> Iterator[Callable[[], None]]:
    """Profile a few steps after those to be skipped; gives what is to be called after each step."""
    if path is None:
        yield lambda: None
        return
    path.unlink(missing_ok=True)
    activities = [profiler.ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(profiler.ProfilerActivity.CUDA)
    with profiler.profile(
        activities=activities,
        schedule=profiler.schedule(wait=skipped, warmup=1, active=PROFILED_STEPS, repeat=1),
        on_trace_ready=lambda profile: profile.export_chrome_trace(str(path)),
    ) as profile:
        yield profile.step


def describe_trace(path: Path) -> str:
    """A line on the copies in a Chrome trace."""
    if not path.exists():
        return "no trace: the run had no steps left for one"
    copies, share = copies_beside_kernels(json.loads(path.read_text())["traceEvents"])
    return f"{path} has {copies} copies to the GPU; kernels ran beside {share:.1%} of their time"


def copies_beside_kernels(events: list[dict[str, Any]]) -> tuple[int, float]:
    """How many copies to the GPU a Chrome trace has, and in which share of their time kernels ran.

    >>> copy = {"cat": "gpu_memcpy", "name": "Memcpy HtoD", "ts": 10, "dur": 4}
    >>> copies_beside_kernels([copy, {"cat": "kernel", "name": "gemm", "ts": 12, "dur": 9}])
    (1, 0.5)
    """
    spans: dict[str, list[tuple[float, float]]] = {"kernel": [], "gpu_memcpy": []}
    for event in events:
        kind = event.get("cat")
        if kind == "kernel" or (kind == "gpu_memcpy" and "HtoD" in event["name"]):
            spans[kind].append((event["ts"], event["ts"] + event["dur"]))
    total = both = 0.0
    for start, end in spans["gpu_memcpy"]:
        total += end - start
        reached = start
        for begin, stop in sorted(spans["kernel"]):
            low, high = max(begin, reached), min(stop, end)
            if high > low:
                both, reached = both + high - low, high
    return len(spans["gpu_memcpy"]), both / total if total else 0.0
