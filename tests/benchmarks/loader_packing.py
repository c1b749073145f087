"""Packing lengths alone: million lengths a CPU second on one thread, and how full rows get.

Beside LightBinPack (C++), the fastest tool known, which is installed where it isn't; from a NumPy
array to flat arrays of offsets and items, and from its own list to its own lists.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from penstock.best_fit import Int32s, best_fit_decreasing, count_best_fit
from penstock.packing import first_fit_decreasing, next_fit
from tests.benchmarks.loader_timing import lognormal_lengths, take_turns
from tests.benchmarks.measure import machine, spread, table
from tests.benchmarks.peers import importable

SLOW = 10**6
"""Contenders that take seconds for more lengths than this sit the largest count out."""


def compare(counts: list[int], row_lengths: list[int], rounds: int) -> str:
    """The table over all counts and row lengths."""
    rows = []
    has_peer = importable("lightbinpack", "lightbinpack")
    for row_length in row_lengths:
        for count in counts:
            lengths = lognormal_lengths(count, row_length)
            runs = _contenders(lengths, row_length, has_peer)
            seconds = take_turns(runs, rounds=rounds)
            for name, values in seconds.items():
                fill = lengths.sum() / (row_length * _bins(runs[name]()))
                speed = spread([count / value / 1e6 for value in values])
                rows.append((f"{row_length:,}", f"{count:,}", name, speed, f"{fill:.5f}"))
    header = ("row length", "lengths", "packing", "million lengths / CPU s", "fill")
    return "\n".join([machine(), "", table(header, rows)])


def _contenders(lengths: Int32s, row_length: int, has_peer: bool) -> dict[str, Callable[[], Any]]:
    runs: dict[str, Callable[[], Any]] = {
        "penstock best fit": lambda: best_fit_decreasing(lengths, row_length),
        "penstock best fit, rows counted only": lambda: count_best_fit(lengths, row_length),
        "penstock next fit": lambda: next_fit(lengths, row_length),
    }
    if len(lengths) <= SLOW:
        runs["penstock first fit"] = lambda: first_fit_decreasing(lengths, row_length)
    if len(lengths) <= SLOW and has_peer:
        import lightbinpack

        as_list = lengths.tolist()
        runs["LightBinPack obfd, lists"] = lambda: lightbinpack.obfd(as_list, row_length)
        runs["LightBinPack obfd, arrays"] = lambda: _flat(lightbinpack.obfd(lengths, row_length))
    return runs


def _flat(bins: list[list[int]]) -> tuple[Int32s, Int32s]:
    sizes = np.fromiter(map(len, bins), np.int32, len(bins))
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    items = np.fromiter((item for bin_ in bins for item in bin_), np.int32, int(offsets[-1]))
    return offsets, items


def _bins(result: Any) -> int:
    if isinstance(result, int):
        return result
    return len(result) if isinstance(result, list) else len(result[0]) - 1


def main(arguments: list[str], data: Path) -> None:
    """Print the comparison; the data folder isn't needed."""
    parser = argparse.ArgumentParser(prog="make bench: loader_packing")
    parser.add_argument("--counts", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    lengths = [2048, 4096, 8192, 32_768, 131_072]
    parser.add_argument("--row-lengths", type=int, nargs="+", default=lengths)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    print(compare(options.counts, options.row_lengths, options.rounds), flush=True)
