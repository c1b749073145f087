"""A pipeline as a short list of stages, and the driver that brings it through on any engine.

Four kinds of stage are enough: `Map` (a task for each item), `Exchange` (a task for each bucket
of the rows that other stages emitted), `Fit` (a bounded, order-free sample of rows becomes one
artefact) and `RepeatUntil` (stages again and again until a counter is zero). Stages run one after
another; the tasks within one are independent. What a stage does is in its task function; where it
runs is the engine's business; what is finished already is read from the commit markers, so a
killed run goes on where it was.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import xxhash

from penstock import storage
from penstock.errors import DataError
from pipelines.engines.base import Engine
from pipelines.events import OnEvent, StageEnd, StageStart, TaskEnd
from pipelines.fan_in import merge_stream
from pipelines.streams import Stream
from pipelines.task import (
    Item,
    StageSpec,
    Task,
    TaskFunction,
    TaskResult,
    marker_url,
    read_marker,
    task_name,
)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """Brings a plan through: expands stages to tasks, skips finished ones, hands the rest over."""

    work_dir: str
    recipe: Mapping[str, Any]
    code_version: str
    engine: Engine
    on_event: OnEvent
    fan_in: int = 1000

    def run(self, plan: Sequence[Stage]) -> dict[str, StageResult]:
        """Run all stages in order and return their results by name."""
        results: dict[str, StageResult] = {}
        for number, stage in enumerate(plan, 1):
            place = {"stage_number": number, "stages_total": len(plan)}
            if isinstance(stage, RepeatUntil):
                self._repeat(stage, results, place)
                continue
            for part in stage.stages() if isinstance(stage, Fit) else (stage,):
                results[part.name] = self._run_stage(part, results, place)
        return results

    def _repeat(
        self, stage: RepeatUntil, results: dict[str, StageResult], place: dict[str, int]
    ) -> None:
        for number in range(1, stage.most_rounds + 1):
            left = 0
            for part in stage.body(number, results):
                results[part.name] = results[stage.name] = self._run_stage(part, results, place)
                left += results[part.name].counters[stage.counter]
            if left == 0:
                return
        raise DataError(
            f"stage {stage.name!r}: {left} {stage.counter} left after {stage.most_rounds} rounds"
        )

    def _run_stage(
        self, stage: Map | Exchange, results: dict[str, StageResult], place: dict[str, int]
    ) -> StageResult:
        started = time.perf_counter()
        spec, fingerprint = self._specify(stage, results, place)
        items = _items(stage, results)
        tasks = self._complete(stage, spec, items, place)
        if isinstance(stage, Map) and stage.settle is not None:
            while (settled := stage.settle(items, tasks)) != list(items):
                items = settled
                tasks = self._complete(stage, spec, items, place)
        result = StageResult(
            folder=spec.folder,
            fingerprint=_digest([fingerprint, [task.task for task in tasks]]),
            items=list(items),
            tasks=tasks,
            buckets=spec.buckets,
        )
        self.on_event(
            StageEnd(
                time=time.time(),
                stage=stage.name,
                seconds=time.perf_counter() - started,
                counters=dict(result.counters),
            )
        )
        return result

    def _specify(
        self, stage: Map | Exchange, results: dict[str, StageResult], place: dict[str, int]
    ) -> tuple[StageSpec, str]:
        """The stage's specification, saved, and the fingerprint of all that it depends on."""
        upstream = {name: results[name].fingerprint for name in _upstream(stage)}
        options = {section: self.recipe[section] for section in stage.sections}
        identity = [stage.name, stage.function.__qualname__, options, upstream, self.code_version]
        buckets = stage.emits(results)
        fingerprint = _digest([*identity, buckets])
        inputs = self._inputs(stage, results, place)
        folder = storage.join(self.work_dir, f"{stage.name}-{fingerprint[:12]}")
        spec = StageSpec(
            folder=folder, stage=stage.name, options=options, inputs=inputs, buckets=buckets
        )
        if not storage.exists(spec.url):
            spec.save()
        return spec, fingerprint

    def _inputs(
        self, stage: Map | Exchange, results: dict[str, StageResult], place: dict[str, int]
    ) -> dict[str, list[str]]:
        inputs = {}
        for reference in stage.reads:
            name, _, suffix = reference.partition(".")
            inputs[reference] = results[name].files(suffix)
        for name, stream in stage.of:
            files = results[name].files(stream.name)
            if len(files) > self.fan_in:
                files = self._merge(name, stream, results, place)
            inputs[stream.name] = files
        return inputs

    def _merge(
        self, name: str, stream: Stream, results: dict[str, StageResult], place: dict[str, int]
    ) -> list[str]:
        """Merge a stream's many files into few, so that no reducer opens more than `fan_in`."""
        files = results[name].files(stream.name)
        buckets = results[name].buckets[stream.name]
        groups = [
            {"stream": stream.name, "buckets": buckets, "first": i, "last": i + self.fan_in}
            for i in range(0, len(files), self.fan_in)
        ]
        stage = Map(
            name=f"{name}-merge-{stream.name}",
            function=merge_stream,
            items=lambda _: groups,
            reads=(f"{name}.{stream.name}",),
        )
        results[stage.name] = self._run_stage(stage, results, place)
        return results[stage.name].files(stream.name)

    def _complete(
        self, stage: Map | Exchange, spec: StageSpec, items: Sequence[Item], place: dict[str, int]
    ) -> list[TaskResult]:
        """Run the tasks that have no commit marker yet; all results in the order of the items."""
        names = [task_name(number, item) for number, item in enumerate(items)]
        done = self._committed(spec.folder, names)
        tasks = [
            Task(spec_url=spec.url, name=name, function=stage.function, item=item)
            for name, item in zip(names, items, strict=True)
            if name not in done
        ]
        self.on_event(
            StageStart(
                time=time.time(),
                stage=stage.name,
                tasks_total=len(names),
                tasks_done=len(done),
                **place,
            )
        )
        for result in self.engine.run(tasks):
            done[result.task] = result
            self.on_event(_task_end(result))
        return [done[name] for name in names]

    def _committed(self, folder: str, names: list[str]) -> dict[str, TaskResult]:
        wanted = {marker_url(folder, name): name for name in names}
        present = {url.rsplit("/", 1)[-1] for url in storage.list_files(folder)}
        return {
            name: read_marker(url)
            for url, name in wanted.items()
            if url.rsplit("/", 1)[-1] in present
        }


def _items(stage: Map | Exchange, results: Results) -> Sequence[Item]:
    if isinstance(stage, Map):
        return stage.items(results)
    counts = {results[name].buckets[stream.name] for name, stream in stage.of}
    if len(counts) != 1:
        raise ValueError(f"stage {stage.name!r} reads streams of {sorted(counts)} buckets")
    number = counts.pop()
    return [{"bucket": bucket, "buckets": number} for bucket in range(number)]


def _upstream(stage: Map | Exchange) -> list[str]:
    names = [reference.partition(".")[0] for reference in stage.reads]
    return sorted({*names, *(name for name, _ in stage.of)})


def _task_end(result: TaskResult) -> TaskEnd:
    fields = asdict(result)
    for name in ("files", "value", "timers"):
        del fields[name]
    return TaskEnd(time=time.time(), **fields)


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return xxhash.xxh3_128_hexdigest(text.encode())
