"""A text run from recipe to dataset: look before it starts, bring the plan through, commit.

Everything that a mistake in the recipe can break is looked at before the first task: inputs are
listed, models and tokenizer loaded, the output checked for another recipe's data. A finished run
is left as it is; an unfinished one goes on from its commit markers.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock import storage
from penstock.errors import UsageError
from penstock.manifest import Manifest, read_manifest
from pipelines.code_version import code_version
from pipelines.driver import Driver
from pipelines.engines import make_engine
from pipelines.engines.base import Engine
from pipelines.events import OnEvent
from pipelines.machine import available_cores, available_memory, has_compiled
from pipelines.pieces import InputFile, Piece, list_inputs, plan_pieces
from pipelines.plan import Stage, StageResult
from pipelines.recipe.model import TextRecipe, recipe_identity
from pipelines.run_record import RunRecorder
from pipelines.sizes import format_size
from pipelines.task import Settings
from pipelines.text.commit import commit
from pipelines.text.models import (
    Models,
    keep_fitted,
    load_models,
    tokenizer_engine,
    used_tokenizer,
)
from pipelines.text.nothing import NothingKeptError
from pipelines.text.plan import text_plan
from pipelines.workspace import Workspace, absolute
from transforms import words

LEAST_TASK_MEMORY = 64_000_000
"""Bytes below which a task couldn't hold a page of the largest size and its text."""

