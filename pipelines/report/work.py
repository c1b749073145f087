"""What the run took: time of each stage, memory, spilled bytes; and the recipe that it followed."""

from collections.abc import Mapping
from typing import Any

import yaml

from pipelines.report.charts import bar, legend_of
from pipelines.report.facts import Facts
from pipelines.report.html import Html, clock, header_row, join, many, tag
from pipelines.sizes import format_size

_COLUMNS = ("stage", "", "#wall", "#CPU", "#tasks", "#peak memory", "#spilled")


def times(facts: Facts) -> Html:
    """Wall and CPU time of each stage, with its tasks, spilled bytes and peak memory."""
    stages = [stage for stage in facts.run.get("stages", []) if isinstance(stage, Mapping)]
    if not stages:
        return Html()
    most = max(_number(stage, "seconds") for stage in stages) or 1.0
    spills = any(_number(stage, "spilled_bytes") for stage in stages)
    body = [_stage_row(stage, most, spills=spills) for stage in stages]
    head = header_row(*(_COLUMNS if spills else _COLUMNS[:-1]))
    return tag(
        "section",
        tag("h2", "Where the time went"),
        tag("table", head, tag("tbody", *body), class_="times"),
        _steps(stages),
        tag("p", _summary(facts), class_="note"),
    )


def _stage_row(stage: Mapping[str, Any], most: float, *, spills: bool) -> Html:
    seconds = _number(stage, "seconds")
    spilled = int(_number(stage, "spilled_bytes"))
    title = f"{stage.get('stage')}: {seconds:.2f} s"
    return tag(
        "tr",
        tag("th", str(stage.get("stage")), scope="row"),
        tag("td", bar((seconds, "left"), whole=most, title=title), class_="wide"),
        tag("td", _seconds(seconds, most), class_="number"),
        tag("td", _seconds(_number(stage, "cpu_seconds"), most), class_="number"),
        tag("td", f"{int(_number(stage, 'tasks')):,}", class_="number"),
        tag("td", format_size(_number(stage, "peak_memory_bytes")), class_="number"),
        tag("td", format_size(spilled) if spilled else "–", class_="number") if spills else None,
    )


def _seconds(seconds: float, most: float) -> str:
    """Seconds with as many decimals as a column needs in which the most is so many."""
    return f"{seconds:,.2f} s" if most < 10 else f"{seconds:,.1f} s"


def _steps(stages: list[Mapping[str, Any]]) -> Html | None:
    """CPU time of the steps inside stages, largest first."""
    steps = [
        (float(seconds), f"{stage.get('stage')}: {step}")
        for stage in stages
        for step, seconds in stage.get("cpu_seconds_by_step", {}).items()
    ]
    total = sum(seconds for seconds, _ in steps)
    if not total:
        return None
    rows = [
        tag(
            "tr",
            tag("th", name, scope="row"),
            tag("td", bar((seconds, "all"), whole=total, title=name), class_="wide"),
            tag("td", _seconds(seconds, total), class_="number"),
            tag("td", f"{100 * seconds / total:.0f} %", class_="number muted"),
        )
        for seconds, name in sorted(steps, reverse=True)
        if seconds >= 0.005 * total
    ]
    return join(
        tag("h3", "CPU time by step"),
        legend_of(("all", "share of the CPU time of all steps")),
        tag("table", *rows, class_="steps"),
    )


def _summary(facts: Facts) -> str:
    run = facts.run
    parts = [
        f"engine {run['engine']}" if "engine" in run else "",
        many(int(_number(run, "workers")), "worker") if "workers" in run else "",
        f"{_number(run, 'seconds'):.1f} s in all" if "seconds" in run else "",
        f"from {clock(str(run['started']))} to {clock(str(run['finished']))}"
        if {"started", "finished"} <= set(run)
        else "",
    ]
    return ", ".join(part for part in parts if part)


def recipe(facts: Facts) -> Html:
    """The recipe as the manifest keeps it, and the digests of models and input."""
    text = yaml.safe_dump(dict(facts.manifest.recipe), sort_keys=False, allow_unicode=True)
    rows = [
        ("input digest", facts.manifest.input_digest),
        *sorted(facts.manifest.artefacts.items()),
    ]
    return tag(
        "section",
        tag("h2", "Recipe"),
        tag("details", tag("summary", "All options, defaults included"), tag("pre", text)),
        tag("table", *[
            tag("tr", tag("th", name, scope="row"), tag("td", tag("code", value),
                                                        class_="breakable"))
            for name, value in rows
        ]),
    )  # fmt: skip


def _number(values: Mapping[str, Any], key: str) -> float:
    value = values.get(key, 0)
    return float(value) if isinstance(value, int | float) else 0.0
