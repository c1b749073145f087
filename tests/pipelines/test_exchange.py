"""The exchange keeps every row, sorted, whatever the split of the rows and the memory."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.exchange import ExchangeWriter, merge_exchange_files
from pipelines.spill import Spill
from tests.pipelines.exchange_rows import (
    ALL,
    NUM_BUCKETS,
    SCHEMA,
    buckets_of,
    expected,
    read,
    rows_of,
    write_split,
)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 99),
    count=st.integers(0, 600),
    distinct=st.sampled_from([1, 2, 40]),
    cuts=st.lists(st.integers(0, 600), max_size=12),
    files=st.integers(1, 5),
    memory_bytes=st.sampled_from([1 << 10, 8 << 10, 1 << 24]),
    sort_by=st.sampled_from([ALL, ("hash",), ("node",), ("node", "hash")]),
)
def test_any_split_and_any_memory_give_the_same_sorted_rows(
    tmp_path_factory, seed, count, distinct, cuts, files, memory_bytes, sort_by
):
    rows = rows_of(seed, count, distinct=distinct)
    folder = tmp_path_factory.mktemp("exchange")
    urls, _ = write_split(
        folder, rows, cuts, files=files, memory_bytes=memory_bytes, sort_by=sort_by
    )
    for bucket in range(NUM_BUCKETS):
        # Ties come in the order of the files, so the oracle's stable sort is exact.
        got = read(urls, bucket, memory_bytes=memory_bytes, sort_by=sort_by)
        got.validate(full=True)
        assert got.to_pylist() == expected(rows, bucket, sort_by)


@settings(max_examples=15)
@given(
    cuts=st.lists(st.integers(0, 400), min_size=5, max_size=12),
    fan_in=st.integers(1, 4),
    memory_bytes=st.sampled_from([8 << 10, 1 << 24]),
)
def test_two_levels_give_what_one_level_gives(tmp_path_factory, cuts, fan_in, memory_bytes):
    rows = rows_of(1, 400, distinct=7)
    folder = tmp_path_factory.mktemp("exchange")
    urls, _ = write_split(folder, rows, cuts, files=6, memory_bytes=memory_bytes)
    merged = []
    for first in range(0, len(urls), fan_in):
        out = merge_exchange_files(
            urls[first : first + fan_in],
            str(folder / f"merged-{first}"),
            schema=SCHEMA,
            sort_by=ALL,
            num_buckets=NUM_BUCKETS,
            memory_bytes=memory_bytes,
        )
        merged.append(out.url)
    for bucket in range(NUM_BUCKETS):
        got = read(merged, bucket, memory_bytes=memory_bytes)
        assert got.to_pylist() == expected(rows, bucket)


def test_less_memory_than_data_spills_on_both_sides(tmp_path):
    rows = rows_of(2, 20_000, distinct=5000)
    memory_bytes = rows.nbytes // 4
    urls, spilled = write_split(
        tmp_path, rows, range(0, 20_000, 500), files=2, memory_bytes=memory_bytes
    )
    assert spilled > rows.nbytes // 2
    spill = Spill()
    got = read(urls * 5, 1, memory_bytes=memory_bytes // 2, spill=spill)
    assert spill.bytes > 0
    assert got.num_rows == 5 * len(expected(rows, 1))


def test_the_same_rows_are_the_same_bytes(tmp_path):
    rows = rows_of(3, 500, distinct=9)
    for name in ("a", "b"):
        write_split(tmp_path / name, rows, [100, 300], files=1, memory_bytes=8 << 10)
    for suffix in ("part-0", "part-0.index"):
        assert (tmp_path / "a" / suffix).read_bytes() == (tmp_path / "b" / suffix).read_bytes()


def test_a_file_says_what_it_holds(tmp_path):
    rows = rows_of(4, 50, distinct=9)
    writer = ExchangeWriter(
        str(tmp_path / "x"),
        schema=SCHEMA,
        sort_by=ALL,
        num_buckets=NUM_BUCKETS,
        memory_bytes=1 << 20,
    )
    writer.add(pa.Table.from_batches([rows, rows]), np.tile(buckets_of(rows), 2))
    file = writer.close()
    assert (file.rows, file.spilled_bytes) == (100, 0)
    assert file.bytes == sum(path.stat().st_size for path in tmp_path.iterdir())


def test_an_error_leaves_nothing(tmp_path):
    rows = rows_of(5, 500, distinct=9)
    folder = tmp_path / "spill"
    folder.mkdir()

    def fail_after_spilling() -> None:
        with ExchangeWriter(
            str(tmp_path / "x"),
            schema=SCHEMA,
            sort_by=ALL,
            num_buckets=NUM_BUCKETS,
            memory_bytes=8 << 10,
            spill=spill,
        ) as writer:
            for _ in range(5):
                writer.add(rows, buckets_of(rows))
            raise RuntimeError("broken input")

    spill = Spill(str(folder))
    with pytest.raises(RuntimeError, match="broken input"):
        fail_after_spilling()
    assert spill.bytes > 0
    assert list(tmp_path.iterdir()) == [folder]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("buckets", "message"),
    [([0], "got 1 for 2 rows, wanted one for each"), ([0, 3], "got 3, allowed are 0 to 2")],
)
def test_wrong_buckets_are_refused(tmp_path, buckets, message):
    writer = ExchangeWriter(
        str(tmp_path / "x"), schema=SCHEMA, sort_by=ALL, num_buckets=3, memory_bytes=1 << 20
    )
    with pytest.raises(ValueError, match=message):
        writer.add(rows_of(6, 2, distinct=2), np.array(buckets, np.uint32))
