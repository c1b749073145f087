"""`make bench`: all benchmarks, or one by its name with its options.

`make bench ARGS='text --rounds 1'`; `make bench ARGS=--quick` for a first look at all of them.
"""

import os
import sys
from pathlib import Path

from tests.benchmarks import (
    extraction,
    heuristics,
    language,
    loader_batches,
    loader_packing,
    memory,
    scaling,
    text,
    tokens,
)

BENCHMARKS = {
    "text": text.main,
    "extraction": extraction.main,
    "heuristics": heuristics.main,
    "tokens": tokens.main,
    "language": language.main,
    "scaling": scaling.main,
    "memory": memory.main,
    "loader_packing": loader_packing.main,
    "loader_batches": loader_batches.main,
}
QUICK = {
    "text": ["--rounds", "1"],
    "extraction": ["--rounds", "200"],
    "heuristics": ["--rounds", "1", "--documents", "600"],
    "tokens": ["--rounds", "3", "--megabytes", "0.5"],
    "language": ["--rounds", "1", "--rows", "10"],
    "scaling": ["--copies", "3", "--rounds", "1"],
    "memory": ["--sizes", "0.2", "0.5"],
    "loader_packing": ["--counts", "100000", "--row-lengths", "4096", "--rounds", "2"],
    "loader_batches": ["--tokens", "20000000", "--rounds", "2"],
}


def main(arguments: list[str]) -> int:
    """Run what the arguments name; the exit status."""
    default = Path(__file__).parents[3] / "shared" / "data"
    data = Path(os.environ.get("PENSTOCK_TEST_DATA", default))
    if not (data / "crawl").is_dir():
        print(f"no crawl in {data}: set PENSTOCK_TEST_DATA to the real data", file=sys.stderr)
        return 2
    name, options = (arguments[0], arguments[1:]) if arguments else ("", [])
    if name in BENCHMARKS:
        BENCHMARKS[name](options, data)
        return 0
    if name not in ("", "--quick"):
        print(f"no benchmark {name!r}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    for title, run in BENCHMARKS.items():
        print(f"\n== {title}", flush=True)
        run(QUICK[title] if name == "--quick" else [], data)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
