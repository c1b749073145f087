"""Recipe section `heuristics`: which dialects, and which of their thresholds are other ones."""

from collections.abc import Mapping
from typing import Self

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from transforms.heuristics.c4 import LineRules
from transforms.heuristics.columns import (
    REFINED_LINES,
    REMOVED_LINES,
    chosen,
    fields,
    kept_name,
)
from transforms.heuristics.dialects import (
    BAD_WORDS,
    LINE_RULES,
    MEASURE_WHAT_IS_KEPT,
    Bound,
    Dialect,
    bounds_of,
)
from transforms.heuristics.families import Count
from transforms.heuristics.refinedweb import RefinedWeb
from transforms.heuristics.word_lists import WordListFile
from transforms.rules import Rule


class HeuristicOptions(BaseModel):
    """Recipe section `heuristics`: rules of published pipelines, by dialect."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dialects: tuple[Dialect, ...] = Field(
        default=(), description="In the order in which the ledger names the first that fails."
    )
    thresholds: Mapping[Dialect, Mapping[str, FiniteFloat | None]] = Field(
        default={},
        description="By dialect and rule, another threshold; null turns a rule off. "
        "Rules that a dialect has without a threshold (rpv2@code) are off until one is given.",
    )
    bad_words: Mapping[str, WordListFile] = Field(
        default={},
        description="Lists of bad words by the code of their language, for the rules `bad_words` "
        "of c4@tfds, c4@datatrove, mc4@paper and rpv2@code; without any there are no such rules.",
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

    @model_validator(mode="after")
    def _one_takes_lines(self) -> Self:
        removers = [dialect.value for dialect in self.dialects if dialect in LINE_RULES]
        if len(removers) > 1:
            raise ValueError(
                f"{' and '.join(removers)} both take lines out of texts; take one of them"
            )
        if len(set(self.dialects)) < len(self.dialects):
            raise ValueError("a dialect is named twice; name each once")
        return self

    @model_validator(mode="after")
    def _bad_words_are_read(self) -> Self:
        readers = [dialect for dialect in Dialect if _reads_bad_words(dialect)]
        if self.bad_words and not {*readers} & {*self.dialects}:
            raise ValueError(
                "bad_words are given, but no dialect looks for them; those that do are "
                + ", ".join(dialect.value for dialect in readers)
            )
        for dialect, changed in self.thresholds.items():
            if changed.get(BAD_WORDS) is not None and not self.bad_words:
                raise ValueError(
                    f"thresholds.{dialect.value}.bad_words is given, but no list of bad words; "
                    "name one under bad_words, by its language"
                )
        return self

    @property
    def remover(self) -> Dialect | None:
        """The dialect that takes lines out of texts, if there is one."""
        return next((dialect for dialect in self.dialects if dialect in LINE_RULES), None)

    @property
    def line_rules(self) -> LineRules | RefinedWeb | None:
        """What lines must have to stay in the text; None where all stay."""
        return LINE_RULES[self.remover] if self.remover else None

    def bounds(self) -> list[tuple[Dialect, Bound]]:
        """All dialects' rules with their own thresholds, on what each dialect measures."""
        found, is_kept = [], False
        for dialect in self.dialects:
            for bound in bounds_of(dialect):
                if bound.name == BAD_WORDS and not self.bad_words:
                    continue
                looks_at_kept = is_kept and dialect in MEASURE_WHAT_IS_KEPT
                found.append((dialect, _on_kept(bound) if looks_at_kept else bound))
            is_kept = is_kept or dialect in LINE_RULES
        return found


def _reads_bad_words(dialect: Dialect) -> bool:
    return any(bound.name == BAD_WORDS for bound in bounds_of(dialect))


def _on_kept(bound: Bound) -> Bound:
    over = kept_name(bound.over) if bound.over else None
    return bound._replace(column=kept_name(bound.column), over=over)


def heuristic_rules(options: HeuristicOptions) -> list[Rule]:
    """The rules of section `heuristics`, dialect after dialect; a threshold of null makes none.

    >>> options = HeuristicOptions(dialects=(Dialect.FINEWEB_CODE,),
    ...     thresholds={Dialect.FINEWEB_CODE: {"newlines": None}})
    >>> [rule.name for rule in heuristic_rules(options)]
    ['terminal_lines', 'short_lines', 'repeated_line_characters']
    """
    rules = []
    for dialect, bound in options.bounds():
        threshold = options.thresholds.get(dialect, {}).get(bound.name, bound.threshold)
        if threshold is not None:
            # Told as 50, not as 50.0, however the recipe's number was read.
            whole = int(threshold) if float(threshold).is_integer() else threshold
            rules.append(Rule(stage=dialect.value, **bound._replace(threshold=whole)._asdict()))
    return rules


def heuristic_counts(options: HeuristicOptions) -> list[Count]:
    """The columns that the dialects' rules read, also the rules that are off, and removed lines."""
    read = [name for _, bound in options.bounds() for name in (bound.column, bound.over) if name]
    removed: tuple[str, ...] = ()
    if options.line_rules is not None:
        is_refined = isinstance(options.line_rules, RefinedWeb)
        removed = REFINED_LINES if is_refined else REMOVED_LINES
    return chosen([*read, *removed])


def heuristic_fields(options: HeuristicOptions) -> list[pa.Field]:
    """Arrow fields of the same columns, which the signals have beside the others."""
    return fields(heuristic_counts(options))
