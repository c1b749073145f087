"""The merge gives one sorted stream and never holds more than its share of the runs."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.blocks import Layout
from pipelines.merge import block_bytes_for, held_bytes_for, merge_runs
from pipelines.spill import Run, Spill

SCHEMA = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("serial", pa.uint64(), nullable=False),
    ]
)
ROW_BYTES = 16
MEMORY_BYTES = 1 << 20
BLOCK_ROWS = block_bytes_for(MEMORY_BYTES) // ROW_BYTES


class Watched:
    """Sorted runs that count the rows read from them and not yet handed on."""

    def __init__(self, runs: list[np.ndarray], block_rows: int = BLOCK_ROWS) -> None:
        self.outstanding = self.most = 0
        self._block_rows = block_rows
        firsts = np.cumsum([0, *map(len, runs)])
        self.runs = [self._run(keys, int(at)) for keys, at in zip(runs, firsts, strict=False)]

    def _run(self, keys: np.ndarray, first: int) -> Run:
        def read(read_bytes: int) -> Iterator[pa.RecordBatch]:
            for start in range(0, len(keys), self._block_rows):
                block = keys[start : start + self._block_rows]
                serial = np.arange(len(block), dtype=np.uint64) + np.uint64(first + start)
                self.outstanding += len(block)
                self.most = max(self.most, self.outstanding)
                yield pa.record_batch([pa.array(block), pa.array(serial)], schema=SCHEMA)

        return Run(num_bytes=len(keys) * ROW_BYTES, read=read)

    def merge(self, memory_bytes: int = MEMORY_BYTES, spill: Spill | None = None) -> pa.Table:
        """The merged rows, which count as handed on when they come out."""
        out = []
        merged = merge_runs(
            self.runs,
            layout=Layout(SCHEMA),
            sort_by=("key",),
            memory_bytes=memory_bytes,
            spill=spill or Spill(),
        )
        for batch in merged:
            self.outstanding -= batch.num_rows
            out.append(batch)
        return pa.Table.from_batches(out, schema=SCHEMA)


def wanted(runs: list[np.ndarray]) -> pa.Table:
    """The stable order of all rows by key, made by pyarrow's and NumPy's own sorts."""
    keys = np.concatenate(runs)
    order = np.argsort(keys, kind="stable").astype(np.uint64)
    return pa.table([pa.array(keys[order]), pa.array(order)], schema=SCHEMA)


@given(
    st.lists(st.lists(st.integers(0, 20), max_size=30).map(sorted), min_size=1, max_size=12),
    st.sampled_from([1, 64, 1 << 12, 1 << 20]),
    st.integers(1, 5),
)
def test_equal_keys_come_in_the_order_of_the_runs(lists, memory_bytes, block_rows):
    runs = [np.array(keys, np.uint64) for keys in lists]
    assert Watched(runs, block_rows).merge(memory_bytes).equals(wanted(runs))


@pytest.mark.parametrize("distinct", [1, 3, 2**63])
def test_runs_stream_through_whatever_their_keys(distinct):
    """Four runs of 40 times what is held, with one key, few keys, or all different."""
    random = np.random.default_rng(0)
    count = 10 * held_bytes_for(MEMORY_BYTES) // ROW_BYTES
    runs = [np.sort(random.integers(0, distinct, count).astype(np.uint64)) for _ in range(4)]
    watched, spill = Watched(runs), Spill()
    assert watched.merge(spill=spill).equals(wanted(runs))
    assert watched.most * ROW_BYTES <= held_bytes_for(MEMORY_BYTES) + 4 * BLOCK_ROWS * ROW_BYTES
    assert spill.bytes == 0


def test_runs_that_follow_each_other_stream_through():
    runs = list(np.arange(400_000, dtype=np.uint64).reshape(8, -1))
    watched = Watched(runs)
    assert watched.merge().equals(wanted(runs))
    assert watched.most * ROW_BYTES <= held_bytes_for(MEMORY_BYTES) + 8 * BLOCK_ROWS * ROW_BYTES


def test_more_runs_than_memory_holds_are_merged_in_levels():
    random = np.random.default_rng(0)
    runs = [np.sort(random.integers(0, 50, 600).astype(np.uint64)) for _ in range(700)]
    watched, spill = Watched(runs), Spill()
    assert watched.merge(spill=spill).equals(wanted(runs))
    # 700 runs become 28, then 2, then one stream: every row goes to disk twice.
    assert 2.0 < spill.bytes / (700 * 600 * ROW_BYTES) < 2.1


def test_leaving_early_frees_the_disk(tmp_path):
    runs = [np.arange(3000, dtype=np.uint64) for _ in range(50)]
    spill = Spill(str(tmp_path))
    merged = merge_runs(
        Watched(runs, 100).runs,
        layout=Layout(SCHEMA),
        sort_by=("key",),
        memory_bytes=64 << 10,
        spill=spill,
    )
    assert next(merged).num_rows
    merged.close()
    assert spill.bytes > 0
    assert list(tmp_path.iterdir()) == []
