"""Order keys as nodes of the graph of duplicates: the doc_id in them, and the bucket they go to."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.sortkeys import bucket_of
from transforms.buffers import fixed_array, fixed_matrix

ORDER_KEY_BYTES = 24
"""Length of an order key: snapshot, date and doc_id."""
_DOC_ID_START = 8

Bytes = NDArray[np.uint8]


def node_matrix(nodes: pa.FixedSizeBinaryArray) -> Bytes:
    """Order keys as rows of 24 bytes."""
    return fixed_matrix(nodes, ORDER_KEY_BYTES)


def id_part(nodes: Bytes) -> Bytes:
    """The doc_id that each order key ends with, as rows of 16 bytes."""
    return nodes[:, _DOC_ID_START:]


def doc_ids_of(nodes: Bytes) -> pa.FixedSizeBinaryArray:
    """The doc_id that each order key ends with, as a column."""
    return fixed_array(np.ascontiguousarray(id_part(nodes)))


def is_later(nodes: Bytes, others: Bytes) -> NDArray[np.bool_]:
    """Whether each order key comes after the other one."""
    left, right = (np.ascontiguousarray(ends).view("S24").ravel() for ends in (nodes, others))
    return left > right


def node_buckets(nodes: Bytes, num_buckets: int) -> NDArray[np.uint32]:
    """The bucket of each order key, from its doc_id alone."""
    return id_buckets(id_part(nodes), num_buckets)


def id_buckets(doc_ids: Bytes, num_buckets: int) -> NDArray[np.uint32]:
    """The bucket of each doc_id or other digest, given as rows of bytes: equal ranges of it."""
    head = np.ascontiguousarray(doc_ids[:, :8]).view(">u8").ravel().astype(np.uint64)
    return bucket_of(head, num_buckets)
