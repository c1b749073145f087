"""The Dask engine: an embedded cluster of one-thread worker processes, or one at an address.

Dask moves tasks and results of a few hundred bytes; data goes through storage. So the scheduler
holds nothing that a lost worker could take with it, and its memory limits are switched off:
each task keeps to its own share of `--memory`, where Dask would kill what it can't measure.
"""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from penstock.errors import UsageError
from pipelines.task import Settings, Task, TaskResult, execute

_ATTEMPTS = 3
"""How often a task is begun anew after the worker under it was lost."""


class DaskEngine:
    """Runs tasks on a Dask cluster; closes the cluster that it started itself."""

    name = "dask"

    def __init__(self, *, settings: Settings, workers: int, address: str | None = None) -> None:
        self.settings = settings
        self._workers = workers
        self._address = address
        self._stack = contextlib.ExitStack()
        self._client: Any = None

    def __enter__(self) -> Self:
        import dask
        from distributed import Client, LocalCluster

        logging.getLogger("distributed").setLevel(logging.ERROR)
        self._stack.enter_context(dask.config.set(_CONFIGURATION))
        # Dask's own setting, DASK_SCHEDULER_ADDRESS in the environment, names a cluster too.
        self._address = self._address or dask.config.get("scheduler-address", None)
        cluster: Any = self._address
        if cluster is None:
            self._stack.enter_context(_forked_workers())
            cluster = self._stack.enter_context(
                LocalCluster(
                    n_workers=self._workers,
                    threads_per_worker=1,
                    processes=True,
                    memory_limit=0,
                    dashboard_address="127.0.0.1:0",
                    host="127.0.0.1",
                    silence_logs=logging.CRITICAL,
                    # The process that workers are forked from may be older than a variable.
                    env=dict(os.environ),
                )
            )
        try:
            self._client = self._stack.enter_context(Client(cluster, timeout="30s"))
        except (OSError, ValueError) as error:
            raise UsageError(
                f"--engine dask: no scheduler answers at {self._address!r} ({error}); "
                "give the address of a running one, or leave it out for an embedded cluster"
            ) from error
        return self

    def run(self, tasks: Sequence[Task]) -> Iterator[TaskResult]:
        """The result of each task as it is committed, by whichever worker was free."""
        from distributed import as_completed

        if not tasks:
            return
        futures = self._client.map(_execute, tasks, settings=self.settings, pure=False)
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            self._client.cancel(futures)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()


@contextlib.contextmanager
def _forked_workers() -> Iterator[None]:
    """Have workers forked from a process that has imported what they need.

    Started anew, as Dask does it, each worker would import it all: 2.5 s of CPU time and 80 MB.
    """
    if sys.platform != "linux":
        # macOS's own libraries may break in a forked process, and Windows has no fork.
        yield
        return
    import dask
    from distributed.utils import get_mp_context

    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        get_mp_context().set_forkserver_preload([_WORKER_MODULES])
        yield


_WORKER_MODULES = "pipelines.engines.dask_worker"

_CONFIGURATION = {
    "distributed.scheduler.allowed-failures": _ATTEMPTS,
    "distributed.worker.daemon": True,
    "distributed.admin.low-level-log-length": 0,
    # Beside a task of seconds, work stealing and profiling of the scheduler only cost time.
    "distributed.worker.profile.enabled": False,
}


def _execute(task: Task, settings: Settings) -> TaskResult:
    from distributed import get_worker

    return execute(task, settings, f"worker {get_worker().address} process {os.getpid()}")