MOST_TASK_MEMORY = 2_000_000_000
"""Bytes that a task can make use of; what is free beyond that is left to the system's cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What a run would do, looked at but not begun."""

    stages: list[Stage]
    files: list[InputFile]
    pieces: list[Piece]
    models: Models
    engine: str
    workers: int
    task_memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A finished run: its manifest, what run.json says, and whether it was finished before."""

    manifest: Manifest
    run: Mapping[str, Any]
    already_done: bool


def plan_text(
    recipe: TextRecipe,
    *,
    engine: str = "dask",
    workers: int | None = None,
    memory_bytes: int | None = None,
) -> RunPlan:
    """The run that a recipe asks for, after everything that can be looked at beforehand.

    Raises:
        UsageError: inputs, models, tokenizer or memory aren't as they must be.
    """
    files = list_inputs(recipe.inputs, outside=absolute(recipe.output).rstrip("/"))
    pieces = plan_pieces(files, recipe.read)
    models = load_models(recipe)
    workers = 1 if engine == "serial" else workers or available_cores()
    return RunPlan(
        stages=text_plan(recipe, pieces, token_type=models.token_type),
        files=files,
        pieces=pieces,
        models=models,
        engine=engine,
        workers=workers,
        task_memory_bytes=_task_memory(memory_bytes, workers),
    )


def run_text(
    recipe: TextRecipe,
    *,
    engine: str = "dask",
    workers: int | None = None,
    memory_bytes: int | None = None,
    retry_failed: bool = False,
    scheduler: str | None = None,
    beam_options: Sequence[str] = (),
    on_event: OnEvent = lambda _: None,
) -> RunSummary:
    """Bring a recipe to a dataset in its output, or find that it's there already.

    Raises:
        UsageError: a mistake in the recipe or the arguments; nothing was begun.
        DataError: the inputs hold nothing to keep.
    """
    plan = plan_text(recipe, engine=engine, workers=workers, memory_bytes=memory_bytes)
    workspace = Workspace(recipe, plan.files)
    if workspace.is_finished() and not (retry_failed and workspace.can_retry()):
        # A run may have been killed between its last step and this one.
        workspace.close()
        manifest = read_manifest(workspace.out)
        return RunSummary(manifest=manifest, run=workspace.last_run(), already_done=True)
    workspace.open()
    recorder = RunRecorder(on_event)
    _say_beforehand(plan, recorder)
    runner = make_engine(
        engine,
        settings=_settings(plan, workspace),
        workers=plan.workers,
        address=scheduler,
        beam_options=beam_options,
    )
    with workspace.alone():
        results = _bring_through(recipe, plan, workspace, runner, recorder, retry_failed)
        return _close(recipe, plan, workspace, recorder, results)


def _bring_through(
    recipe: TextRecipe,
    plan: RunPlan,
    workspace: Workspace,
    runner: Engine,
    recorder: RunRecorder,
    retry_failed: bool,
) -> dict[str, StageResult]:
    """The results of all stages; a run that comes to nothing leaves nothing."""
    try:
        with runner:
            # Not before the engine has started: until then the dataset there stays whole.
            if retry_failed:
                workspace.forget_failed()
            return _drive(recipe, plan, workspace, runner, recorder)
    except NothingKeptError:
        workspace.discard()
        raise
    except UsageError:
        workspace.discard_unused()
        raise


def _task_memory(memory_bytes: int | None, workers: int) -> int:
    """Each task's share of the memory given, or of what is free on this machine.

    Raises:
        UsageError: it's too little to work with.
    """
    if memory_bytes is None:
        share = available_memory() * 6 // 10 // workers
        return min(max(share, LEAST_TASK_MEMORY), MOST_TASK_MEMORY)
    share = memory_bytes // workers
    if share < LEAST_TASK_MEMORY:
        raise UsageError(
            f"--memory is {format_size(memory_bytes)} for {workers} workers, "
            f"{format_size(share)} each; a task needs {format_size(LEAST_TASK_MEMORY)}: "
            "give more memory or fewer workers"
        )
    return min(share, MOST_TASK_MEMORY)


def _settings(plan: RunPlan, workspace: Workspace) -> Settings:
    return Settings(
        engine=plan.engine,
        memory_bytes=plan.task_memory_bytes,
        spill_folder=workspace.spill_folder,
        moments_file=workspace.moments_file,
    )


def _say_beforehand(plan: RunPlan, recorder: RunRecorder) -> None:
    if not has_compiled(words):
        recorder.notice("curate", "kernels compile in a machine's first run: a minute, once")
    for message in plan.models.notices:
        recorder.notice("curate", message)
    for piece in plan.pieces:
        if piece.unsplit is not None:
            recorder.notice("curate", f"{piece.spans[0].url} can't be split: {piece.unsplit}")


def _drive(
    recipe: TextRecipe,
    plan: RunPlan,
    workspace: Workspace,
    engine: Engine,
    recorder: RunRecorder,
) -> dict[str, StageResult]:
    """Bring the stages through; what they may read is the recipe and what was found beforehand."""
    found = {
        "output": workspace.out,
        "models": dict(plan.models.artefacts),
        "token_type": plan.models.token_type,
        "sources": [entry.name for entry in recipe.inputs],
        "snapshot_number": 0,
    }
    driver = Driver(
        work_dir=workspace.work,
        recipe={**recipe.model_dump(mode="json"), **found},
        code_version=code_version(),
        engine=engine,
        on_event=recorder,
        fan_in=recipe.exchange.fan_in,
    )
    return driver.run(plan.stages)


def _close(
    recipe: TextRecipe,
    plan: RunPlan,
    workspace: Workspace,
    recorder: RunRecorder,
    results: dict[str, StageResult],
) -> RunSummary:
    """Write run.json and then the manifest, which makes it a dataset; remove the work folder."""
    keep_fitted(workspace.out, results)
    tokenizer, artefacts = used_tokenizer(plan.models, results)
    run = recorder.finish(
        results,
        inputs=[{"input": f.input, "url": f.url, "bytes": f.size} for f in plan.files],
        inputs_digest=workspace.inputs_digest,
        engine=plan.engine,
        workers=plan.workers,
        task_memory_bytes=plan.task_memory_bytes,
        tokenizer=tokenizer_engine(plan.models, results),
    )
    storage.write_bytes(workspace.run_url, json.dumps(run, indent=2).encode() + b"\n")
    manifest = commit(
        workspace.out,
        results,
        recipe=recipe_identity(recipe),
        sources=tuple(entry.name for entry in recipe.inputs),
        tokenizer=tokenizer,
        artefacts=artefacts,
    )
    workspace.close()
    return RunSummary(manifest=manifest, run=run, already_done=False)
