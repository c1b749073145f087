"""What happens in a run, as it happens: progress, JSON logs and run.json are made from these.

Events are for people and tests; nothing that a run writes under law 1 depends on them.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, at a moment, in a stage."""

    time: float
    stage: str

    def to_json(self) -> dict[str, Any]:
        """The event as one JSON object, its kind under `event`."""
        return {"event": KINDS[type(self)], **asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStart(Event):
    """A stage is about to run; `tasks_done` of its tasks were finished by an earlier run."""

    tasks_total: int
    tasks_done: int
    stages_total: int
    stage_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEnd(Event):
    """A task has committed what it made; `counters` are its own, `executor` says who ran it."""

    task: str
    engine: str
    executor: str
    process: int
    seconds: float
    cpu_seconds: float
    spilled_bytes: int
    peak_memory_bytes: int
    counters: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEnd(Event):
    """A stage is complete; `counters` sum up all its tasks, of earlier runs too."""

    seconds: float
    counters: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Event):
    """Something that the user should know and the run survives."""

    message: str


KINDS: dict[type[Event], str] = {
    StageStart: "stage-start",
    TaskEnd: "task-end",
    StageEnd: "stage-end",
    Notice: "notice",
}

OnEvent = Callable[[Event], None]
