"""The recipe of a text run: one section for each stage, each section beside its own code."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipelines.options import (
    DedupOptions,
    ExchangeOptions,
    RejectOptions,
    ShardOptions,
    ValidationOptions,
)
from pipelines.readers.options import InputOptions, ReadOptions
from transforms.extract_options import ExtractOptions
from transforms.heuristics.options import HeuristicOptions, heuristic_rules
from transforms.language import LanguageOptions, language_rules
from transforms.lengths import LengthOptions, length_rules
from transforms.normalize import NormalizeOptions
from transforms.rules import MAXIMUM_RULES
from transforms.tokenizers import TokenizerOptions

_LARGEST_COUNT = 2**63 - 1
_PLACES = frozenset({"inputs", "output", "work_dir"})


class TextRecipe(BaseModel):
    """All that a text run is asked to do, and nothing about the machine that does it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["text"] = Field(description="What the records are.")
    inputs: tuple[InputOptions, ...] = Field(
        default=(), description="What to read; --input replaces the paths."
    )
    output: str = Field(default="", description="Folder of the result, a path or any fsspec URL.")
    work_dir: str | None = Field(
        default=None,
        description="Where every worker can keep intermediate files; OUT/.work by default.",
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="Seed of every random choice.")
    snapshot: str = Field(
        default="initial", min_length=1, description="Name of this crawl snapshot."
    )
    read: ReadOptions = ReadOptions()
    extract: ExtractOptions = ExtractOptions()
    normalize: NormalizeOptions = NormalizeOptions()
    language: LanguageOptions = LanguageOptions()
    length: LengthOptions = LengthOptions()
    heuristics: HeuristicOptions = HeuristicOptions()
    dedup: DedupOptions = DedupOptions()
    tokenizer: TokenizerOptions = TokenizerOptions()
    shards: ShardOptions = ShardOptions()
    validation: ValidationOptions = ValidationOptions()
    rejects: RejectOptions = RejectOptions()
    exchange: ExchangeOptions = ExchangeOptions()

    @model_validator(mode="after")
    def _input_names_differ(self) -> Self:
        names = [entry.name for entry in self.inputs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two inputs are named {twice[0]!r}; each needs a name of its own")
        return self

    @model_validator(mode="after")
    def _rules_fit(self) -> Self:
        rules = [
            *language_rules(self.language),
            *length_rules(self.length),
            *heuristic_rules(self.heuristics),
        ]
        for rule in rules:
            if isinstance(rule.threshold, int) and rule.threshold > _LARGEST_COUNT:
                raise ValueError(
                    f"{rule.stage}: {rule.name} is {rule.threshold}; no count is that large, "
                    f"give at most {_LARGEST_COUNT}"
                )
        if len(rules) > MAXIMUM_RULES:
            raise ValueError(
                f"{len(rules)} rules, but a run can have {MAXIMUM_RULES}: take fewer dialects, or "
                "turn rules off with a threshold of null"
            )
        return self


def recipe_identity(recipe: TextRecipe) -> dict[str, Any]:
    """The recipe as plain sorted data without its inputs and folders, for the manifest.

    Two recipes with equal identities make the same bytes from the same records.
    """
    return _sorted(recipe.model_dump(mode="json", exclude=set(_PLACES)))  # type: ignore[no-any-return]


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
