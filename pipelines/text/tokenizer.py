"""The run's tokenizer: the one that the recipe names, or one fitted on a sample of the kept text.

The sample is the k kept documents of the smallest keyed hashes (fewer, where they exceed a number
of bytes), sorted by id, whatever piece they come from. Since the number n of kept documents is
known by then, a piece offers only documents below the hash under which some k of all are expected,
with a margin of six standard deviations: about k rows travel, not k for each piece.
"""

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock import storage
from penstock.errors import UsageError
from pipelines.batches import table_batch
from pipelines.models import check_same_model, local_copy
from pipelines.streams import SAMPLE_STREAM
from pipelines.task import Item, TaskContext
from pipelines.text.kept import curated_with_verdicts
from schemas.tokens import SAMPLE
from transforms.identity import keyed_hash
from transforms.tokenizers import FitOptions, Tokenizer, TokenizerOptions, load_tokenizer
from transforms.train_tokenizer import train_sentencepiece

MODEL = "model"
"""Suffix of the fitted tokenizer's file."""

TEXT_CHARACTERS = 10_000
"""How much of a document a tokenizer is fitted on."""

_SAMPLE_SEED = 2
"""Added to the seed, so that the sample isn't the beginning of the shuffle."""


def sample_piece(context: TaskContext, item: Item) -> None:
    """Offer the piece's kept documents whose keyed hash is small enough for the sample."""
    options = TokenizerOptions.model_validate(context.spec.options["tokenizer"])
    if options.fit is None:
        raise ValueError("tokenizer.fit: got null, but a fit was planned")
    bound = sample_bound(options.fit.sample_documents, item["kept"])
    writer = context.emit(SAMPLE_STREAM)
    for curated, verdicts in curated_with_verdicts(context, item["number"]):
        key = keyed_hash(curated["doc_id"], seed=context.spec.options["seed"] + _SAMPLE_SEED)
        chosen = pc.and_(pc.is_null(verdicts["rule"]), pa.array(key <= bound))
        rows = curated.filter(chosen)
        columns = {
            "key": pa.array(key).filter(chosen),
            "doc_id": rows["doc_id"],
            "text": pc.utf8_slice_codeunits(rows["text"], 0, TEXT_CHARACTERS),
        }
        writer.add(table_batch(columns, SAMPLE), np.zeros(rows.num_rows, np.uint32))


def sample_bound(wanted: int, total: int) -> np.uint64:
    """A hash below which some `wanted` of `total` uniform hashes are all but sure to lie."""
    share = (wanted + 6 * math.sqrt(wanted) + 6) / max(total, 1)
    return np.uint64(min(int(share * 2.0**64), 2**64 - 1))


def fit_tokenizer(context: TaskContext, item: Item) -> None:
    """Train on the sample's first documents, within its bounds, in the order of their ids."""
    options = TokenizerOptions.model_validate(context.spec.options["tokenizer"])
    if options.fit is None:
        raise ValueError("tokenizer.fit: got null, but a fit was planned")
    batches = context.read(SAMPLE_STREAM, item["bucket"])
    sample = pa.Table.from_batches(_within(batches, options.fit), SAMPLE).sort_by("doc_id")
    try:
        model = train_sentencepiece(
            sample["text"].combine_chunks(),
            **options.fit.model_dump(exclude={"sample_documents", "sample_bytes"}),
        )
    except ValueError as error:
        raise UsageError(f"tokenizer.fit: {error}") from error
    storage.write_bytes(context.file(MODEL), model)
    context.counters["documents"] = sample.num_rows


def _within(batches: Iterator[pa.RecordBatch], options: FitOptions) -> Iterator[pa.RecordBatch]:
    """The first rows, up to the number and the bytes that the options allow."""
    documents, num_bytes = options.sample_documents, options.sample_bytes
    for batch in batches:
        lengths = pc.binary_length(batch["text"]).to_numpy()
        rows = min(int(np.searchsorted(np.cumsum(lengths), num_bytes, side="right")), documents)
        yield batch.slice(0, rows)
        documents, num_bytes = documents - rows, num_bytes - int(lengths[:rows].sum())
        if rows < batch.num_rows or documents == 0:
            return


def run_tokenizer(context: TaskContext) -> Tokenizer:
    """The tokenizer that the task's run uses."""
    options = TokenizerOptions.model_validate(context.spec.options["tokenizer"])
    fitted = context.spec.inputs.get(f"tokenizer.{MODEL}")
    tokenizer = load_run_tokenizer(options, fitted[0] if fitted else None)
    check_same_model(
        "tokenizer", found=tokenizer.digest, wanted=context.spec.options["models"].get("tokenizer")
    )
    return tokenizer


@lru_cache(maxsize=4)
def load_run_tokenizer(options: TokenizerOptions, fitted: str | None) -> Tokenizer:
    """The tokenizer of the options, or the fitted one at a URL."""
    url = fitted or options.path
    path = url if url.startswith("builtin:") else local_copy(url)
    return load_tokenizer(options.model_copy(update={"path": path, "fit": None}))
