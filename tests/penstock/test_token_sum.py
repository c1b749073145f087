import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.token_sum import TokenSum

TOKENS = st.lists(
    st.tuples(*[st.integers(0, 2**64 - 1)] * 3), unique=True, min_size=2, max_size=40
)  # fmt: skip


def total(rows: list[tuple[int, ...]]) -> TokenSum:
    result = TokenSum()
    if rows:
        result.add(*(np.array(column, np.uint64) for column in zip(*rows, strict=True)))
    return result


@given(TOKENS, st.randoms(use_true_random=False))
def test_the_order_and_the_portions_do_not_matter(rows, chance) -> None:  # type: ignore[no-untyped-def]
    shuffled = chance.sample(rows, len(rows))
    cut = chance.randrange(len(rows))
    portions = TokenSum()
    for part in (shuffled[:cut], shuffled[cut:]):
        if part:
            portions.add(*(np.array(column, np.uint64) for column in zip(*part, strict=True)))
    assert portions == total(rows)


@given(TOKENS)
def test_a_lost_or_repeated_token_shows(rows) -> None:  # type: ignore[no-untyped-def]
    assert total(rows) != total(rows[1:])
    assert total(rows).digest != total([*rows[:-1], rows[0]]).digest


@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_token_at_another_place_shows(column: int) -> None:
    rows = [(1, 0, 7), (1, 1, 8), (2, 0, 9)]
    other = [list(row) for row in rows]
    other[0][column], other[2][column] = other[2][column] + 3, other[0][column]
    assert total(rows) != total([tuple(row) for row in other])
