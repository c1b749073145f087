"""The text flow as a list of stages.

    curate       map       records -> curated documents, signals, places, digests, band hashes
    match        exchange  equal hashes -> edges to the first document that has them
    components   repeat    edges -> stars: every document to the first of its cluster
    members      exchange  stars by root
    labels       exchange  cluster sizes; labels to their documents
    verdicts     exchange  places and labels by doc_id -> what becomes of each, back to its piece
    tokenizer    fit       (when the recipe fits one) a sample of kept text -> a tokenizer
    finish       map       kept documents, signals, tokens, ledger rows
    shards, ledger, rejects  exchange  the files of OUT

Numbers of buckets follow from the sizes of inputs and of what earlier stages made, never from
workers or memory, so a run can be continued on another machine.
"""

from collections.abc import Sequence
from functools import partial
from math import ceil

from pipelines.pieces import Piece
from pipelines.plan import Buckets, Exchange, Fit, Map, RepeatUntil, Results, Stage
from pipelines.readers.spans import ReadReport, Span, settle
from pipelines.recipe.model import TextRecipe
from pipelines.streams import (
    DIGEST_STREAM,
    EDGE_STREAM,
    EVIDENCE_STREAM,
    HASH_STREAM,
    LABEL_STREAM,
    LEDGER_STREAM,
    MEMBER_STREAM,
    PLACE_STREAM,
    REJECT_STREAM,
    SAMPLE_STREAM,
    TOKEN_STREAMS,
    VERDICT_STREAM,
    Stream,
)
from pipelines.task import Item, TaskResult
from pipelines.text import components, curate, finish, labels, match, publish, tokenizer, verdicts
from pipelines.text.nothing import nothing_kept

_LEDGER_ROW_BYTES = 200
_HASH_BYTES = 33
_PLACE_BYTES = 68
_DOCUMENT_STORED_BYTES = {"warc": 16_000, "jsonl": 500, "parquet": 500, "text": 500}
"""Stored bytes behind a document, on the low side, so that buckets come out rather too small."""

_MOST_BUCKETS = 10_000
"""Every task has a segment for every bucket, and pieces are some 10,000 at most too: beyond that
the number of segments costs more than it saves the reducers, which sort on disk if they must."""


def text_plan(recipe: TextRecipe, pieces: Sequence[Piece], *, token_type: str) -> list[Stage]:
    """The stages that bring these pieces to the files of OUT; token_type is uint16 or uint32."""
    fits = recipe.tokenizer.fit is not None
    return [
        _curate(recipe, pieces),
        *deduplicate(recipe, len(pieces)),
        *([_fit_tokenizer(len(pieces))] if fits else []),
        _finish(recipe, len(pieces), TOKEN_STREAMS[token_type], fits=fits),
        *_publish(TOKEN_STREAMS[token_type]),
    ]


def _curate(recipe: TextRecipe, pieces: Sequence[Piece]) -> Map:
    items = [{"number": number, "piece": piece.to_json()} for number, piece in enumerate(pieces)]
    return Map(
        name="curate",
        function=curate.curate_piece,
        items=lambda _: items,
        sections=curate.SECTIONS,
        emits=lambda _: _curate_buckets(recipe, pieces),
        settle=settle_pieces,
    )


def _curate_buckets(recipe: TextRecipe, pieces: Sequence[Piece]) -> Buckets:
    stored = [(span.format, span.end - span.start) for piece in pieces for span in piece.spans]
    documents = sum(num_bytes / _DOCUMENT_STORED_BYTES[format_] for format_, num_bytes in stored)
    bands = recipe.dedup.minhash.bands if recipe.dedup.minhash else 1
    hashes = _num_buckets(documents * bands * _HASH_BYTES, recipe)
    places = _num_buckets(documents * _PLACE_BYTES, recipe)
    return {PLACE_STREAM.name: places, DIGEST_STREAM.name: hashes, HASH_STREAM.name: hashes}


def _num_buckets(num_bytes: float, recipe: TextRecipe) -> int:
    """Buckets of the recipe's size, or larger ones rather than too many of them."""
    return min(max(ceil(num_bytes / recipe.exchange.bucket_bytes), 1), _MOST_BUCKETS)


def settle_pieces(items: Sequence[Item], tasks: Sequence[TaskResult]) -> list[Item]:
    """The pieces with the starts that their neighbours' reports show to be right."""
    reports = [
        (Span.from_json(span), ReadReport.from_json(report))
        for item, task in zip(items, tasks, strict=True)
        for span, report in zip(item["piece"]["spans"], task.value["reports"], strict=True)
    ]
    again = {(span.url, span.end): span.to_json() for span in settle(reports)}
    return [_with_spans(item, again) for item in items]


