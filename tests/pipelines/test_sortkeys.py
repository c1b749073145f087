"""Keys order as Python orders them."""

import bisect

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sortkeys import (
    bucket_of,
    check_sortable,
    count_before,
    key_at,
    key_words,
    sort_indices,
)

SCHEMA = pa.schema(
    {
        "u8": pa.uint8(),
        "i64": pa.int64(),
        "u64": pa.uint64(),
        "b3": pa.binary(3),
        "b20": pa.binary(20),
        "at": pa.timestamp("s", tz="UTC"),
    }
)
EDGES = [0, 1, 255, 256, 2**31, 2**32, 2**63 - 1]


def few(values: st.SearchStrategy) -> st.SearchStrategy:
    """Few distinct values, so that there are many ties."""
    return st.sampled_from(EDGES) | values


row = st.fixed_dictionaries(
    {
        "u8": st.sampled_from([0, 1, 255]),
        "i64": few(st.integers(-(2**63), 2**63 - 1)),
        "u64": few(st.integers(0, 2**64 - 1)),
        "b3": st.sampled_from([b"\0\0\0", b"\0\0\1", b"\1\0\0", b"\xff\0\0"]),
        "b20": st.sampled_from([bytes(20), bytes(19) + b"\1", bytes(8) + b"\xff" * 12]),
        "at": st.sampled_from([-1, 0, 1, 2**40]),
    }
)
columns = st.lists(st.sampled_from(SCHEMA.names), min_size=1, max_size=4, unique=True)


def batch_of(rows: list[dict]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1), st.integers(1, 2**31))
def test_buckets_are_exact(keys, num_buckets):
    got = bucket_of(np.array(keys, np.uint64), num_buckets)
    assert got.dtype == np.uint32
    assert got.tolist() == [key * num_buckets >> 64 for key in keys]


def test_bucket_count_is_checked():
    with pytest.raises(ValueError, match="num_buckets: got 0, allowed are 1 to"):
        bucket_of(np.zeros(1, np.uint64), 0)


@given(st.lists(row, min_size=1, max_size=40), columns, st.integers(0, 5))
def test_sorting_is_stable_and_by_value(rows, sort_by, skip):
    batch = batch_of(rows).slice(min(skip, len(rows) - 1))
    own = rows[min(skip, len(rows) - 1) :]
    wanted = sorted(range(len(own)), key=lambda i: tuple(own[i][name] for name in sort_by))
    assert sort_indices(batch, sort_by).tolist() == wanted


@given(st.lists(row, min_size=1, max_size=40), columns, row)
def test_rows_before_a_bound_are_counted(rows, sort_by, other):
    def key(values: dict) -> tuple:
        return tuple(values[name] for name in sort_by)

    rows = sorted(rows, key=key)
    words = key_words(batch_of(rows), sort_by)
    bound = key_at(key_words(batch_of([other]), sort_by), 0)
    keys = [key(values) for values in rows]
    assert count_before(words, bound, or_equal=False) == bisect.bisect_left(keys, key(other))
    assert count_before(words, bound, or_equal=True) == bisect.bisect_right(keys, key(other))


def test_an_empty_batch_has_an_empty_order():
    assert sort_indices(batch_of([]), ("u64", "b20")).tolist() == []


@pytest.mark.parametrize(
    ("sort_by", "message"),
    [
        ((), "got no column, wanted at least one"),
        (("x",), r"no column 'x'; there are \['u64', 'name'\]"),
        (("u64", "name"), "column 'name' is string; only integers"),
    ],
)
def test_columns_without_an_order_are_refused(sort_by, message):
    schema = pa.schema({"u64": pa.uint64(), "name": pa.string()})
    with pytest.raises(ValueError, match=message):
        check_sortable(schema, sort_by)


def test_nulls_in_a_key_are_refused():
    batch = pa.record_batch({"u64": pa.array([1, None], pa.uint64())})
    with pytest.raises(ValueError, match="column 'u64' has 1 nulls, wanted none"):
        sort_indices(batch, ("u64",))
