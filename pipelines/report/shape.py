"""What the dataset is like: lengths, languages, tokens and duplicates."""

from collections import Counter

import numpy as np

from pipelines.clusters import Cluster
from pipelines.report.charts import Series, bar, legend_of, log_histogram, short
from pipelines.report.facts import Facts, ranked
from pipelines.report.html import Html, header_row, join, tag
from pipelines.report.measures import WORD_EDGES
from pipelines.sizes import format_size

_SHOWN_LANGUAGES = 16
_SIZES = ((1, 1), (2, 2), (3, 5), (6, 10), (11, 100), (101, None))


def lengths(facts: Facts) -> Html:
    """Histogram of words, of all curated documents and of the kept ones."""
    measures = facts.measures
    used = np.flatnonzero(measures.words)
    if not len(used):
        return Html()
    # Whole powers of ten around what there is, so that the axis has labels at its ends.
    first, last = used[0] // 8 * 8, min((used[-1] // 8 + 1) * 8, len(WORD_EDGES) - 1)
    chart = log_histogram(
        Series(name="curated documents", css="all", values=measures.words[first:last].tolist()),
        Series(name="kept documents", css="kept", values=measures.kept_words[first:last].tolist()),
        edges=WORD_EDGES[first : last + 1].tolist(),
        x_label="words in the document",
        y_label="documents",
    )
    return tag(
        "section",
        tag("h2", "Lengths"),
        legend_of(("all", "curated"), ("kept", "kept")),
        chart,
        tag("p", f"Half of the kept documents have at least {_median(measures.kept_words)} words.",
            class_="note") if measures.kept else None,
    )  # fmt: skip


def _median(histogram: np.ndarray) -> str:
    half = np.searchsorted(np.cumsum(histogram), histogram.sum() / 2)
    return f"about {short(float(f'{WORD_EDGES[half]:.2g}'))}"


def languages(facts: Facts) -> Html:
    """Curated and kept documents of each language."""
    found = ranked(facts.measures.languages)
    shown, rest = found[:_SHOWN_LANGUAGES], found[_SHOWN_LANGUAGES:]
    if not shown:
        return Html()
    kept, most = facts.measures.kept_languages, shown[0][1]
    rows = [_language_row(name, number, kept[name], most) for name, number in shown]
    if rest:
        total, of_kept = sum(n for _, n in rest), sum(kept[name] for name, _ in rest)
        rows.append(_language_row(f"{len(rest)} more", total, of_kept, max(most, total)))
    return tag(
        "section",
        tag("h2", "Languages"),
        legend_of(("kept", "kept"), ("dropped", "dropped after the language was known")),
        tag("table", *rows, class_="languages"),
    )


def _language_row(name: str, curated: int, kept: int, most: int) -> Html:
    title = f"{name}: {curated:,} curated, {kept:,} kept"
    parts = ((kept, "kept"), (curated - kept, "dropped"))
    return tag(
        "tr",
        tag("th", tag("code", name), scope="row"),
        tag("td", bar(*parts, whole=most, title=title), class_="wide"),
        tag("td", f"{kept:,}", class_="number"),
        tag("td", f"of {curated:,}", class_="number muted"),
    )


def tokens(facts: Facts) -> Html:
    """Tokens of each split, and what the tokenizer makes of the text."""
    rows = [
        tag(
            "tr",
            tag("th", name, scope="row"),
            tag("td", f"{split.tokens:,}", class_="number"),
            tag("td", f"{split.rows:,}", class_="number"),
            tag("td", f"{split.shards:,}", class_="number"),
        )
        for name, split in facts.manifest.splits.items()
    ]
    head = header_row("split", "#tokens", "#documents", "#shards")
    splits = tag("table", head, tag("tbody", *rows))
    columns = tag("div", splits, _pairs([*_tokenizer(facts), *_ratios(facts)]), class_="columns")
    return tag("section", tag("h2", "Tokens"), columns, _fertility(facts))


