"""A run's output as the contract names it, made without a run: small, seeded, with odd texts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from penstock.manifest import Counts, Manifest, ShardEntry, TokenizerInfo, write_manifest
from pipelines.recipe import load_recipe, recipe_identity
from schemas.documents import DOCUMENTS
from schemas.ledger import LEDGER
from schemas.rejects import REJECTS
from schemas.signals import SIGNALS

RULES: list[dict[str, Any]] = [
    {"name": "language", "stage": "language", "column": "language", "kind": "one_of",
     "threshold": ["en", "de", "fr"]},
    {"name": "language_score", "stage": "language", "column": "language_score",
     "kind": "at_least", "threshold": 0.65},
    {"name": "minimum_words", "stage": "length", "column": "words", "kind": "at_least",
     "threshold": 50},
    {"name": "maximum_words", "stage": "length", "column": "words", "kind": "at_most",
     "threshold": 100_000},
]  # fmt: skip
_NAMES = {"en": 60, "de": 14, "fr": 10, "es": 6, "ru": 4, "zh": 3, "und": 2, "ar": 1}
TEXT = "Water stands behind the wall and waits. " * 12


def doc_id(number: int) -> bytes:
    """A made-up id that is spread over the whole range, as real ones are."""
    return (number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128)).to_bytes(16, "big")


@dataclass(kw_only=True)
class Page:
    """One record and all that became of it."""

    number: int
    url: str | None
    words: int
    language: str = "en"
    language_score: float = 0.93
    rule: str | None = None
    stage: str = "finish"
    value: str | None = None
    threshold: str | None = None
    twin: int | None = None
    error: str | None = None
    cluster_size: int = 1
    text: str = TEXT
    failing: int = field(init=False)

    def __post_init__(self) -> None:
        signals = {"language": self.language, "language_score": self.language_score,
                   "words": self.words}  # fmt: skip
        self.failing = sum(1 << bit for bit, rule in enumerate(RULES) if _fails(rule, signals))
        if self.failing and self.rule is None and self.error is None:
            first = RULES[(self.failing & -self.failing).bit_length() - 1]
            self.rule, self.stage = first["name"], first["stage"]
            self.value, self.threshold = str(signals[first["column"]]), _told(first)

    @property
    def verdict(self) -> str:
        if self.error is not None:
            return "failed"
        return "kept" if self.rule is None else "dropped"

    @property
    def curated(self) -> bool:
        return self.error is None and self.stage != "read"


def _fails(rule: dict[str, Any], signals: dict[str, Any]) -> bool:
    value, threshold = signals[rule["column"]], rule["threshold"]
    if rule["kind"] == "one_of":
        return value not in threshold
    return bool(value < threshold if rule["kind"] == "at_least" else value > threshold)


def _told(rule: dict[str, Any]) -> str:
    names = {"one_of": "one of", "at_least": "at least", "at_most": "at most"}
    threshold = rule["threshold"]
    told = ", ".join(threshold) if isinstance(threshold, list) else str(threshold)
    return f"{names[rule['kind']]} {told}"


def some_pages(count: int = 1200, *, seed: int = 0) -> list[Page]:
    """Pages with all kinds of fates."""
    rng = np.random.default_rng(seed)
    names = rng.choice(list(_NAMES), count, p=np.array(list(_NAMES.values())) / 100)
    words = np.exp(rng.normal(5.6, 1.25, count)).astype(int)
    pages = [
        Page(
            number=i,
            url=f"https://{('news', 'docs', 'blog')[i % 3]}.example.org/{i % 40}/page-{i}.html",
            words=int(words[i]),
            language=str(names[i]),
            language_score=float(np.float32(round(min(1, 0.5 + rng.beta(6, 1) / 2), 4))),
            text=f"Page {i}. {TEXT}",
        )
        for i in range(count)
    ]
    _add_fates(pages)
    return pages


def _add_fates(pages: list[Page]) -> None:
    first, second, *alive = [page for page in pages if page.rule is None]
    for place, page in enumerate(alive):
        if place % 9 == 5:
            keeper = first if place % 4 else second
            keeper.cluster_size += 1
            page.rule, page.stage, page.twin = "near_duplicate", "dedup", keeper.number
            page.value, page.threshold = "9 of 14 bands", "at most 0 bands"
        elif place % 40 == 4:
            page.rule, page.stage, page.value = "http_status", "read", "404"
            page.threshold = "one of 200"
        elif place % 60 == 3:
            page.error, page.stage = "truncated: the record ends 210 bytes early", "read"


def write_output(
    folder: Path, pages: Sequence[Page], *, parts: int = 3, tokens: int = 400_000
) -> str:
    """Write the pages as the output of a run; its path."""
    _write(folder / "ledger" / "part-00000.parquet", sorted(map(_ledger, pages), key=_id), LEDGER)
    signals = SIGNALS.with_metadata({"rules": json.dumps(RULES)})
    for part in range(parts):
        mine = pages[part::parts]
        name = f"part-{part:06d}.parquet"
        _write(folder / "signals" / name, [_signals(p) for p in mine if p.curated], signals)
        kept = [_document(p) for p in mine if p.verdict == "kept"]
        _write(folder / "documents" / name, kept, DOCUMENTS)
    rejects = [_reject(p) for p in pages if p.verdict == "dropped"]
    rejects.sort(key=lambda row: (row["rule"], row["key"]))
    _write(folder / "rejects" / "part-00000.parquet", rejects, REJECTS)
    write_manifest(str(folder), _manifest(pages, tokens))
    (folder / "run.json").write_text(json.dumps(_run()))
    return str(folder)


def _write(path: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema), path, row_group_size=256)


def _id(row: dict[str, Any]) -> bytes:
    found: bytes = row["doc_id"]
    return found


def _ledger(page: Page) -> dict[str, Any]:
    return {
        "doc_id": doc_id(page.number), "url": page.url, "source": "crawl/pages-00000.warc.gz",
        "offset": page.number * 4096, "verdict": page.verdict, "stage": page.stage,
        "rule": None if page.error else page.rule, "value": page.value,
        "threshold": page.threshold, "error": page.error,
        "duplicate_of": None if page.twin is None else doc_id(page.twin),
    }  # fmt: skip


def _signals(page: Page) -> dict[str, Any]:
    # A count that is added to the signals is 0 here until a test wants another one.
    counts = {f.name: 0 for f in SIGNALS if pa.types.is_integer(f.type) and not f.nullable}
    return counts | {
        "doc_id": doc_id(page.number), "url": page.url, "text_bytes": page.words * 6,
        "characters": page.words * 6, "words": page.words, "language": page.language,
        "language_score": page.language_score, "failing": page.failing,
        "tokens": page.words * 2 if page.verdict == "kept" else None,
    }  # fmt: skip


def _document(page: Page) -> dict[str, Any]:
    return {
        "doc_id": doc_id(page.number), "url": page.url, "date": 1_700_000_000 + page.number,
        "language": page.language, "language_score": page.language_score, "quality_score": None,
        "cluster_id": doc_id(page.number), "cluster_size": page.cluster_size, "text": page.text,
    }  # fmt: skip


def _reject(page: Page) -> dict[str, Any]:
    return {
        "rule": page.rule, "key": page.number * 0x9E3779B97F4A7C15 % (1 << 64),
        "doc_id": doc_id(page.number), "url": page.url, "stage": page.stage, "value": page.value,
        "threshold": page.threshold, "text": None if page.stage == "read" else page.text,
    }  # fmt: skip


def _manifest(pages: Sequence[Page], tokens: int) -> Manifest:
    verdicts = [page.verdict for page in pages]
    kept = verdicts.count("kept")
    held_out = kept // 50
    return Manifest(
        version=1,
        recipe=_recipe(),
        input_digest="0" * 32,
        tokenizer=TokenizerInfo(
            kind="sentencepiece", digest="a" * 32, vocabulary_size=8000,
            special_ids={"bos": 1, "eos": 2, "pad": None, "unk": 0}, token_type="uint16",
        ),
        counts=Counts(
            records=len(pages), kept=kept, dropped=verdicts.count("dropped"),
            failed=verdicts.count("failed"), stages={"finish": {"kept": kept}},
        ),
        sources=("crawl",),
        shards=(
            _shard("train", kept - held_out, tokens - tokens // 50),
            _shard("validation", held_out, tokens // 50),
        ),
        artefacts={"language": "b" * 32, "tokenizer": "a" * 32},
    )  # fmt: skip


def _recipe() -> dict[str, Any]:
    """The recipe whose rules are RULES."""
    overrides = ["language.keep=[en, de, fr]", "language.minimum_score=0.65",
                 "length.minimum_words=50", "length.minimum_characters=0"]  # fmt: skip
    loaded = load_recipe("quickstart", inputs=["in"], output="out", overrides=overrides)
    return recipe_identity(loaded)


def _shard(split: str, rows: int, tokens: int) -> ShardEntry:
    path = f"shards/{split}-00000.arrow"
    return ShardEntry(
        path=path, split=split, rows=rows, tokens=tokens, bytes=2 * tokens, xxh3_128="c" * 32
    )


def _run() -> dict[str, Any]:
    names = {"curate": 21.4, "match": 1.2, "components-1": 0.3, "labels": 0.2, "verdicts": 0.6,
             "finish": 6.1, "shards": 1.4, "ledger": 0.5, "rejects": 0.1}  # fmt: skip
    steps = {"extract": 11.2, "read": 3.1, "language": 2.4, "normalize": 1.2, "signals": 0.5}
    return {
        "engine": "dask", "workers": 2, "seconds": 32.0, "started": "2026-11-23T03:15:00Z",
        "finished": "2026-11-23T03:15:32Z",
        "stages": [
            {"stage": name, "tasks": 8, "seconds": seconds, "cpu_seconds": seconds * 1.7,
             "spilled_bytes": 12_000_000 if name == "match" else 0,
             "peak_memory_bytes": 312_000_000, "processes": 2,
             "cpu_seconds_by_step": steps if name == "curate" else {"tokenize": 3.3}
             if name == "finish" else {}, "counters": {}}
            for name, seconds in names.items()
        ],
    }  # fmt: skip
