"""The serial engine: this process, one task after another. The oracle that others are held to."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from pipelines.task import Settings, Task, TaskResult, execute


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialEngine:
    """Runs tasks in this process, in the order given."""

    settings: Settings
    name: ClassVar[str] = "serial"

    def run(self, tasks: Sequence[Task]) -> Iterator[TaskResult]:
        """The result of each task, in order."""
        for task in tasks:
            yield execute(task, self.settings, f"process {os.getpid()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None
