"""Recipe section `heuristics`: which dialects, and which of their thresholds are other ones."""

from collections.abc import Mapping
from typing import Self

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, model_validator

from transforms.heuristics.columns import Count, chosen, fields
from transforms.heuristics.dialects import Dialect, bounds_of
from transforms.rules import Rule


class HeuristicOptions(BaseModel):
    """Recipe section `heuristics`: rules of published pipelines, by dialect."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dialects: tuple[Dialect, ...] = Field(
        default=(), description="In the order in which the ledger names the first that fails."
    )
    thresholds: Mapping[Dialect, Mapping[str, float | None]] = Field(
        default={}, description="By dialect and rule, another threshold; null turns a rule off."
    )

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for dialect, changed in self.thresholds.items():
            names = [bound.name for bound in bounds_of(dialect)]
            unknown = sorted(set(changed) - set(names))
            if dialect not in self.dialects:
                raise ValueError(f"thresholds are for {dialect.value}, which is not in dialects")
            if unknown:
                raise ValueError(
                    f"{dialect.value} has no rule {unknown[0]!r}; its rules are {', '.join(names)}"
                )
        return self


def heuristic_rules(options: HeuristicOptions) -> list[Rule]:
    """The rules of section `heuristics`, dialect after dialect; a threshold of null makes none.

    >>> options = HeuristicOptions(dialects=(Dialect.FINEWEB_CODE,),
    ...     thresholds={Dialect.FINEWEB_CODE: {"newlines": None}})
    >>> [rule.name for rule in heuristic_rules(options)]
    ['terminal_lines', 'short_lines', 'repeated_line_characters']
    """
    rules = []
    for dialect in options.dialects:
        changed = options.thresholds.get(dialect, {})
        for bound in bounds_of(dialect):
            threshold = changed.get(bound.name, bound.threshold)
            if threshold is not None:
                rules.append(
                    Rule(stage=dialect.value, **bound._replace(threshold=threshold)._asdict())
                )
    return rules


def heuristic_counts(options: HeuristicOptions) -> list[Count]:
    """The columns that the dialects' rules read, those of rules that are turned off included."""
    bounds = [bound for dialect in options.dialects for bound in bounds_of(dialect)]
    return chosen(name for bound in bounds for name in (bound.column, bound.over) if name)


def heuristic_fields(options: HeuristicOptions) -> list[pa.Field]:
    """Arrow fields of the same columns, which the signals have beside the others."""
    return fields(heuristic_counts(options))
