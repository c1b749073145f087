"""Pages per CPU-second from WARC to tokens: Penstock's engines beside other tools, in the same run.

Contenders take turns, each on one core where it is one process. "Warm" leaves out what a run over a
single page costs (imports, models, report), so that figures hold for a crawl of any size.
"""

import argparse
import gzip
import json
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.inputs import write_one_page
from tests.benchmarks.measure import Usage, machine, measured, spread, table
from tests.benchmarks.peers import HERE, interpreter, version
from tests.benchmarks.penstock_runs import run_penstock, step_shares

ROOT = Path(__file__).parents[2]
LANGUAGE_MODEL = ROOT / "transforms" / "models" / "langid.ftz"
PAGES = 1120
ONE_CORE = "1"
_ALL_LANGUAGES = ("language.keep=null", "language.minimum_score=0")
"""As the peers' chains, which keep pages of all languages for the later steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A contender's run: cost, documents kept, tokens; and what else it says of itself."""

    usage: Usage
    kept: int
    tokens: int
    steps: list[tuple[str, float, float]]


Contender = Callable[[Path, Path], Outcome]


def contenders(data: Path, work: Path) -> dict[str, Contender]:
    """Everything that is compared, by the name it has in the table."""
    mistral = data / "tokenizers" / "mistral" / "tokenizer.model.v1"
    llama = work / "tokenizer.json"
    packed = data / "tokenizers" / "dolma_hf" / "llama-test-tokenizer.json.gz"
    llama.write_bytes(gzip.decompress(packed.read_bytes()))
    datatrove = f"datatrove {version('datatrove', 'datatrove')}"
    return {
        "penstock, serial": _penstock("serial", mistral, cpus=ONE_CORE),
        "penstock, dask, 1 worker": _penstock("dask", mistral, workers=1),
        "penstock, dask, 2 workers": _penstock("dask", mistral, workers=2),
        "penstock, beam, 1 worker": _penstock("beam", mistral, workers=1),
        "penstock, serial, shipped tokenizer": _penstock("serial", None, cpus=ONE_CORE),
        "penstock, serial, recipe fineweb": _penstock(
            "serial", mistral, *_ALL_LANGUAGES, recipe="fineweb", cpus=ONE_CORE
        ),
        "the fast libraries by hand": _peer("byhand", mistral),
        f"{datatrove}, the same steps": _peer("datatrove", llama, "--chain", "same"),
        f"{datatrove}, FineWeb without dedup": _peer("datatrove", llama, "--chain", "fineweb"),
    }


def compare(data: Path, *, rounds: int, only: str) -> str:
    """The tables: each contender's figures, and the steps of Penstock's serial run."""
    results: dict[str, list[Outcome]] = defaultdict(list)
    starts: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write_one_page(data / "crawl", work / "one" / "pages-00000.warc.gz")
        chosen = {k: v for k, v in contenders(data, work).items() if only in k}
        for number in range(1, rounds + 1):
            for name, contender in chosen.items():
                starts[name].append(contender(work / "one", work / "out").usage.cpu_s)
                results[name].append(contender(data / "crawl", work / "out"))
                cpu_s = results[name][-1].usage.cpu_s
                print(f"round {number}: {name}: {cpu_s:.1f} CPU s", file=sys.stderr)
                shutil.rmtree(work / "out")
    rows = [_row(name, outcomes, starts[name]) for name, outcomes in results.items()]
    header = ("", "pages / CPU-s", "warm", "CPU s", "start, CPU s", "wall s", "kept", "tokens")
    lines = [machine(), "", table(header, rows)]
    for name, outcomes in results.items():
        lines += ["", f"{name}:", *_steps(outcomes[-1])]
    return "\n".join(lines)


def _row(name: str, outcomes: list[Outcome], starts: list[float]) -> tuple[str, ...]:
    cpu = [outcome.usage.cpu_s for outcome in outcomes]
    start = sorted(starts)[len(starts) // 2]
    return (
        name,
        spread([PAGES / seconds for seconds in cpu]),
        spread([PAGES / (seconds - start) for seconds in cpu]),
        spread(cpu),
        spread(starts),
        spread([outcome.usage.wall_s for outcome in outcomes]),
        f"{outcomes[-1].kept:,}",
        f"{outcomes[-1].tokens:,}",
    )


def _steps(outcome: Outcome) -> list[str]:
    return [
        f"  {name:<28} {seconds:6.2f} s {share:4.0%}"
        for name, seconds, share in outcome.steps
        if share >= 0.005
    ]


def _penstock(
    engine: str,
    tokenizer: Path | None,
    *settings: str,
    recipe: str = "quickstart",
    workers: int | None = None,
    cpus: str | None = None,
) -> Contender:
    options = ["--engine", engine]
    options += [part for setting in settings for part in ("--set", setting)]
    options += ["--workers", str(workers)] if workers else []
    options += ["--set", f"tokenizer.path={tokenizer}"] if tokenizer else []

    def run(source: Path, output: Path) -> Outcome:
        done = run_penstock(
            f"{source}/*.warc.gz", output, options=options, recipe=recipe, cpus=cpus
        )
        shards = done.manifest["shards"]
        return Outcome(
            usage=done.usage,
            kept=sum(shard["rows"] for shard in shards),
            tokens=sum(shard["tokens"] for shard in shards),
            steps=step_shares(done.record, total_cpu_s=done.usage.cpu_s),
        )

    return run


def _peer(name: str, tokenizer: Path, *options: str) -> Contender:
    def run(source: Path, output: Path) -> Outcome:
        chain: list[str | Path] = [interpreter(name), HERE / f"{name}_chain.py", *options]
        command = [*chain, "--input", source, "--output", output, "--tokenizer", tokenizer]
        usage = measured([*command, "--language-model", LANGUAGE_MODEL], cpus=ONE_CORE)
        said = json.loads(usage.output)
        steps = [(k, v, v / usage.cpu_s) for k, v in said["seconds"].items()]
        return Outcome(usage=usage, kept=said["kept"], tokens=said["tokens"], steps=steps)

    return run


def main(arguments: list[str], data: Path) -> None:
    """Print the comparison over the crawl's 1,120 pages."""
    parser = argparse.ArgumentParser(prog="make bench: text")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="contenders with this in their name")
    options = parser.parse_args(arguments)
    print(compare(data, rounds=options.rounds, only=options.only), flush=True)
