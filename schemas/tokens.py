"""Tokenized documents on their way to the shards."""

import pyarrow as pa

from schemas.fields import DOC_ID, column


def token_rows(token_type: pa.DataType) -> pa.Schema:
    """Schema of one tokenized document a row; token_type is uint16 or uint32."""
    return pa.schema(
        [
            column("shuffle_key", pa.uint64(), "keyed hash of doc_id that orders the shards"),
            column("doc_id", DOC_ID, "digest of the record's identity and raw content"),
            column("tokens", pa.list_(token_type), "token ids with BOS and EOS by the recipe"),
            column("input", pa.string(), "name of the recipe's input"),
        ]
    )


SAMPLE = pa.schema(
    [
        column("key", pa.uint64(), "keyed hash of doc_id; the sample is the smallest ones"),
        column("doc_id", DOC_ID, "digest of the record's identity and raw content"),
        column("text", pa.string(), "beginning of the text"),
    ]
)
