"""Signals: what was measured on each curated document, kept or not.

All rules are evaluated (no short circuit), so that another threshold can be tried from this table
alone. A run has the columns of the dialects of heuristics that its recipe names, beside these.
Bit i of `failing` belongs to the rule that metadata key `rules` lists at place i.
"""

from collections.abc import Sequence

import pyarrow as pa

from schemas.fields import DATE, DOC_ID, column

CLAIMS = pa.schema(
    [
        column("title", pa.string(), "title that the page names", nullable=True),
        column("canonical_url", pa.string(), "address that the page names", nullable=True),
        column("html_language", pa.string(), "BCP 47 tag that the page names", nullable=True),
        column("published", DATE, "date of publication that the page names", nullable=True),
    ]
)
"""What a page says of itself; nothing of it is checked. Null where it says nothing."""

SIGNALS = pa.schema(
    [
        column("doc_id", DOC_ID, "digest of the record's identity and raw content"),
        column("url", pa.string(), "address of the page", nullable=True),
        *CLAIMS,
        column("text_bytes", pa.int64(), "length of the text in UTF-8", unit="bytes"),
        column("characters", pa.int64(), "length of the text", unit="code points"),
        column("words", pa.int64(), "words by the rule of transforms.words", unit="words"),
        column("language", pa.string(), "ISO 639-1 code, or 'und'"),
        column("language_score", pa.float32(), "probability of the language", unit="0 to 1"),
        column("languages", pa.list_(pa.string()), "the best three, best first", nullable=True),
        column("language_scores", pa.list_(pa.float32()), "probabilities of these", nullable=True),
        column("tokens", pa.int64(), "tokens in the shards; null where not kept", nullable=True),
        column("failing", pa.uint64(), "bit mask of the rules that the document fails"),
    ]
)


def signals_schema(more: Sequence[pa.Field]) -> pa.Schema:
    """The columns of SIGNALS and others, before the mask of what fails."""
    fields = list(SIGNALS)
    return pa.schema([*fields[:-1], *more, fields[-1]])
