"""Documents to read: kept ones, dropped ones with their reason, and what failed."""

from pipelines.report.examples import Example
from pipelines.report.facts import Facts
from pipelines.report.html import Html, join, tag
from pipelines.report.measures import Failure


def kept(facts: Facts) -> Html:
    """A few kept documents."""
    if not facts.kept:
        return Html()
    return tag(
        "section",
        tag("h2", "Kept, to read"),
        *[_document(example, note=_kept_note(example)) for example in facts.kept],
    )


def dropped(facts: Facts) -> Html:
    """A few dropped documents of each rule."""
    if not facts.dropped:
        return Html()
    groups = []
    order = [rule for loss in facts.losses for rule in loss.dropped if rule in facts.dropped]
    for rule in dict.fromkeys([*order, *facts.dropped]):
        examples = facts.dropped[rule]
        stage = str(examples[0].facts.get("stage", ""))
        groups.append(tag("h3", f"{stage}: ", tag("code", rule)))
        groups += [_document(example, note=_dropped_note(example)) for example in examples]
    return tag("section", tag("h2", "Dropped, to read"), *groups)


def failures(facts: Facts) -> Html:
    """Records that failed, with their place in the input."""
    if not facts.ledger.failures:
        return Html()
    rows = [
        tag("tr", tag("td", tag("code", code)), tag("td", *_failure(failure)))
        for code, failures_of_it in sorted(facts.ledger.failures.items())
        for failure in failures_of_it
    ]
    return tag(
        "section",
        tag("h2", "Failed"),
        tag("table", *rows, class_="failures"),
    )


def _failure(failure: Failure) -> list[Html]:
    place = f"{failure.source} at {failure.offset:,}"
    return [
        tag("div", tag("bdi", failure.error), class_="breakable"),
        tag("div", tag("bdi", failure.url or "no URL"), class_="breakable muted"),
        tag("div", tag("bdi", place), class_="breakable muted"),
    ]


def _document(example: Example, *, note: str) -> Html:
    left = example.characters - len(example.text or "")
    more = tag("span", f" … {left:,} more characters", class_="muted") if left > 0 else None
    no_text = tag("p", "There was no text yet when it was dropped.", class_="muted")
    return tag(
        "details",
        tag(
            "summary",
            tag("bdi", example.url or "no URL", class_="url"),
            tag("span", note, class_="muted"),
        ),
        no_text if example.text is None else tag("pre", join(example.text, more), dir="auto"),
        tag("p", tag("code", example.doc_id), class_="muted"),
    )


def _kept_note(example: Example) -> str:
    facts = example.facts
    size = facts.get("cluster_size", 1)
    parts = [
        f"{facts['language']} {facts['language_score']:.2f}" if "language" in facts else "",
        f"{example.characters:,} characters",
        "" if size == 1 else f"stands for {size:,} documents",
    ]
    return " · ".join(part for part in parts if part)


def _dropped_note(example: Example) -> str:
    value, threshold = example.facts.get("value"), example.facts.get("threshold")
    saw = "" if value is None else f"has {value}"
    allowed = "" if threshold is None else f"allowed is {threshold}"
    return ", ".join(part for part in (saw, allowed) if part)
