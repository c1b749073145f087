"""The report as one HTML document: its head, its sections in order, its style."""

import base64
import hashlib
import shlex
from importlib import resources

from pipelines.report.facts import Facts
from pipelines.report.html import Html, join, tag
from pipelines.report.overview import figures, funnel, heading, reasons
from pipelines.report.reading import dropped, failures, kept
from pipelines.report.shape import duplicates, languages, lengths, tokens
from pipelines.report.work import recipe, times


def render(facts: Facts) -> str:
    """The whole document."""
    sections = [
        section(facts)
        for section in (
            funnel, reasons, lengths, languages, tokens, duplicates, times, kept, dropped,
            failures, recipe,
        )
    ]  # fmt: skip
    body = tag(
        "body",
        tag("header", heading(facts), figures(facts)),
        tag("main", *sections),
        tag("footer", _next_steps(facts)),
    )
    return "<!DOCTYPE html>\n" + tag("html", _head(facts), body, lang="en") + "\n"


def _head(facts: Facts) -> Html:
    style = (resources.files("pipelines.report") / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"Penstock report: {facts.out}"),
        # The file's own style, whose digest stands in the policy.
        Html(f"<style>{style}</style>"),
    )


def _next_steps(facts: Facts) -> Html:
    folder = shlex.quote(facts.out)
    commands = (
        (f"penstock explain {folder} URL", "why was this page kept or dropped"),
        (f"penstock clusters {folder}", "the largest clusters of duplicates"),
        (f"penstock verify {folder}", "is every shard what the manifest says"),
    )
    rows = [
        tag("tr", tag("td", tag("code", command)), tag("td", what)) for command, what in commands
    ]
    return join(tag("h2", "Look closer"), tag("table", *rows, class_="plain"))
