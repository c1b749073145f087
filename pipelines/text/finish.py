"""Finish: verdicts return to their piece; kept documents are written, tokenized and sent to shards.

The piece's curated documents are read again, in order, beside the verdict rows that name them by
row number; a document without one has no duplicates and is kept. No task ever reads the whole list
of duplicates.
"""

import json
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock import storage
from pipelines.batches import read_batches, table_batch
from pipelines.exchange import ExchangeWriter
from pipelines.options import DedupOptions, RejectOptions, ValidationOptions
from pipelines.parquet import parquet_writer
from pipelines.sortkeys import bucket_of
from pipelines.streams import LEDGER_STREAM, REJECT_STREAM, TOKEN_STREAMS
from pipelines.task import Item, TaskContext
from pipelines.text.curate import count_verdicts, curation_rules, curation_signals
from pipelines.text.kept import curated_with_verdicts
from pipelines.text.nodes import id_buckets
from pipelines.text.rejects import RejectSample
from pipelines.text.tokenizer import run_tokenizer
from pipelines.text.verdicts import DUPLICATE_ID, EXACT_DUPLICATE
from schemas.documents import DOCUMENTS
from schemas.ledger import DROPPED, KEPT, LEDGER
from transforms.buffers import fixed_matrix
from transforms.identity import keyed_hash

SECTIONS = (
    "language",
    "length",
    "heuristics",
    "dedup",
    "tokenizer",
    "validation",
    "rejects",
    "seed",
    "output",
    "models",
    "token_type",
)
_STAGE = "dedup"


def finish_piece(context: TaskContext, item: Item) -> None:
    """Write the piece's documents and signals; send its tokens, ledger rows and rejects on."""
    number = item["number"]
    ledger = context.emit(LEDGER_STREAM, share=0.1)
    rejects = RejectSample(
        per_rule=RejectOptions.model_validate(context.spec.options["rejects"]).per_rule,
        seed=context.spec.options["seed"],
    )
    _take_closed(context, number, ledger, rejects)
    tokens = TokenEmitter(context)
    counts: list[pa.Array] = []
    with parquet_writer(_part(context, item, "documents"), DOCUMENTS) as documents:
        for curated, verdicts in curated_with_verdicts(context, number):
            rows = _ledger_rows(curated, verdicts, context)
            _emit_ledger(context, ledger, rows)
            rejects.add(rows, curated["text"])
            kept = pc.is_null(verdicts["rule"])
            curated, verdicts = curated.filter(kept), verdicts.filter(kept)
            documents.write(_documents(curated, verdicts))
            counts.append(_spread(tokens.emit(curated, verdicts["cluster_id"]), kept))
    _write_signals(context, item, pa.chunked_array(counts, pa.int64()))
    sample = rejects.rows()
    writer = context.emit(REJECT_STREAM, share=0.05)
    writer.add(sample, np.zeros(sample.num_rows, np.uint32))


def _take_closed(
    context: TaskContext, number: int, ledger: ExchangeWriter, rejects: RejectSample
) -> None:
    """What curating closed already."""
    for rows in read_batches(context.spec.inputs["curate.ledger"][number]):
        _emit_ledger(context, ledger, rows)
    for rows in read_batches(context.spec.inputs["curate.rejects"][number]):
        rejects.merge(rows)


def _ledger_rows(
    curated: pa.RecordBatch, verdicts: pa.RecordBatch, context: TaskContext
) -> pa.RecordBatch:
    """A ledger row for each curated document: kept, or dropped as a duplicate of which one."""
    dedup = DedupOptions.model_validate(context.spec.options["dedup"])
    bands = 0 if dedup.minhash is None else dedup.minhash.bands
    rule, dropped = verdicts["rule"], pc.is_valid(verdicts["rule"])
    is_same = pc.is_in(rule, value_set=pa.array([DUPLICATE_ID, EXACT_DUPLICATE]))
    matched = pc.binary_join_element_wise(
        verdicts["matched_bands"].cast(pa.string()), f"of {bands} bands", " "
    )
    told = pc.if_else(is_same, pa.scalar("equal"), matched)
    allowed = pc.if_else(is_same, pa.scalar("not equal"), pa.scalar("at most 0 bands"))
    null = pa.scalar(None, pa.string())
    columns = {name: curated[name] for name in ("doc_id", "url", "source", "offset")}
    columns |= {
        "verdict": pc.if_else(dropped, pa.scalar(DROPPED), pa.scalar(KEPT)),
        "stage": pc.if_else(dropped, pa.scalar(_STAGE), pa.scalar("finish")),
        "rule": rule,
        "value": pc.if_else(dropped, told, null),
        "threshold": pc.if_else(dropped, allowed, null),
        "duplicate_of": pc.if_else(dropped, verdicts["cluster_id"], pa.scalar(None, pa.binary(16))),
    }
    return table_batch(columns, LEDGER)


