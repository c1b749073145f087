"""Batches from the loader beside hand-written code, on one core: the same tokens and shapes.

S = 2,048, 8 rows, int64 torch tensors. CPU time, since on a shared machine wall time says
little; the waits with a prefetch thread are wall time. Then what opening and seeking cost.
"""

import argparse
import gc
import itertools
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from penstock import TokenLoader
from penstock.manifest import Counts, Manifest, ShardEntry, TokenizerInfo, write_manifest
from penstock.shards import ShardWriter
from tests.benchmarks.loader_byhand import numpy_gather, open_tokens, packed_fill
from tests.benchmarks.loader_timing import lognormal_lengths, take_turns
from tests.benchmarks.measure import machine, spread, table
from tests.benchmarks.peers import importable, version

SHAPE = {"sequence_length": 2048, "global_batch_size": 8, "seed": 0}
BATCH_TOKENS = 2048 * 8
UNPACKED: dict[str, Any] = {"packing": "concat", "fields": ("input_ids", "labels")}
SHARD_TOKENS = 1 << 27


def make_dataset(folder: Path, num_tokens: int) -> np.ndarray[Any, Any]:
    """A dataset of random ids, and the same tokens as one raw file; the documents' lengths."""
    lengths = lognormal_lengths(num_tokens // 690, 100_000).astype(np.int64)
    entries = []
    with open(folder / "tokens.bin", "wb") as raw:
        cuts = np.searchsorted(np.cumsum(lengths), np.arange(0, lengths.sum(), SHARD_TOKENS))
        for number, (start, stop) in enumerate(itertools.pairwise([*cuts.tolist(), len(lengths)])):
            rng = np.random.default_rng(number)
            tokens = rng.integers(3, 32_000, lengths[start:stop].sum(), np.uint16)
            raw.write(tokens.tobytes())
            entries.append(_write_shard(folder, number, lengths[start:stop], tokens))
    info = TokenizerInfo(
        kind="none",
        digest="0" * 32,
        vocabulary_size=32_000,
        special_ids={"pad": 0},
        token_type="uint16",
    )
    counts = Counts(records=len(lengths), kept=len(lengths), dropped=0, failed=0)
    manifest = Manifest(
        version=1,
        recipe={},
        input_digest="0" * 32,
        tokenizer=info,
        counts=counts,
        sources=("random",),
        shards=tuple(entries),
    )
    write_manifest(str(folder), manifest)
    return lengths


def _write_shard(folder: Path, number: int, lengths: Any, tokens: Any) -> ShardEntry:
    path = f"shards/{number:05d}.arrow"
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    ids = np.random.default_rng(number).bytes(16 * len(lengths))
    with ShardWriter(str(folder / path), token_type="uint16") as writer:
        writer.write(
            pa.Array.from_buffers(pa.binary(16), len(lengths), [None, pa.py_buffer(ids)]),
            pa.ListArray.from_arrays(pa.array(offsets), pa.array(tokens)),
            pa.array(np.zeros(len(lengths), np.int32)),
        )
    info = writer.close()
    return ShardEntry(
        path=path,
        split="train",
        rows=info.rows,
        tokens=info.tokens,
        bytes=info.bytes,
        xxh3_128=info.xxh3_128,
    )


def compare(folder: Path, lengths: Any, rounds: int) -> str:
    """The table of throughputs."""
    raw = folder / "tokens.bin"
    tokens = open_tokens(raw)
    shape = {"row_length": 2048, "rows": 8}

    def deliver(source: Any = str(folder), **options: Any) -> Callable[[], int]:
        loader = TokenLoader(source, **SHAPE, **options)
        return lambda: _drain(iter(loader))

    runs: dict[str, Callable[[], Any]] = {
        "NumPy gather, inputs and labels": lambda: _drain(numpy_gather(open_tokens(raw), **shape)),
        "the same, the file mapped once for all rounds": lambda: _drain(
            numpy_gather(tokens, **shape)
        ),
        "penstock unpacked, inputs and labels": deliver(**UNPACKED),
        "penstock unpacked, inputs and labels, prefetch": deliver(**UNPACKED, prefetch=32),
        "penstock unpacked, all fields": deliver(packing="concat"),
        "penstock best fit, all fields": deliver(),
        "penstock best fit, all fields, prefetch": deliver(prefetch=32),
        "penstock best fit, documents padded to 8": deliver(pad_documents_to=8),
        "penstock mixture of two, all fields": deliver(
            {"one": (str(folder), 0.7), "other": (str(folder), 0.3)}
        ),
    }
    if importable("lightbinpack", "lightbinpack"):
        release = version("lightbinpack", "lightbinpack")
        runs[f"LightBinPack {release} and Numba fill, all fields"] = lambda: _drain(
            packed_fill(raw, lengths, **shape)
        )
    batches = {name: run() for name, run in runs.items()}
    rows = [
        (name, spread([batches[name] * BATCH_TOKENS / value / 1e6 for value in values], 0))
        for name, values in take_turns(runs, rounds=rounds).items()
    ]
    return table(("batches", "million tokens / CPU s"), rows)


def _drain(batches: Any) -> int:
    count = 0
    for _ in batches:
        count += 1
    return count


def waits(folder: Path) -> str:
    """How long a consumer that is slower than the loader waits for a batch, in wall time."""
    loader = TokenLoader(str(folder), **SHAPE, prefetch=32)
    seconds = []
    iterator = iter(loader)
    next(iterator)
    for _ in range(min(2000, len(loader) - 1)):
        time.sleep(0.0005)
        start = time.perf_counter()
        next(iterator)
        seconds.append(time.perf_counter() - start)
    middle, high = np.percentile(seconds, [50, 99]) * 1e6
    return (
        f"wait for a prefetched batch by a consumer of 0.5 ms: {middle:.0f} us, p99 {high:.0f} us"
    )


OPENING = """
import resource, sys, time
import numpy, torch
import penstock.loader
def anonymous():
    return sum(int(line.split()[1]) for line in open("/proc/self/smaps_rollup")
               if line.startswith("Anonymous")) / 1024
before = anonymous()
start = time.perf_counter()
loader = penstock.loader.TokenLoader(sys.argv[1], sequence_length=2048, global_batch_size=8, seed=0)
opened = time.perf_counter()
loader.batch(0)
first = time.perf_counter()
steps = [len(loader) * part // 7 for part in range(1, 7)]
seeks = []
for step in steps:
    begin = time.perf_counter()
    loader.batch(step)
    seeks.append(time.perf_counter() - begin)
ms = [1e3 * x for x in (opened - start, first - opened, sorted(seeks)[len(seeks) // 2], max(seeks))]
print(*ms, anonymous() - before)
"""


def opening(folder: Path, rounds: int) -> str:
    """What opening with a sidecar and seeking cost, each time in a new process."""
    command = [sys.executable, "-c", OPENING, str(folder)]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    found = [
        subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.split()
        for _ in range(rounds)
    ]
    names = (
        "open, ms",
        "first batch and Numba's start, ms",
        "any step, ms",
        "slowest step, ms",
        "anonymous MiB",
    )
    columns = zip(*found, strict=True)
    rows = [
        (name, spread([float(value) for value in values], 0))
        for name, values in zip(names, columns, strict=True)
    ]
    return table(("a new process, kernels compiled before", "wall"), rows)


def main(arguments: list[str], data: Path) -> None:
    """Print the comparison; the data folder isn't needed."""
    parser = argparse.ArgumentParser(prog="make bench: loader_batches")
    parser.add_argument("--tokens", type=int, default=100_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to put the dataset")
    options = parser.parse_args(arguments)
    # A thread beside shares the core, as it would on a node whose cores are all taken.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        lengths = make_dataset(folder, options.tokens)
        print(f"{machine()}\n{lengths.sum():,} tokens, {len(lengths):,} documents\n")
        print(compare(folder, lengths, options.rounds), flush=True)
        gc.collect()
        print(f"\n{waits(folder)}\n\n{opening(folder, options.rounds)}")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"\npeak resident of this process, mapped shards included: {peak:.0f} MiB")
