"""Language of each document and how sure that is, by a fastText model.

The shipped model (`models/langid.ftz`, 2 MB, its card beside it) knows 75 languages from character
n-grams. A document shows its language soon: the model reads its first letters only
(`LETTER_BYTES`), lower-cased and without digits and punctuation, as it was trained. Any other
supervised fastText model serves too; it then gets the text itself, on one line. A model tells how
its texts were prepared by the prefix of its labels.

Scores of the shipped model are raised with the length of the text, so that they are the shares
told right. All are rounded to four decimals, so that a verdict doesn't hang on the last bit of a
float.

Cost: 0.13 ms a document of any length; raw fastText takes 0.28 ms for a whole review of 1.3 kB.
"""

import functools
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, model_validator

from transforms.fasttext_file import load_fasttext
from transforms.letters import letter_lines
from transforms.rules import Kind, Rule

UNDETERMINED = "und"
"""ISO 639-2 code of a text whose language isn't known."""

PREPARED_LABEL = "__letters__"
"""Label prefix of models that want lower-cased letters only; others have `__label__`."""

LETTER_BYTES = 600
STAGE = "language"
_SHIPPED = Path(__file__).parent / "models" / "langid.ftz"
_DECIMALS = 4
_SURE_LETTERS, _SURER_BY_LENGTH = 15, 0.4
"""A line of so many letters is as sure as its n-grams' mean; fitted on rows held out."""

_LEAST = 1e-9
_SHOWN = 3
"""Languages of each text that are told."""