def _emit_ledger(context: TaskContext, ledger: ExchangeWriter, rows: pa.RecordBatch) -> None:
    count_verdicts(context, rows)
    context.counters["ledger_rows"] += rows.num_rows
    ledger.add(rows, id_buckets(fixed_matrix(rows["doc_id"], 16), ledger.num_buckets))


def _documents(curated: pa.RecordBatch, verdicts: pa.RecordBatch) -> pa.RecordBatch:
    names = ("doc_id", "url", "date", "language", "language_score", "text")
    columns = {name: curated[name] for name in names}
    columns |= {name: verdicts[name] for name in ("cluster_id", "cluster_size")}
    return table_batch(columns, DOCUMENTS)


class TokenEmitter:
    """Tokenizes kept documents and sends them to the shard that their keyed hash names."""

    def __init__(self, context: TaskContext) -> None:
        options = context.spec.options
        self._context = context
        self._seed = options["seed"]
        self._fraction = ValidationOptions.model_validate(options["validation"]).fraction
        self._tokenizer = run_tokenizer(context)
        self._stream = TOKEN_STREAMS[options["token_type"]]
        self._writer = context.emit(self._stream, share=0.3)

    def emit(self, documents: pa.RecordBatch, clusters: pa.Array) -> pa.Array:
        """Send the tokens of kept documents, whose duplicate clusters are given; their numbers."""
        if documents.num_rows == 0:
            return pa.array([], pa.int64())
        with self._context.timed("tokenize"):
            tokens = self._tokenizer.encode(documents["text"])
            # A fitted vocabulary may come out smaller than the one that the stream was made for.
            tokens = tokens.cast(self._stream.schema.field("tokens").type)
        key = keyed_hash(documents["doc_id"], seed=self._seed)
        columns = [pa.array(key), documents["doc_id"], tokens, documents["input"]]
        rows = pa.RecordBatch.from_arrays(columns, schema=self._stream.schema)
        self._writer.add(rows, self._buckets(key, clusters))
        self._context.counters["tokens"] += len(tokens.flatten())
        return pc.list_value_length(tokens).cast(pa.int64())

    def _buckets(self, key: np.ndarray, clusters: pa.Array) -> np.ndarray:
        total = self._writer.num_buckets
        train = train_shards(total, self._fraction)
        held_out = is_held_out(clusters, fraction=self._fraction, seed=self._seed)
        validation = train + bucket_of(key, max(total - train, 1))
        chosen: np.ndarray = np.where(held_out, validation, bucket_of(key, train))
        return chosen.astype(np.uint32)


def train_shards(num_shards: int, fraction: float) -> int:
    """How many of the shards are of the train split; the others are of the validation split."""
    return num_shards - (max(1, round(num_shards * fraction)) if fraction else 0)


def is_held_out(clusters: pa.Array, *, fraction: float, seed: int) -> np.ndarray:
    """Whether each duplicate cluster belongs to the validation split, by its keyed hash."""
    if fraction == 0:
        return np.zeros(len(clusters), bool)
    # Another key than the shuffle's, or the validation split would be one end of the order.
    return keyed_hash(clusters, seed=seed + 1) < np.uint64(fraction * 2.0**64)


def _spread(values: pa.Array, chosen: pa.Array) -> pa.Array:
    """The values at the chosen places, null at the others."""
    return pc.replace_with_mask(pa.nulls(len(chosen), pa.int64()), chosen, values)


def _write_signals(context: TaskContext, item: Item, counts: pa.ChunkedArray) -> None:
    """Bring the piece's signals to their place in OUT, with the names of the rules' bits.

    `counts` are the tokens of the curated documents, which are those that fail no rule.
    """
    rules = [asdict(rule) for rule in curation_rules(context.spec.options)]
    schema = curation_signals(context.spec.options).with_metadata({"rules": json.dumps(rules)})
    with parquet_writer(_part(context, item, "signals"), schema) as writer:
        place = schema.get_field_index("tokens")
        for batch in read_batches(context.spec.inputs["curate.signals"][item["number"]]):
            passed = pc.equal(batch["failing"], 0)
            mine = counts.slice(0, passed.true_count).combine_chunks()
            counts = counts.slice(len(mine))
            writer.write(batch.set_column(place, schema.field(place), _spread(mine, passed)))


def _part(context: TaskContext, item: Item, folder: str) -> str:
    return storage.join(
        context.spec.options["output"], folder, f"part-{item['number']:06d}.parquet"
    )