def _with_spans(item: Item, again: dict[tuple[str, int], Item]) -> Item:
    spans = [again.get((span["url"], span["end"]), span) for span in item["piece"]["spans"]]
    return {**item, "piece": {**item["piece"], "spans": spans}}


def deduplicate(recipe: TextRecipe, num_pieces: int) -> list[Stage]:
    """The stages from the hashes that `curate` emits to a verdict for each document."""
    return [
        Exchange(
            name="match",
            function=match.match_bucket,
            of=(("curate", DIGEST_STREAM), ("curate", HASH_STREAM)),
            emits=lambda results: {
                EDGE_STREAM.name: results["curate"].buckets[HASH_STREAM.name],
                EVIDENCE_STREAM.name: results["curate"].buckets[PLACE_STREAM.name],
            },
        ),
        RepeatUntil(
            name="components",
            body=partial(components.round_stages, bucket_bytes=recipe.exchange.bucket_bytes),
            counter=components.CHANGED,
        ),
        *_label(),
        Exchange(
            name="verdicts",
            function=verdicts.verdicts_bucket,
            of=(("curate", PLACE_STREAM), ("match", EVIDENCE_STREAM), ("labels", LABEL_STREAM)),
            emits=lambda _: {VERDICT_STREAM.name: num_pieces},
        ),
    ]


def _label() -> list[Stage]:
    """The stages from the stars of the components to a label for each document in a cluster."""
    return [
        Exchange(
            name="members",
            function=labels.members_bucket,
            of=(("components", EDGE_STREAM),),
            emits=lambda results: {
                MEMBER_STREAM.name: results["components"].buckets[EDGE_STREAM.name]
            },
        ),
        Exchange(
            name="labels",
            function=labels.labels_bucket,
            of=(("members", MEMBER_STREAM),),
            emits=lambda results: {LABEL_STREAM.name: results["curate"].buckets[PLACE_STREAM.name]},
        ),
    ]


def _fit_tokenizer(num_pieces: int) -> Fit:
    return Fit(
        name="tokenizer",
        sample=tokenizer.sample_piece,
        fit=tokenizer.fit_tokenizer,
        stream=SAMPLE_STREAM,
        items=lambda results: _kept_pieces(results, num_pieces),
        of=(("verdicts", VERDICT_STREAM),),
        sections=("tokenizer", "seed", "dedup"),
        reads=("curate.curated",),
    )


def _kept_pieces(results: Results, num_pieces: int) -> list[Item]:
    """An item for each piece, with how many documents are kept of all.

    Raises:
        NothingKeptError: none is, so that there is nothing to make a dataset of.
    """
    kept = results["verdicts"].counters["kept"]
    if kept == 0:
        raise nothing_kept(results["curate"])
    return [{"number": number, "kept": kept} for number in range(num_pieces)]


def _finish(recipe: TextRecipe, num_pieces: int, tokens: Stream, *, fits: bool) -> Map:
    fitted = ("tokenizer.model",) if fits else ()
    return Map(
        name="finish",
        function=finish.finish_piece,
        items=lambda results: _kept_pieces(results, num_pieces),
        of=(("verdicts", VERDICT_STREAM),),
        sections=finish.SECTIONS,
        reads=("curate.curated", "curate.signals", "curate.ledger", "curate.rejects", *fitted),
        emits=lambda results: _finish_buckets(recipe, results, tokens),
    )


def _finish_buckets(recipe: TextRecipe, results: Results, tokens: Stream) -> Buckets:
    text_bytes = results["verdicts"].counters["kept_text_bytes"]
    fewest = 2 if recipe.validation.fraction else 1
    shards = max(ceil(text_bytes / recipe.shards.target_text_bytes), fewest)
    records = results["curate"].counters["records_read"]
    ledger = _num_buckets(records * _LEDGER_ROW_BYTES, recipe)
    return {tokens.name: shards, LEDGER_STREAM.name: ledger, REJECT_STREAM.name: 1}


def _publish(tokens: Stream) -> list[Stage]:
    return [
        Exchange(
            name="shards",
            function=publish.publish_shard,
            of=(("finish", tokens),),
            sections=publish.SHARD_SECTIONS,
        ),
        Exchange(
            name="ledger",
            function=publish.publish_ledger,
            of=(("finish", LEDGER_STREAM),),
            sections=("output",),
        ),
        Exchange(
            name="rejects",
            function=publish.publish_rejects,
            of=(("finish", REJECT_STREAM),),
            sections=("output", "rejects", "seed"),
        ),
    ]
