"""What other thresholds would keep, from the stored signals alone, without a run.

Every rule was measured on every curated document, so the rules' part of the verdict is exact for
any threshold. Duplicates are not looked for again: of the documents that would newly pass, some
would be dropped as copies, and where a kept document would go, a copy of it may take its place.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from penstock.errors import UsageError
from penstock.manifest import read_manifest
from pipelines.recipe import change_recipe, recipe_identity
from pipelines.tables import SIGNALS as SIGNALS_TABLE
from pipelines.tables import batches, require_output
from pipelines.text.curate import curation_rules, curation_signals
from transforms.rules import Rule, failing_mask, first_failures

THRESHOLDS = (
    "length",
    "language.keep",
    "language.minimum_score",
    "language.minimum_scores",
    "heuristics.thresholds",
)
"""The recipe's keys that only compare what was measured."""

_EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What rules do to the curated documents: how many pass, and what the others fail first."""

    passing: int
    reasons: Counter[str]
    languages: Counter[str]

    def to_json(self) -> dict[str, Any]:
        """Plain data, the largest numbers first."""
        return {
            "passing": self.passing,
            "reasons": dict(self.reasons.most_common()),
            "languages": dict(self.languages.most_common()),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """The rules as they were and as they would be.

    `gained` and `lost` count documents that would newly pass or newly fail; `kept_lost` those of
    the kept ones that would newly fail. Examples are URLs, or ids where there is none.
    """

    curated: int
    before: Outcome
    after: Outcome
    gained: int
    lost: int
    kept: int
    kept_lost: int
    gained_examples: list[str]
    lost_examples: list[str]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {"before": self.before.to_json(), "after": self.after.to_json()}


def what_if(out: str, overrides: Sequence[str]) -> WhatIf:
    """What the run whose output is at the URL would have kept under other thresholds.

    Raises:
        UsageError: there is no run's output, or an override changes more than thresholds.
    """
    require_output(out, SIGNALS_TABLE)
    recipe = read_manifest(out).recipe
    changed = recipe_identity(change_recipe(recipe, overrides, origin=f"recipe of {out}"))
    _check_thresholds_only(recipe, changed)
    names = curation_signals(dict(recipe)).names
    totals = _Totals(curation_rules(dict(recipe)), curation_rules(changed))
    for batch in batches(out, SIGNALS_TABLE, names):
        totals.add(batch)
    return totals.result()


def _check_thresholds_only(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    one, other = _flat(before), _flat(after)
    for key in sorted(one.keys() | other.keys()):
        allowed = any(key == name or key.startswith(f"{name}.") for name in THRESHOLDS)
        if one.get(key) != other.get(key) and not allowed:
            raise UsageError(
                f"whatif can't tell what another {key} would keep, since it changes more than a "
                f"threshold; what can be tried: {', '.join(THRESHOLDS)}"
            )


def _flat(value: object, path: str = "") -> dict[str, object]:
    if not isinstance(value, Mapping):
        return {path: value}
    parts = [_flat(item, f"{path}.{key}" if path else str(key)) for key, item in value.items()]
    return {key: item for part in parts for key, item in part.items()}


class _Totals:
    """Sums over batches of signals."""

    def __init__(self, before: Sequence[Rule], after: Sequence[Rule]) -> None:
        self._rules = (before, after)
        self._outcomes = tuple(
            Outcome(passing=0, reasons=Counter(), languages=Counter()) for _ in self._rules
        )
        self._passing = [0, 0]
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {"gained": [], "lost": []}

    def add(self, signals: pa.RecordBatch) -> None:
        """Count a batch of signals in."""
        passes = [self._judge(which, signals) for which in (0, 1)]
        gained, lost = passes[1] & ~passes[0], passes[0] & ~passes[1]
        # Not by doc_id: a record that was read twice has two rows and is kept once.
        kept = signals["tokens"].is_valid().to_numpy(zero_copy_only=False)
        self._counts.update(
            curated=signals.num_rows,
            gained=int(gained.sum()),
            lost=int(lost.sum()),
            kept=int(kept.sum()),
            kept_lost=int((kept & lost).sum()),
        )
        for name, rows in (("gained", gained), ("lost", kept & lost)):
            self._take_examples(name, signals.filter(pa.array(rows)))

    def _judge(self, which: int, signals: pa.RecordBatch) -> NDArray[np.bool_]:
        rules = self._rules[which]
        mask = failing_mask(signals, rules)
        passing: NDArray[np.bool_] = mask == 0
        outcome = self._outcomes[which]
        self._passing[which] += int(passing.sum())
        if rules:
            named = first_failures(signals, rules, mask).rule.drop_null()
            outcome.reasons.update(_counted(named))
        outcome.languages.update(_counted(signals["language"].filter(pa.array(passing))))
        return passing

    def _take_examples(self, name: str, signals: pa.RecordBatch) -> None:
        taken = self._examples[name]
        few = signals.slice(0, _EXAMPLES - len(taken))
        columns = (few["url"].to_pylist(), few["doc_id"].to_pylist())
        taken += [url or doc_id.hex() for url, doc_id in zip(*columns, strict=True)]

    def result(self) -> WhatIf:
        """What was counted."""
        before, after = (
            Outcome(passing=n, reasons=outcome.reasons, languages=outcome.languages)
            for n, outcome in zip(self._passing, self._outcomes, strict=True)
        )
        counts = {name: self._counts[name] for name in ("curated", "gained", "lost", "kept")}
        return WhatIf(
            **counts,
            kept_lost=self._counts["kept_lost"],
            before=before,
            after=after,
            gained_examples=self._examples["gained"],
            lost_examples=self._examples["lost"],
        )


def _counted(values: pa.Array) -> dict[str, int]:
    return {row["values"]: row["counts"] for row in pc.value_counts(values).to_pylist()}
