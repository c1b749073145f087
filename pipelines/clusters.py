"""The largest clusters of duplicates: who was kept, and what was dropped in its favour.

The sizes stand beside the kept documents and the members in the ledger, so one pass over each
finds them in the memory of a few batches.
"""

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.tables import DOCUMENTS, LEDGER, batches, require_output
from schemas.fields import DOC_ID

_SHOWN_MEMBERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A kept document and the duplicates that were dropped for it.

    `rules` counts the dropped ones by rule; `examples` are a few of their URLs.
    """

    keeper: bytes
    url: str | None
    size: int
    rules: dict[str, int]
    examples: list[str]


def largest_clusters(out: str, *, most: int = 20) -> list[Cluster]:
    """The clusters of at least two documents, largest first.

    Raises:
        UsageError: there is no run's output at the URL.
    """
    require_output(out)
    found: list[tuple[int, bytes, str | None]] = []
    several = pc.field("cluster_size") > 1
    for batch in batches(out, DOCUMENTS, ("cluster_size", "doc_id", "url"), where=several):
        columns = (batch[name].to_pylist() for name in ("cluster_size", "doc_id", "url"))
        found = heapq.nlargest(
            most, [*found, *zip(*columns, strict=True)], key=lambda row: (row[0], row[1])
        )
    rules, examples = _members(out, [keeper for _, keeper, _ in found])
    return [
        Cluster(
            keeper=keeper,
            url=url,
            size=size,
            rules=dict(sorted(rules[keeper].items())),
            examples=examples[keeper],
        )
        for size, keeper, url in found
    ]


def _members(
    out: str, keepers: list[bytes]
) -> tuple[dict[bytes, Counter[str]], dict[bytes, list[str]]]:
    """For each keeper, its dropped duplicates by rule and the URLs of a few."""
    rules: dict[bytes, Counter[str]] = defaultdict(Counter)
    examples: dict[bytes, list[str]] = defaultdict(list)
    if not keepers:
        return rules, examples
    where = pc.field("duplicate_of").isin(pa.array(keepers, DOC_ID))
    for batch in batches(out, LEDGER, ("duplicate_of", "rule", "url"), where=where):
        table = pa.Table.from_batches([batch])
        for row in (
            table.group_by(["duplicate_of", "rule"]).aggregate([([], "count_all")]).to_pylist()
        ):
            rules[row["duplicate_of"]][row["rule"]] += row["count_all"]
        for keeper in keepers:
            lacking = _SHOWN_MEMBERS - len(examples[keeper])
            if lacking > 0:
                mine = batch.filter(pc.equal(batch["duplicate_of"], pa.scalar(keeper, DOC_ID)))
                urls = mine["url"].drop_null().slice(0, lacking)
                examples[keeper] += urls.to_pylist()
    return rules, examples
