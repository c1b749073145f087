"""Counts and histograms over the ledger, the signals and the documents, batch by batch."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.tables import LEDGER, batches, pieces, signal_rules

WORD_EDGES = 10.0 ** (np.arange(49) / 8)
"""Edges of the bins of words: eight for each power of ten, from 1 to a million."""

_EXAMPLES_PER_CODE = 3
_SIGNALS = ("doc_id", "words", "characters", "text_bytes", "language", "tokens", "failing")
_DOCUMENTS = ("doc_id", "language", "cluster_size")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A record that could not be read or curated."""

    source: str
    offset: int
    url: str | None
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCounts:
    """The ledger's rows by verdict, stage and reason; and a few failures of each error code."""

    kept: int = 0
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    thresholds: dict[tuple[str, str], str] = field(default_factory=dict)
    failures: dict[str, list[Failure]] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """All rows of the ledger."""
        return self.kept + self.dropped.total() + self.failed.total()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFailures:
    """How many curated documents fail a rule at all, and how many fail this one only."""

    name: str
    stage: str
    fails: int
    alone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fertility:
    """What the kept documents of a language hold, and the tokens that they became."""

    documents: int
    tokens: int
    words: int
    text_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What was measured on the curated documents, and on those of them that were kept."""

    curated: int
    kept: int
    languages: Counter[str]
    kept_languages: Counter[str]
    words: NDArray[np.int64]
    kept_words: NDArray[np.int64]
    kept_words_total: int
    kept_characters: int
    kept_bytes: int
    rules: list[RuleFailures]
    cluster_sizes: Counter[int]
    fertility: dict[str, Fertility]


def count_ledger(out: str) -> LedgerCounts:
    """The ledger's rows, counted."""
    kept = 0
    counts, result = Counter[tuple[str, str, str]](), LedgerCounts()
    columns = ("verdict", "stage", "rule", "threshold", "error", "source", "offset", "url")
    for batch in batches(out, LEDGER, columns):
        frame = pl.DataFrame(pl.from_arrow(batch)).with_columns(reason=_REASON)
        grouped = frame.group_by("verdict", "stage", "reason").agg(
            pl.len(), pl.col("threshold").drop_nulls().first()
        )
        for verdict, stage, reason, number, threshold in grouped.iter_rows():
            counts[verdict, stage, reason] += number
            if threshold is not None:
                result.thresholds.setdefault((stage, reason), threshold)
        _take_failures(frame.filter(pl.col("verdict") == "failed"), result.failures)
    for (verdict, stage, reason), number in counts.items():
        if verdict == "kept":
            kept += number
        else:
            (result.dropped if verdict == "dropped" else result.failed)[stage, reason] += number
    return LedgerCounts(
        kept=kept,
        dropped=result.dropped,
        failed=result.failed,
        thresholds=result.thresholds,
        failures=result.failures,
    )


_REASON = pl.coalesce(
    pl.col("rule"), pl.col("error").str.split(":").list.first(), pl.lit("")
).str.strip_chars()


def _take_failures(failed: pl.DataFrame, into: dict[str, list[Failure]]) -> None:
    for code, source, offset, url, error in (
        failed.select("reason", "source", "offset", "url", "error")
        .group_by("reason")
        .head(_EXAMPLES_PER_CODE)
        .iter_rows()
    ):
        shown = into.setdefault(code, [])
        if len(shown) < _EXAMPLES_PER_CODE:
            shown.append(Failure(source=source, offset=offset, url=url, error=error))


def measure(out: str) -> Measures:
    """What was measured, summed over the pieces."""
    rules = signal_rules(out)
    totals = _Totals(num_rules=len(rules))
    for signals, documents in pieces(out, signals=_SIGNALS, documents=_DOCUMENTS):
        totals.add(pl.DataFrame(pl.from_arrow(signals)), pl.DataFrame(pl.from_arrow(documents)))
    return Measures(
        curated=totals.curated,
        kept=totals.kept,
        languages=totals.languages,
        kept_languages=totals.kept_languages,
        words=totals.words,
        kept_words=totals.kept_words,
        kept_words_total=totals.sums[0],
        kept_characters=totals.sums[1],
        kept_bytes=totals.sums[2],
        rules=[
            RuleFailures(name=rule["name"], stage=rule["stage"], fails=fails, alone=alone)
            for rule, fails, alone in zip(rules, totals.fails, totals.alone, strict=True)
        ],
        cluster_sizes=totals.cluster_sizes,
        fertility={
            name: Fertility(documents=rows, tokens=tokens, words=words, text_bytes=num_bytes)
            for name, sums in totals.fertility.items()
            for rows, tokens, words, num_bytes in [sums.tolist()]
        },
    )


class _Totals:
    """Sums over pieces."""

    def __init__(self, *, num_rules: int) -> None:
        self.curated = self.kept = 0
        self.languages: Counter[str] = Counter()
        self.kept_languages: Counter[str] = Counter()
        self.words = np.zeros(len(WORD_EDGES) - 1, np.int64)
        self.kept_words = np.zeros(len(WORD_EDGES) - 1, np.int64)
        self.sums = [0, 0, 0]
        self.fails = [0] * num_rules
        self.alone = [0] * num_rules
        self.cluster_sizes: Counter[int] = Counter()
        self.fertility: dict[str, NDArray[np.int64]] = {}

    def add(self, signals: pl.DataFrame, documents: pl.DataFrame) -> None:
        """Count a piece in."""
        # A record that was read twice has its signals twice, and is one document.
        of_kept = signals.unique("doc_id").join(documents, on="doc_id", how="semi")
        self.curated += signals.height
        self.kept += documents.height
        self.languages.update(_value_counts(signals["language"]))
        self.kept_languages.update(_value_counts(documents["language"]))
        self.cluster_sizes.update(_value_counts(documents["cluster_size"]))
        self.words += _histogram(signals["words"])
        self.kept_words += _histogram(of_kept["words"])
        for place, name in enumerate(("words", "characters", "text_bytes")):
            self.sums[place] += int(of_kept[name].sum())
        self._add_fertility(signals.drop_nulls("tokens"))
        mask = signals["failing"].to_numpy()
        for bit in range(len(self.fails)):
            flag = np.uint64(1 << bit)
            self.fails[bit] += int(np.count_nonzero(mask & flag))
            self.alone[bit] += int(np.count_nonzero(mask == flag))

    def _add_fertility(self, tokenized: pl.DataFrame) -> None:
        sums = tokenized.group_by("language").agg(
            pl.len(), pl.col("tokens").sum(), pl.col("words").sum(), pl.col("text_bytes").sum()
        )
        for language, *row in sums.iter_rows():
            before = self.fertility.get(language, np.zeros(len(row), np.int64))
            self.fertility[language] = before + np.array(row, np.int64)


def _value_counts(values: pl.Series) -> dict[Any, int]:
    counts = values.value_counts()
    return dict(zip(counts[values.name].to_list(), counts["count"].to_list(), strict=True))


def _histogram(words: pl.Series) -> NDArray[np.int64]:
    within = np.clip(words.to_numpy(), WORD_EDGES[0], WORD_EDGES[-1] * (1 - 1e-12))
    counts: NDArray[np.int64] = np.histogram(within, WORD_EDGES)[0].astype(np.int64)
    return counts
