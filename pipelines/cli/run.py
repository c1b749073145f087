"""`penstock run`: a recipe to a dataset, with progress, a summary and a report."""

from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from penstock.errors import UsageError
from pipelines.cli.outcome import log_json
from pipelines.start import lasting_imports


class EngineName(StrEnum):
    """What runs the tasks."""

    DASK = "dask"
    BEAM = "beam"
    SERIAL = "serial"


def run(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A shipped recipe (`recipe list`) or a file.")
    ],
    beam_options: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- BEAM OPTIONS", help="Options of the Beam runner, after --."),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="GLOB", help="File, folder, quoted glob or URL; may be repeated."
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="URL", help="Folder of the result, a path or a URL.")
    ] = None,
    engine: Annotated[EngineName, typer.Option(help="What runs the tasks.")] = EngineName.DASK,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Worker processes; one for each core by default."),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Memory of all workers' tasks together, such as 4GB."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Dask scheduler of a running cluster to use."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a recipe's key; may be repeated."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and what it needs; run nothing.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Read again what failed in an earlier run.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--log-json", help="Log one JSON object a line to standard error.")
    ] = False,
) -> None:
    """Run a recipe: pages in; documents, token shards, ledger and report out.

    The same command again continues a run that was stopped, and does nothing to a finished one.
    """
    with lasting_imports():
        from pipelines.cli.running import Machine, full_run, supervised_run
        from pipelines.cli.running import dry_run as show_plan
        from pipelines.extras import require_extras
        from pipelines.recipe import load_recipe

    log_json.set(as_json)
    _check_engine(engine, beam_options, scheduler)
    machine = Machine(engine=engine.value, workers=workers, memory_bytes=_memory_bytes(memory))
    loaded = load_recipe(recipe, inputs=inputs or (), output=output, overrides=overrides or ())
    extras = ("text",) if engine is EngineName.SERIAL else ("text", engine.value)
    require_extras(*extras, command="this run")
    if dry_run:
        show_plan(loaded, **machine)
        return
    work = partial(
        full_run,
        loaded,
        retry_failed=retry_failed,
        beam_options=tuple(beam_options or ()),
        scheduler=scheduler,
        log_json=as_json,
        **machine,
    )
    raise typer.Exit(supervised_run(work))


def _check_engine(engine: EngineName, rest: list[str] | None, scheduler: str | None) -> None:
    if rest and engine is not EngineName.BEAM:
        raise UsageError(
            f"unexpected argument {rest[0]!r}: options after -- are for --engine beam, and a glob "
            f"needs quotes: --input 'DIR/*.warc.gz'"
        )
    if scheduler is not None and engine is not EngineName.DASK:
        raise UsageError(f"--scheduler is for --engine dask, but the engine is {engine.value}")


def _memory_bytes(memory: str | None) -> int | None:
    from pipelines.sizes import parse_size

    try:
        return None if memory is None else parse_size(memory)
    except ValueError as error:
        raise UsageError(f"--memory is {memory!r}: {error}") from None
