"""The rows that stages of the text flow send each other, and the order that they arrive in."""

from dataclasses import dataclass

import pyarrow as pa

from schemas.hashes import DIGESTS, EDGES, EVIDENCE, HASHES, LABELS, PLACES, VERDICTS
from schemas.ledger import LEDGER
from schemas.rejects import REJECTS
from schemas.tokens import SAMPLE, token_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Rows that one stage sends to another through an exchange, and the order they arrive in."""

    name: str
    schema: pa.Schema
    sort_by: tuple[str, ...]


HASH_STREAM = Stream(name="hashes", schema=HASHES, sort_by=("hash", "band", "node"))
DIGEST_STREAM = Stream(name="digests", schema=DIGESTS, sort_by=("digest", "node"))
PLACE_STREAM = Stream(
    name="places", schema=PLACES, sort_by=("doc_id", "node", "choice", "piece", "row")
)
EDGE_STREAM = Stream(name="edges", schema=EDGES, sort_by=("node", "neighbour"))
EVIDENCE_STREAM = Stream(name="evidence", schema=EVIDENCE, sort_by=("doc_id", "band"))
LABEL_STREAM = Stream(name="labels", schema=LABELS, sort_by=("doc_id", "node"))
MEMBER_STREAM = Stream(name="members", schema=EDGES, sort_by=("neighbour", "node"))
VERDICT_STREAM = Stream(name="verdicts", schema=VERDICTS, sort_by=("piece", "row"))
LEDGER_STREAM = Stream(name="ledger", schema=LEDGER, sort_by=("doc_id", "offset"))
REJECT_STREAM = Stream(name="rejects", schema=REJECTS, sort_by=("key", "doc_id"))
SAMPLE_STREAM = Stream(name="sample", schema=SAMPLE, sort_by=("key", "doc_id"))
TOKEN_STREAMS = {
    name: Stream(
        name=f"tokens-{name}",
        schema=token_rows(pa.type_for_alias(name)),
        sort_by=("shuffle_key", "doc_id"),
    )
    for name in ("uint16", "uint32")
}
"""The stream of tokenized documents, by the type of their token ids."""

STREAMS = {
    stream.name: stream
    for stream in (
        HASH_STREAM,
        DIGEST_STREAM,
        PLACE_STREAM,
        EDGE_STREAM,
        EVIDENCE_STREAM,
        LABEL_STREAM,
        MEMBER_STREAM,
        VERDICT_STREAM,
        LEDGER_STREAM,
        REJECT_STREAM,
        SAMPLE_STREAM,
        *TOKEN_STREAMS.values(),
    )
}
"""All streams by name."""
