"""Which documents fail which rules: thresholds over signal columns, nothing else.

A heuristic is a column that some transform measures and a rule that compares it, so a new filter
needs no code here, and another threshold can be tried later from the stored signals alone. All
rules are evaluated on all rows: a row's verdict is a bit mask, whose lowest set bit is the rule
that the ledger names. A threshold on a float32 column is compared as float32, so 0.65 means the
same in the recipe and in the signals. A null signal fails no rule: nothing was measured.

A rule may also be on the ratio of two integer columns, `column` over `over`. The threshold is then
the exact decimal number that the recipe shows, and the comparison is of integers multiplied across,
so no rounding decides a verdict. Where `over` is 0, any count above 0 is too much, and none is
neither too much nor too little.

Cost: 10 ns a row and rule in batches of 2,000, 0.2 us for each row that is told.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MAXIMUM_RULES = 64
"""Bits of the mask in the signals' column `failing`."""

_LARGEST_TERM = 10**9
"""Of a ratio's threshold, so that counts below 2^33 stay exact when multiplied."""

_PLACES = 4
"""Decimals of a ratio that the ledger shows; the verdict doesn't depend on them."""

Threshold = int | float | tuple[str, ...]


class Kind(StrEnum):
    """How a rule compares its column with its threshold."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    ONE_OF = "one_of"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a document must satisfy: `column` is at least, at most or one of `threshold`.

    A rule concerns documents of `only_languages` (None for all) and none of `but_languages`.
    With `over`, it's the ratio of `column` to that column.

    Raises:
        ValueError: the threshold doesn't suit the kind, or a ratio's has too many digits.
    """

    name: str
    stage: str
    column: str
    kind: Kind
    threshold: Threshold
    only_languages: tuple[str, ...] | None = None
    but_languages: tuple[str, ...] = ()
    over: str | None = None

    def __post_init__(self) -> None:
        if (self.kind is Kind.ONE_OF) != isinstance(self.threshold, tuple):
            raise ValueError(
                f"rule {self.name!r}: kind {self.kind.value!r} with threshold {self.threshold!r}; "
                "'one_of' takes a tuple of strings, 'at_least' and 'at_most' take a number"
            )
        if self.over is not None and max(self.fraction.as_integer_ratio()) > _LARGEST_TERM:
            raise ValueError(
                f"rule {self.name!r}: threshold {self.threshold!r} of a ratio has too many digits; "
                "give at most 9"
            )

    @property
    def fraction(self) -> Fraction:
        """A number's threshold as the exact fraction that its decimal digits say."""
        return _fraction(str(self.threshold))


_fraction = functools.cache(Fraction)


class _Counts(NamedTuple):
    """An integer column: int64 values, 0 where null, and which aren't null; None if all aren't."""

    values: NDArray[np.int64]
    known: NDArray[np.bool_] | None


class FirstFailures(NamedTuple):
    """The first failing rule of each row, as string arrays that are null where none fails."""

    rule: pa.StringArray
    stage: pa.StringArray
    value: pa.StringArray
    threshold: pa.StringArray


def failing_mask(signals: pa.RecordBatch, rules: Sequence[Rule]) -> np.ndarray:
    """uint64[n]: bit i of a row is set when the row fails rules[i].

    Raises:
        ValueError: more than 64 rules, or a rule whose column the signals don't have.

    >>> short = Rule(
    ...     name="minimum_words", stage="length", column="words", kind=Kind.AT_LEAST, threshold=3
    ... )
    >>> failing_mask(pa.record_batch({"words": [2, 3]}), [short])
    array([1, 0], dtype=uint64)
    """
    if len(rules) > MAXIMUM_RULES:
        raise ValueError(
            f"{len(rules)} rules, but a mask holds {MAXIMUM_RULES}; "
            "turn off rules that the recipe doesn't need"
        )
    mask, counts = np.zeros(signals.num_rows, np.uint64), _counts(signals, rules)
    for bit, rule in enumerate(rules):
        fails = _fails(signals, rule, counts)
        for languages, wanted in ((rule.only_languages, True), (rule.but_languages or None, False)):
            if languages is not None:
                fails = fails & (_is_in(signals, languages) == wanted)
        mask |= fails * np.uint64(1 << bit)
    return mask


def first_failures(
    signals: pa.RecordBatch, rules: Sequence[Rule], mask: np.ndarray
) -> FirstFailures:
    """The lowest set bit of each row's mask, told: rule, stage, value seen, what is allowed.

    >>> rule = Rule(
    ...     name="language_score", stage="language", column="score", kind=Kind.AT_LEAST,
    ...     threshold=0.65,
    ... )
    >>> signals = pa.record_batch({"score": pa.array([0.9, 0.25], pa.float32())})
    >>> failures = first_failures(signals, [rule], failing_mask(signals, [rule]))
    >>> [column[1].as_py() for column in failures]
    ['language_score', 'language', '0.25', 'at least 0.65']
    """
    first = np.where(mask == 0, len(rules), _lowest_bit(mask))
    rows = [np.flatnonzero(first == bit) for bit in range(len(rules))]
    seen = [
        _seen(signals.select(_columns_of(rule)).take(pa.array(where)), rule)
        for rule, where in zip(rules, rows, strict=True)
    ]
    place = np.full(signals.num_rows, -1, np.int64)
    found = np.concatenate([*rows, np.empty(0, np.int64)])
    place[found] = np.arange(len(found))
    values = pa.concat_arrays([*seen, pa.array([], pa.string())])
    told = [_told(rule, _column(signals, rule).type) for rule in rules]
    which = pa.array(first, mask=mask == 0)
    return FirstFailures(
        pa.array([rule.name for rule in rules], pa.string()).take(which),
        pa.array([rule.stage for rule in rules], pa.string()).take(which),
        values.take(pa.array(place, mask=mask == 0)),
        pa.array(told, pa.string()).take(which),
    )


