"""Language of each document and how sure that is, by a fastText model.

The shipped model (`models/langid.ftz`, 0.9 MB, its card beside it) knows 75 languages from
character n-grams. A document shows its language soon: the model reads its first letters only
(`LETTER_BYTES`), lower-cased and without digits and punctuation, as it was trained. Any other
supervised fastText model serves too; it then gets the text itself, on one line. A model tells how
its texts were prepared by the prefix of its labels.

Scores are rounded to four decimals, so that a verdict doesn't hang on the last bit of a float.

Cost: 0.15 ms a document, whatever its length.
"""

import functools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

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


class LanguageOptions(BaseModel):
    """Recipe section `language`: which languages are kept, and how sure the model must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = None
    keep: tuple[str, ...] | None = Field(default=None, min_length=1)
    minimum_score: float = Field(default=0.5, ge=0, le=1)
    und_below: float = Field(default=0.3, ge=0, le=1)


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

        >>> model = LanguageModel.load(None)
        >>> found = model.detect(pa.array(["Where there is water, there is a way.", "42"]))
        >>> found.column("language").to_pylist()
        ['en', 'und']
        """
        best, scores = self._best_labels(self._lines(text))
        codes = pa.array([*map(_code, self._file.labels), UNDETERMINED])
        rounded = np.round(np.minimum(scores, 1.0), _DECIMALS).astype(np.float32)
        unsure = rounded < np.float32(und_below)
        known = np.where(unsure | (best < 0), len(codes) - 1, best)
        return pa.record_batch(
            {"language": codes.take(pa.array(known)), "language_score": pa.array(rounded)}
        )

    def _lines(self, text: pa.StringArray) -> list[str]:
        """One line for each text, prepared as the model's training texts were."""
        if self._file.labels[0].startswith(PREPARED_LABEL):
            return letter_lines(text, maximum_bytes=LETTER_BYTES)
        short = pc.utf8_slice_codeunits(pc.fill_null(text, ""), 0, LETTER_BYTES)
        lines = pc.binary_join_element_wise(
            pc.replace_substring_regex(short, r"\s+", " "), "\n", ""
        )
        rows: list[str] = lines.to_pylist()
        return rows

    def _best_labels(self, lines: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """The kernel: place of the best label of each line, -1 for none, and its probability."""
        places = {label: place for place, label in enumerate(self._file.labels)}
        best = np.full(len(lines), -1, np.int64)
        scores = np.zeros(len(lines), np.float64)
        predicted = self._file.model.multilinePredict([*lines, "\n"], 1, 0.0, "strict")
        *rows, nothing = zip(*predicted, strict=True)
        for row, (labels, probabilities) in enumerate(rows):
            # An unknown text scores exactly as none does: by the line's end alone.
            is_known = labels and (labels, probabilities) != nothing
            if is_known and _code(labels[0]) != UNDETERMINED:
                best[row], scores[row] = places[labels[0]], probabilities[0]
        return best, scores


@functools.cache
def _load(path: Path) -> LanguageModel:
    return LanguageModel(path)


def _code(label: str) -> str:
    """The language of a label: `__label__en` and `__letters__en` are en."""
    return label.rpartition("__")[2]


def language_rules(options: LanguageOptions) -> list[Rule]:
    """The rules of section `language`: the languages kept, then how sure the model must be."""
    score = Rule(
        name="language_score",
        stage=STAGE,
        column="language_score",
        kind=Kind.AT_LEAST,
        threshold=options.minimum_score,
    )
    rules = [score] if options.minimum_score else []
    if options.keep is None:
        return rules
    kept = Rule(
        name="language", stage=STAGE, column="language", kind=Kind.ONE_OF, threshold=options.keep
    )
    return [kept, *rules]
