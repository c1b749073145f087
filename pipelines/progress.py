"""A run as people and log collectors see it, made from its events alone.

On a terminal each stage is a bar with rate and time left; elsewhere a stage is a line when it ends
and a long one says every ten seconds how far it is; with JSON logs every event is an object on a
line of its own. All of it goes to standard error, so that standard output stays for results.
"""

import json
import sys
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import IO, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.table import Column
from rich.text import Text

from pipelines.events import Event, Notice, StageEnd, StageStart, TaskEnd
from pipelines.sizes import format_size

RECORDS = "records_read"
INPUT_BYTES = "bytes_read"
_LINE_EVERY_S = 10.0
_STARTING = ""
_WITH_BAR, _WITH_RATE = 78, 64
"""Columns of a terminal that has room for them, beside the longest name of a stage."""


class Subscriber(AbstractContextManager["Subscriber"]):
    """Takes the events of a run while its block is open."""

    @abstractmethod
    def __call__(self, event: Event) -> None:
        """Take an event."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def progress(*, log_json: bool = False, stream: IO[str] | None = None) -> Subscriber:
    """The subscriber that suits where standard error goes."""
    stream = stream or sys.stderr
    if log_json:
        return JsonLines(stream)
    console = Console(file=stream, highlight=False)
    return Bars(console) if console.is_terminal else Lines(stream)


class JsonLines(Subscriber):
    """Writes each event as one JSON object a line."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Write the event."""
        print(json.dumps(event.to_json(), ensure_ascii=False), file=self._stream, flush=True)


class Lines(Subscriber):
    """Writes a line when a stage ends, and now and then within a long one."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._rate = _Rate()

    def __call__(self, event: Event) -> None:
        """Write a line where there is something to say."""
        self._rate.take(event)
        match event:
            case TaskEnd() if event.time - self._rate.said_at >= _LINE_EVERY_S:
                self._say(f"{event.stage}: {self._rate.done}, {self._rate}", event.time)
            case StageEnd():
                rate = f", {self._rate}" if str(self._rate) else ""
                done = f"{self._rate.done} in {event.seconds:.1f} s"
                self._say(f"{event.stage}: {done}{rate}", event.time)
            case Notice():
                self._say(f"{event.stage}: {event.message}", event.time)

    def _say(self, line: str, time: float) -> None:
        self._rate.said_at = time
        print(line, file=self._stream, flush=True)


class Bars(Subscriber):
    """Draws a bar for each stage, with its rate and the time left."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(*_columns(console), console=console)
        self._bars: dict[str, TaskID] = {}
        self._rate = _Rate()

    def __enter__(self) -> Self:
        # Imports and workers take seconds, in which a blank screen looks like a dead program.
        self._bars[_STARTING] = self._progress.add_task("starting", total=None, rate="")
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end_start()
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Draw the event."""
        self._rate.take(event)
        match event:
            case StageStart():
                self._start(event)
            case TaskEnd() if event.stage in self._bars:
                self._progress.update(self._bars[event.stage], advance=1, rate=str(self._rate))
            case StageEnd() if event.stage in self._bars:
                bar = self._bars[event.stage]
                if rate := str(self._rate):
                    self._progress.update(bar, rate=rate)
                self._progress.stop_task(bar)
            case Notice():
                self._progress.console.print(
                    f"{event.stage}: {event.message}", markup=False, highlight=False
                )

    def _end_start(self) -> None:
        if _STARTING in self._bars:
            self._progress.remove_task(self._bars.pop(_STARTING))

    def _start(self, event: StageStart) -> None:
        self._end_start()
        if event.stage in self._bars:
            bar = self._bars[event.stage]
            self._progress.update(bar, total=event.tasks_total, completed=event.tasks_done)
            return
        place = f"[dim]{event.stage_number}/{event.stages_total}[/dim]"
        self._bars[event.stage] = self._progress.add_task(
            f"{place} {event.stage}",
            total=event.tasks_total,
            completed=event.tasks_done,
            rate="done before" if event.tasks_done == event.tasks_total else "",
        )


def _columns(console: Console) -> Iterator[ProgressColumn]:
    """What a terminal has letters and room for: on a narrow one no bar, then no rate."""
    width, whole = console.width, partial(Column, no_wrap=True)
    signs = ("dots", "✓") if console.encoding.startswith("utf") else ("line", "*")
    yield SpinnerColumn(signs[0], finished_text=signs[1])
    yield TextColumn("{task.description}", table_column=whole())
    if width >= _WITH_BAR:
        yield BarColumn(bar_width=24)
    yield MofNCompleteColumn(table_column=whole())
    if width >= _WITH_RATE:
        yield TextColumn("{task.fields[rate]}", style="cyan", table_column=whole())
    yield _TimeColumn(table_column=whole())


class _TimeColumn(ProgressColumn):
    """The time left of a stage that runs, the time taken by one that's complete."""

    def render(self, task: Task) -> Text:
        """The time as it is now."""
        if task.finished or task.stop_time is not None:
            return Text(_minutes(task.elapsed or 0.0), style="dim")
        left = task.time_remaining
        return Text("" if left is None else f"{_minutes(left)} left", style="cyan")


def _minutes(seconds: float) -> str:
    """Seconds as a clock shows them.

    >>> _minutes(4.21), _minutes(75), _minutes(3723)
    ('4.2 s', '1:15', '1:02:03')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _Rate:
    """Records and bytes for each second of the stage that runs."""

    def __init__(self) -> None:
        self.said_at = float("-inf")
        self._stage = ""
        self._tasks = self._total = 0
        self._started = self._now = 0.0
        self._counters: Counter[str] = Counter()

    @property
    def done(self) -> str:
        """How many tasks of how many."""
        return f"{self._tasks:,} of {self._total:,} tasks"

    def take(self, event: Event) -> None:
        """Count the event in."""
        if isinstance(event, StageStart):
            self._begin(event)
        elif isinstance(event, TaskEnd):
            self._tasks += 1
            self._now = max(self._now, event.time)
            self._counters.update(event.counters)

    def _begin(self, event: StageStart) -> None:
        # A stage that has to redo some of its tasks starts again and keeps its rate.
        if event.stage != self._stage:
            self._stage, self._counters = event.stage, Counter()
            self._started = self._now = event.time
            self.said_at = max(self.said_at, event.time)
        self._tasks, self._total = event.tasks_done, event.tasks_total

    def __str__(self) -> str:
        seconds = self._now - self._started
        if seconds <= 0:
            return ""
        parts = []
        if records := self._counters[RECORDS]:
            parts.append(f"{records / seconds:,.0f} records/s")
        if num_bytes := self._counters[INPUT_BYTES]:
            parts.append(f"{format_size(num_bytes / seconds)}/s")
        return ", ".join(parts)
