"""Which shard a document goes to: by its keyed hash, and by its cluster to which split."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.text.finish import is_held_out, train_shards
from transforms.identity import keyed_hash


def ids(count: int) -> pa.Array:
    rows = np.random.default_rng(1).integers(0, 256, (count, 16)).astype(np.uint8)
    return pa.array([row.tobytes() for row in rows], pa.binary(16))


@given(st.integers(2, 10_000), st.floats(0, 0.5))
def test_each_split_has_a_shard_if_it_has_a_share(shards: int, fraction: float) -> None:
    train = train_shards(shards, fraction)
    if fraction == 0:
        assert train == shards
    else:
        assert 1 <= train < shards
        assert abs((shards - train) - shards * fraction) <= 1


@pytest.mark.parametrize("fraction", [0.0, 0.02, 0.5])
def test_the_share_of_clusters_is_held_out_whatever_their_order(fraction: float) -> None:
    clusters = ids(20_000)
    held_out = is_held_out(clusters, fraction=fraction, seed=3)
    assert abs(held_out.mean() - fraction) < 0.02
    order = np.random.default_rng(2).permutation(len(clusters))
    shuffled = is_held_out(clusters.take(pa.array(order)), fraction=fraction, seed=3)
    assert (shuffled == held_out[order]).all()


def test_the_validation_split_is_not_one_end_of_the_shuffle() -> None:
    clusters = ids(20_000)
    place = keyed_hash(clusters, seed=3).astype(float) / 2.0**64
    held_out = is_held_out(clusters, fraction=0.1, seed=3)
    assert abs(place[held_out].mean() - 0.5) < 0.05
    assert place[held_out].max() > 0.95
    assert place[held_out].min() < 0.05