class LanguageOptions(BaseModel):
    """Recipe section `language`: which languages are kept, and how sure the model must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = Field(
        default=None, description="fastText file or URL; null: the model that ships."
    )
    model_hash: str | None = Field(
        default=None,
        pattern=r"^sha256:[0-9a-f]{64}$",
        description="SHA-256 of the model's file; a run says it when it fetches a URL without.",
    )
    keep: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="Codes of the languages kept; null: all."
    )
    minimum_score: float = Field(
        default=0.5, ge=0, le=1, description="Least probability of the language."
    )
    minimum_scores: Mapping[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=dict, description="Least probabilities of some languages, by code."
    )
    und_below: float = Field(
        default=0.3, ge=0, le=1, description="Below this probability a language is 'und'."
    )

    @model_validator(mode="after")
    def _has_a_model_to_check(self) -> "LanguageOptions":
        if self.model_hash is not None and self.model is None:
            raise ValueError("model_hash is given without a model: name the file, or remove it")
        return self


class LanguageModel:
    """A loaded model that tells the language of texts."""

    __slots__ = ("_file", "languages")

    def __init__(self, path: Path) -> None:
        self._file = load_fasttext(path)
        codes = map(_code, self._file.labels)
        self.languages: tuple[str, ...] = tuple(code for code in codes if code != UNDETERMINED)

    @staticmethod
    def load(path: str | None) -> "LanguageModel":
        """The model in the file, the shipped one for None; read once for each process.

        Raises:
            ValueError: the file isn't there, isn't whole or isn't a supervised fastText model.
        """
        return _load(Path(path) if path else _SHIPPED)

    @property
    def digest(self) -> str:
        """xxh3_128 of the model file, hexadecimal."""
        return self._file.digest

    def detect(self, text: pa.StringArray, *, und_below: float = 0.3) -> pa.RecordBatch:
        """Columns language (code, or 'und') and language_score (float32, 0 to 1, rounded).

        'und' is a text whose best language scores below `und_below`, or one without letters or in
        a script that the model doesn't know, whose score is 0. Null is a text without letters.
        Columns languages list<string> and language_scores list<float32> have the three best, of
        texts that are 'und' for their low score too; they are empty where nothing is known.

        >>> model = LanguageModel.load(None)
        >>> found = model.detect(pa.array(["Where there is water, there is a way.", "42"]))
        >>> found.column("language").to_pylist()
        ['en', 'und']
        """
        lines = self._lines(text)
        labels, scores = self._best_labels(lines)
        if self._takes_letters:
            scores = _scores_by_length(scores, np.fromiter(map(len, lines), np.int64, len(lines)))
        codes = pa.array([*map(_code, self._file.labels), UNDETERMINED])
        rounded = np.round(np.minimum(scores, 1.0), _DECIMALS).astype(np.float32)
        unsure = rounded[:, 0] < np.float32(und_below)
        known = np.where(unsure | (labels[:, 0] < 0), len(codes) - 1, labels[:, 0])
        shown = labels >= 0
        ends = pa.array(np.concatenate([[0], np.cumsum(shown.sum(axis=1))]), pa.int32())
        return pa.record_batch(
            {
                "language": codes.take(pa.array(known)),
                "language_score": pa.array(rounded[:, 0]),
                "languages": pa.ListArray.from_arrays(ends, codes.take(pa.array(labels[shown]))),
                "language_scores": pa.ListArray.from_arrays(ends, pa.array(rounded[shown])),
            }
        )

    @property
    def _takes_letters(self) -> bool:
        return self._file.labels[0].startswith(PREPARED_LABEL)

    def _lines(self, text: pa.StringArray) -> list[str]:
        """One line for each text, prepared as the model's training texts were."""
        if self._takes_letters:
            return letter_lines(text, maximum_bytes=LETTER_BYTES)
        short = pc.utf8_slice_codeunits(pc.fill_null(text, ""), 0, LETTER_BYTES)
        lines = pc.binary_join_element_wise(
            pc.replace_substring_regex(short, r"\s+", " "), "\n", ""
        )
        rows: list[str] = lines.to_pylist()
        return rows

    def _best_labels(self, lines: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Places of each line's best labels, -1 for none, and their probabilities, both (n, 3)."""
        places = {label: place for place, label in enumerate(self._file.labels)}
        labels, scores = self._file.model.multilinePredict([*lines, "\n"], _SHOWN, 0.0, "strict")
        is_there = np.arange(_SHOWN) < np.fromiter(map(len, labels), np.int64)[:, None]
        best = np.full(is_there.shape, -1, np.int64)
        found = np.zeros(is_there.shape, np.float64)
        best[is_there] = np.fromiter(map(places.__getitem__, chain.from_iterable(labels)), np.int64)
        found[is_there] = np.concatenate(scores)
        # An unknown text scores exactly as none does: by the line's end alone.
        is_unknown = ((best == best[-1]) & (found == found[-1])).all(axis=1)
        is_named = np.array([_code(label) != UNDETERMINED for label in [*places, UNDETERMINED]])
        is_told = is_named[best]
        is_told[is_unknown | ~is_told[:, 0]] = False
        # Named languages move up to where 'undetermined' stood.
        order = np.argsort(~is_told, axis=1, kind="stable")
        best = np.take_along_axis(np.where(is_told, best, -1), order, axis=1)
        found = np.take_along_axis(np.where(is_told, found, 0.0), order, axis=1)
        return best[:-1], found[:-1]


def _scores_by_length(scores: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The best labels' probabilities, (n, 3), as the evidence of texts so long gives them.

    fastText takes the mean of a text's n-grams, so that a page seems no surer than a line, and is
    trained on words mostly. Powers of probabilities mend that (temperature scaling, Guo et al.,
    arXiv 1706.04599); what other labels have is taken to stand in parts as large as the third.
    """
    power = (lengths / _SURE_LETTERS)[:, None] ** _SURER_BY_LENGTH
    best = np.clip(scores, _LEAST, 1.0)
    others = np.maximum(1.0 - best.sum(axis=1, keepdims=True), 0.0) * best[:, 2:] ** (power - 1)
    raised = best**power
    return np.where(scores > 0, raised / (raised.sum(axis=1, keepdims=True) + others), 0.0)


@functools.cache
def _load(path: Path) -> LanguageModel:
    return LanguageModel(path)


def _code(label: str) -> str:
    """The language of a label: `__label__en` and `__letters__en` are en."""
    return label.rpartition("__")[2]


def language_rules(options: LanguageOptions) -> list[Rule]:
    """The rules of section `language`: the languages kept, then how sure the model must be."""
    own = sorted(options.minimum_scores.items())
    rules = [_score_rule(f"language_score_{code}", score, only=(code,)) for code, score in own]
    if options.minimum_score:
        rules.insert(
            0, _score_rule("language_score", options.minimum_score, but=tuple(c for c, _ in own))
        )
    if options.keep is None:
        return rules
    kept = Rule(
        name="language", stage=STAGE, column="language", kind=Kind.ONE_OF, threshold=options.keep
    )
    return [kept, *rules]


def _score_rule(
    name: str, score: float, *, only: tuple[str, ...] | None = None, but: tuple[str, ...] = ()
) -> Rule:
    return Rule(
        name=name,
        stage=STAGE,
        column="language_score",
        kind=Kind.AT_LEAST,
        threshold=score,
        only_languages=only,
        but_languages=but,
    )
