"""`penstock whatif`: other thresholds, tried on the signals of a finished run."""

import json
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from pipelines.cli.console import show

if TYPE_CHECKING:
    from pipelines.whatif import WhatIf

_SHOWN_LANGUAGES = 10
_INDENT = "  "


def whatif(
    out: Annotated[
        str, typer.Argument(metavar="OUT", help="Folder that a run wrote, path or URL.")
    ],
    overrides: Annotated[
        list[str],
        typer.Option("--set", metavar="KEY=VALUE", help="A threshold to try; may be repeated."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what other thresholds would have kept, without a run, from the stored signals."""
    from pipelines.whatif import what_if

    found = what_if(out, overrides)
    if as_json:
        print(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    else:
        _print(found)


def _print(found: "WhatIf") -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name in ("was", "would be", "change"):
        table.add_column(name, justify="right")
    _row(table, "pass the rules", found.before.passing, found.after.passing, style="bold")
    _rows(table, "fail", found.before.reasons, found.after.reasons, most=64)
    _rows(table, "pass, in", found.before.languages, found.after.languages, most=_SHOWN_LANGUAGES)
    show(table, "")
    for line in _story(found):
        show(Text(line), for_copying=line.startswith(_INDENT))


def _rows(table: Table, what: str, before: Counter[str], after: Counter[str], *, most: int) -> None:
    changed = [name for name in before.keys() | after.keys() if before[name] != after[name]]
    ranked = sorted(changed, key=lambda name: (-abs(after[name] - before[name]), name))
    for name in ranked[:most]:
        _row(table, f"{what} {name}", before[name], after[name], style="")


def _row(table: Table, name: str, before: int, after: int, *, style: str) -> None:
    change = Text(f"{after - before:+,}", style="green" if after >= before else "yellow")
    table.add_row(Text(name, style=style), f"{before:,}", f"{after:,}", change)


def _story(found: "WhatIf") -> list[str]:
    from pipelines.visible import shown

    return [
        f"{found.gained:,} of {found.curated:,} curated documents would newly pass; some of them "
        "may be duplicates",
        *[f"{_INDENT}{shown(name)}" for name in found.gained_examples],
        f"{found.kept_lost:,} of {found.kept:,} kept documents would go; a duplicate may take the "
        "place of some",
        *[f"{_INDENT}{shown(name)}" for name in found.lost_examples],
    ]
