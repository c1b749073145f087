"""Digests by which documents with the same text find each other.

The digest covers the normalised text as it stands (what `normalize_text` left), not its words: case
and punctuation are content, and texts that differ only there are near duplicates, for MinHash to
find and the ledger to report as such. xxh3_128: among 10^12 different texts two share a digest
with probability 1.5e-15. An empty text has a digest like any other, equal for all empty texts;
length rules drop those earlier.

Cost (2-core AMD EPYC): 0.4 us for a document of 1.5 kB, one Python call each.
"""

import pyarrow as pa
import xxhash

from schemas.fields import DOC_ID
from transforms.buffers import text_buffers


def text_digests(text: pa.Array) -> pa.FixedSizeBinaryArray:
    """xxh3_128 of each text's UTF-8 bytes, 16 bytes, big-endian; null where the text is null.

    >>> text_digests(pa.array(["a", None]))[0].as_py().hex()
    'a96faf705af16834e6c632b61e964e1f'
    """
    data, starts, ends = text_buffers(text)
    view = data.data
    digest = xxhash.xxh3_128_digest
    # xxhash has no batch call; a view hands it each row's bytes without copying them.
    digests = [digest(view[a:b]) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    mask = text.is_null().to_numpy(zero_copy_only=False) if text.null_count else None
    return pa.array(digests, DOC_ID, mask=mask)
