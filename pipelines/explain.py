"""Why a record was kept, dropped or failed, from the tables that the run left.

A record is found by its doc_id (32 hexadecimal digits or their beginning) or by its URL. The ids
are looked up by range, so only row groups that may hold them are read; a URL is a scan of two
columns of the ledger. When nothing is found, the nearest URLs of the same host are named.
"""

import difflib
import heapq
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from penstock.errors import UsageError
from pipelines.tables import DOCUMENTS, LEDGER, SIGNALS, batches, require_output, rows, signal_rules
from pipelines.visible import shown
from schemas.fields import DOC_ID

_HEX = re.compile(r"[0-9a-f]{4,32}")
_MOST_RECORDS = 20
_MOST_CANDIDATES = 5000
_SUGGESTIONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a run's output says of one record.

    `ledger` is its ledger row. Where it was curated, `signals` are its measurements and `failing`
    all rules that it fails, each with name, column, kind, threshold and the value. `document` is
    its row in the documents, without the text, where it was kept; `twin` the ledger row of the
    document that was kept in its place.
    """

    ledger: dict[str, Any]
    signals: dict[str, Any] | None = None
    failing: list[dict[str, Any]] = field(default_factory=list)
    document: dict[str, Any] | None = None
    twin: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data, ids as hexadecimal digits."""
        parts = {name: getattr(self, name) for name in self.__slots__}
        return {name: _plain(value) for name, value in parts.items() if value not in (None, [])}


def explain(out: str, needle: str) -> list[Explanation]:
    """What became of the records with this doc_id, beginning of a doc_id, or URL.

    Raises:
        UsageError: there is no such record; the message names the nearest URLs.
    """
    require_output(out)
    found = _by_id(out, needle) or rows(
        out, LEDGER, where=pc.field("url") == needle, most=_MOST_RECORDS
    )
    if not found:
        raise UsageError(_not_found(out, needle))
    return [_explain_row(out, row) for row in found]


def _by_id(out: str, needle: str) -> list[dict[str, Any]]:
    digits = needle.lower()
    if not _HEX.fullmatch(digits):
        return []
    first, last = (bytes.fromhex(digits.ljust(32, end)) for end in "0f")
    where = (pc.field("doc_id") >= _id(first)) & (pc.field("doc_id") <= _id(last))
    return rows(out, LEDGER, where=where, most=_MOST_RECORDS)


def _explain_row(out: str, row: dict[str, Any]) -> Explanation:
    same = pc.field("doc_id") == _id(row["doc_id"])
    signals = next(iter(rows(out, SIGNALS, where=same, most=1)), None)
    documents = _document(out, row) if row["verdict"] == "kept" else None
    twin = None
    if row["duplicate_of"] is not None:
        keeper = (pc.field("doc_id") == _id(row["duplicate_of"])) & (pc.field("verdict") == "kept")
        twin = next(iter(rows(out, LEDGER, where=keeper, most=1)), None)
    return Explanation(
        ledger=row,
        signals=signals,
        failing=_failing(out, signals) if signals else [],
        document=documents,
        twin=twin,
    )


def _failing(out: str, signals: dict[str, Any]) -> list[dict[str, Any]]:
    mask = signals.pop("failing")
    rules = [rule for bit, rule in enumerate(signal_rules(out)) if mask >> bit & 1]
    return [{**rule, "value": _value(rule, signals)} for rule in rules]


def _value(rule: dict[str, Any], signals: dict[str, Any]) -> Any:
    """The signal that the rule compares, or the ratio of two and both of them."""
    value, over = signals.get(rule["column"]), signals.get(rule.get("over") or "")
    if over is None or value is None:
        return value
    terms = f"{value} of {over}"
    return f"{value / over:.4f} ({terms})" if over else terms


def _document(out: str, row: dict[str, Any]) -> dict[str, Any] | None:
    columns = ("doc_id", "date", "cluster_id", "cluster_size")
    where = pc.field("doc_id") == _id(row["doc_id"])
    for batch in batches(out, DOCUMENTS, columns, where=where):
        return dict(batch.slice(0, 1).to_pylist()[0])
    return None


def _not_found(out: str, needle: str) -> str:
    near = [shown(url) for url in near_urls(out, needle)]
    hint = "; the nearest are:\n  " + "\n  ".join(near) if near else ""
    return (
        f"no record of {out} has the id or URL {needle!r} "
        f"(an id is 32 hexadecimal digits, or at least the first 4){hint}"
    )


def near_urls(out: str, needle: str) -> list[str]:
    """The URLs of the ledger that look most like this one, nearest first."""
    host = urlsplit(needle if "//" in needle else f"//{needle}").hostname or needle
    best: list[tuple[float, str]] = []
    seen = 0
    where = pc.match_substring(pc.field("url"), host.removeprefix("www."), ignore_case=True)
    for batch in batches(out, LEDGER, ("url",), where=where):
        for url in pc.unique(batch["url"]).to_pylist():
            entry = (difflib.SequenceMatcher(None, url, needle).ratio(), url)
            if entry not in best:
                best = heapq.nlargest(_SUGGESTIONS, [*best, entry])
            seen += 1
        if seen >= _MOST_CANDIDATES:
            break
    return [url for _, url in best]


def _id(doc_id: bytes) -> pa.Scalar:
    return pa.scalar(doc_id, DOC_ID)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool) else str(value)
