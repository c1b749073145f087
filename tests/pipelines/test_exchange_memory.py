"""What an exchange holds doesn't grow with what passes through it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MIB = 1 << 20
MEMORY_BYTES = 16 * MIB
ROW_BYTES = 33

SCRIPT = """
import json, sys
from pathlib import Path
import numpy as np, pyarrow as pa
from pipelines.exchange import ExchangeWriter, read_bucket
from pipelines.memory import returned_memory
from pipelines.spill import Spill
from schemas.hashes import HASHES

folder, num_rows, memory_bytes, distinct = sys.argv[1], *map(int, sys.argv[2:])

def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))

def batches(count):
    random = np.random.default_rng(0)
    for start in range(0, count, 10_000):
        keys = random.integers(0, distinct, 10_000).astype(np.uint64)
        nodes = pa.py_buffer(random.bytes(240_000))
        node = pa.FixedSizeBinaryArray.from_buffers(pa.binary(24), 10_000, [None, nodes])
        band = pa.array(np.zeros(10_000, np.uint8))
        yield pa.record_batch([pa.array(keys), node, band], schema=HASHES)

def run(name, count, sort_by):
    options = dict(schema=HASHES, sort_by=sort_by, memory_bytes=memory_bytes)
    spill, read_spill, seen, last = Spill(), Spill(), 0, 0
    urls = [f"{folder}/{name}-{number}" for number in range(4)]
    for url in urls:
        writer = ExchangeWriter(url, num_buckets=1, spill=spill, **options)
        for batch in batches(count // 4):
            writer.add(batch, np.zeros(batch.num_rows, np.uint32))
        writer.close()
    for batch in read_bucket(urls, 0, spill=read_spill, **options):
        keys = batch.column(0).to_numpy()
        assert keys[0] >= last and (keys[1:] >= keys[:-1]).all()
        seen, last = seen + len(keys), keys[-1]
    assert seen == count
    return spill.bytes, read_spill.bytes

with returned_memory():
    run("warm", 40_000, ("hash", "node"))
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
with returned_memory():
    written, read = run("big", num_rows, ("hash",) if distinct == 1 else ("hash", "node"))
print(json.dumps({"peak": status("VmHWM") - before, "written": written, "read": read}))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("distinct", [1, 2**62])
def test_peak_memory_is_the_budget_and_not_the_data(tmp_path, distinct):
    num_rows = 2_400_000
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), num_rows, MEMORY_BYTES, distinct]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    used = json.loads(done.stdout)
    assert used["written"] >= num_rows * ROW_BYTES > 4 * MEMORY_BYTES
    # The process's own pages that are read for the first time come on top: 2 MB to 5 MB.
    assert used["peak"] < MEMORY_BYTES * 3 // 2
