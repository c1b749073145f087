"""Wall time of two Dask workers beside one, on at least a minute of work."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.inputs import crawl_source, write_copies
from tests.benchmarks.measure import machine, spread, table
from tests.benchmarks.penstock_runs import Run, run_penstock


def compare(data: Path, *, copies: int, rounds: int, parent: Path | None) -> str:
    """The table: wall and CPU seconds of each worker count, and their ratio."""
    runs: dict[int, list[Run]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        work = Path(folder)
        source = crawl_source(data / "crawl")
        num_bytes = copies * len(source.content)
        pages = write_copies(source, work / "in", num_bytes=num_bytes)
        for _ in range(rounds):
            for workers, done in runs.items():
                options = ["--engine", "dask", "--workers", str(workers)]
                done.append(run_penstock(f"{work}/in/*.warc", work / "out", options=options))
                print(f"{workers} workers: {done[-1].usage.wall_s:.0f} s", file=sys.stderr)
    rows = [
        (
            str(workers),
            spread([run.usage.wall_s for run in done]),
            spread([run.usage.cpu_s for run in done]),
            spread([pages / run.usage.wall_s for run in done]),
        )
        for workers, done in runs.items()
    ]
    ratios = [a.usage.wall_s / b.usage.wall_s for a, b in zip(*runs.values(), strict=True)]
    header = ("Dask workers", "wall s", "CPU s", "pages / s")
    what = f"{pages:,} pages, {num_bytes / 1e9:.2f} GB of plain WARC"
    return "\n".join(
        [machine(), what, "", table(header, rows), f"two beside one: {spread(ratios, 2)} times"]
    )


def main(arguments: list[str], data: Path) -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(prog="make bench: scaling")
    parser.add_argument("--copies", type=int, default=12, help="of the crawl's 1,120 pages")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where to put inputs and outputs")
    options = parser.parse_args(arguments)
    print(
        compare(data, copies=options.copies, rounds=options.rounds, parent=options.folder),
        flush=True,
    )
