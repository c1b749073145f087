"""A task: the one thing that engines run. Stateless and idempotent; its state is in storage.

A task gets an item and its stage's specification, writes files into the stage's folder and, last,
a commit marker that says what it made. Running it twice, or in two places at once, gives the same
files, so an engine may repeat it as it likes; a task whose marker is there isn't run again.
"""

import errno
import json
import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

import pyarrow as pa
import xxhash

from penstock import storage
from penstock.errors import PenstockError
from pipelines.exchange import ExchangeWriter, read_bucket
from pipelines.memory import returned_memory
from pipelines.spill import Spill
from pipelines.streams import Stream

Item = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    """What all tasks of a stage share, as it stands in the stage's folder.

    `options` holds the recipe sections that the stage reads and no others: what isn't in its
    identity can't change what it makes. `inputs` maps a name to the files that the stage reads,
    `buckets` the streams that it emits to their number of buckets.
    """

    folder: str
    stage: str
    options: dict[str, Any]
    inputs: dict[str, list[str]]
    buckets: dict[str, int]

    @property
    def url(self) -> str:
        """Where the specification is kept."""
        return storage.join(self.folder, "stage.json")

    def save(self) -> None:
        """Write the specification where the tasks look for it."""
        storage.write_bytes(self.url, json.dumps(asdict(self)).encode())


@lru_cache(maxsize=8)
def load_spec(url: str) -> StageSpec:
    """The specification of a stage, read once by each process."""
    return StageSpec(**json.loads(storage.read_bytes(url)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a task may run: where and with how much. Never part of a task's identity."""

    engine: str
    memory_bytes: int
    spill_folder: str | None = None
    moments_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One item of a stage, small enough to be sent to any worker."""

    spec_url: str
    name: str
    function: "TaskFunction"
    item: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """What a finished task says of itself: the content of its commit marker."""

    stage: str
    task: str
    files: list[str]
    value: Item
    counters: dict[str, int]
    engine: str
    executor: str
    process: int
    seconds: float
    cpu_seconds: float
    spilled_bytes: int
    peak_memory_bytes: int
    timers: dict[str, float] = field(default_factory=dict)


class TaskContext:
    """What a task function works with: its files, its streams, its counters and its memory."""

    def __init__(self, task: Task, settings: Settings) -> None:
        self.spec = load_spec(task.spec_url)
        self.name = task.name
        self.memory_bytes = settings.memory_bytes
        self.counters: Counter[str] = Counter()
        self.timers: Counter[str] = Counter()
        self.value: Item = {}
        self.files: list[str] = []
        self.spill = Spill(folder=settings.spill_folder)
        self._writers: list[ExchangeWriter] = []

    def file(self, suffix: str) -> str:
        """The URL of a file that this task writes."""
        url = storage.join(self.spec.folder, f"{self.name}.{suffix}")
        self.files.append(url)
        return url

    def emit(self, stream: Stream, *, share: float = 0.25) -> ExchangeWriter:
        """A writer into the stream's exchange that may hold a share of the task's memory."""
        writer = ExchangeWriter(
            self.file(stream.name),
            schema=stream.schema,
            sort_by=stream.sort_by,
            num_buckets=self.spec.buckets[stream.name],
            memory_bytes=int(self.memory_bytes * share),
            spill=self.spill,
        )
        self._writers.append(writer)
        return writer

    def read(self, stream: Stream, bucket: int, *, share: float = 0.5) -> Iterator[pa.RecordBatch]:
        """One bucket of a stream as sorted batches."""
        return read_bucket(
            self.spec.inputs[stream.name],
            bucket,
            schema=stream.schema,
            sort_by=stream.sort_by,
            memory_bytes=int(self.memory_bytes * share),
            spill=self.spill,
        )

    def timed(self, name: str) -> "_Timer":
        """A block whose CPU time is added to the task's timers under a name."""
        return _Timer(self.timers, name)

    def finish(self) -> None:
        """Write out what the exchanges hold."""
        with self.timed("exchange"):
            for writer in self._writers:
                writer.close()

    def abandon(self) -> None:
        """Let go of what the exchanges hold in memory and on local disk."""
        for writer in self._writers:
            writer.abandon()


class _Timer:
    def __init__(self, timers: Counter[str], name: str) -> None:
        self._timers, self._name = timers, name

    def __enter__(self) -> None:
        self._started = time.process_time()

    def __exit__(self, *_: object) -> None:
        self._timers[self._name] += time.process_time() - self._started  # type: ignore[assignment]


TaskFunction = Callable[[TaskContext, Item], None]


def execute(task: Task, settings: Settings, executor: str) -> TaskResult:
    """Run one task to its commit, unless an earlier attempt has committed it."""
    spec = load_spec(task.spec_url)
    marker = marker_url(spec.folder, task.name)
    if storage.exists(marker):
        return read_marker(marker)
    record_moment("start", task.name, spec, settings)
    context = TaskContext(task, settings)
    started, started_cpu = time.perf_counter(), time.process_time()
    with returned_memory():
        _work(context, task)
    result = TaskResult(
        stage=spec.stage,
        task=task.name,
        files=context.files,
        value=context.value,
        counters=dict(context.counters),
        engine=settings.engine,
        executor=executor,
        process=os.getpid(),
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - started_cpu,
        spilled_bytes=context.spill.bytes,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        timers=dict(context.timers),
    )
    record_moment("before-commit", task.name, spec, settings)
    storage.write_bytes(marker, json.dumps(asdict(result)).encode())
    record_moment("after-commit", task.name, spec, settings)
    return result


def _work(context: TaskContext, task: Task) -> None:
    """Run the task's function; whatever goes wrong says in which task."""
    try:
        task.function(context, task.item)
        context.finish()
    except PenstockError:
        raise
    except Exception as error:
        raise PenstockError(_told(error, context.spec.stage, task.name)) from error
    finally:
        context.abandon()


def _told(error: Exception, stage: str, task: str) -> str:
    """What went wrong where, in one line that needs no traceback."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"stage {stage}: no space left on the disk ({error}); free some and run again"
    return f"stage {stage}, task {task}: {type(error).__name__}: {error}"


def marker_url(folder: str, name: str) -> str:
    """Where a task's commit marker stands."""
    return storage.join(folder, f"{name}.done.json")


def read_marker(url: str) -> TaskResult:
    """What a finished task said of itself."""
    return read_markers([url])[0]


def read_markers(urls: Sequence[str]) -> list[TaskResult]:
    """What finished tasks said of themselves."""
    return [TaskResult(**json.loads(data)) for data in storage.read_many(urls)]


def task_name(number: int, identity: object) -> str:
    """A task's name: its place in the stage, and a digest of the item that it runs on."""
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return f"{number:06d}-{xxhash.xxh3_64_hexdigest(text.encode())}"


def record_moment(moment: str, name: str, spec: StageSpec, settings: Settings) -> None:
    """Add a line to the run's log of moments, by one append that other processes can't tear."""
    if settings.moments_file is None:
        return
    line = {
        "moment": moment,
        "stage": spec.stage,
        "task": name,
        "process": os.getpid(),
        "time": time.time(),
    }
    handle = os.open(settings.moments_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, json.dumps(line).encode() + b"\n")
    finally:
        os.close(handle)
