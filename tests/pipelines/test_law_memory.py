"""Memory is what a run was given, whatever the size of its input."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

MEMORY_BYTES = 64_000_000
"""The least that a task may have."""

WORDS = (
    "the of and to in is that it was for on are with as his they be at one have this from or had "
    "by hot but some what there we can out other were all your when up use word how said an each"
)

SCRIPT = """
import json, sys
from pathlib import Path
from numba.core import event
from pipelines.recipe import load_recipe
from pipelines.run import run_text

folder, memory_bytes = sys.argv[1], int(sys.argv[2])
overrides = ["length.minimum_words=1", "length.minimum_characters=1", "language.minimum_score=0"]

def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))

def run(name, output, *more):
    recipe = load_recipe(
        "quickstart",
        inputs=[f"{folder}/{name}.jsonl"],
        output=f"{folder}/{output}",
        overrides=[*overrides, *more],
    )
    Path("/proc/self/clear_refs").write_text("5")
    done = run_text(recipe, engine="serial", memory_bytes=memory_bytes)
    stages = done.run["stages"]
    spilled = sum(stage["spilled_bytes"] for stage in stages)
    records = sum(stage["counters"].get("records_read", 0) for stage in stages)
    return {"peak": status("VmHWM") - imports, "spilled": spilled, "records": records}

imports = 0
run("warm", "in-memory")  # Few edges are closed in memory, many in rounds.
run("warm", "in-rounds", "exchange.bucket_bytes=5000")
imports = status("VmRSS")
with event.install_recorder("numba:compile") as compiled:
    results = [run("small", "small-out"), run("large", "large-out")]
assert not compiled.buffer, "a compiler's memory is in the peak: the first input misses a kernel"
print(json.dumps(results))
"""


def write_documents(path: Path, count: int, *, seed: int) -> None:
    """Short documents of common words: a tenth are there twice, the last ones are a chain."""
    words = WORDS.split()
    random = np.random.default_rng(seed)
    chosen = random.integers(0, len(words), (count, 14))
    with path.open("w") as file:
        for number, row in enumerate(chosen[np.arange(count) * 9 // 10].tolist()):
            text = " ".join(words[word] for word in row)
            file.write(json.dumps({"id": f"document {number}", "text": text}) + "\n")
        for number in range(40):
            text = " ".join(f"{words[at % 40]}{at}" for at in range(number, number + 40))
            file.write(json.dumps({"id": f"link {number}", "text": text}) + "\n")


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_peak_memory_is_what_the_run_was_given(tmp_path):
    counts = {"warm": 500, "small": 25_000, "large": 100_000}
    for seed, (name, count) in enumerate(counts.items()):
        write_documents(tmp_path / f"{name}.jsonl", count, seed=seed)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(MEMORY_BYTES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    small, large = json.loads(done.stdout.splitlines()[-1])
    assert (small["records"], large["records"]) == (counts["small"] + 40, counts["large"] + 40)
    # The rows that travel are more than memory, so the exchanges had to spill.
    assert large["spilled"] > MEMORY_BYTES
    assert small["peak"] < MEMORY_BYTES
    assert large["peak"] < MEMORY_BYTES
