"""Rows that travel through the exchanges of deduplication: never text, only hashes and places."""

import pyarrow as pa

from schemas.fields import DOC_ID, ORDER_KEY, column

EXACT_BAND = 255
"""`band` of an exact match; MinHash bands count from 0."""

HASHES = pa.schema(
    [
        column("hash", pa.uint64(), "hash of a band of the signature"),
        column("node", ORDER_KEY, "order key of the document"),
        column("band", pa.uint8(), "number of the band"),
    ]
)

DIGESTS = pa.schema(
    [
        column("digest", pa.binary(16), "xxh3 digest of the whole text"),
        column("node", ORDER_KEY, "order key of the document"),
    ]
)

EDGES = pa.schema(
    [
        column("node", ORDER_KEY, "order key of the later document"),
        column("neighbour", ORDER_KEY, "order key of an earlier document that matches it"),
    ]
)

EVIDENCE = pa.schema(
    [
        column("doc_id", DOC_ID, "a document that matches an earlier one"),
        column("band", pa.uint8(), "where they match: number of the band, 255 for the whole text"),
    ]
)

LABELS = pa.schema(
    [
        column("doc_id", DOC_ID, "a document that has duplicates"),
        column("node", ORDER_KEY, "its order key"),
        column("root", ORDER_KEY, "first document of its cluster, the one that is kept"),
        column("size", pa.int64(), "members of the cluster; 0 on rows that aren't the root's"),
    ]
)

PLACES = pa.schema(
    [
        column("doc_id", DOC_ID, "digest of the record's identity and raw content"),
        column("node", ORDER_KEY, "order key of the document"),
        column("choice", pa.uint64(), "digest of text, URL and input: the least one is kept"),
        column("piece", pa.uint32(), "piece of the input that holds it"),
        column("row", pa.uint32(), "its row among the piece's curated documents"),
        column("text_bytes", pa.uint32(), "length of the text in UTF-8", unit="bytes"),
    ]
)

VERDICTS = pa.schema(
    [
        column("piece", pa.uint32(), "piece of the input that holds the document"),
        column("row", pa.uint32(), "its row among the piece's curated documents"),
        column("rule", pa.string(), "rule that drops it; null for a keeper", nullable=True),
        column("matched_bands", pa.int64(), "bands shared with earlier documents", unit="bands"),
        column("cluster_id", DOC_ID, "doc_id of the keeper of its cluster"),
        column("cluster_size", pa.int64(), "members of the cluster, on the keeper's row"),
    ]
)
