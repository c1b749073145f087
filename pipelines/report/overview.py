"""The first screen: what this is, the figures that matter, the funnel and the reasons."""

from collections.abc import Mapping

from pipelines.report.charts import bar, legend_of, short
from pipelines.report.facts import Facts
from pipelines.report.html import Html, breakable, clock, header_row, join, many, tag
from pipelines.sizes import format_size


def heading(facts: Facts) -> Html:
    """The dataset's name, version and digest, and when and by what it was made."""
    manifest, run = facts.manifest, facts.run
    made = [
        f"version {manifest.version}",
        f"manifest {manifest.digest[:12]}",
        f"engine {run['engine']}" if isinstance(run.get("engine"), str) else "",
        f"started {clock(run['started'])}" if isinstance(run.get("started"), str) else "",
    ]
    return join(
        tag("p", "Penstock report", class_="kicker"),
        tag("h1", facts.out.rstrip("/").rsplit("/", 1)[-1] or facts.out),
        tag("p", " · ".join([facts.out, *filter(None, made)]), class_="muted breakable"),
    )


def figures(facts: Facts) -> Html:
    """The six figures of a run."""
    ledger, measures = facts.ledger, facts.measures
    size = format_size(sum(shard.bytes for shard in facts.manifest.shards))
    ratio = measures.kept_words_total / facts.tokens if facts.tokens else None
    cards = (
        ("records", f"{ledger.records:,}", "came in"),
        ("kept", f"{ledger.kept:,}", _share(ledger.kept, ledger.records)),
        ("dropped", f"{ledger.dropped.total():,}", _share(ledger.dropped.total(), ledger.records)),
        ("failed", f"{ledger.failed.total():,}", _share(ledger.failed.total(), ledger.records)),
        ("tokens", short(facts.tokens), f"{many(len(facts.manifest.shards), 'shard')}, {size}"),
        ("words", "–" if ratio is None else f"{ratio:.3f}", "for each token"),
    )
    return tag(
        "dl",
        *[
            tag("div", tag("dt", name), tag("dd", value), tag("p", note), class_=f"card {name}")
            for name, value, note in cards
        ],
        class_="cards",
    )


def funnel(facts: Facts) -> Html:
    """How many records were left after each stage."""
    left = whole = facts.ledger.records
    rows = [_funnel_row("came in", whole, 0, 0, whole, css="left")]
    for loss in facts.losses:
        dropped, failed = sum(loss.dropped.values()), sum(loss.failed.values())
        left -= loss.total
        rows.append(_funnel_row(f"after {loss.stage}", left, dropped, failed, whole, css="left"))
    rows.append(_funnel_row("kept", facts.ledger.kept, 0, 0, whole, css="kept"))
    return tag(
        "section",
        tag("h2", "What became of the records"),
        legend_of(("kept", "kept"), ("left", "still in"), ("dropped", "dropped here"),
                  ("failed", "failed here")),
        tag("table", *rows, class_="funnel"),
        _agreement(facts),
    )  # fmt: skip


def _funnel_row(name: str, left: int, dropped: int, failed: int, whole: int, *, css: str) -> Html:
    title = f"{name}: {left:,} left, {dropped:,} dropped, {failed:,} failed"
    lost = dropped + failed
    return tag(
        "tr",
        tag("th", name, scope="row"),
        tag("td", bar((left, css), (dropped, "dropped"), (failed, "failed"), whole=whole,
                      title=title), class_="wide"),
        tag("td", f"{left:,}", class_="number"),
        tag("td", f"−{lost:,}" if lost else "", class_="number lost"),
        tag("td", _share(left, whole), class_="number muted"),
    )  # fmt: skip


def _agreement(facts: Facts) -> Html:
    """Whether the reader's own count, the ledger's rows and the manifest say the same."""
    ledger, counts = facts.ledger, facts.manifest.counts
    here = (ledger.kept, ledger.dropped.total(), ledger.failed.total())
    there = (counts.kept, counts.dropped, counts.failed)
    sum_text = " + ".join(
        f"{n:,} {name}" for n, name in zip(here, ("kept", "dropped", "failed"), strict=True)
    )
    if here == there and counts.records == sum(here):
        return tag("p", f"Nothing is lost in silence: the readers counted {counts.records:,} "
                   f"records, the ledger has {sum_text}.", class_="note")  # fmt: skip
    return tag("p", f"The ledger has {sum_text}; the manifest says {counts.records:,} records, "
               f"{counts.kept:,} kept, {counts.dropped:,} dropped, {counts.failed:,} failed. "
               "They should be equal: run penstock verify.", class_="note alarm")  # fmt: skip


def reasons(facts: Facts) -> Html:
    """Every rule and error that ended records, and what else a rule would have caught."""
    most = max([*facts.ledger.dropped.values(), *facts.ledger.failed.values()], default=0)
    also = {(rule.stage, rule.name): (rule.fails, rule.alone) for rule in facts.measures.rules}
    rows = [
        _reason_row(facts, loss.stage, reason, number, most, css, also)
        for loss in facts.losses
        for css, counts in (("dropped", loss.dropped), ("failed", loss.failed))
        for reason, number in counts.items()
    ]
    if not rows:
        return tag("section", tag("h2", "Why records weren’t kept"), tag("p", "All were kept."))
    head = header_row("rule or error", "#records", "", "allowed", "#fail it", "#only it")
    return tag(
        "section",
        tag("h2", "Why records weren’t kept"),
        tag("table", head, tag("tbody", *rows), class_="reasons"),
        tag("p", "A record counts for the first rule that it fails. All rules are measured on all "
            "curated documents: “fail it” counts those that fail a rule at all, “only it” those "
            "that would have passed without it (duplicates are looked for afterwards).",
            class_="note"),
    )  # fmt: skip


def _reason_row(
    facts: Facts,
    stage: str,
    reason: str,
    number: int,
    most: int,
    css: str,
    also: Mapping[tuple[str, str], tuple[int, int]],
) -> Html:
    fails, alone = also.get((stage, reason), (None, None))
    return tag(
        "tr",
        tag("td", tag("span", f"{stage}: ", class_="muted"), tag("code", reason)),
        tag("td", f"{number:,}", class_="number"),
        tag("td", bar((number, css), whole=most, title=f"{reason}: {number:,}"), class_="wide"),
        tag("td", breakable(facts.ledger.thresholds.get((stage, reason), "")), class_="muted"),
        tag("td", "" if fails is None else f"{fails:,}", class_="number muted"),
        tag("td", "" if alone is None else f"{alone:,}", class_="number muted"),
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"
