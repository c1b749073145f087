"""A few documents to read: some that were kept, and some of what each rule dropped."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from penstock import storage
from pipelines.tables import DOCUMENTS, REJECTS, batches

_KEPT = 8
_DROPPED_PER_RULE = 3
_CHARACTERS = 1_500
_REJECT_COLUMNS = ("rule", "doc_id", "url", "stage", "value", "threshold", "text")
_DOCUMENT_COLUMNS = ("doc_id", "url", "date", "language", "language_score", "cluster_size", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One document; `text` is the beginning of it, None where there was no text yet."""

    doc_id: str
    url: str | None
    text: str | None
    characters: int
    facts: dict[str, Any]


def kept_examples(out: str) -> list[Example]:
    """Documents from files spread evenly over the run, of each the one with the smallest id."""
    urls = [u for u in storage.list_files(storage.join(out, DOCUMENTS)) if u.endswith(".parquet")]
    chosen = urls[:: max(1, len(urls) // _KEPT)][:_KEPT]
    if not chosen:
        return []
    of_each = -(-_KEPT // len(chosen))
    return [example for url in chosen for example in _first_documents(url, of_each)][:_KEPT]


def _first_documents(url: str, number: int) -> list[Example]:
    """The documents with the smallest ids of a file's first row group."""
    with storage.open_input(url) as file:
        parquet = pq.ParquetFile(file)
        if parquet.num_row_groups == 0:
            return []
        ids = parquet.read_row_group(0, columns=["doc_id"])["doc_id"].to_pylist()
        places = sorted(range(len(ids)), key=ids.__getitem__)[:number]
        table = parquet.read_row_group(0, columns=list(_DOCUMENT_COLUMNS))
        return [_example(row) for row in table.take(pa.array(places, pa.int64())).to_pylist()]


def dropped_examples(out: str) -> dict[str, list[Example]]:
    """For each rule, a few of the documents in its sample of rejects."""
    found: dict[str, list[Example]] = {}
    for batch in batches(out, REJECTS, _REJECT_COLUMNS, batch_rows=256):
        for place, rule in enumerate(batch["rule"].to_pylist()):
            mine = found.setdefault(rule, [])
            if len(mine) < _DROPPED_PER_RULE:
                mine.append(_example(batch.slice(place, 1).to_pylist()[0]))
    return dict(sorted(found.items()))


def _example(row: dict[str, Any]) -> Example:
    text = row.pop("text")
    doc_id, url = row.pop("doc_id").hex(), row.pop("url")
    return Example(
        doc_id=doc_id,
        url=url,
        text=None if text is None else text[:_CHARACTERS],
        characters=0 if text is None else len(text),
        facts={name: value for name, value in row.items() if value is not None},
    )