def _fertility(facts: Facts) -> Html:
    """Tokens of each language, and how many a word and a byte of it take."""
    found = facts.measures.fertility
    ranked_names = ranked(Counter({name: counts.tokens for name, counts in found.items()}))
    rows = [
        tag(
            "tr",
            tag("th", tag("code", name), scope="row"),
            tag("td", f"{number:,}", class_="number"),
            tag("td", _ratio(number, found[name].words), class_="number"),
            tag("td", _ratio(number, found[name].text_bytes), class_="number"),
        )
        for name, number in ranked_names[:_SHOWN_LANGUAGES]
    ]
    if not rows:
        return Html()
    head = header_row("language", "#tokens", "#tokens / word", "#tokens / byte")
    return tag("table", head, tag("tbody", *rows), class_="below")


def _ratio(number: int, whole: int) -> str:
    return f"{number / whole:.3f}" if whole else "–"


def _tokenizer(facts: Facts) -> list[tuple[str, str]]:
    info = facts.manifest.tokenizer
    specials = [f"{name} {value}" for name, value in info.special_ids.items() if value is not None]
    return [
        ("tokenizer", f"{info.kind}, {info.vocabulary_size:,} ids as {info.token_type}"),
        ("special ids", ", ".join(specials) or "none"),
        ("digest", info.digest),
    ]


def _ratios(facts: Facts) -> list[tuple[str, str]]:
    measures, tokens = facts.measures, facts.tokens
    if not tokens:
        return []
    words, num_bytes = measures.kept_words_total, measures.kept_bytes
    return [
        ("words per token", f"{words / tokens:.3f} ({words:,} words)"),
        ("characters per token", f"{measures.kept_characters / tokens:.2f}"),
        ("text", f"{format_size(num_bytes)}, {num_bytes / tokens:.2f} bytes per token"),
    ]


def _pairs(pairs: list[tuple[str, str]]) -> Html:
    return tag("table", *[
        tag("tr", tag("th", name, scope="row"), tag("td", value, class_="breakable"))
        for name, value in pairs
    ])  # fmt: skip


def duplicates(facts: Facts) -> Html:
    """Kept documents by the size of their cluster, and the largest clusters."""
    sizes = facts.measures.cluster_sizes
    if not sizes:
        return Html()
    ranges = [(low, high, _between(sizes, low, high)) for low, high in _SIZES]
    most = max(number for *_, number in ranges)
    rows = [
        tag(
            "tr",
            tag("th", _range_name(low, high), scope="row"),
            tag("td", bar((n, "kept"), whole=most, title=f"{n:,} kept documents"), class_="wide"),
            tag("td", f"{n:,}", class_="number"),
        )
        for low, high, n in ranges
        if n
    ]
    return tag(
        "section",
        tag("h2", "Duplicates"),
        tag("p", "Kept documents by the number of documents in their cluster, themselves included.",
            class_="muted"),
        tag("table", *rows, class_="clusters"),
        _largest(facts),
    )  # fmt: skip


def _between(sizes: Counter[int], low: int, high: int | None) -> int:
    return sum(n for size, n in sizes.items() if low <= size and (high is None or size <= high))


def _range_name(low: int, high: int | None) -> str:
    if low == 1:
        return "alone"
    return f"{low} or more" if high is None else (str(low) if low == high else f"{low} to {high}")


def _largest(facts: Facts) -> Html | None:
    if not facts.clusters:
        return None
    rows = [_cluster_row(cluster) for cluster in facts.clusters]
    head = header_row("#size", "kept, and some of the dropped")
    table = tag("table", head, tag("tbody", *rows), class_="largest")
    return join(tag("h3", "The largest clusters"), table)


def _cluster_row(cluster: Cluster) -> Html:
    dropped = [tag("div", tag("bdi", url), class_="breakable muted") for url in cluster.examples]
    kept = tag("div", tag("bdi", cluster.url or cluster.keeper.hex()), class_="breakable")
    rules = ", ".join(f"{number:,} {rule}" for rule, number in cluster.rules.items())
    return tag(
        "tr",
        tag("td", f"{cluster.size:,}", class_="number"),
        tag("td", kept, tag("div", rules, class_="small"), *dropped),
    )
