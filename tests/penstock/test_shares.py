"""The shares of a mixture against plain Python that counts row by row."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock import Schedule, UsageError, linear, steps
from penstock.order import derive_key
from penstock.shares import WHOLE, WINDOW_ROWS, Shares, compile_shares, first_difference

KEY = derive_key(3)


def shares_of(*plans: tuple[int, dict[str, Schedule]], row_tokens: int = 10) -> Shares:
    return compile_shares(plans, row_tokens=row_tokens, key=KEY)


def fixed(**weights: float) -> Shares:
    return shares_of((0, {name: steps((0, weight)) for name, weight in weights.items()}))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    places = sorted(draw(st.sets(st.integers(0, 30_000), min_size=1, max_size=4)))
    weights = st.floats(0, 10) | st.integers(0, 3)
    points = tuple((place, draw(weights)) for place in places)
    return draw(st.sampled_from([linear, steps]))(*points)


@st.composite
def plans(draw: st.DrawFn) -> list[tuple[int, dict[str, Schedule]]]:
    names = ["a", "b", "c", "d"][: draw(st.integers(1, 4))]
    rows = sorted({0} | draw(st.sets(st.integers(1, 2500), max_size=2)))
    always = {"a": steps((0, 0.5))}
    return [(row, {name: draw(schedules()) for name in names} | always) for row in rows]


@settings(max_examples=60)
@given(made=plans(), first=st.integers(0, 3000), length=st.integers(0, 700))
def test_a_row_is_found_without_the_ones_before(made: Any, first: int, length: int) -> None:
    shares = shares_of(*made)
    datasets, places = shares.assign(0, first + length)
    counts = [0] * len(shares.names)
    for dataset, place in zip(datasets.tolist(), places.tolist(), strict=True):
        assert place == counts[dataset]
        counts[dataset] += 1
    assert shares.counts(first + length).tolist() == counts
    found = shares.assign(first, first + length)
    assert np.array_equal(found[0], datasets[first:])
    assert np.array_equal(found[1], places[first:])


@settings(max_examples=60)
@given(
    weights=st.lists(st.floats(0, 100) | st.integers(0, 5), min_size=1, max_size=6),
    bits=st.integers(0, 13),
    index=st.integers(0, 1 << 40),
)
def test_every_aligned_window_is_exact_to_one_row(
    weights: list[float], bits: int, index: int
) -> None:
    named = {f"d{n}": weight for n, weight in enumerate(weights)} | {"e": 1e-3}
    shares, size = fixed(**named), 1 << bits
    got = shares.counts((index + 1) * size) - shares.counts(index * size)
    total = sum(Fraction(weight) for weight in named.values())
    for name, count in zip(shares.names, got.tolist(), strict=True):
        wanted = size * Fraction(named[name]) / total
        assert abs(count - wanted) < 1 + Fraction(size, WHOLE)
    assert got.sum() == size


def test_no_rank_gets_the_same_dataset_at_every_step() -> None:
    datasets, _ = fixed(a=1, b=1).assign(0, 8 * 512)
    ranks = datasets.reshape(-1, 8)
    assert (ranks.sum(axis=1) == 4).all()
    assert ((ranks.mean(axis=0) > 0.3) & (ranks.mean(axis=0) < 0.7)).all()


def test_a_straight_line_is_followed() -> None:
    shares = shares_of((0, {"a": linear((0, 1.0), (1_000_000, 0.0)), "b": steps((0, 1.0))}))
    for row in range(0, 100_001, 10_000):
        # Shares, not weights, are joined by straight lines: from a half to nothing.
        assert abs(shares.counts(row)[0] - (row / 2 - row**2 / 400_000)) < 30
    ends = shares.counts(100_000)
    assert shares.counts(200_000)[0] == ends[0]


def test_wanted_is_what_counts_follow() -> None:
    made = {"a": linear((0, 1), (40_000, 5), (70_000, 1)), "b": steps((0, 2), (30_000, 1))}
    shares = shares_of((0, made), (5000, {"a": steps((0, 1)), "b": steps((0, 9))}))
    for row in range(0, 20_000, 333):
        assert np.abs(shares.counts(row) - shares.wanted(row)).max() < 16
    assert shares.wanted(20_000).sum() == 20_000
    last = shares.counts(20_000) - shares.counts(20_000 - WINDOW_ROWS)
    assert abs(last[1] - 0.9 * WINDOW_ROWS) < 2


def test_the_first_difference_is_found() -> None:
    one = shares_of((0, {"a": steps((0, 1)), "b": steps((0, 1))}))
    new = {"a": steps((0, 1), (5000, 2)), "b": steps((0, 1)), "c": steps((0, 0), (9000, 1))}
    other = shares_of((0, new))
    assert first_difference(one, other, 500) is None
    assert first_difference(one, other, 501) == 500
    assert first_difference(one, one, 10_000) is None
    swapped = shares_of((0, {"a": steps((0, 2)), "b": steps((0, 1))}))
    assert first_difference(one, swapped, 1) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: steps(), "has no points; allowed: at least one"),
        (lambda: steps((5, 1), (5, 2)), r"tokens are \[5, 5\]; allowed: each above the last"),
        (lambda: linear((-1, 1)), "tokens are -1; allowed: from 0"),
        (lambda: linear((0, -1)), r"weight is -1.0; allowed: a number from 0"),
        (lambda: linear((0, float("nan"))), "weight is nan; allowed: a number from 0"),
        (lambda: Schedule("cubic", ((0, 1.0),)), "kind is 'cubic'; allowed: linear, steps"),
        (lambda: steps(3), r"points are \(3,\); allowed: pairs of \(tokens, weight\)"),
        (lambda: fixed(a=0, b=0), "from row 0 on are all 0; allowed: one above 0"),
    ],
)
def test_wrong_schedules_are_named(make: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
