"""A language model from labelled texts: fastText, small, and the same bytes each time.

Joulin et al., "Bag of Tricks for Efficient Text Classification" (arXiv 1607.01759): a linear model
over character n-grams hashed into buckets; then "FastText.zip" (arXiv 1612.03651): the n-grams that
matter most are kept, trained again without the others, and product-quantized. One thread, and
rows in the order of a hash of their text, make the model a function of the rows, whatever their
order. Floats still add up as the machine's vector instructions take them, so another kind of CPU
may give other bytes: ship the file, not the command.

Web text has titles and list items as well as sentences. So a few words out of each long row are a
row of their own, and each word and each two neighbours that a language's rows have are one more:
each once, however often they occur, since a model that learns from running text hardly learns from
rare words. Words themselves are no features, only their n-grams: what knows a word by itself tells
less of words that it hasn't seen, and a line's end would count as a word of every language. Text
in a script of which only the mark is written says its script and no more, so its rows stay with
the language that has most of them.

Cost: two minutes for 217,000 rows in 75 languages; the model takes 2 MB.
"""

import json
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from pydantic import BaseModel, ConfigDict, Field

from transforms.language import PREPARED_LABEL, UNDETERMINED, LanguageModel
from transforms.letters import letter_lines, script_marks

_LINE_BYTES = 2_000
"""Letters of a training text: more than any sentence has, less than lets one book weigh much."""

_NGRAM_BUCKETS = 2_000_000
"""So many that the matrix takes 64 MB or more, for which any allocator asks the system, whose pages
are zero. With one thread fastText sets only a tenth of it and would train on what is left of
another array in the rest: no two models would be alike."""

_NO_WORD = 2**31 - 1
_SHORTEST_NGRAM, _LONGEST_NGRAM = 2, 5
_LONG_WORDS = 10
_SINGLE_WORDS, _WORD_PAIRS = 20_000, 20_000
"""Most of each language."""

_UNDETERMINED_LENGTHS = (1, 2, 3, 5, 8, 13, 21, 34)

_CODE = re.compile(r"[A-Za-z0-9-]+")
_CARD = """# A language model for web text

A supervised fastText model over character n-grams of lower-cased letters, quantized. It tells
{languages} languages apart.

* Data: {data}
* Command: `{command}`
* Rows: {report.training_rows:,} to train on, {report.held_out_rows:,} held out by hash
* Digest (xxh3_128): `{report.digest}`
* Accuracy on the rows held out: {report.accuracy:.4f}

| language | accuracy |
|---|---|
{rows}
"""


class TrainLanguageOptions(BaseModel):
    """How a language model is trained; the defaults are those of the shipped model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimensions: int = Field(default=24, ge=8, le=512)
    epochs: int = Field(default=4, ge=1)
    learning_rate: float = Field(default=0.5, gt=0)
    kept_ngrams: int = Field(default=92_000, ge=256)
    epochs_after: int = Field(default=2, ge=1)
    learning_rate_after: float = Field(default=0.2, gt=0)
    held_out: float = Field(default=0.05, ge=0, lt=1)
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledTexts:
    """Training rows: text[i] is in the language with the code language[i]."""

    language: pa.StringArray
    text: pa.StringArray

    def __post_init__(self) -> None:
        if len(self.language) != len(self.text):
            raise ValueError(f"{len(self.language)} languages for {len(self.text)} texts")
        if self.language.null_count or self.text.null_count:
            raise ValueError("a training row has no language or no text")

    def take(self, rows: np.ndarray) -> "LabelledTexts":
        """The rows at these places, in this order."""
        places = pa.array(rows)
        return LabelledTexts(language=self.language.take(places), text=self.text.take(places))


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageReport:
    """How good a trained model is on the rows held out."""

    digest: str
    training_rows: int
    held_out_rows: int
    accuracy: float
    accuracy_by_language: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedLanguage:
    """A model file's bytes and how good it is."""

    model: bytes
    report: LanguageReport


def parse_labelled(lines: Iterable[bytes]) -> LabelledTexts:
    """Training rows from JSON lines, each an object with the strings `lang` and `text`.

    Raises:
        ValueError: names the line that isn't, or says that there is none.

    >>> parse_labelled([b'{"lang": "la", "text": "Aqua currit."}']).language.to_pylist()
    ['la']
    """
    languages, texts = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        language, text = _parse_row(line, number)
        languages.append(language)
        texts.append(text)
    if not texts:
        raise ValueError('training data: no rows; wanted lines like {"lang": "en", "text": "…"}')
    return LabelledTexts(
        language=pa.array(languages, pa.string()), text=pa.array(texts, pa.large_string())
    )


def _parse_row(line: bytes, number: int) -> tuple[str, str]:
    try:
        row = json.loads(line)
        language, text = row["lang"], row["text"]
    except (ValueError, TypeError, KeyError):
        language = text = None
    if not (isinstance(language, str) and isinstance(text, str) and _CODE.fullmatch(language)):
        raise ValueError(
            f"training data, line {number}: got {line[:80]!r}; wanted a JSON object with the "
            'strings "lang" (a code of letters, digits and -) and "text"'
        )
    return language, text.encode("utf-8", "replace").decode()


def train_and_measure(data: LabelledTexts, *, options: TrainLanguageOptions) -> TrainedLanguage:
    """A model trained without the rows held out, and its accuracy on them."""
    training, held_out = split_held_out(data, options=options)
    model = train_language(training, options=options)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.ftz"
        path.write_bytes(model)
        loaded = LanguageModel(path)
    found = loaded.detect(held_out.text, und_below=0).column("language")
    right = pc.equal(found, held_out.language).to_numpy(zero_copy_only=False)
    names = held_out.language.to_numpy(zero_copy_only=False)
    by_language = {str(name): float(right[names == name].mean()) for name in np.unique(names)}
    report = LanguageReport(
        digest=loaded.digest,
        training_rows=len(training.text),
        held_out_rows=len(held_out.text),
        accuracy=float(right.mean()) if len(right) else float("nan"),
        accuracy_by_language=by_language,
    )
    return TrainedLanguage(model=model, report=report)


