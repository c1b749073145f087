"""datatrove's chain over a folder of WARC files, run by the interpreter of its own environment.

`--chain fineweb`: read, trafilatura, language, Gopher repetition and quality, C4, FineWeb, tokens:
its published recipe, without deduplication. `--chain same`: the steps that Penstock's quickstart
has: read, trafilatura, language, MinHash deduplication (14 x 8, 5 words), tokens.
The language model that it would download is replaced by the one given. Prints one JSON object.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LanguageFilter,
)
from datatrove.pipeline.readers import JsonlReader, WarcReader
from datatrove.pipeline.tokens import DocumentTokenizer
from datatrove.pipeline.writers.jsonl import JsonlWriter
from datatrove.utils.lid import FT176LID
from loguru import logger


def execute(pipeline: list[Any], logs: Path, tasks: int = 1) -> None:
    """Run one pipeline in this process."""
    LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=str(logs)).run()


def read_and_extract(folder: str) -> list[Any]:
    # Its default deadline of 1 s for a page would drop pages on a busy machine. Pages of all
    # languages are kept, as in the quickstart.
    return [
        WarcReader(folder, glob_pattern="*.warc.gz"),
        Trafilatura(favour_precision=True, timeout=30),
        LanguageFilter(language_threshold=0.0),
    ]


def heuristics() -> list[Any]:
    return [
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(),
        FineWebQualityFilter(),
    ]


def run_fineweb(arguments: argparse.Namespace, work: Path) -> None:
    chain = [*read_and_extract(arguments.input), *heuristics()]
    tokens = DocumentTokenizer(f"{arguments.output}/tokens", arguments.tokenizer, seed=0)
    execute([*chain, tokens], work / "logs")


def run_same(arguments: argparse.Namespace, work: Path) -> None:
    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
    documents, signatures = str(work / "documents"), str(work / "signatures")
    buckets, removals = str(work / "buckets"), str(work / "removals")
    chain = [*read_and_extract(arguments.input), JsonlWriter(documents)]
    execute(
        [*chain, MinhashDedupSignature(signatures, config=config)],
        work / "logs" / "signatures",
    )
    execute(
        [MinhashDedupBuckets(signatures, buckets, config=config)],
        work / "logs" / "buckets",
        tasks=14,
    )
    execute([MinhashDedupCluster(buckets, removals, config=config)], work / "logs" / "cluster")
    tokens = DocumentTokenizer(f"{arguments.output}/tokens", arguments.tokenizer, seed=0)
    execute(
        [JsonlReader(documents), MinhashDedupFilter(removals), tokens], work / "logs" / "filter"
    )


def summary(work: Path) -> dict[str, Any]:
    """Pages read, documents kept, tokens and seconds by step, from what each pipeline left."""
    paths = sorted(work.glob("logs/**/stats.json"), key=lambda path: path.stat().st_mtime)
    pipelines = [json.loads(path.read_text()) for path in paths]
    seconds: dict[str, float] = {}
    for pipeline in pipelines:
        before = 0.0
        for step in pipeline:
            name = step["name"].encode("ascii", "ignore").decode().strip(" -:")
            own = total(step["time_stats"])
            # The clock of this step also runs while it waits for the steps before it.
            own -= before if name.endswith("MinHash stage 1") else 0.0
            seconds[name] = seconds.get(name, 0.0) + own
            before += own
    steps = [step for pipeline in pipelines for step in pipeline]
    return {
        "pages": total(steps[0]["stats"]["documents"]),
        "kept": total(steps[-2]["stats"].get("forwarded", 0)),
        "tokens": total(steps[-1]["stats"].get("tokens", 0)),
        "seconds": seconds,
    }


def total(counter: Any) -> Any:
    """A counter's value: datatrove writes plain numbers, or objects with their total."""
    return counter["total"] if isinstance(counter, dict) else counter


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--input", "--output", "--language-model", "--tokenizer"):
        parser.add_argument(name, required=True)
    parser.add_argument("--chain", choices=["fineweb", "same"], required=True)
    arguments = parser.parse_args()
    logger.remove()
    FT176LID.MODEL_URL = arguments.language_model
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (run_fineweb if arguments.chain == "fineweb" else run_same)(arguments, work)
        json.dump(summary(work), sys.stdout)


if __name__ == "__main__":
    main()
