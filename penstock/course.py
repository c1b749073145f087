"""How steps, rows and epochs belong together, and where a loader stands among them.

Of one dataset an epoch is all of its rows, and the rows behind its last whole batch are dropped, or
filled up to one. The rows of a mixture have no end: its epoch is a number of steps after which
iterating stops for once, as many as its datasets have rows for, and no row is dropped between.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from penstock.errors import UsageError
from penstock.mixture import MixtureSource
from penstock.options import LoaderOptions
from penstock.parts import Part
from penstock.provenance import describe_mixture, describe_rows
from penstock.state import identity, mixture_identity, read_cursor, read_mixture_cursor

LAST_STEP = 1 << 40
"""Behind every run; a mixture's rows are counted in 64 bits."""


class Course(Protocol):
    """The cursor (`row` of `_epoch`, the next not handed out) and what a step is.

    `steps` are those of an epoch, `dropped_rows` the rows at its end that are in no batch.
    """

    steps: int
    dropped_rows: int
    row: int

    @property
    def epoch(self) -> int:
        """The epoch of the next row."""
        ...

    def place(self, step: int) -> tuple[int, int]:
        """The epoch and first row of a step from 0."""
        ...

    def step_of(self, epoch: int, row: int) -> int:
        """The step that a row is in."""
        ...

    def rest(self) -> tuple[int, range]:
        """The epoch of the next row, and the first row of each batch until the epoch's end."""
        ...

    def finish(self, row: int) -> None:
        """Go on to the next epoch from the row behind this one's last batch."""
        ...

    def provenance(self, epoch: int, first: int, end: int) -> pa.Table:
        """Which document each segment of some rows is from."""
        ...

    def state(self) -> dict[str, Any]:
        """The cursor and what it is a row of, as JSON values."""
        ...

    def load(self, state: Mapping[str, Any]) -> None:
        """Go to the cursor of a state."""
        ...


class EpochCourse:
    """The way through one dataset, epoch by epoch."""

    def __init__(self, part: Part, options: LoaderOptions) -> None:
        self._part = part
        self._options = options
        self._epoch = self.row = 0
        steps, rest = divmod(part.source.num_rows, options.global_batch_size)
        self.steps = steps if options.drop_last else steps + (rest > 0)
        self.dropped_rows = rest if options.drop_last else 0

    @property
    def epoch(self) -> int:
        """The epoch of the next row."""
        return self._epoch

    def place(self, step: int) -> tuple[int, int]:
        """The epoch and first row of a step from 0."""
        epoch, in_epoch = divmod(step, self.steps)
        return epoch, in_epoch * self._options.global_batch_size

    def step_of(self, epoch: int, row: int) -> int:
        """The step that a row is in."""
        return epoch * self.steps + row // self._options.global_batch_size

    def rest(self) -> tuple[int, range]:
        """The epoch of the next row, and the first row of each batch until the epoch's end."""
        size, end = self._options.global_batch_size, self._part.source.num_rows
        return self._epoch, range(
            self.row, end - size + 1 if self._options.drop_last else end, size
        )

    def finish(self, _row: int) -> None:
        """Go on to the next epoch."""
        self._epoch, self.row = self._epoch + 1, 0

    def provenance(self, epoch: int, first: int, end: int) -> pa.Table:
        """Which document each segment of some rows is from."""
        last = min(end, self._part.source.end)
        return describe_rows(self._part.dataset, self._part.source, epoch, first, last)

    def state(self) -> dict[str, Any]:
        """The cursor and what it is a row of, as JSON values."""
        cursor = {"epoch": self._epoch, "row": self.row}
        return identity(self._part.dataset, self._options) | cursor

    def load(self, state: Mapping[str, Any]) -> None:
        """Go to the cursor of a state."""
        wanted = identity(self._part.dataset, self._options)
        self._epoch, self.row = read_cursor(state, wanted, self._part.source.num_rows)


class MixtureCourse:
    """The way along a mixture's rows, which have no end."""

    dropped_rows = 0

    def __init__(self, source: MixtureSource, options: LoaderOptions) -> None:
        self.source = source
        self._options = options
        self.row = 0
        self.steps = source.num_rows // options.global_batch_size

    @property
    def epoch(self) -> int:
        """How often as many steps have been handed out as make an epoch."""
        return self.row // self._span

    def place(self, step: int) -> tuple[int, int]:
        """The first row of a step from 0; a mixture's rows are all of epoch 0."""
        return 0, step * self._options.global_batch_size

    def step_of(self, _epoch: int, row: int) -> int:
        """The step that a row is in."""
        return row // self._options.global_batch_size

    def rest(self) -> tuple[int, range]:
        """The first row of each batch until iterating stops; the last one needn't fit."""
        stop = (self.row // self._span + 1) * self._span
        return 0, range(self.row, stop, self._options.global_batch_size)

    def finish(self, row: int) -> None:
        """Go on where the last batch ended, also if it was skipped."""
        self.row = row

    def provenance(self, _epoch: int, first: int, end: int) -> pa.Table:
        """Which document each segment of some rows is from, and of which dataset."""
        return describe_mixture(self.source, first, end)

    def state(self) -> dict[str, Any]:
        """The cursor and what it is a row of, as JSON values."""
        return mixture_identity(self.source, self._options) | {"epoch": 0, "row": self.row}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go to the cursor of a state, and take over its amendments."""
        self.row = read_mixture_cursor(state, self.source, self._options)

    @property
    def _span(self) -> int:
        return self.steps * self._options.global_batch_size


def check_step(step: Any, *, name: str = "step") -> int:
    """The step, if it is one; `name` says in errors what it is.

    Raises:
        UsageError: it isn't an integer from 0 to 2^40.
    """
    if isinstance(step, bool) or not isinstance(step, int | np.integer) or step < 0:
        raise UsageError(f"{name} is {step!r}; allowed: an integer from 0")
    if step > LAST_STEP:
        raise UsageError(f"{name} is {step}; allowed: up to {LAST_STEP}")
    return int(step)


class NothingToDeliverError(UsageError):
    """All of a split's documents are empty, deleted or not selected."""


def check_steps(steps: int, rows: int, options: LoaderOptions) -> None:
    """Raise if an epoch has no step.

    Raises:
        UsageError: there are no rows, or a batch is larger than an epoch.
    """
    if rows == 0:
        raise NothingToDeliverError(
            "the dataset has no tokens to deliver: its documents are empty, deleted, or not "
            "selected; take another split, version or selection"
        )
    if steps == 0:
        raise UsageError(
            f"global_batch_size is {options.global_batch_size}, but the dataset packs to {rows} "
            f"rows of {options.sequence_length} tokens; take a smaller batch, shorter rows, or of "
            "one dataset drop_last=False"
        )


def check_skips(skip: Any) -> tuple[range, ...]:
    """The steps to skip, as ranges.

    Raises:
        UsageError: one isn't a step or a range of them.
    """
    if not isinstance(skip, Iterable):
        raise UsageError(f"skip is {skip!r}; allowed: a list of steps and ranges of them")
    found = [_as_range(part) for part in skip]
    return tuple(part for part in found if part)


def _as_range(part: Any) -> range:
    if not isinstance(part, range):
        step = check_step(part, name="a step of skip")
        return range(step, step + 1)
    if part and min(part[0], part[-1]) < 0:
        raise UsageError(f"skip has {part}; allowed: steps from 0 and ranges of them")
    return part
