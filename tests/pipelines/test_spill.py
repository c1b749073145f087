"""What goes to local disk is counted, leaves no name behind, and says when the disk is full."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from pipelines.blocks import BlockError, Layout
from pipelines.spill import Spill, SpillFile, read_blocks

SCHEMA = pa.schema([pa.field("key", pa.uint64(), nullable=False)])

FULL_DISK = """
import resource, sys
import numpy as np, pyarrow as pa
from penstock.errors import PenstockError
from pipelines.blocks import Layout
from pipelines.spill import Spill, SpillFile

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
rows = pa.record_batch({"key": np.zeros(5000, np.uint64)})
try:
    with SpillFile(Spill(sys.argv[1])) as file:
        for _ in range(9):
            file.append([rows], Layout(rows.schema), block_bytes=4096)
except PenstockError as error:
    print(error)
"""


def rows(count: int) -> pa.RecordBatch:
    return pa.record_batch([pa.array(np.arange(count, dtype=np.uint64))], schema=SCHEMA)


def test_runs_come_back_and_are_counted(tmp_path):
    spill = Spill(str(tmp_path / "made" / "when needed"))
    with SpillFile(spill) as file:
        runs = [file.append([rows(count)], Layout(SCHEMA), block_bytes=64) for count in (100, 0, 7)]
        assert list((tmp_path / "made" / "when needed").iterdir()) == []
        for run, count in zip(runs, (100, 0, 7), strict=True):
            for read_bytes in (1, 100, 1 << 20):
                back = pa.Table.from_batches(run.read(read_bytes), schema=SCHEMA)
                assert back.equals(pa.Table.from_batches([rows(count)]))
    assert spill.bytes == sum(run.num_bytes for run in runs)


def test_a_range_that_ends_in_a_block_is_cut_off():
    block = Layout(SCHEMA).encode(rows(9))
    for end in (3, len(block) - 1):
        read = read_blocks(
            lambda start, stop: block[start:stop], 0, end, Layout(SCHEMA), read_bytes=1 << 20
        )
        with pytest.raises(BlockError, match="cut off: bytes"):
            list(read)


def test_a_full_disk_says_where_and_what_to_do(tmp_path):
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"no space left for temporary files in {tmp_path} after" in done.stdout
    assert "name a folder on a larger disk" in done.stdout
