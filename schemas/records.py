"""What a reader emits: one row for each record of the input, whole, dropped or broken.

A row is in one of three states. *Whole*: `content` is set, `rule` and `error` are null. *Dropped
by the reader* (not a page: an image, a redirect): `rule` and `value` say why. *Failed*: `error`
is "code: detail". Only whole rows have content.
"""

import pyarrow as pa

from schemas.fields import DATE, DOC_ID, column

HTML = "html"
TEXT = "text"

RECORDS = pa.schema(
    [
        column("doc_id", DOC_ID, "digest of the record's identity and raw content"),
        column("url", pa.string(), "address of the page", nullable=True),
        column("date", DATE, "time of capture", nullable=True),
        column("source", pa.string(), "URL of the file that holds the record"),
        column("offset", pa.int64(), "place in the stored file", unit="bytes, or rows in Parquet"),
        column("input", pa.string(), "name of the recipe's input that the file belongs to"),
        column("media", pa.string(), "'html' or 'text': how content becomes text", nullable=True),
        column("charset", pa.string(), "encoding that the transport named", nullable=True),
        column("content", pa.large_binary(), "body without transfer encodings", nullable=True),
        column("rule", pa.string(), "reader's rule that drops the record", nullable=True),
        column("value", pa.string(), "what the rule saw", nullable=True),
        column("threshold", pa.string(), "what the rule allows", nullable=True),
        column("error", pa.string(), "why the record is broken: 'code: detail'", nullable=True),
    ]
)
