"""The ledger: exactly one row for each record, with the decision and its reason."""

import pyarrow as pa

from schemas.fields import DOC_ID, column

KEPT = "kept"
DROPPED = "dropped"
FAILED = "failed"
VERDICTS = (KEPT, DROPPED, FAILED)

LEDGER = pa.schema(
    [
        column("doc_id", DOC_ID, "digest of the record's identity and raw content"),
        column("url", pa.string(), "address of the page", nullable=True),
        column("source", pa.string(), "URL of the file that holds the record"),
        column("offset", pa.int64(), "place in the stored file", unit="bytes, or rows in Parquet"),
        column("verdict", pa.string(), "kept, dropped or failed"),
        column("stage", pa.string(), "stage that decided"),
        column("rule", pa.string(), "rule that dropped the record", nullable=True),
        column("value", pa.string(), "what the rule saw", nullable=True),
        column("threshold", pa.string(), "what the rule allows", nullable=True),
        column("duplicate_of", DOC_ID, "the document kept in its place", nullable=True),
        column("error", pa.string(), "why the record is broken: 'code: detail'", nullable=True),
    ]
)
