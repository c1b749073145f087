"""The command's entry and its subcommands."""

import io
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pipelines.cli import inspect, recipes, run, sample, train, whatif
from pipelines.cli.outcome import INTERRUPTED, InterruptedRunError, debug, log_json, say, status_of

_DEBUG = "--debug"


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise InterruptedRunError from None


app = typer.Typer(
    name="penstock",
    cls=_Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, command, summary in (
    ("sample", sample.sample, "Write a small crawl to try things on."),
    ("run", run.run, "Run a recipe: pages in, training shards out."),
    ("report", inspect.report, "Write OUT/report.html anew."),
    ("explain", inspect.explain, "Say why a page was kept, dropped or failed."),
    ("whatif", whatif.whatif, "Say what other thresholds would have kept."),
    ("clusters", inspect.clusters, "Show the largest clusters of duplicates."),
    ("verify", inspect.verify, "Check every shard against the manifest."),
    ("doctor", inspect.doctor, "Look at this machine: versions, memory, traps."),
):
    # Beside the commands there is room for few words; their own help says the rest.
    app.command(name, short_help=summary)(command)
app.add_typer(train.app, name="train")
app.add_typer(recipes.app, name="recipe")


def main() -> None:
    """Run the command line and exit with its status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A page's title may have letters that the terminal's encoding lacks.
            stream.reconfigure(errors="backslashreplace")
    sys.argv[1:], wants_debug = _take_debug(sys.argv[1:])
    debug.set(wants_debug)
    log_json.set(False)
    status = status_of(lambda: app(prog_name="penstock"))
    if status == INTERRUPTED:
        say("interrupted")
    sys.exit(status)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.")
    ] = False,
    with_traceback: Annotated[  # noqa: ARG001 (main takes it from the arguments; this is its help)
        bool, typer.Option(_DEBUG, help="Show the traceback of an error.")
    ] = False,
) -> None:
    """Crawled pages in, packed training batches out.

    Start with `penstock sample DIR`, then
    `penstock run quickstart --input 'DIR/*.warc.gz' --output OUT`.
    """
    if show_version:
        print(f"penstock {penstock_version()}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


def penstock_version() -> str:
    """The installed version of Penstock."""
    try:
        return version("penstock")
    except PackageNotFoundError:
        return "not installed (run from a checkout)"


def _take_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """The arguments without `--debug`, which may stand anywhere before `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [argument for argument in arguments[:end] if argument != _DEBUG]
    return kept + arguments[end:], len(kept) < end
