"""How the weight of a dataset in a mixture changes with the tokens delivered, padding included.

A weight is a number, or points of (tokens, weight): `linear` joins them by straight lines, `steps`
holds each until the next; in a configuration file {"linear": [[0, 0.7], [1000000, 0.3]]}. Before
its first point and after its last one a weight stays as it is there. Weights are relative: what
counts is a dataset's share of the sum of all of them.
"""

import itertools
import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.errors import UsageError

KINDS = ("linear", "steps")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A weight over tokens: `points` of (tokens, weight), joined as `kind` says.

    Raises:
        UsageError: there is no point, tokens don't grow, or a weight isn't a number from 0.
    """

    kind: str
    points: tuple[tuple[int, float], ...]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"a schedule's kind is {self.kind!r}; allowed: {', '.join(KINDS)}")
        if not self.points:
            raise UsageError("a schedule has no points; allowed: at least one (tokens, weight)")
        for tokens, weight in self.points:
            _check_point(tokens, weight)
        places = [tokens for tokens, _ in self.points]
        if any(later <= earlier for earlier, later in itertools.pairwise(places)):
            raise UsageError(f"a schedule's tokens are {places}; allowed: each above the last")

    def weight(self, tokens: int) -> float:
        """The weight after so many tokens.

        >>> linear((0, 1.0), (100, 3.0)).weight(50), steps((0, 1.0), (100, 3.0)).weight(50)
        (2.0, 1.0)
        """
        before = [point for point in self.points if point[0] <= tokens]
        after = [point for point in self.points if point[0] > tokens]
        if not before or not after:
            return (before or after)[-1 if before else 0][1]
        (start, low), (end, high) = before[-1], after[0]
        if self.kind == "steps":
            return low
        return low + (high - low) * (tokens - start) / (end - start)

    def to_json(self) -> dict[str, Any]:
        """The schedule as plain JSON values, which `as_schedule` reads."""
        return {self.kind: [list(point) for point in self.points]}


def linear(*points: tuple[float, float]) -> Schedule:
    """A weight that goes in straight lines from point to point of (tokens, weight)."""
    return Schedule("linear", _tidy(points))


def steps(*points: tuple[float, float]) -> Schedule:
    """A weight that holds from each point of (tokens, weight) until the next."""
    return Schedule("steps", _tidy(points))


def as_schedule(weight: Any, *, name: str) -> Schedule:
    """The schedule that a mixture's entry asks for: itself, or one weight for ever.

    Raises:
        UsageError: it's neither.
    """
    if isinstance(weight, Schedule):
        return weight
    if isinstance(weight, Mapping) and len(weight) == 1:
        ((kind, points),) = weight.items()
        return Schedule(kind, _tidy(points))
    if not _is_number(weight):
        raise UsageError(
            f"the weight of {name!r} is {weight!r:.80}; allowed: a number from 0, "
            "penstock.linear((tokens, weight), …), penstock.steps(…), or one of them as "
            '{"linear": [[tokens, weight], …]}'
        )
    return steps((0, weight))


def _tidy(points: Sequence[Sequence[float]]) -> tuple[tuple[int, float], ...]:
    try:
        return tuple((int(tokens), float(weight)) for tokens, weight in points)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(
            f"a schedule's points are {points!r:.80}; allowed: pairs of (tokens, weight)"
        ) from error


def _check_point(tokens: int, weight: float) -> None:
    if tokens < 0:
        raise UsageError(f"a schedule's tokens are {tokens}; allowed: from 0")
    if not _is_number(weight):
        raise UsageError(f"a schedule's weight is {weight!r}; allowed: a number from 0")


def _is_number(weight: Any) -> bool:
    real = isinstance(weight, numbers.Real) and not isinstance(weight, bool)
    return real and math.isfinite(weight) and weight >= 0
