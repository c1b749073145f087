"""Documents per CPU-second through the heuristics: dialects beside datatrove and dolma, in one run.

All contenders take the same real texts, normalized, and turns, each on one core. Penstock counts
everything for every text, and its verdicts are in its time; datatrove stops at the first filter
that drops a text.
"""

import argparse
import gzip
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tests.benchmarks.measure import machine, measured, spread, table
from tests.benchmarks.peers import HERE, interpreter, version
from transforms.heuristics.dialects import Dialect
from transforms.heuristics.measure import heuristic_signals
from transforms.heuristics.options import HeuristicOptions, heuristic_counts, heuristic_rules
from transforms.normalize import NormalizeOptions, normalize_text
from transforms.rules import failing_mask

ONE_CORE = "1"
_FINEWEB = (Dialect.GOPHER_DATATROVE, Dialect.C4_FINEWEB, Dialect.FINEWEB_CODE)
_ALL = (Dialect.GOPHER_PAPER, Dialect.GOPHER_DOLMA, *_FINEWEB)
_PEERS = ("datatrove", "dolma")
_SETS: dict[str, tuple[Dialect, ...]] = {
    "FineWeb's: gopher@datatrove, c4@fineweb, fineweb@code": _FINEWEB,
    "dolma's: gopher@dolma": (Dialect.GOPHER_DOLMA,),
    "DCLM's: dclm@code": (Dialect.DCLM_CODE,),
    "RedPajama-v2's: rpv2@code": (Dialect.RPV2_CODE,),
    "all: gopher x 3, c4@fineweb, fineweb@code": _ALL,
    "all, rpv2@code, mc4@paper": (*_ALL, Dialect.RPV2_CODE, Dialect.MC4_PAPER),
}
_REPEATS = 8


def real_texts(data: Path, number: int) -> list[str]:
    """Reviews, documentation and news in equal parts, of 200 to 20,000 characters."""
    folder = data / "text"
    paths = [folder / "imdb.jsonl.gz", folder / "mdn_archived" / "en-us.raw.jsonl.gz"]
    found: list[str] = []
    for path in [*paths, folder / "ag_news.jsonl.gz"]:
        with gzip.open(path) as lines:
            texts = (json.loads(line).get("text") or "" for line in lines)
            fitting = (t.replace("<br />", "\n") for t in texts if 200 <= len(t) <= 20_000)
            found += [text for text, _ in zip(fitting, range(number // 3), strict=False)]
    rows: list[str] = normalize_text(pa.array(found), options=NormalizeOptions()).to_pylist()
    return rows


def ours(texts: Sequence[str], dialects: tuple[Dialect, ...]) -> float:
    """CPU seconds for one pass of the texts, measured over several."""
    options = HeuristicOptions(dialects=dialects)
    counts, rules = heuristic_counts(options), heuristic_rules(options)[:64]
    batch = pa.array(texts)

    def run() -> None:
        signals, _ = heuristic_signals(batch, counts, line_rules=options.line_rules)
        failing_mask(signals.append_column("characters", pc.utf8_length(batch)), rules)

    run()
    started = time.process_time()
    for _ in range(_REPEATS):
        run()
    return (time.process_time() - started) / _REPEATS


def theirs(peer: str, path: Path) -> float:
    """CPU seconds of a peer over the texts in a file."""
    command = [interpreter(peer), HERE / f"{peer}_heuristics.py", path]
    return float(json.loads(measured(command, cpus=ONE_CORE).output)["cpu_s"])


def compare(data: Path, *, rounds: int, number: int) -> str:
    """The table."""
    texts = real_texts(data, number)
    num_bytes = sum(len(text.encode()) for text in texts)
    results: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.jsonl"
        path.write_text("".join(json.dumps(text) + "\n" for text in texts))
        contenders: dict[str, Callable[[], float]] = {
            f"penstock, {name}": lambda dialects=dialects: ours(texts, dialects)  # type: ignore[misc]
            for name, dialects in _SETS.items()
        }
        for peer in _PEERS:
            name = f"{peer} {version(peer, peer)}"
            contenders[name] = lambda peer=peer: theirs(peer, path)  # type: ignore[misc]
        for number_of_round in range(1, rounds + 1):
            for name, contender in contenders.items():
                results[name].append(contender())
                cpu_s = results[name][-1]
                print(f"round {number_of_round}: {name}: {cpu_s:.3f} CPU s", file=sys.stderr)
    of_peers = [results[f"{peer} {version(peer, peer)}"] for peer in _PEERS]
    rows = [_row(name, took, len(texts), num_bytes, of_peers) for name, took in results.items()]
    said = f"{len(texts):,} documents, {num_bytes / 1e6:.1f} MB"
    header = ("", "documents / CPU-s", "MB / CPU-s", *(f"times {peer}" for peer in _PEERS))
    return "\n".join([machine(), said, "", table(header, rows)])


def _row(
    name: str,
    seconds: list[float],
    documents: int,
    num_bytes: int,
    peers: list[list[float]],
) -> tuple[str, ...]:
    """Speeds, and how many times the peers' speeds they are, round by round."""
    speeds = [documents / s for s in seconds]
    megabytes = [num_bytes / 1e6 / s for s in seconds]
    times = [[slow / s for slow, s in zip(peer, seconds, strict=True)] for peer in peers]
    return name, spread(speeds, 0), spread(megabytes), *(spread(found) for found in times)


def main(arguments: list[str], data: Path) -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(prog="make bench: heuristics")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--documents", type=int, default=3000)
    options = parser.parse_args(arguments)
    os.sched_setaffinity(0, {int(ONE_CORE)})
    print(compare(data, rounds=options.rounds, number=options.documents), flush=True)
