"""Publish: what was sent through the last exchanges becomes the files of OUT.

Each bucket becomes one file: tokens, sorted by keyed hash, become a shard; ledger rows, sorted by
doc_id, a part of the ledger; rejects the sample that people read.
"""

import pyarrow as pa
import pyarrow.compute as pc

from penstock import storage
from penstock.shards import ShardWriter
from pipelines.options import RejectOptions, ShardOptions, ValidationOptions
from pipelines.parquet import parquet_writer
from pipelines.streams import LEDGER_STREAM, REJECT_STREAM, TOKEN_STREAMS
from pipelines.task import Item, TaskContext
from pipelines.text.finish import train_shards
from pipelines.text.rejects import RejectSample
from schemas.ledger import LEDGER
from schemas.rejects import REJECTS

SHARD_SECTIONS = ("shards", "validation", "output", "token_type", "sources")


def publish_shard(context: TaskContext, item: Item) -> None:
    """Write one shard, or none where the bucket is empty."""
    options = context.spec.options
    stream = TOKEN_STREAMS[options["token_type"]]
    batches = context.read(stream, item["bucket"])
    first = next(batches, None)
    if first is None:
        return
    split, path = _shard_place(item, options)
    sources = pa.array(options["sources"], pa.string())
    rows_per_batch = ShardOptions.model_validate(options["shards"]).rows_per_batch
    with ShardWriter(
        storage.join(options["output"], path),
        token_type=options["token_type"],
        rows_per_batch=rows_per_batch,
    ) as writer:
        while first is not None:
            source_ids = pc.index_in(first["input"], value_set=sources)
            writer.write(first["doc_id"], first["tokens"], source_ids)
            first = next(batches, None)
        info = writer.close()
    context.counters["rows"] += info.rows
    context.counters["tokens"] += info.tokens
    context.value["shard"] = {
        "path": path,
        "split": split,
        "rows": info.rows,
        "tokens": info.tokens,
        "bytes": info.bytes,
        "xxh3_128": info.xxh3_128,
    }


def _shard_place(item: Item, options: Item) -> tuple[str, str]:
    """The split of a bucket and the path of its shard below OUT."""
    fraction = ValidationOptions.model_validate(options["validation"]).fraction
    train = train_shards(item["buckets"], fraction)
    bucket = item["bucket"]
    split, number = ("train", bucket) if bucket < train else ("validation", bucket - train)
    return split, f"shards/{split}-{number:05d}.arrow"


def publish_ledger(context: TaskContext, item: Item) -> None:
    """Write one part of the ledger."""
    path = f"ledger/part-{item['bucket']:05d}.parquet"
    with parquet_writer(storage.join(context.spec.options["output"], path), LEDGER) as writer:
        for batch in context.read(LEDGER_STREAM, item["bucket"]):
            context.counters["rows"] += batch.num_rows
            writer.write(batch)


def publish_rejects(context: TaskContext, item: Item) -> None:
    """Write the sample of what each rule dropped."""
    options = context.spec.options
    per_rule = RejectOptions.model_validate(options["rejects"]).per_rule
    sample = RejectSample(per_rule=per_rule, seed=options["seed"])
    for batch in context.read(REJECT_STREAM, item["bucket"]):
        sample.merge(batch)
    url = storage.join(options["output"], "rejects", "part-00000.parquet")
    with parquet_writer(url, REJECTS) as writer:
        writer.write(sample.rows())
