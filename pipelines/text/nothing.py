"""Why a run keeps nothing: its counts by reason, and a record that the first of them ended.

Such a run leaves no ledger to look into, so its message says what the ledger would.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.errors import DataError
from pipelines.batches import read_batches
from pipelines.plan import StageResult
from pipelines.visible import shown

_SHOWN_REASONS = 8
_SHOWN_CHARACTERS = 200


class NothingKeptError(DataError):
    """The inputs hold no record that is kept."""


def nothing_kept(curate: StageResult) -> NothingKeptError:
    """The error that says what became of the records, when none is kept."""
    counters = curate.counters
    if counters["records_read"] == 0:
        return NothingKeptError(f"the inputs hold no records{_others(curate)}; nothing was written")
    reasons = sorted(
        (-number, name)
        for name, number in counters.items()
        if name.startswith(("dropped/", "failed/"))
    )
    told = ", ".join(
        f"{-number:,} {name.replace('/', ' by ', 1)}" for number, name in reasons[:_SHOWN_REASONS]
    )
    return NothingKeptError(
        f"none of {counters['records_read']:,} records is kept ({told}); nothing was written"
        f"{_example(curate, reasons[0][1]) if reasons else ''}"
    )


def _others(curate: StageResult) -> str:
    """What else the readers met, such as a crawl's requests."""
    others: Counter[str] = Counter()
    for task in curate.tasks:
        for report in task.value["reports"]:
            others.update(report["other"])
    told = ", ".join(f"{number:,} {name}" for name, number in sorted(others.items()))
    return f", only {told}" if told else ""


def _example(curate: StageResult, counter: str) -> str:
    """The first record that a counter counts, and what to do about such."""
    verdict, stage, reason = counter.split("/", 2)
    for row in _ledger(curate):
        if (row["verdict"], row["stage"], _reason(row)) == (verdict, stage, reason):
            place = shown(f"{row['source']} at {row['offset']:,}")
            return (
                f"\nsuch as {place}: {shown(_story(row))[:_SHOWN_CHARACTERS]}\n{_ADVICE[verdict]}"
            )
    return ""


_ADVICE = {
    "failed": "see that the files are what they are read as: inputs.NAME.format and its fields",
    "dropped": "loosen the rule with --set, or give other inputs",
}


def _ledger(curate: StageResult) -> Iterator[Mapping[str, Any]]:
    for url in curate.files("ledger"):
        for batch in read_batches(url):
            yield from batch.to_pylist()


def _reason(row: Mapping[str, Any]) -> str:
    return str(row["rule"] or row["error"].partition(":")[0].strip())


def _story(row: Mapping[str, Any]) -> str:
    if row["error"] is not None:
        return str(row["error"])
    return f"{row['rule']}, it has {row['value']}, allowed is {row['threshold']}"
