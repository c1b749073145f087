"""Handing batches out, one after another: the cursor moves with them, and a thread may be ahead.

There is one cursor, so there is one iteration at a time. A newer one, a loaded state and closing
the loader end it, together with its thread; whoever asks it for one more batch is told so, since
two loops over one cursor would both skip batches and repeat them.
"""

import contextlib
import inspect
import threading
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from penstock.batches import Batch
from penstock.course import Course
from penstock.dataset import Dataset
from penstock.errors import UsageError
from penstock.handoff import Handoff
from penstock.options import LoaderOptions
from penstock.prefetch import prefetched


class Delivery:
    """Hands out a course's batches, but for those of the steps to skip."""

    def __init__(
        self,
        course: Course,
        handoff: Handoff,
        datasets: Sequence[Dataset],
        options: LoaderOptions,
        *,
        end: int,
        skips: Sequence[range],
    ) -> None:
        self._course = course
        self._handoff = handoff
        self._datasets = datasets
        self._options = options
        self._end = end
        self._skips = skips
        self._ahead: Generator[Any, None, None] | None = None
        self._made = 0
        self._making = threading.Lock()

    def batches(self) -> Iterator[Batch]:
        """The batches from the cursor to the epoch's end; the cursor moves with what is taken.

        Raises:
            UsageError: the iteration was ended from outside.
        """
        self.end()
        course, size = self._course, self._options.global_batch_size
        epoch, rows = course.rest()
        wanted = (row for row in rows if not self._is_skipped(epoch, row)) if self._skips else rows
        made = prefetched((self._make(epoch, row) for row in wanted), self._options.prefetch)
        self._ahead = made
        try:
            for batch in map(self._handoff.deliver, made):
                if self._ahead is not made:
                    break
                # Moved before the batch is out: whoever holds the batch has had its rows.
                course.row = min(batch.first_row + size, self._end)
                yield batch
            if self._ahead is not made:
                raise UsageError(
                    "this iteration is over: the loader was iterated anew, given a state or closed "
                    "meanwhile; begin a new one with iter(loader)"
                )
            course.finish(rows[-1] + size if rows else course.row)
        finally:
            made.close()
            # Unless a newer one is under way, also after `end`, which may have come amid a batch.
            if self._ahead is made or self._ahead is None:
                self.end()

    def single(self, step: int) -> Batch:
        """The batch of any step; the cursor stays where it is."""
        return self._handoff.deliver(self._handoff.make(*self._course.place(step)))

    def end(self) -> None:
        """End the iteration under way, its thread, and what is being fetched for it."""
        made, self._ahead = self._ahead, None
        # It runs where a signal's handler ends it; then it sees for itself that it's over.
        if made is not None and inspect.getgeneratorstate(made) != inspect.GEN_RUNNING:
            made.close()
        for dataset in self._datasets:
            dataset.stop_fetching()
        self._made = self._course.row

    @contextlib.contextmanager
    def paused(self) -> Iterator[int]:
        """Have no batch made inside the block; it gets the row behind the last one that was."""
        with self._making:
            yield max(self._course.row, self._made)

    def _make(self, epoch: int, row: int) -> Any:
        with self._making:
            self._made = row + self._options.global_batch_size
            return self._handoff.make(epoch, row)

    def _is_skipped(self, epoch: int, row: int) -> bool:
        step = self._course.step_of(epoch, row)
        return any(step in part for part in self._skips)
