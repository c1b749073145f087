"""Conditions on the columns of OUT/signals, as data: no code of the user runs.

`where` is a list of (column, operator, value), all of which must hold; a missing value fails each
of them. `weight_by` is (column, weights), where weights is a dict of value -> copies for text, or
points of (least value, copies) for numbers; a value that it doesn't name has one copy.
"""

import difflib
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from penstock.deletions import DocIds
from penstock.errors import UsageError

MOST_COPIES = 255
_COMPARE = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
OPERATORS = (*_COMPARE, "in", "not in")
_NOT_COMPARABLE = (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError)
"""What Arrow raises where a value isn't of a column's type."""

Condition = tuple[str, str, Any]
WeightBy = tuple[str, Mapping[str, float] | Sequence[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Conditions:
    """Which documents are wanted, and how often.

    Raises:
        UsageError: a condition or weight isn't of the form that the module describes.
    """

    where: tuple[Condition, ...] = ()
    weight_by: WeightBy | None = None

    def __post_init__(self) -> None:
        for condition in self.where:
            _check_condition(condition)
        if self.weight_by is not None:
            _check_weights(self.weight_by)

    def __bool__(self) -> bool:
        return bool(self.where) or self.weight_by is not None

    def __str__(self) -> str:
        parts = [f"{column} {operator} {value!r}" for column, operator, value in self.where]
        if self.weight_by is not None:
            parts.append(f"weight_by {self.weight_by!r}")
        return " and ".join(parts)

    @property
    def columns(self) -> list[str]:
        """The columns that must be read, each once."""
        names = [column for column, _, _ in self.where]
        if self.weight_by is not None:
            names.append(self.weight_by[0])
        return sorted(set(names) - {"doc_id"})

    def to_json(self) -> list[Any]:
        """The conditions as plain JSON values."""
        weights: Any = None
        if self.weight_by is not None:
            column, given = self.weight_by
            table = sorted(given.items()) if isinstance(given, Mapping) else given
            weights = [column, isinstance(given, Mapping), [list(point) for point in table]]
        return [[list(condition) for condition in self.where], weights]

    def check(self, schema: pa.Schema, where: str) -> None:
        """Raise if a column isn't there."""
        for name in self.columns:
            if name not in schema.names:
                near = difflib.get_close_matches(name, schema.names, 1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise UsageError(
                    f"column {name!r} isn't in {where}; {hint}allowed: {', '.join(schema.names)}"
                )

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        """For each row whether all conditions hold."""
        mask = pa.array(np.ones(batch.num_rows, np.bool_))
        for column, operator, value in self.where:
            try:
                mask = pc.and_(mask, _holds(batch.column(column), operator, value))
            except _NOT_COMPARABLE as error:
                kind = batch.schema.field(column).type
                raise UsageError(
                    f"where compares the column {column!r} of {kind} with {value!r}; allowed: "
                    "values of the column's type"
                ) from error
        return mask

    def copies(self, batch: pa.RecordBatch, doc_ids: DocIds) -> npt.NDArray[np.uint8]:
        """How many copies of each document an epoch has."""
        if self.weight_by is None:
            return np.ones(batch.num_rows, np.uint8)
        weights = self._weights(batch)
        whole = np.floor(weights)
        more: npt.NDArray[np.bool_] = _draw(doc_ids) < weights - whole
        return (whole + more).astype(np.uint8)

    def _weights(self, batch: pa.RecordBatch) -> npt.NDArray[np.float64]:
        assert self.weight_by is not None
        name, given = self.weight_by
        column = batch.column(name)
        try:
            if isinstance(given, Mapping):
                keys = pa.array(list(given), column.type)
                found = pc.fill_null(pc.index_in(column, value_set=keys), len(given)).to_numpy()
                known: npt.NDArray[np.float64] = np.array([*given.values(), 1.0])[found]
                return known
            values = pc.fill_null(column.cast(pa.float64()), -np.inf).to_numpy(zero_copy_only=False)
        except _NOT_COMPARABLE as error:
            raise UsageError(
                f"weight_by names the column {name!r} of {column.type}; allowed: a dict of its "
                "values, or points of (least value, copies) where it's a number"
            ) from error
        places = np.searchsorted([least for least, _ in given], values, side="right")
        weights: npt.NDArray[np.float64] = np.array([1.0, *(c for _, c in given)])[places]
        return weights


def _holds(column: pa.Array, operator: str, value: Any) -> pa.BooleanArray:
    if operator in _COMPARE:
        return pc.fill_null(_COMPARE[operator](column, pa.scalar(value)), False)
    inside = pc.is_in(column, value_set=pa.array(value, column.type))
    if operator == "not in":
        inside = pc.invert(inside)
    return pc.and_(inside, pc.is_valid(column))


def _draw(doc_ids: DocIds) -> npt.NDArray[np.float64]:
    """A number from 0 to before 1 for each document: SplitMix64's step over its id."""
    halves = np.ascontiguousarray(doc_ids).view("<u8").reshape(-1, 2)
    with np.errstate(over="ignore"):
        mixed = halves[:, 0] ^ (halves[:, 1] * np.uint64(0x9E3779B97F4A7C15))
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    drawn: npt.NDArray[np.float64] = (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return drawn


def _check_condition(condition: Any) -> None:
    if not isinstance(condition, tuple | list) or len(condition) != 3:
        raise UsageError(
            f"a condition of where is {condition!r:.80}; allowed: (column, operator, value)"
        )
    _, operator, value = condition
    if operator not in OPERATORS:
        raise UsageError(f"the operator is {operator!r}; allowed: {', '.join(OPERATORS)}")
    if operator in ("in", "not in") and not isinstance(value, list | tuple):
        raise UsageError(f"where asks for {operator} {value!r:.80}; allowed: a list of values")
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"where compares with {value!r:.80}; allowed: texts, numbers, true and false"
        ) from error


def _check_weights(weight_by: Any) -> None:
    try:
        column, given = weight_by
        by_value = isinstance(given, Mapping)
        points = [(value, copies) for value, copies in (given.items() if by_value else given)]
    except (TypeError, ValueError):
        good = False
    else:
        values, weights = [value for value, _ in points], [copies for _, copies in points]
        good = isinstance(column, str) and bool(points) and all(map(_is_number, weights))
        good = good and all(0 <= weight <= MOST_COPIES for weight in weights)
        good = good and (None not in values if by_value else _grows(values))
    if not good:
        raise UsageError(
            f"weight_by is {weight_by!r:.80}; allowed: (column, a dict of value -> copies), or "
            f"(column, [(least value, copies), …]) in growing order; copies from 0 to {MOST_COPIES}"
        )


def _is_number(value: Any) -> bool:
    is_plain = isinstance(value, int | float) and not isinstance(value, bool)
    return is_plain and math.isfinite(value)


def _grows(values: list[Any]) -> bool:
    pairs = itertools.pairwise(values)
    return all(map(_is_number, values)) and all(value > before for before, value in pairs)
