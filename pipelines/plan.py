"""A pipeline as a short list of stages, whatever engine runs it.

Four kinds of stage are enough: `Map` (a task for each item), `Exchange` (a task for each bucket
of the rows that other stages emitted), `Fit` (a bounded, order-free sample of rows becomes one
artefact) and `RepeatUntil` (stages again and again until a counter is zero). Stages run one after
another; the tasks within one are independent. What a stage does is in its task function, where
its tasks run is the engine's business, and `pipelines.driver` brings it through.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from penstock import storage
from pipelines.streams import Stream
from pipelines.task import Item, TaskFunction, TaskResult

Buckets = dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """A complete stage: its tasks' results in the order of its items."""

    folder: str
    fingerprint: str
    items: list[Item]
    tasks: list[TaskResult]
    buckets: Buckets

    def files(self, suffix: str) -> list[str]:
        """The URL of each task's file of that suffix, in the order of the items."""
        return [storage.join(self.folder, f"{task.task}.{suffix}") for task in self.tasks]

    @property
    def counters(self) -> Counter[str]:
        """The sum of the tasks' counters."""
        total: Counter[str] = Counter()
        for task in self.tasks:
            total.update(task.counters)
        return total


Results = Mapping[str, StageResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """A task for each item.

    `reads` names the files that the tasks may open, as "stage.suffix", and `of` the streams, as
    (stage, stream); `sections` the parts of the recipe that they read; `emits` gives the number
    of buckets of each stream that they emit.
    `settle` looks at finished items and returns the items as they should have been.
    """

    name: str
    function: TaskFunction
    items: Callable[[Results], Sequence[Item]]
    of: tuple[tuple[str, Stream], ...] = ()
    sections: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    emits: Callable[[Results], Buckets] = lambda _: {}
    settle: Callable[[Sequence[Item], Sequence[TaskResult]], list[Item]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A task for each bucket of the streams that earlier stages emitted, given as (stage, stream).

    All streams that it reads have the same number of buckets, cut from the same key.
    """

    name: str
    function: TaskFunction
    of: tuple[tuple[str, Stream], ...]
    sections: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    emits: Callable[[Results], Buckets] = lambda _: {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One artefact from a sample: `sample` picks rows of each item, `fit` sees them all, sorted."""

    name: str
    sample: TaskFunction
    fit: TaskFunction
    stream: Stream
    items: Callable[[Results], Sequence[Item]]
    of: tuple[tuple[str, Stream], ...] = ()
    sections: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()

    def stages(self) -> tuple[Map, Exchange]:
        """The two stages that a fit consists of."""
        pick = f"{self.name}-sample"
        return (
            Map(
                name=pick,
                function=self.sample,
                items=self.items,
                of=self.of,
                sections=self.sections,
                reads=self.reads,
                emits=lambda _: {self.stream.name: 1},
            ),
            Exchange(
                name=self.name,
                function=self.fit,
                of=((pick, self.stream),),
                sections=self.sections,
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatUntil:
    """Stages again and again until their counter is zero; the last result takes the name."""

    name: str
    body: Callable[[int, Results], Sequence[Map | Exchange]]
    counter: str
    most_rounds: int = 100


Stage = Map | Exchange | Fit | RepeatUntil


def items_of(stage: Map | Exchange, results: Results) -> Sequence[Item]:
    """What the stage's tasks run over, one item each."""
    if isinstance(stage, Map):
        return stage.items(results)
    counts = {results[name].buckets[stream.name] for name, stream in stage.of}
    if len(counts) != 1:
        raise ValueError(f"stage {stage.name!r} reads streams of {sorted(counts)} buckets")
    number = counts.pop()
    return [{"bucket": bucket, "buckets": number} for bucket in range(number)]


def upstream_of(stage: Map | Exchange) -> list[str]:
    """The stages that it reads."""
    names = [reference.partition(".")[0] for reference in stage.reads]
    return sorted({*names, *(name for name, _ in stage.of)})
