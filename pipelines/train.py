"""Models that recipes name, trained from files: a language model, a tokenizer.

Both are functions of the set of rows alone: nothing depends on the order of files, and one thread
trains, since another number of threads gives another model.
"""

import gzip
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock import storage
from penstock.errors import UsageError
from pipelines.pieces import list_inputs
from pipelines.readers.options import InputOptions, ReadOptions
from pipelines.readers.read import read_span
from transforms.extract import extract_text
from transforms.extract_options import ExtractOptions
from transforms.identity import keyed_hash
from transforms.normalize import NormalizeOptions, normalize_text
from transforms.tokenizers import FitOptions
from transforms.train_language import (
    TrainedLanguage,
    TrainLanguageOptions,
    parse_labelled,
    train_and_measure,
)
from transforms.train_tokenizer import train_sentencepiece

_READ_MEMORY = 256_000_000


def train_language(patterns: Sequence[str], *, options: TrainLanguageOptions) -> TrainedLanguage:
    """A language model from JSON lines with `lang` and `text`, and its accuracy on held-out rows.

    Raises:
        UsageError: there is no such file, or a line that isn't as it must be.
    """
    files = sorted(url for pattern in patterns for url in _some(pattern))
    try:
        return train_and_measure(parse_labelled(_lines(files)), options=options)
    except ValueError as error:
        raise UsageError(str(error)) from None


def train_tokenizer(patterns: Sequence[str], *, options: FitOptions, seed: int) -> bytes:
    """A SentencePiece model from a sample of the texts of any files that a recipe can read.

    The sample is the documents of the smallest keyed hashes, in the order of their ids.

    Raises:
        UsageError: there is no such file, no text in them, or too little for the vocabulary.
    """
    entry = InputOptions(name="input", paths=tuple(patterns))
    sample = _sample(entry, options, seed)
    try:
        return train_sentencepiece(
            sample["text"], **options.model_dump(exclude={"sample_documents", "sample_bytes"})
        )
    except ValueError as error:
        raise UsageError(str(error)) from None


def _some(pattern: str) -> list[str]:
    urls = storage.expand(pattern)
    if not urls:
        raise UsageError(f"{pattern}: there is no such file; give a path, a glob or a URL")
    return urls


def _lines(urls: Sequence[str]) -> Iterator[bytes]:
    for url in urls:
        with storage.open_input(url) as stored:
            if url.endswith(".gz"):
                with gzip.open(stored) as lines:
                    yield from lines
            else:
                yield from stored


def _sample(entry: InputOptions, options: FitOptions, seed: int) -> pa.RecordBatch:
    """The documents of the smallest keyed hashes, within the options' bounds, sorted by id."""
    kept = pa.RecordBatch.from_pylist([], _SAMPLE)
    for batch in _texts(entry):
        key = pa.array(keyed_hash(batch["doc_id"], seed=seed))
        rows = pa.RecordBatch.from_arrays([key, *batch.columns], schema=_SAMPLE)
        table = pa.Table.from_batches([kept, rows])
        order = np.argsort(table["key"].to_numpy(), kind="stable")[: options.sample_documents]
        num_bytes = pc.binary_length(table["text"]).to_numpy()[order].cumsum()
        order = order[num_bytes <= options.sample_bytes]
        kept = table.take(pa.array(order)).combine_chunks().to_batches()[0]
    return kept.sort_by("doc_id")


_SAMPLE = pa.schema(
    [("key", pa.uint64()), ("doc_id", pa.binary(16)), ("text", pa.string())],
)


def _texts(entry: InputOptions) -> Iterator[pa.RecordBatch]:
    """Columns doc_id and text of the main texts of all records."""
    for file in list_inputs([entry]):
        for batch in read_span(file.span(), options=ReadOptions(), memory_bytes=_READ_MEMORY):
            records = batch.filter(pc.is_valid(batch["content"]))
            text, error = extract_text(records, options=ExtractOptions())
            good = pc.is_null(error)
            text = normalize_text(text.filter(good), options=NormalizeOptions())
            if len(text):
                ids = records["doc_id"].filter(good)
                yield pa.RecordBatch.from_arrays([ids, text], names=["doc_id", "text"])
