"""What a loader reads from: a dataset, a part of one, or a mixture of several."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from penstock.conditions import Condition, Conditions, WeightBy
from penstock.errors import UsageError
from penstock.schedule import Schedule, as_schedule

Path = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Subset:
    """A dataset by its folder, or some of its documents; see penstock.conditions for the form.

    `where` selects documents by columns of OUT/signals, `weight_by` gives some of them more or
    fewer copies in an epoch; `split` and `version` are there if they aren't the loader's own.

    >>> part = Subset("OUT", where=[("language", "in", ["en", "de"]), ("words", ">=", 200)])
    >>> print(part.conditions)
    language in ['en', 'de'] and words >= 200

    Raises:
        UsageError: a condition or weight isn't of that form.
    """

    out: Path
    where: Sequence[Condition] = ()
    weight_by: WeightBy | None = None
    split: str | None = None
    version: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.where, str) or not isinstance(self.where, Sequence):
            raise UsageError(
                f"where is {self.where!r:.80}; allowed: a list of (column, operator, value)"
            )
        self.conditions  # noqa: B018

    @property
    def conditions(self) -> Conditions:
        """What the documents must fulfil."""
        return Conditions(tuple(self.where), self.weight_by)


Entry = tuple[Path | Subset, float | Schedule]
"""A dataset of a mixture, and its weight."""


def as_subset(value: Any, *, split: str, version: int | None) -> Subset:
    """The subset that a path or a subset means, with the loader's split and version filled in.

    Raises:
        UsageError: it's neither.
    """
    if isinstance(value, str | os.PathLike):
        return Subset(value, split=split, version=version)
    if not isinstance(value, Subset):
        raise UsageError(
            f"a dataset is {value!r:.80}; allowed: a path or URL, penstock.Subset(…), or for a "
            "mixture a dict of name -> (dataset, weight)"
        )
    return replace(
        value,
        split=split if value.split is None else value.split,
        version=version if value.version is None else value.version,
    )


def read_mixture(entries: Mapping[Any, Any]) -> tuple[dict[str, Any], dict[str, Schedule]]:
    """The datasets and the schedules of a mixture, both in the order of their names.

    Raises:
        UsageError: it is empty, or an entry isn't (dataset, weight).
    """
    if not entries:
        raise UsageError("the mixture is empty; allowed: a dict of name -> (dataset, weight)")
    datasets, schedules = {}, {}
    for name in sorted(entries, key=str):
        entry = entries[name]
        # A list is what a configuration file has for a pair.
        is_pair = isinstance(entry, tuple | list) and len(entry) == 2
        if not isinstance(name, str) or not is_pair:
            raise UsageError(
                f"the mixture's {name!r} is {entry!r:.80}; allowed: a name -> (dataset, weight)"
            )
        datasets[name], schedules[name] = entry[0], as_schedule(entry[1], name=name)
    return datasets, schedules
