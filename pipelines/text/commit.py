"""Commit: the manifest, written last, makes a dataset of the files that a run has left in OUT."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from penstock import storage
from penstock.errors import DataError
from penstock.manifest import Counts, Manifest, ShardEntry, TokenizerInfo, write_manifest
from pipelines.plan import StageResult
from schemas.ledger import VERDICTS

_DIGEST_MODULUS = 1 << 128
_TABLES = ("documents", "signals")


def commit(
    out: str,
    results: Mapping[str, StageResult],
    *,
    recipe: Mapping[str, Any],
    sources: tuple[str, ...],
    tokenizer: TokenizerInfo,
    artefacts: Mapping[str, str],
) -> Manifest:
    """Check that nothing was lost, write the manifest, and return it.

    Raises:
        DataError: the reader's count of records isn't that of the ledger, or the tokens made
            aren't the tokens in the shards.
    """
    counts = _counts(results)
    _check_nothing_lost(results, counts)
    manifest = Manifest(
        version=1,
        recipe=recipe,
        input_digest=_input_digest(results["curate"]),
        tokenizer=tokenizer,
        counts=counts,
        sources=sources,
        shards=tuple(
            ShardEntry(**task.value["shard"])
            for task in results["shards"].tasks
            if "shard" in task.value
        ),
        artefacts=artefacts,
    )
    _remove_strays(out, results)
    write_manifest(out, manifest)
    return manifest


def _counts(results: Mapping[str, StageResult]) -> Counts:
    """Verdicts by stage and rule, from the counters of the stage that made all ledger rows."""
    verdicts: Counter[str] = Counter()
    stages: dict[str, dict[str, int]] = {}
    for name, number in sorted(results["finish"].counters.items()):
        verdict, _, rest = name.partition("/")
        if verdict in VERDICTS:
            stage, _, reason = rest.partition("/")
            verdicts[verdict] += number
            rule = verdict if reason == "-" else reason
            stages.setdefault(stage, {})[rule] = number
    return Counts(
        records=results["curate"].counters["records_read"],
        kept=verdicts["kept"],
        dropped=verdicts["dropped"],
        failed=verdicts["failed"],
        stages=stages,
    )


def _check_nothing_lost(results: Mapping[str, StageResult], counts: Counts) -> None:
    ledger = results["ledger"].counters["rows"]
    decided = counts.kept + counts.dropped + counts.failed
    if not counts.records == ledger == decided:
        raise DataError(
            f"records: the readers counted {counts.records:,}, the ledger has {ledger:,} rows and "
            f"{decided:,} verdicts; this is a defect of Penstock: please report it with the recipe"
        )
    made, stored = (results[name].counters["tokens"] for name in ("finish", "shards"))
    if made != stored:
        raise DataError(
            f"tokens: {made:,} were made, but the shards hold {stored:,}; this is a defect of "
            "Penstock: please report it with the recipe"
        )


def _input_digest(curate: StageResult) -> str:
    total = sum(int(task.value["input_digest"], 16) for task in curate.tasks)
    return f"{total % _DIGEST_MODULUS:032x}"


def _remove_strays(out: str, results: Mapping[str, StageResult]) -> None:
    """Remove parts that an earlier, abandoned attempt of another shape left in OUT."""
    parts = len(results["finish"].tasks)
    wanted = {
        storage.join(folder, f"part-{number:06d}.parquet")
        for folder in _TABLES
        for number in range(parts)
    }
    wanted |= {
        storage.join("ledger", f"part-{number:05d}.parquet")
        for number in range(len(results["ledger"].tasks))
    }
    wanted |= {
        task.value["shard"]["path"] for task in results["shards"].tasks if "shard" in task.value
    }
    for folder in (*_TABLES, "ledger", "shards"):
        for url in storage.list_files(storage.join(out, folder)):
            if f"{folder}/{url.rsplit('/', 1)[-1]}" not in wanted:
                storage.remove_tree(url)
