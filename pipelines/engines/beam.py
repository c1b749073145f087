"""The Beam engine: each stage is one pipeline of `Create | Reshuffle | Map` over its tasks.

A pipeline's end is the barrier between stages. Nothing comes back through Beam, since a runner on
a cluster has no way to give it: results are the commit markers, which are looked for while the
pipeline runs. Elements are pickled tasks of a few hundred bytes, so Beam's coders never see data.

By default tasks run in this machine's processes by Beam's portable in-process runner; the
runner named Prism, which newer Beam versions may choose by themselves, downloads a program at run
time and is therefore taken only when asked for.
"""

import contextlib
import logging
import os
import pickle
import shlex
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, Self

from penstock import storage
from penstock.errors import PenstockError, UsageError
from pipelines.recipe.messages import did_you_mean
from pipelines.task import Settings, Task, TaskResult, execute, marker_url, read_marker

_POLL_S = 0.2
_ERROR_SUFFIX = ".error.pickle"
_LOG_LEVEL = "--default_sdk_harness_log_level"
_WORKER_THREAD = "run_worker"
"""What Beam calls the thread that waits for one of its worker processes to end."""


class BeamEngine:
    """Runs each stage's tasks as one Beam pipeline on the runner that the options name."""

    name = "beam"

    def __init__(self, *, settings: Settings, workers: int, options: Sequence[str] = ()) -> None:
        self.settings = settings
        self._workers = workers
        self._options = list(options)

    def __enter__(self) -> Self:
        """Look at the options before anything is begun.

        Raises:
            UsageError: Beam doesn't take them, or has no such runner.
        """
        _quieten()
        from apache_beam.options.pipeline_options import StandardOptions
        from apache_beam.runners.runner import create_runner

        if not self._names_a_runner():
            self._check_names()
        runner = self._pipeline_options(1).view_as(StandardOptions).runner
        try:
            create_runner(runner)
        except ValueError as error:
            raise UsageError(f"--engine beam: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def run(self, tasks: Sequence[Task]) -> Iterator[TaskResult]:
        """The result of each task, as its commit marker appears."""
        if not tasks:
            return
        options = self._pipeline_options(len(tasks))
        pipeline = _Pipeline(tasks, self.settings, options, self._runner(len(tasks)))
        pipeline.start()
        folder = tasks[0].spec_url.rsplit("/", 1)[0]
        # By name, since a store may list a file under another spelling of its URL.
        waiting = {marker_url("", task.name): marker_url(folder, task.name) for task in tasks}
        with _lost_workers() as lost:
            yield from self._watch(pipeline, folder, waiting, lost)
        if pipeline.error is not None:
            raise _cause(folder) or pipeline.error
        if waiting:
            raise PenstockError(
                f"--engine beam: the runner ended without an error, but {len(waiting)} of "
                f"{len(tasks)} tasks left no marker, such as {min(waiting.values())}; see that its "
                "workers reach that folder, and run again"
            )

    def _watch(
        self, pipeline: "_Pipeline", folder: str, waiting: dict[str, str], lost: list[str]
    ) -> Iterator[TaskResult]:
        """The results of the tasks that are waited for, until the pipeline has ended.

        Raises:
            PenstockError: a worker was killed, and its task has no result.
        """
        alive, listing_s = True, 0.0
        while alive:
            # A large folder on a slow store is listed less often, a tenth of the time at most.
            pipeline.join(max(_POLL_S, 9 * listing_s))
            # Asked before the markers are listed: none is written after the pipeline has ended.
            alive, started = pipeline.is_alive(), time.perf_counter()
            present = {f"/{url.rsplit('/', 1)[-1]}" for url in storage.list_files(folder)}
            listing_s = time.perf_counter() - started
            for name in sorted(present.intersection(waiting)):
                yield read_marker(waiting.pop(name))
            if lost and waiting:
                raise PenstockError(
                    f"--engine beam: a worker was lost ({lost[0]}), killed by the system if "
                    "memory ran out; the same command again continues from the last finished piece"
                )

    def _names_a_runner(self) -> bool:
        return any(option.startswith("--runner") for option in self._options)

    def _check_names(self) -> None:
        """Refuse options that Beam would drop without a word; another runner may have its own."""
        from apache_beam.options.pipeline_options import PipelineOptions

        options = PipelineOptions(self._options)
        known = options.get_all_options()
        for name in options.get_all_options(retain_unknown_options=True):
            if name not in known:
                raise UsageError(f"Beam has no option --{name}{did_you_mean(name, known)}")

    def _pipeline_options(self, tasks: int) -> Any:
        from apache_beam.options.pipeline_options import PipelineOptions

        workers = min(self._workers, tasks)
        options: dict[str, object] = {"save_main_session": False}
        if not any(option.startswith(_LOG_LEVEL) for option in self._options):
            options[_LOG_LEVEL.removeprefix("--")] = "ERROR"
        if not self._names_a_runner():
            options["runner"] = "FnApiRunner"
            options["direct_num_workers"] = workers
        try:
            return PipelineOptions(self._options, **options)
        except SystemExit as error:
            raise UsageError(f"Beam doesn't take the options {self._options}") from error

    def _runner(self, tasks: int) -> Any:
        """The runner in this machine's processes, or None where the options name another one."""
        if self._names_a_runner():
            return None
        from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
        from apache_beam.transforms.environments import SubprocessSDKEnvironment

        if min(self._workers, tasks) == 1:
            return FnApiRunner()
        # As its mode multi_processing does, but with workers of our own; no shell stays above them.
        command = [sys.executable, "-m", "pipelines.engines.beam_worker", str(os.getpid())]
        return FnApiRunner(
            SubprocessSDKEnvironment.from_command_string(f"exec {shlex.join(command)}")
        )


@contextlib.contextmanager
def _lost_workers() -> Iterator[list[str]]:
    """What is known of worker processes that were killed: Beam itself would wait for them forever.

    Beam says it in an exception that ends the thread which waited for the process.
    """
    lost: list[str] = []
    before = threading.excepthook

    def note(failure: threading.ExceptHookArgs) -> None:
        if failure.thread is not None and failure.thread.name == _WORKER_THREAD:
            lost.append(str(failure.exc_value))
        else:
            before(failure)

    threading.excepthook = note
    try:
        yield lost
    finally:
        threading.excepthook = before


def _quieten() -> None:
    """Keep Beam's notes about itself from between the lines of the progress."""
    # Without any handler, Beam's first remark would give the root logger one that prints them all.
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger("apache_beam").setLevel(logging.ERROR)


class _Pipeline(threading.Thread):
    """One stage's pipeline in a thread, so that this one can watch the markers."""

    def __init__(
        self, tasks: Sequence[Task], settings: Settings, options: Any, runner: Any
    ) -> None:
        super().__init__(name="beam-pipeline", daemon=True)
        self._elements = [pickle.dumps((task, settings)) for task in tasks]
        self._pipeline_options = options
        self._runner = runner
        self.error: BaseException | None = None

    def run(self) -> None:
        """Run the pipeline to its end; what went wrong is left in `error`."""
        import apache_beam as beam

        try:
            with beam.Pipeline(self._runner, options=self._pipeline_options) as pipeline:
                _ = (
                    pipeline
                    | "tasks" >> beam.Create(self._elements)
                    | "spread" >> beam.Reshuffle()
                    | "execute" >> beam.Map(_execute)
                )
        except BaseException as error:
            self.error = error


def _execute(element: bytes) -> None:
    task, settings = pickle.loads(element)
    error_url = f"{task.spec_url.rsplit('/', 1)[0]}/{task.name}{_ERROR_SUFFIX}"
    storage.remove_tree(error_url)
    try:
        execute(task, settings, f"beam process {os.getpid()}")
    except PenstockError as error:
        storage.write_bytes(error_url, pickle.dumps(error))
        raise


def _cause(folder: str) -> PenstockError | None:
    """The error that a task has left for us, since a runner hands on only its text."""
    for url in storage.list_files(folder):
        if url.endswith(_ERROR_SUFFIX):
            error: PenstockError = pickle.loads(storage.read_bytes(url))
            return error
    return None