def split_held_out(
    data: LabelledTexts, *, options: TrainLanguageOptions
) -> tuple[LabelledTexts, LabelledTexts]:
    """Rows to train on and rows to measure on: a text is held out by its keyed hash.

    Blanks at its ends don't count, so that a text's copies are all held out or none.
    """
    texts = [text.strip().encode() for text in data.text.to_pylist()]
    keys = np.array([xxhash.xxh3_64_intdigest(text, options.seed) for text in texts], np.uint64)
    is_held_out = keys < np.uint64(int(options.held_out * 2**64))
    return data.take(np.flatnonzero(~is_held_out)), data.take(np.flatnonzero(is_held_out))


def train_language(data: LabelledTexts, *, options: TrainLanguageOptions) -> bytes:
    """A quantized fastText model file of the rows, whatever their order.

    Raises:
        ValueError: there is nothing to tell apart.
    """
    lines = _training_lines(data)
    if len({line.split(" ", 1)[0] for line in lines} - {PREPARED_LABEL + UNDETERMINED}) < 2:
        raise ValueError("training data: texts with letters in two languages at least are needed")
    import fasttext

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "train.txt", Path(folder) / "model.ftz"
        source.write_text("".join(lines), encoding="utf-8")
        model = fasttext.train_supervised(
            str(source),
            label=PREPARED_LABEL,
            dim=options.dimensions,
            epoch=options.epochs,
            lr=options.learning_rate,
            bucket=_NGRAM_BUCKETS,
            # More than any word has, the mark of a line's end included.
            minCount=_NO_WORD,
            minn=_SHORTEST_NGRAM,
            maxn=_LONGEST_NGRAM,
            loss="softmax",
            thread=1,
            verbose=0,
        )
        model.quantize(
            str(source),
            retrain=True,
            epoch=options.epochs_after,
            lr=options.learning_rate_after,
            cutoff=options.kept_ngrams,
            dsub=2,
            qnorm=True,
            thread=1,
            verbose=0,
        )
        model.save_model(str(target))
        return target.read_bytes()


def _undetermined_lines(lines: list[str]) -> list[str]:
    """Lines of scripts that no training row is in, so that the model knows what it doesn't know."""
    seen = set("".join(lines))
    label = PREPARED_LABEL + UNDETERMINED
    return [
        f"{label} {' '.join([mark] * count)}\n"
        for mark in script_marks()
        if mark not in seen
        for count in _UNDETERMINED_LENGTHS
    ]


def _training_lines(data: LabelledTexts) -> list[str]:
    """The kernel: rows and what is taken out of them as fastText reads them, in a hash's order."""
    letters = letter_lines(data.text, maximum_bytes=_LINE_BYTES)
    texts: dict[str, list[str]] = defaultdict(list)
    for language, line in zip(data.language.to_pylist(), letters, strict=True):
        if line != "\n":
            texts[language].append(line.rstrip("\n"))
    rows = [(language, row) for language in texts for row in _with_parts(texts[language])]
    lines = [f"{PREPARED_LABEL}{language} {row}\n" for language, row in _of_one_script(rows)]
    lines += _undetermined_lines(letters)
    return sorted(lines, key=lambda line: xxhash.xxh3_128_digest(line.encode()))


def _with_parts(texts: list[str]) -> list[str]:
    """Texts of one language, a part of each long one, and words and pairs of words, each once."""
    rows = [words for text in texts if (words := text.split())]
    singles = {word for words in rows for word in words}
    pairs = {" ".join(pair) for words in rows for pair in pairwise(words)}
    parts = [part for text in texts for part in _part(text)]
    return [*texts, *parts, *_some(singles, _SINGLE_WORDS), *_some(pairs, _WORD_PAIRS)]


def _some(texts: set[str], most: int) -> list[str]:
    return sorted(texts, key=lambda text: (xxhash.xxh3_64_intdigest(text.encode()), text))[:most]


def _of_one_script(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The rows without those of one script's mark alone, but in the language with most of them."""
    marks = frozenset(script_marks())
    only = [row[0] if marks.issuperset(row) and len({*row.split()}) == 1 else "" for _, row in rows]
    counts = Counter((mark, language) for mark, (language, _) in zip(only, rows, strict=True))
    # The largest count comes last and stays.
    owners = {mark: language for (mark, language), _ in sorted(counts.items(), key=_by_count)}
    return [row for mark, row in zip(only, rows, strict=True) if not mark or owners[mark] == row[0]]


def _by_count(item: tuple[tuple[str, str], int]) -> tuple[int, tuple[str, str]]:
    return item[1], item[0]


def _part(line: str) -> list[str]:
    """Three to seven words in a row out of a long line, which ones by its hash; none of others."""
    words = line.split()
    if len(words) < _LONG_WORDS:
        return []
    number = xxhash.xxh3_64_intdigest(line.encode())
    length = 3 + number % 5
    start = (number >> 8) % (len(words) - length)
    return [" ".join(words[start : start + length])]


def language_card(report: LanguageReport, *, data: str, command: str) -> str:
    """A model card in Markdown: data, command, digest, accuracy overall and for each language."""
    ranked = sorted(report.accuracy_by_language.items(), key=lambda item: (item[1], item[0]))
    rows = "\n".join(f"| {language} | {accuracy:.3f} |" for language, accuracy in ranked)
    return _CARD.format(report=report, languages=len(ranked), data=data, command=command, rows=rows)