def _lowest_bit(mask: np.ndarray) -> np.ndarray:
    """Place of the lowest set bit; a power of two is exact in float64."""
    lowest = mask & (~mask + np.uint64(1))
    exponents: np.ndarray = np.frexp(lowest.astype(np.float64))[1].astype(np.int64)
    return exponents - 1


def _column(signals: pa.RecordBatch, rule: Rule, name: str | None = None) -> pa.Array:
    name = name or rule.column
    place = signals.schema.get_field_index(name)
    if place < 0:
        raise ValueError(
            f"rule {rule.name!r} wants column {name!r}, but the signals have "
            f"{', '.join(signals.schema.names)}; turn on the stage that measures it"
        )
    return signals.column(place)


def _counts(signals: pa.RecordBatch, rules: Sequence[Rule]) -> dict[str, _Counts]:
    """The columns of integers that rules look at, each taken out of Arrow once."""
    found: dict[str, _Counts] = {}
    for rule in rules:
        for name in _columns_of(rule):
            if name not in found:
                column = _column(signals, rule, name)
                if rule.over is not None or pa.types.is_integer(column.type):
                    found[name] = _numbers(column)
    return found


def _numbers(column: pa.Array) -> _Counts:
    if not column.null_count:
        return _Counts(column.to_numpy().astype(np.int64, copy=False), None)
    values = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return _Counts(values, column.is_valid().to_numpy(zero_copy_only=False))


def _fails(signals: pa.RecordBatch, rule: Rule, counts: Mapping[str, _Counts]) -> np.ndarray:
    if rule.over is not None:
        return _ratio_fails(rule, counts[rule.column], counts[rule.over])
    if rule.column in counts and _is_whole(rule.threshold):
        return _number_fails(rule, counts[rule.column])
    column = _column(signals, rule)
    if isinstance(rule.threshold, tuple):
        fails = pc.invert(pc.is_in(column, value_set=pa.array(rule.threshold, column.type)))
        fails = pc.and_(fails, column.is_valid())
    else:
        compare = pc.less if rule.kind is Kind.AT_LEAST else pc.greater
        fails = compare(column, _scalar(rule.threshold, column.type)).fill_null(False)
    failing: np.ndarray = fails.to_numpy(zero_copy_only=False)
    return failing


def _is_in(signals: pa.RecordBatch, languages: tuple[str, ...]) -> np.ndarray:
    found: np.ndarray = pc.is_in(
        signals.column("language"), value_set=pa.array(languages, pa.string())
    ).to_numpy(zero_copy_only=False)
    return found


def _is_whole(threshold: Threshold) -> bool:
    return not isinstance(threshold, tuple) and float(threshold).is_integer()


def _number_fails(rule: Rule, column: _Counts) -> np.ndarray:
    threshold = rule.fraction.numerator
    is_least = rule.kind is Kind.AT_LEAST
    fails: np.ndarray = column.values < threshold if is_least else column.values > threshold
    return fails if column.known is None else fails & column.known


def _ratio_fails(rule: Rule, column: _Counts, over: _Counts) -> np.ndarray:
    numerator, denominator = rule.fraction.as_integer_ratio()
    count, allowed = column.values * denominator, over.values * numerator
    fails: np.ndarray = count < allowed if rule.kind is Kind.AT_LEAST else count > allowed
    for known in (column.known, over.known):
        if known is not None:
            fails &= known
    return fails


def _columns_of(rule: Rule) -> list[str]:
    return [rule.column] if rule.over is None else list({rule.column: 0, rule.over: 0})


def _seen(signals: pa.RecordBatch, rule: Rule) -> pa.Array:
    """The values as text: numbers as they are, a ratio as `0.2531 (81 of 320)`."""
    count = pc.cast(_column(signals, rule), pa.string())
    if rule.over is None:
        return count
    over = _column(signals, rule, rule.over)
    numerator = pc.cast(_column(signals, rule), pa.int64())
    rounded = pc.divide(
        pc.add(pc.multiply(numerator, 10**_PLACES), pc.divide(pc.cast(over, pa.int64()), 2)),
        pc.max_element_wise(pc.cast(over, pa.int64()), 1),
    )
    whole = pc.cast(pc.divide(rounded, 10**_PLACES), pa.string())
    rest = pc.subtract(rounded, pc.multiply(pc.divide(rounded, 10**_PLACES), 10**_PLACES))
    decimals = pc.utf8_lpad(pc.cast(rest, pa.string()), _PLACES, "0")
    ratio = pc.binary_join_element_wise(whole, decimals, ".")
    terms = pc.binary_join_element_wise(count, pc.cast(over, pa.string()), " of ")
    told = pc.binary_join_element_wise(ratio, " (", terms, ")", "")
    return pc.if_else(pc.equal(over, 0), terms, told)


def _scalar(threshold: int | float, type_: pa.DataType) -> pa.Scalar:
    """The threshold in the column's type; a fraction beside integers stays a fraction."""
    if pa.types.is_integer(type_) and not float(threshold).is_integer():
        return pa.scalar(float(threshold))
    return pa.scalar(threshold).cast(type_)


def _told(rule: Rule, type_: pa.DataType) -> str:
    if isinstance(rule.threshold, tuple):
        return "one of " + ", ".join(rule.threshold)
    if rule.over is not None:
        return f"{rule.kind.value.replace('_', ' ')} {rule.threshold:g}"
    number = pc.cast(_scalar(rule.threshold, type_), pa.string()).as_py()
    return f"{rule.kind.value.replace('_', ' ')} {number}"
