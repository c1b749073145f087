"""Explanations, clusters and findings as people read them on a terminal.

Everything that came from a page goes through `shown`, so that a URL can't move the cursor or turn
the reading direction.
"""

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from pipelines.cli.console import show
from pipelines.clusters import Cluster
from pipelines.doctor import Finding
from pipelines.explain import Explanation
from pipelines.visible import shown

_VERDICT_STYLES = {"kept": "bold green", "dropped": "bold yellow", "failed": "bold red"}
_LEVEL_STYLES = {"fine": "green", "notice": "yellow", "problem": "bold red"}
_NOT_MEASURED = frozenset({"doc_id", "url"})


def print_explanation(explanation: Explanation) -> None:
    """Print one record's story: verdict, reason, what else it fails, signals, twin."""
    ledger = explanation.ledger
    verdict = Text(ledger["verdict"].upper(), _VERDICT_STYLES.get(ledger["verdict"], "bold"))
    url = Text(shown(ledger["url"] or "(no URL)"), style="not bold not dim")
    show(Text(" ").join([verdict, url]), for_copying=True)
    table = _grid()
    for name, value in _story(explanation):
        table.add_row(name, Text(value))
    show(table)


def _story(explanation: Explanation) -> list[tuple[str, str]]:
    ledger = explanation.ledger
    lines = [
        ("doc_id", ledger["doc_id"].hex()),
        ("record", f"{shown(ledger['source'])} at {ledger['offset']:,}"),
        ("because", _reason(ledger)),
    ]
    for rule in explanation.failing:
        if rule["name"] != ledger["rule"]:
            lines.append(("also fails", _rule(rule)))
    if explanation.twin is not None:
        twin = explanation.twin
        lines.append(("kept twin", f"{shown(twin['url'] or '(no URL)')} · {twin['doc_id'].hex()}"))
    elif ledger["duplicate_of"] is not None:
        lines.append(("kept twin", ledger["duplicate_of"].hex()))
    if explanation.document is not None:
        size = explanation.document["cluster_size"]
        lines.append(
            ("cluster", "no duplicates" if size == 1 else f"{size:,} documents, this one kept")
        )
    lines += [
        (name, _value(value))
        for name, value in (explanation.signals or {}).items()
        if name not in _NOT_MEASURED and value is not None
    ]
    return lines


def _reason(ledger: dict[str, Any]) -> str:
    if ledger["error"] is not None:
        return f"{ledger['stage']} failed: {shown(ledger['error'])}"
    if ledger["rule"] is None:
        return "it passed every rule"
    text = f"{ledger['stage']}: {ledger['rule']}"
    if ledger["value"] is not None:
        text += f", it has {shown(ledger['value'])}"
    return text + (f", allowed is {ledger['threshold']}" if ledger["threshold"] is not None else "")


def _rule(rule: dict[str, Any]) -> str:
    allowed = f"{rule['kind'].replace('_', ' ')} {rule['threshold']}"
    return f"{rule['stage']}: {rule['name']}, it has {_value(rule['value'])}, allowed is {allowed}"


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return f"{value:,}" if isinstance(value, int) else shown(str(value))


def print_clusters(clusters: Sequence[Cluster]) -> None:
    """Print clusters as a table, with the members' rules and a few of their URLs."""
    if not clusters:
        show("no document has a duplicate")
        return
    table = Table(box=None, pad_edge=False)
    for name, justify in (("size", "right"), ("kept, and some of the dropped", "left")):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for cluster in clusters:
        story = Text(f"{cluster.keeper.hex()} {shown(cluster.url or '(no URL)')}", style="bold")
        rules = ", ".join(f"{number:,} {rule}" for rule, number in cluster.rules.items())
        story.append(f"\n{rules}", style="dim")
        for url in cluster.examples:
            story.append(f"\n  {shown(url)}", style="not bold")
        table.add_row(f"{cluster.size:,}", story)
    show(table)


def cluster_json(cluster: Cluster) -> dict[str, Any]:
    """A cluster as plain data."""
    return {
        "keeper": cluster.keeper.hex(),
        "url": cluster.url,
        "size": cluster.size,
        "rules": cluster.rules,
        "examples": cluster.examples,
    }


def print_findings(findings: Sequence[Finding]) -> None:
    """Print what the doctor saw, one line for each."""
    table = _grid()
    table.add_column()
    for finding in findings:
        level = Text(finding.level, style=_LEVEL_STYLES[finding.level])
        table.add_row(Text(finding.subject), level, Text(finding.message))
    show(table)


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table
