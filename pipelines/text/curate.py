"""Curate: the records of one piece become documents with signals, hashes and first verdicts.

One pass over a piece's record batches: main text, normalization, language, lengths, rules, hashes.
All rules are evaluated on all documents and written to the signals; documents that fail none go
on, all other records get their ledger row here. Text stays in the piece's own file; only hashes
and places travel.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.batches import batch_writer, constant, table_batch
from pipelines.models import check_same_model, local_copy
from pipelines.options import DedupOptions, RejectOptions
from pipelines.pieces import Piece
from pipelines.readers.options import ReadOptions
from pipelines.readers.read import read_span
from pipelines.readers.spans import ReadReport
from pipelines.task import Item, TaskContext
from pipelines.text.hashing import HashEmitter
from pipelines.text.rejects import RejectSample
from schemas.curated import CURATED
from schemas.ledger import DROPPED, FAILED, LEDGER
from schemas.rejects import REJECTS
from schemas.signals import signals_schema
from transforms.buffers import fixed_matrix
from transforms.extract import extract_pages
from transforms.extract_options import ExtractOptions
from transforms.heuristics.measure import heuristic_signals
from transforms.heuristics.options import (
    HeuristicOptions,
    heuristic_counts,
    heuristic_fields,
    heuristic_rules,
)
from transforms.heuristics.word_lists import Listed, WordList
from transforms.identity import order_keys
from transforms.language import LanguageModel, LanguageOptions, language_rules
from transforms.lengths import LengthOptions, length_rules, length_signals
from transforms.normalize import NormalizeOptions, normalize_text
from transforms.rules import Rule, failing_mask, first_failures

SECTIONS = (
    "read",
    "extract",
    "normalize",
    "language",
    "length",
    "heuristics",
    "dedup",
    "rejects",
    "seed",
    "snapshot_number",
    "models",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurateOptions:
    """The recipe sections that curating reads, as their models."""

    read: ReadOptions
    extract: ExtractOptions
    normalize: NormalizeOptions
    language: LanguageOptions
    length: LengthOptions
    heuristics: HeuristicOptions
    dedup: DedupOptions
    rejects: RejectOptions
    seed: int
    snapshot_number: int
    models: Mapping[str, str]
    rules: list[Rule]

    @classmethod
    def of(cls, sections: dict[str, Any]) -> Self:
        """The options from plain recipe data."""
        return cls(
            read=ReadOptions.model_validate(sections["read"]),
            extract=ExtractOptions.model_validate(sections["extract"]),
            normalize=NormalizeOptions.model_validate(sections["normalize"]),
            language=LanguageOptions.model_validate(sections["language"]),
            length=LengthOptions.model_validate(sections["length"]),
            heuristics=HeuristicOptions.model_validate(sections["heuristics"]),
            dedup=DedupOptions.model_validate(sections["dedup"]),
            rejects=RejectOptions.model_validate(sections["rejects"]),
            seed=sections["seed"],
            snapshot_number=sections["snapshot_number"],
            models=sections["models"],
            rules=curation_rules(sections),
        )


def curation_rules(sections: dict[str, Any]) -> list[Rule]:
    """All rules of a recipe, in the order in which the ledger names the first that fails."""
    return [
        *language_rules(LanguageOptions.model_validate(sections["language"])),
        *length_rules(LengthOptions.model_validate(sections["length"])),
        *heuristic_rules(HeuristicOptions.model_validate(sections["heuristics"])),
    ]


def curation_signals(sections: dict[str, Any]) -> pa.Schema:
    """The signals that a recipe's runs have: those of all runs and of its heuristics."""
    return signals_schema(heuristic_fields(HeuristicOptions.model_validate(sections["heuristics"])))


