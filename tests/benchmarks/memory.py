"""Peak memory of one worker as its input grows, with 256 MB to work in above what imports take.

What the imports, the models and the libraries' own pools take is measured by the same run over a
single page. Input counts as it is stored: plain WARC or JSONL, not compressed.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.inputs import crawl_source, text_source, write_copies, write_one_page
from tests.benchmarks.measure import machine, table
from tests.benchmarks.penstock_runs import Run, run_penstock

MEMORY = "256MB"


def curve(data: Path, *, sizes: list[float], kind: str, parent: Path | None) -> str:
    """The table: one line for each size of input, in GB."""
    source = crawl_source(data / "crawl") if kind == "crawl" else text_source(data / "text")
    rows = []
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        work = Path(folder)
        write_one_page(data / "crawl", work / "one" / "pages-00000.warc.gz")
        # The first run on a machine compiles the kernels, and a compiler takes 60 MB.
        _, alone = (_run(f"{work}/one/*.warc.gz", work / "out") for _ in range(2))
        for size in sizes:
            inputs = work / f"in-{size}"
            documents = write_copies(source, inputs, num_bytes=int(size * 1e9))
            done = _run(f"{inputs}/*.{source.suffix}", work / "out")
            rows.append(_row(inputs, documents, done, alone))
            print(f"{size} GB: {done.usage.wall_s:.0f} s", file=sys.stderr)
            for path in inputs.iterdir():
                path.unlink()
    header = (
        "input",
        "documents",
        "kept",
        "peak above imports",
        "peak of the worker",
        "largest process",
        "spilled",
        "wall s",
    )
    imports = f"imports and models: {alone.peak_task_bytes / 1e6:.0f} MB (a run over one page)"
    return "\n".join(
        [machine(), f"--memory {MEMORY}, one Dask worker; {imports}", "", table(header, rows)]
    )


def _run(inputs: str, output: Path) -> Run:
    options = ["--engine", "dask", "--workers", "1", "--memory", MEMORY]
    return run_penstock(inputs, output, options=options)


def _row(inputs: Path, documents: int, done: Run, alone: Run) -> tuple[str, ...]:
    stored = sum(path.stat().st_size for path in inputs.iterdir())
    return (
        f"{stored / 1e9:.2f} GB",
        f"{documents:,}",
        f"{sum(shard['rows'] for shard in done.manifest['shards']):,}",
        f"{(done.peak_task_bytes - alone.peak_task_bytes) / 1e6:.0f} MB",
        f"{done.peak_task_bytes / 1e6:.0f} MB",
        f"{done.usage.peak_rss / 1e6:.0f} MB",
        f"{done.spilled_bytes / 1e6:,.0f} MB",
        f"{done.usage.wall_s:.0f}",
    )


def main(arguments: list[str], data: Path) -> None:
    """Print the curve."""
    parser = argparse.ArgumentParser(prog="make bench: memory")
    parser.add_argument("--sizes", type=float, nargs="+", default=[1.0, 2.5, 5.2], help="GB")
    parser.add_argument("--kind", choices=["crawl", "text"], default="crawl")
    parser.add_argument("--folder", type=Path, help="where to put inputs and outputs")
    options = parser.parse_args(arguments)
    print(
        curve(data, sizes=options.sizes, kind=options.kind, parent=options.folder),
        flush=True,
    )
