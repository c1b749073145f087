import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.order import derive_key, feistel_bits, permutation, permute, shuffle

SIZES = sorted(
    {size for power in range(0, 19, 3) for size in (2**power - 1, 2**power, 2**power + 1)}
    | {4**8 + 1, 4**9 + 1}
)


@pytest.mark.parametrize("count", [size for size in SIZES if size > 0])
@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_it_is_a_bijection(count: int, seed: int) -> None:
    items = permutation(count, derive_key(seed))
    assert np.array_equal(np.sort(items), np.arange(count))


@settings(max_examples=50, deadline=None)
@given(count=st.integers(1, 10**12), seed=st.integers(0, 2**63 - 1), data=st.data())
def test_any_item_is_found_without_the_others(count: int, seed: int, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=20, unique=True))
    key = derive_key(seed)
    together = permute(np.array(places), count, key)
    alone = [int(permute(np.array([place]), count, key)[0]) for place in places]
    assert together.tolist() == alone
    assert len(set(alone)) == len(places)
    assert all(0 <= item < count for item in alone)


def test_bits_are_even_and_hold_the_last_item() -> None:
    for count in [1, 2, 4**8, 4**8 + 1, 4**9, 4**9 + 1, 10**12]:
        bits = feistel_bits(count)
        assert bits % 2 == 0
        assert bits >= 16
        assert 2**bits >= count


@pytest.mark.parametrize("count", [4096, 4**8, 4**8 + 1, 10**6, 4**10 + 1])
def test_batches_mix_like_random_ones(count: int) -> None:
    """The spread of the mean of 64 neighbours is that of a random order, for every seed tried."""
    ratios = []
    for seed in range(4):
        items = permutation(count, derive_key(seed))[: count // 64 * 64].reshape(-1, 64)
        expected = (count / np.sqrt(12)) / np.sqrt(64)
        ratios.append(items.mean(axis=1).std() / expected)
    # A ratio's own standard deviation is 1 / sqrt(2 * batches), 0.09 for the smallest count.
    tolerance = 4 / np.sqrt(2 * (count // 64) * len(ratios)) + 0.005
    assert abs(np.mean(ratios) - 1) < tolerance


def test_neighbours_part_and_keys_differ() -> None:
    items = permutation(10**5, derive_key(3))
    gaps = np.abs(np.diff(items))
    # Two random items of n are n / 3 apart on average.
    assert abs(gaps.mean() / (10**5 / 3) - 1) < 0.02
    others = permutation(10**5, derive_key(4))
    assert np.count_nonzero(items == others) < 12
    assert abs(np.corrcoef(items, np.arange(10**5))[0, 1]) < 0.02


def test_the_order_is_pinned() -> None:
    """Loader states in the world depend on it."""
    assert permutation(10, derive_key(0, 1)).tolist() == PINNED_PERMUTATION
    values = np.arange(10, dtype=np.int32)
    shuffle(values, derive_key(0, 1))
    assert values.tolist() == PINNED_SHUFFLE


PINNED_PERMUTATION = [0, 5, 3, 7, 4, 1, 9, 2, 8, 6]
PINNED_SHUFFLE = [5, 4, 8, 3, 9, 1, 2, 0, 6, 7]


def test_shuffles_are_uniform() -> None:
    """Each of the 24 orders of 4 items comes up as often as the others, within 5 sigma."""
    counts: dict[tuple[int, ...], int] = {}
    for seed in range(24_000):
        values = np.arange(4, dtype=np.int32)
        shuffle(values, np.uint64(seed))
        order = tuple(values.tolist())
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 24
    assert all(abs(count - 1000) < 5 * np.sqrt(1000) for count in counts.values())


def test_keys_depend_on_every_part_and_place() -> None:
    keys = {int(derive_key(*parts)) for parts in [(), (0,), (0, 0), (0, 1), (1, 0), (1,), (-1,)]}
    assert len(keys) == 7


def test_places_outside_are_refused() -> None:
    with pytest.raises(ValueError, match="positions reach from 0 to 5 of 5"):
        permute(np.array([0, 5]), 5, derive_key(0))