def curate_piece(context: TaskContext, item: Item) -> None:
    """Read a piece; write its curated documents, signals, ledger rows, hashes and rejects."""
    options = CurateOptions.of(context.spec.options)
    hashes = HashEmitter(context, options.dedup, piece=item["number"], seed=options.seed)
    rejects = RejectSample(per_rule=options.rejects.per_rule, seed=options.seed)
    input_digest = 0
    with ExitStack() as stack:
        curated, signals, ledger, rejected = (
            stack.enter_context(batch_writer(context.file(name), schema))
            for name, schema in (
                ("curated", CURATED),
                ("signals", curation_signals(context.spec.options)),
                ("ledger", LEDGER),
                ("rejects", REJECTS),
            )
        )
        for batch in _records(context, item, options.read):
            input_digest += sum_of_ids(batch["doc_id"])
            outcome = curate_batch(context, batch, options)
            curated.write_batch(outcome.documents)
            signals.write_batch(outcome.signals)
            for rows, text in outcome.closed:
                ledger.write_batch(rows)
                rejects.add(rows, text)
                count_verdicts(context, rows)
            hashes.emit(outcome.documents)
        rejected.write_batch(rejects.rows())
    context.value["input_digest"] = f"{input_digest % (1 << 128):032x}"


def _records(context: TaskContext, item: Item, options: ReadOptions) -> Iterator[pa.RecordBatch]:
    """The records of the piece's spans; what the readers say of them goes to the task's value."""
    reports = context.value["reports"] = []
    for span in Piece.from_json(item["piece"]).spans:
        report = ReadReport()
        batches = read_span(span, options=options, memory_bytes=context.memory_bytes, report=report)
        while True:
            with context.timed("read"):
                batch = next(batches, None)
            if batch is None:
                break
            yield batch
        context.counters["records_read"] += report.records
        context.counters["bytes_read"] += report.bytes_read
        reports.append(report.to_json())


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What becomes of a batch of records.

    `closed` holds ledger rows of records that go no further, each with the records' texts, which
    are null where there was none yet.
    """

    documents: pa.RecordBatch
    signals: pa.RecordBatch
    closed: list[tuple[pa.RecordBatch, pa.Array]]


def curate_batch(context: TaskContext, batch: pa.RecordBatch, options: CurateOptions) -> Outcome:
    """Documents, signals and ledger rows of a batch of RECORDS rows."""
    whole = pc.is_valid(batch["content"])
    closed = [_without_text(batch.filter(pc.invert(whole)), "read")]
    # A filter copies what it keeps, and a batch of pages is megabytes.
    records = batch if pc.all(whole).as_py() else batch.filter(whole)
    with context.timed("extract"):
        text, error, claims = extract_pages(records, options=options.extract)
    broken = pc.is_valid(error)
    records = records.drop_columns(["content"])
    records = records.set_column(records.schema.get_field_index("error"), "error", error)
    closed.append(_without_text(records.filter(broken), "extract"))
    read = pc.invert(broken)
    records, text, claims = records.filter(read), text.filter(read), claims.filter(read)
    with context.timed("normalize"):
        text = normalize_text(text, options=options.normalize)
    signals, kept_text = _signals(records, text, claims, options, context)
    dropped = pc.not_equal(signals["failing"], 0)
    rows = _dropped(records.filter(dropped), signals.filter(dropped), options.rules)
    closed.append((rows, text.filter(dropped)))
    kept = pc.invert(dropped)
    return Outcome(
        documents=_documents(
            records.filter(kept), signals.filter(kept), kept_text.filter(kept), options
        ),
        signals=signals,
        closed=[(rows, texts) for rows, texts in closed if rows.num_rows],
    )


def _signals(
    records: pa.RecordBatch,
    text: pa.Array,
    claims: pa.RecordBatch,
    options: CurateOptions,
    context: TaskContext,
) -> tuple[pa.RecordBatch, pa.Array]:
    """Signals of a batch, and its texts with the lines that stay."""
    path = options.language.model and local_copy(options.language.model)
    with context.timed("language"):
        model = LanguageModel.load(path)
        check_same_model("language", found=model.digest, wanted=options.models.get("language"))
        language = model.detect(text, und_below=options.language.und_below)
    with context.timed("heuristics"):
        listed = Listed(_bad_words(options), language["language"])
        heuristics, kept_text = heuristic_signals(
            text,
            heuristic_counts(options.heuristics),
            line_rules=options.heuristics.line_rules,
            listed=listed,
        )
    with context.timed("rules"):
        columns = {name: records[name] for name in ("doc_id", "url")}
        for measured in (claims, length_signals(text), language, heuristics):
            columns |= dict(zip(measured.schema.names, measured.columns, strict=True))
        mask = failing_mask(pa.RecordBatch.from_pydict(columns), options.rules)
        schema = signals_schema(heuristic_fields(options.heuristics))
        columns["failing"] = pa.array(mask, pa.uint64())
        return table_batch(columns, schema), kept_text


def _bad_words(options: CurateOptions) -> dict[str, WordList]:
    """The lists of bad words by language."""
    lists = {}
    for language, of_language in options.heuristics.bad_words.items():
        lists[language] = found = WordList.load(local_copy(of_language.file))
        name = f"bad_words.{language}"
        check_same_model(name, found=found.digest, wanted=options.models.get(name))
    return lists


def _documents(
    records: pa.RecordBatch, signals: pa.RecordBatch, text: pa.Array, options: CurateOptions
) -> pa.RecordBatch:
    columns = {name: records[name] for name in ("doc_id", "url", "date", "source", "offset")}
    columns |= {name: signals[name] for name in ("language", "language_score")}
    node = order_keys(records["doc_id"], records["date"], snapshot=options.snapshot_number)
    return table_batch({**columns, "node": node, "input": records["input"], "text": text}, CURATED)


def _without_text(records: pa.RecordBatch, stage: str) -> tuple[pa.RecordBatch, pa.Array]:
    """Ledger rows of records that the reader dropped, or that failed in a stage."""
    failed = pc.is_valid(records["error"])
    verdict = pc.if_else(failed, pa.scalar(FAILED), pa.scalar(DROPPED))
    names = ("doc_id", "url", "source", "offset", "rule", "value", "threshold", "error")
    columns = {name: records[name] for name in names}
    columns |= {"verdict": verdict, "stage": constant(stage, records.num_rows)}
    return table_batch(columns, LEDGER), pa.nulls(records.num_rows, pa.string())


def _dropped(records: pa.RecordBatch, signals: pa.RecordBatch, rules: list[Rule]) -> pa.RecordBatch:
    """Ledger rows of documents that fail a rule: the first one that they fail."""
    first = first_failures(signals, rules, signals["failing"].to_numpy())
    columns = {name: records[name] for name in ("doc_id", "url", "source", "offset")}
    columns |= {"verdict": constant(DROPPED, records.num_rows)} | first._asdict()
    return table_batch(columns, LEDGER)


def count_verdicts(context: TaskContext, ledger: pa.RecordBatch) -> None:
    """Count ledger rows by verdict, stage and rule (of failed ones: the error's code)."""
    code = pc.utf8_trim_whitespace(
        pc.list_element(pc.split_pattern(ledger["error"].fill_null("-"), ":", max_splits=1), 0)
    )
    reason = pc.coalesce(ledger["rule"], code)
    keys = pc.binary_join_element_wise(ledger["verdict"], ledger["stage"], reason, "/")
    for name, number in zip(*np.unique(keys.to_numpy(False), return_counts=True), strict=True):
        context.counters[str(name)] += int(number)


def sum_of_ids(doc_ids: pa.FixedSizeBinaryArray) -> int:
    """The sum of the ids as big-endian numbers, modulo 2^128: a digest that no order changes."""
    words = fixed_matrix(doc_ids, 16).view(">u4").astype(np.uint64).sum(axis=0)
    shifts = (96, 64, 32, 0)
    return sum(int(word) << shift for word, shift in zip(words, shifts, strict=True)) % (1 << 128)
