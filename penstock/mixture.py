"""The rows of a mixture: an endless sequence in which each row is some dataset's next one.

Which dataset's, the shares say (see penstock.shares); each goes through its own epochs, at its own
pace. Since a row's place in its dataset is a count and not a memory, a mixture is as seekable as
one dataset. A change of weights holds from a row on and leaves the rows before it alone.

Stretches of 256 rows are put together at a time (see penstock.interleave), so that a batch costs
what it does of one dataset.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from penstock.errors import UsageError
from penstock.interleave import interleave
from penstock.order import derive_key
from penstock.parts import Part
from penstock.rows import Group, Piece
from penstock.schedule import Schedule, as_schedule
from penstock.shares import WINDOW_ROWS, Shares, compile_shares, first_difference

ENDLESS = 1 << 62
CHECKED_WINDOWS = 4096
KEPT_STRETCHES = 8
_MIXTURE = 4

Plan = tuple[int, Mapping[str, Schedule]]


class MixtureSource:
    """All rows of a mixture, found by their number; there are no epochs but the datasets' own."""

    end = ENDLESS

    plans: tuple[Plan, ...]
    shares: Shares

    def __init__(
        self,
        parts: Mapping[str, Part],
        schedules: Mapping[str, Schedule],
        *,
        row_tokens: int,
        seed: int,
    ) -> None:
        self.parts = parts
        self.num_rows = sum(part.source.num_rows for part in parts.values())
        self._list = list(parts.values())
        self._row_tokens = row_tokens
        self._key = derive_key(seed, _MIXTURE)
        self.plan([(0, schedules)])

    def pieces(self, _epoch: int, first: int, end: int) -> list[Piece]:
        """The groups that hold the rows `first` to before `end`, and which rows there."""
        found = []
        while first < end:
            number, start = divmod(first, WINDOW_ROWS)
            stop = min(end - first + start, WINDOW_ROWS)
            found.append((self._stretch(number), start, stop))
            first += stop - start
        return found

    def single_rows(self, first: int, end: int) -> list[tuple[str, Piece]]:
        """For each row the name of its dataset, and its place in a group of that."""
        datasets, places = self.shares.assign(first, end)
        return [
            (self.shares.names[dataset], *self._pieces_of(dataset, place, 1))
            for dataset, place in zip(datasets.tolist(), places.tolist(), strict=True)
        ]

    def amend(self, row: int, schedules: Mapping[str, Schedule]) -> None:
        """Share the rows from `row` on by other schedules, instead of any amendment after it."""
        if set(schedules) != set(self.parts):
            raise UsageError(
                f"the weights are of {sorted(schedules)}; allowed: of all of {sorted(self.parts)}"
            )
        ordered = {name: schedules[name] for name in sorted(schedules)}
        self.plan([*(plan for plan in self.plans if plan[0] < row), (row, ordered)])

    def plan(self, plans: Sequence[Plan]) -> None:
        """Share the rows by these plans from their rows on."""
        self.shares = self._compile(plans)
        self.plans = tuple(plans)
        self._stretch = lru_cache(maxsize=KEPT_STRETCHES)(self._make_stretch)

    def to_json(self) -> list[Any]:
        """The plans as plain JSON values."""
        return [
            [row, {name: schedule.to_json() for name, schedule in schedules.items()}]
            for row, schedules in self.plans
        ]

    def continued(self, value: Any, row: int) -> tuple[Plan, ...]:
        """The plans with which a state that stands before `row` goes on: amendments come along.

        Raises:
            UsageError: the rows before `row` would be shared otherwise than they were.
        """
        saved: tuple[Plan, ...] = tuple(
            (int(at), {name: as_schedule(schedule, name=name) for name, schedule in plan.items()})
            for at, plan in value
        )
        amended = len(self.plans) > 1 or dict(self.plans[0][1]) != dict(saved[0][1])
        plans = self.plans if amended else saved
        differs = first_difference(self._compile(saved), self._compile(plans), row)
        if differs is not None:
            raise UsageError(
                f"the mixture's weights differ from the state's from row {differs} on, which is "
                f"before the state's row {row}; allowed: other weights from row {row} on, by a "
                "schedule or by amend_mixture"
            )
        return plans

    def used(self, plans: Sequence[Plan], row: int) -> list[str]:
        """The datasets that have a row before `row` by these plans."""
        shares = self._compile(plans)
        return [name for name, count in zip(shares.names, shares.counts(row), strict=True) if count]

    def _make_stretch(self, number: int) -> Group:
        """The rows of one aligned window of the mixture."""
        first = number * WINDOW_ROWS
        datasets, places = self.shares.assign(first, first + WINDOW_ROWS)
        pieces: list[Piece] = []
        order = []
        for dataset in range(len(self._list)):
            (rows,) = np.nonzero(datasets == dataset)
            if len(rows):
                # A dataset's rows follow one another, through its epochs.
                pieces += self._pieces_of(dataset, int(places[rows[0]]), len(rows))
                order.append(rows.astype(np.int32))
        return interleave(pieces, np.concatenate(order))

    def _pieces_of(self, dataset: int, place: int, count: int) -> list[Piece]:
        """So many rows of a dataset from the one at `place` of all its epochs' on."""
        source = self._list[dataset].source
        found: list[Piece] = []
        while count > 0:
            epoch, row = divmod(place, source.num_rows)
            end = min(row + count, source.num_rows)
            found += source.pieces(epoch, row, end)
            place, count = place + end - row, count - (end - row)
        return found

    def _compile(self, plans: Sequence[Plan]) -> Shares:
        return compile_shares(plans, row_tokens=self._row_tokens, key=self._key)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetShare:
    """What one dataset has given to the rows before some row.

    `wanted_rows` is the weights' sum over them; `epochs` how often it was gone through.
    """

    name: str
    rows: int
    wanted_rows: float
    epochs: float
    epoch_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureReport:
    """How the rows before `rows` were shared.

    `mix_error` is the largest distance of a dataset's rows from what was wanted, in rows;
    `window_error` the same within single windows of 256 rows, over the last 4,096 of them.
    """

    rows: int
    tokens: int
    datasets: tuple[DatasetShare, ...]
    mix_error: float
    window_error: float

    def __str__(self) -> str:
        width = max(7, *(len(item.name) for item in self.datasets))
        lines = [f"{'dataset':<{width}}  {'rows':>13}  {'share':>8}  {'wanted':>8}  {'epochs':>8}"]
        for item in self.datasets:
            share, wanted = (x / max(1, self.rows) for x in (item.rows, item.wanted_rows))
            lines.append(
                f"{item.name:<{width}}  {item.rows:>13,}  {share:>8.3%}  {wanted:>8.3%}  "
                f"{item.epochs:>8.2f}"
            )
        lines.append(
            f"{self.rows:,} rows of {self.tokens:,} tokens; off by at most {self.mix_error:.1f} "
            f"rows in all, {self.window_error:.1f} in a window of {WINDOW_ROWS}"
        )
        return "\n".join(lines)


def report_mixture(source: MixtureSource, rows: int, row_tokens: int) -> MixtureReport:
    """Count who has given the rows before `rows`."""
    shares = source.shares
    counts, wanted = shares.counts(rows), shares.wanted(rows)
    datasets = [
        DatasetShare(
            name=name,
            rows=int(count),
            wanted_rows=float(want),
            epochs=int(count) / part.source.num_rows,
            epoch_rows=part.source.num_rows,
        )
        for (name, part), count, want in zip(source.parts.items(), counts, wanted, strict=True)
    ]
    return MixtureReport(
        rows=rows,
        tokens=rows * row_tokens,
        datasets=tuple(datasets),
        mix_error=float(np.abs(counts - wanted).max()),
        window_error=_window_error(shares, rows),
    )


def _window_error(shares: Shares, rows: int) -> float:
    last = rows // WINDOW_ROWS
    edges = range(max(0, last - CHECKED_WINDOWS) * WINDOW_ROWS, rows + 1, WINDOW_ROWS)
    off = np.array([shares.counts(row) - shares.wanted(row) for row in edges])
    return float(np.abs(np.diff(off, axis=0)).max(initial=0.0))
