"""What a run would do, and what it did: printed for people on standard output."""

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from pipelines.cli.console import show
from pipelines.report.facts import Facts
from pipelines.sizes import format_size

if TYPE_CHECKING:
    from pipelines.run import RunPlan

_SHOWN_RULES = 6


def print_plan(plan: "RunPlan", *, output: str, found: str) -> None:
    """Print the inputs, output, workers and stages of a run that isn't begun."""
    stored = sum(file.size for file in plan.files)
    inputs = f"{_many(len(plan.files), 'file')}, {format_size(stored)}"
    show(f"{inputs}, in {_many(len(plan.pieces), 'piece')}")
    show(f"output {output}: {found}")
    memory = format_size(plan.task_memory_bytes)
    workers = _many(plan.workers, "worker")
    show(f"engine {plan.engine}, {workers}, {memory} for each task")
    for number, stage in enumerate(plan.stages, 1):
        kind = type(stage).__name__.lower()
        show(f"  {number:>2}  {stage.name:<12} {_KINDS.get(kind, kind)}")
    show("nothing was run (--dry-run)")


_KINDS = {"repeatuntil": "repeat until nothing changes"}


def print_summary(facts: Facts, *, report: str, already_done: bool) -> None:
    """Print what came in, what was kept, why the rest wasn't, and where to look next."""
    if already_done:
        show("this run was finished before; nothing was done")
    show(_outcome(facts), "", _shards(facts), "")
    for name, value in _next_steps(facts, report):
        show(Text.assemble((f"{name:<12}", "dim"), value), for_copying=True)


def _next_steps(facts: Facts, report: str) -> tuple[tuple[str, str], ...]:
    folder = shlex.quote(facts.out)
    loader = f'TokenLoader("{facts.out}", sequence_length=2048, global_batch_size=8, seed=0)'
    return (
        ("report", report),
        ("why a page", f"penstock explain {folder} URL"),
        ("duplicates", f"penstock clusters {folder}"),
        ("train", loader),
    )


def _outcome(facts: Facts) -> Table:
    records = facts.ledger.records
    table = Table(box=None, pad_edge=False, show_header=False)
    for justify in ("left", "right", "right"):
        table.add_column(justify=justify)
    _row(table, "records", records, records, style="bold")
    _row(table, "kept", facts.ledger.kept, records, style="bold green")
    dropped = facts.ledger.dropped.total()
    if dropped:
        _row(table, "dropped", dropped, records, style="bold yellow")
        _reasons(table, facts.ledger.dropped, records)
    failed = facts.ledger.failed.total()
    if failed:
        _row(table, "failed", failed, records, style="bold red")
        _reasons(table, facts.ledger.failed, records)
    return table


def _reasons(table: Table, counts: Mapping[tuple[str, str], int], records: int) -> None:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    # The last one has its line in any case: "1 more" would take as much room as its name.
    shown = _SHOWN_RULES if len(ranked) > _SHOWN_RULES + 1 else len(ranked)
    for (stage, rule), number in ranked[:shown]:
        _row(table, f"  {stage}: {rule}", number, records, style="")
    rest = ranked[shown:]
    if rest:
        total = sum(number for _, number in rest)
        _row(table, f"  {len(rest)} more reasons", total, records, style="dim")


def _row(table: Table, name: str, number: int, whole: int, *, style: str) -> None:
    share = f"{100 * number / whole:.1f} %" if whole else ""
    table.add_row(Text(name, style=style), Text(f"{number:,}", style=style), Text(share, "dim"))


def _shards(facts: Facts) -> str:
    splits = facts.manifest.splits
    parts = [f"{name} {total.tokens:,}" for name, total in splits.items()]
    which = f" ({', '.join(parts)})" if len(parts) > 1 else ""
    size = format_size(sum(shard.bytes for shard in facts.manifest.shards))
    return (
        f"{facts.tokens:,} tokens{which} in {_many(len(facts.manifest.shards), 'shard')}, {size}"
        f"{_time(facts.run)}"
    )


def _many(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _time(run: Mapping[str, Any]) -> str:
    seconds = run.get("seconds")
    return f" in {seconds:.1f} s" if isinstance(seconds, int | float) else ""
