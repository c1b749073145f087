"""Curated documents: what passed the rules of one piece, waiting for the verdict on duplicates."""

import pyarrow as pa

from schemas.fields import DATE, DOC_ID, ORDER_KEY, column

CURATED = pa.schema(
    [
        column("doc_id", DOC_ID, "digest of the record's identity and raw content"),
        column("node", ORDER_KEY, "order key of the document"),
        column("url", pa.string(), "address of the page", nullable=True),
        column("date", DATE, "time of capture", nullable=True),
        column("source", pa.string(), "URL of the file that holds the record"),
        column("offset", pa.int64(), "place in the stored file", unit="bytes, or rows in Parquet"),
        column("input", pa.string(), "name of the recipe's input that the file belongs to"),
        column("language", pa.string(), "ISO 639-1 code, or 'und'"),
        column("language_score", pa.float32(), "probability of the language", unit="0 to 1"),
        column("text", pa.string(), "main text, normalized"),
    ]
)
