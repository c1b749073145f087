"""Kept documents, as they stand in OUT/documents."""

import pyarrow as pa

from schemas.fields import DATE, DOC_ID, column

DOCUMENTS = pa.schema(
    [
        column("doc_id", DOC_ID, "digest of the record's identity and raw content"),
        column("url", pa.string(), "address of the page", nullable=True),
        column("date", DATE, "time of capture", nullable=True),
        column("language", pa.string(), "ISO 639-1 code, or 'und'"),
        column("language_score", pa.float32(), "probability of the language", unit="0 to 1"),
        column(
            "quality_score", pa.float32(), "quality model's score", unit="0 to 1", nullable=True
        ),
        column("cluster_id", DOC_ID, "doc_id of the keeper of its duplicate cluster"),
        column("cluster_size", pa.int64(), "members of the cluster", unit="documents"),
        column("text", pa.string(), "main text, normalized"),
    ]
)
