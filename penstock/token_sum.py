"""Proof that an epoch of the loader hands out every stored token once: law 6 on a real dataset.

Each token adds a mixed 64-bit hash of (document, place in it, token id) to a sum that no order
changes, once as the shards store it and once as the loader delivers it. Equal sums over 64 bits
mean that nothing was lost, repeated, cut or changed. Costs two passes over the tokens, some 20 ns
a token each.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from penstock import storage
from penstock.dataset import Dataset
from penstock.deletions import as_doc_ids, deleted_rows
from penstock.loader import TokenLoader
from penstock.shards import ShardReader


@dataclass(slots=True, kw_only=True)
class TokenSum:
    """How many tokens there were, and the order-free sum of their hashes."""

    tokens: int = 0
    digest: int = 0

    def add(
        self, documents: NDArray[np.uint64], places: NDArray[np.uint64], ids: NDArray[np.uint64]
    ) -> None:
        """Count tokens in, given the document, the place in it and the id of each."""
        with np.errstate(over="ignore"):
            mixed = _mix(_mix(documents + _mix(places)) + ids)
            total = int(mixed.sum(dtype=np.uint64))
        self.tokens += len(ids)
        self.digest = (self.digest + total) % (1 << 64)


def stored_tokens(dataset: Dataset) -> TokenSum:
    """The sum over the tokens in the split's shards, deleted documents left out."""
    total = TokenSum()
    for shard in dataset.shards:
        with ShardReader(storage.join(dataset.out, shard.path)) as reader:
            for batch in reader.batches():
                gone = deleted_rows(as_doc_ids(batch["doc_id"]), dataset.deleted)
                kept = batch.filter(pa.array(~gone))
                lengths = kept["tokens"].value_lengths().to_numpy().astype(np.int64)
                ids = kept["tokens"].flatten().to_numpy().astype(np.uint64)
                total.add(*_spread(kept["doc_id"], np.zeros_like(lengths), lengths), ids)
    return total


def delivered_tokens(loader: TokenLoader) -> TokenSum:
    """The sum over the tokens that an epoch of the loader delivers, by their provenance."""
    total, sequence_length = TokenSum(), loader.options.sequence_length
    for step, batch in enumerate(loader):
        segments = loader.provenance(step).combine_chunks()
        lengths = segments["length"].to_numpy().astype(np.int64)
        begins = segments["row"].to_numpy().astype(np.int64) * sequence_length
        begins += segments["column"].to_numpy()
        where = np.repeat(begins, lengths) + _within(lengths)
        ids = batch.input_ids.reshape(-1)[where].astype(np.uint64)
        firsts = segments["token"].to_numpy().astype(np.int64)
        total.add(*_spread(segments["doc_id"].combine_chunks(), firsts, lengths), ids)
    return total


def _spread(
    doc_ids: pa.FixedSizeBinaryArray, firsts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """For each token the key of its document and its place in it."""
    halves = as_doc_ids(doc_ids).view("<u8").reshape(-1, 2)
    keys = _mix(halves[:, 0]) ^ halves[:, 1]
    places = np.repeat(firsts, lengths) + _within(lengths)
    return np.repeat(keys, lengths), places.astype(np.uint64)


def _within(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, 2 … for each run of the given lengths."""
    begins = np.cumsum(lengths) - lengths
    counted: NDArray[np.int64] = np.arange(int(lengths.sum())) - np.repeat(begins, lengths)
    return counted


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of splitmix64 (Steele, Lea, Flood 2014, figure 16)."""
    with np.errstate(over="ignore"):
        mixed = values + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))
