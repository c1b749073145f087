"""Hashing: places, text digests and MinHash bands of curated documents, sent to their buckets."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.options import DedupOptions
from pipelines.sortkeys import bucket_of
from pipelines.streams import DIGEST_STREAM, HASH_STREAM, PLACE_STREAM
from pipelines.task import TaskContext
from pipelines.text.nodes import id_buckets
from schemas.hashes import DIGESTS, HASHES, PLACES
from transforms.buffers import fixed_matrix
from transforms.exact import text_digests
from transforms.minhash import NO_BAND, band_hashes, signatures


class HashEmitter:
    """Sends what deduplication needs to know of a piece's documents, in their order."""

    def __init__(
        self, context: TaskContext, options: DedupOptions, *, piece: int, seed: int
    ) -> None:
        self._context = context
        self._options = options
        self._piece = piece
        self._seed = seed
        self._num_rows = 0
        self._places = context.emit(PLACE_STREAM, share=0.05)
        self._digests = context.emit(DIGEST_STREAM, share=0.05)
        self._hashes = context.emit(HASH_STREAM, share=0.2)

    def emit(self, documents: pa.RecordBatch) -> None:
        """Send the hashes of the next documents of the piece."""
        if documents.num_rows == 0:
            return
        with self._context.timed("hash"):
            digests = text_digests(documents["text"])
            bands = self._bands(documents["text"])
        self._emit_places(documents, digests)
        if self._options.exact:
            rows = pa.RecordBatch.from_arrays([digests, documents["node"]], schema=DIGESTS)
            self._digests.add(
                rows, id_buckets(fixed_matrix(digests, 16), self._digests.num_buckets)
            )
        for number in range(bands.shape[1]):
            self._emit_band(documents["node"], np.ascontiguousarray(bands[:, number]), number)

    def _bands(self, text: pa.Array) -> np.ndarray:
        options = self._options.minhash
        if options is None:
            return np.empty((len(text), 0), np.uint64)
        return band_hashes(signatures(text, options=options, seed=self._seed), options=options)

    def _emit_places(self, documents: pa.RecordBatch, digests: pa.Array) -> None:
        num_rows = documents.num_rows
        rows = np.arange(self._num_rows, self._num_rows + num_rows, dtype=np.uint32)
        self._num_rows += num_rows
        columns = [
            documents["doc_id"],
            documents["node"],
            pa.array(_choice(documents, digests)),
            pa.array(np.full(num_rows, self._piece, np.uint32)),
            pa.array(rows),
            pc.binary_length(documents["text"]).cast(pa.uint32()),
        ]
        buckets = id_buckets(fixed_matrix(documents["doc_id"], 16), self._places.num_buckets)
        self._places.add(pa.RecordBatch.from_arrays(columns, schema=PLACES), buckets)

    def _emit_band(self, nodes: pa.Array, hashes: np.ndarray, number: int) -> None:
        # A text without words has no bands; by their placeholder all such texts would match.
        worded = hashes != NO_BAND
        nodes, hashes = nodes.filter(pa.array(worded)), hashes[worded]
        band = pa.array(np.full(len(hashes), number, np.uint8))
        rows = pa.RecordBatch.from_arrays([pa.array(hashes), nodes, band], schema=HASHES)
        self._hashes.add(rows, bucket_of(hashes, self._hashes.num_buckets))


def _choice(documents: pa.RecordBatch, digests: pa.Array) -> np.ndarray:
    """A number for each document that decides between records of the same doc_id and date.

    Such records may still differ in what the headers around their content said.
    """
    told = pc.binary_join_element_wise(documents["url"].fill_null(""), documents["input"], "\0")
    heads = [fixed_matrix(column, 16)[:, :8] for column in (digests, text_digests(told))]
    text, rest = (np.ascontiguousarray(head).view(">u8").ravel() for head in heads)
    choice: np.ndarray = (text ^ rest).astype(np.uint64)
    return choice
