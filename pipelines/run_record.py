"""run.json: where, when and with what a dataset was made; none of it under the same-bytes law."""

import platform
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from pipelines.code_version import code_version, library_versions
from pipelines.events import Event, Notice, OnEvent, StageEnd, TaskEnd
from pipelines.plan import StageResult


class RunRecorder:
    """Passes events on, and keeps what they say about times, memory and who ran what."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._started = time.time()
        self._notices: list[str] = []
        self._executors: Counter[str] = Counter()
        self._seconds: dict[str, float] = defaultdict(float)

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, TaskEnd):
            self._executors[event.executor] += 1
        elif isinstance(event, StageEnd):
            self._seconds[event.stage] += event.seconds
        elif isinstance(event, Notice):
            self._notices.append(event.message)
        self._on_event(event)

    def notice(self, stage: str, message: str) -> None:
        """Say something to the user and keep it."""
        self(Notice(time=time.time(), stage=stage, message=message))

    def finish(self, results: Mapping[str, StageResult], **facts: Any) -> dict[str, Any]:
        """Everything that run.json holds; `facts` are the run's own."""
        curate = results["curate"]
        return {
            **facts,
            "started": _timestamp(self._started),
            "finished": _timestamp(time.time()),
            "seconds": time.time() - self._started,
            "code_version": code_version(),
            "versions": {"python": platform.python_version(), **library_versions()},
            "machine": {"platform": platform.platform(), "processor": platform.machine()},
            "command": sys.argv,
            "notices": self._notices,
            "executors": dict(sorted(self._executors.items())),
            "not_records": dict(sorted(_not_records(curate).items())),
            "stages": [
                _stage(name, result, self._seconds[name])
                for name, result in results.items()
                if name == (result.tasks[0].stage if result.tasks else name)
            ],
        }


def _stage(name: str, result: StageResult, seconds: float) -> dict[str, Any]:
    timers: Counter[str] = Counter()
    for task in result.tasks:
        timers.update(task.timers)
    return {
        "stage": name,
        "tasks": len(result.tasks),
        "seconds": seconds,
        "cpu_seconds": sum(task.cpu_seconds for task in result.tasks),
        "spilled_bytes": sum(task.spilled_bytes for task in result.tasks),
        "peak_memory_bytes": max((task.peak_memory_bytes for task in result.tasks), default=0),
        "processes": len({task.executor for task in result.tasks}),
        "cpu_seconds_by_step": dict(sorted(timers.items())),
        "counters": dict(sorted(result.counters.items())),
    }


def _not_records(curate: StageResult) -> Counter[str]:
    """What the readers met beside records, by type."""
    total: Counter[str] = Counter()
    for task in curate.tasks:
        for report in task.value["reports"]:
            total.update(report["other"])
    return total


def _timestamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
