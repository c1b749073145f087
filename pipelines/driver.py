"""The driver: brings the stages of a plan through on an engine, or goes on where a run stopped.

A stage is expanded to tasks when the stages before it are complete; tasks that have left their
commit marker are done, the others go to the engine. The driver keeps no data, only what the
markers say, so it can be killed like any task.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import xxhash

from penstock import storage
from penstock.errors import DataError
from pipelines.engines.base import Engine
from pipelines.events import OnEvent, StageEnd, StageStart, TaskEnd
from pipelines.fan_in import merge_stream
from pipelines.plan import (
    Exchange,
    Fit,
    Map,
    RepeatUntil,
    Stage,
    StageResult,
    items_of,
    upstream_of,
)
from pipelines.streams import Stream
from pipelines.task import (
    Item,
    StageSpec,
    Task,
    TaskResult,
    marker_url,
    read_markers,
    task_name,
)


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
        items = items_of(stage, results)
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
        upstream = {name: results[name].fingerprint for name in upstream_of(stage)}
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
        present = {url.rsplit("/", 1)[-1] for url in storage.list_files(folder)}
        wanted = [marker_url(folder, name) for name in names]
        return {
            result.task: result
            for result in read_markers([url for url in wanted if url.rsplit("/", 1)[-1] in present])
        }


def _task_end(result: TaskResult) -> TaskEnd:
    fields = asdict(result)
    for name in ("files", "value", "timers"):
        del fields[name]
    return TaskEnd(time=time.time(), **fields)


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return xxhash.xxh3_128_hexdigest(text.encode())
