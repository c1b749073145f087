"""`penstock report`, `explain`, `clusters`, `verify`, `doctor`: looking at what a run left."""

import json
from typing import Annotated, Any

import typer

from penstock.errors import DataError

Out = Annotated[str, typer.Argument(metavar="OUT", help="Folder that a run wrote, path or URL.")]


def report(out: Out) -> None:
    """Write OUT/report.html anew: one file that works offline."""
    from pipelines.report import write_report

    print(write_report(out))


def explain(
    out: Out,
    needle: Annotated[
        str, typer.Argument(metavar="ID_OR_URL", help="A doc_id, its first digits, or a URL.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say why a record was kept, dropped or failed, with all that was measured on it."""
    from pipelines.cli.explained import print_explanation
    from pipelines.explain import explain as find

    found = find(out, needle)
    if as_json:
        _print_json([item.to_json() for item in found])
        return
    for item in found:
        print_explanation(item)


def clusters(
    out: Out,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many clusters to show.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the largest clusters of duplicates, the document that was kept of each first."""
    from pipelines.cli.explained import cluster_json, print_clusters
    from pipelines.clusters import largest_clusters

    found = largest_clusters(out, most=top)
    if as_json:
        _print_json([cluster_json(cluster) for cluster in found])
    else:
        print_clusters(found)


def verify(
    out: Out,
    loader: Annotated[
        bool,
        typer.Option(
            "--loader", help="Also prove that its batches resume, scale and lose nothing."
        ),
    ] = False,
) -> None:
    """Check every shard against the manifest: presence, size, hash, rows and tokens."""
    from penstock.verification import verify as check

    result = check(out, loader=loader)
    shards = f"{result.shards:,} shard{'' if result.shards == 1 else 's'}"
    totals = f"{shards}, {result.rows:,} rows, {result.tokens:,} tokens"
    print(f"version {result.version}: {totals}, {result.bytes:,} bytes")
    findings = result.findings
    if findings:
        raise DataError(f"{out} isn't what its manifest says:\n  " + "\n  ".join(findings))
    for split, digest in result.batches.items():
        print(f"loader, {split}: resumes, scales and loses nothing; batches {digest}")
    print("verified")


def doctor(
    storage_url: Annotated[
        str | None,
        typer.Option("--storage", metavar="URL", help="Also try to write and read here."),
    ] = None,
) -> None:
    """Look at this machine: versions, extras, cores, memory, disk and known traps."""
    from pipelines.cli.explained import print_findings
    from pipelines.doctor import examine

    findings = examine(storage_url=storage_url)
    print_findings(findings)
    if any(finding.level == "problem" for finding in findings):
        raise typer.Exit(1)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))
