"""A run as the command sees it: supervised, shown while it works, summed up at its end."""

import signal
import sys
from collections.abc import Callable, Sequence
from typing import TypedDict, Unpack

from pipelines.cli.outcome import FAILED, INTERRUPTED, say, status_of
from pipelines.progress import progress
from pipelines.recipe import TextRecipe
from pipelines.start import lasting_imports
from pipelines.supervise import supervised

_CONTINUES = "the same command again continues from the last finished piece"
_SHOW_CURSOR = "\x1b[?25h"


class Machine(TypedDict):
    """Where a recipe is run, and with how much."""

    engine: str
    workers: int | None
    memory_bytes: int | None


def supervised_run(work: Callable[[], None]) -> int:
    """The exit status of the work, done where Ctrl-C always reaches it."""
    status = supervised(lambda: status_of(work))
    if status == INTERRUPTED:
        if sys.stderr.isatty():
            # The progress bars hid it, and may have been killed before they could show it again.
            sys.stderr.write(_SHOW_CURSOR)
        say(f"interrupted; {_CONTINUES}")
    if status < 0:
        name = signal.Signals(-status).name
        say(f"the run was killed by {name}, by the system if memory ran out; {_CONTINUES}")
        return FAILED
    return status


def dry_run(recipe: TextRecipe, **machine: Unpack[Machine]) -> None:
    """Look at everything that a run looks at before it starts, and print its plan."""
    from pipelines.cli.summary import print_plan
    from pipelines.run import plan_text
    from pipelines.workspace import Workspace

    plan = plan_text(recipe, **machine)
    print_plan(plan, output=recipe.output, found=Workspace(recipe, plan.files).look())


def full_run(
    recipe: TextRecipe,
    *,
    retry_failed: bool,
    beam_options: Sequence[str],
    scheduler: str | None,
    log_json: bool,
    **machine: Unpack[Machine],
) -> None:
    """Run a recipe, write its report and print its summary."""
    with lasting_imports():
        from pipelines.cli.summary import print_summary
        from pipelines.report import gather, write_page
        from pipelines.run import run_text

    with progress(log_json=log_json) as on_event:
        done = run_text(
            recipe,
            retry_failed=retry_failed,
            beam_options=beam_options,
            scheduler=scheduler,
            on_event=on_event,
            **machine,
        )
    facts = gather(recipe.output)
    print_summary(facts, report=write_page(facts), already_done=done.already_done)
