"""A sample, with its text, of what each rule dropped, to be read by people."""

import pyarrow as pa

from schemas.fields import DOC_ID, column

REJECTS = pa.schema(
    [
        column("rule", pa.string(), "rule that dropped the record"),
        column("key", pa.uint64(), "keyed hash of doc_id; a rule's sample is its smallest ones"),
        column("doc_id", DOC_ID, "digest of the record's identity and raw content"),
        column("url", pa.string(), "address of the page", nullable=True),
        column("stage", pa.string(), "stage that decided"),
        column("value", pa.string(), "what the rule saw", nullable=True),
        column("threshold", pa.string(), "what the rule allows", nullable=True),
        column("text", pa.string(), "beginning of the text", nullable=True),
    ]
)
