"""What an engine is: something that runs independent tasks and hands back their results."""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Protocol, Self

from pipelines.task import Task, TaskResult


class Engine(Protocol):
    """Runs tasks, in any order and number at a time; entered before use and closed after it."""

    @property
    def name(self) -> str:
        """What `--engine` calls it."""
        ...

    def run(self, tasks: Sequence[Task]) -> Iterator[TaskResult]:
        """The result of each task as it is committed; the first error ends the iteration."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
