"""Proofs of the loader's promises on a user's own dataset, by delivering it in different ways.

Resumable: from any cursor the batches go on as if nothing had happened. Elastic: the ranks of any
world size share the same global batches. Conserving: an epoch delivers each stored token once,
shown by counting every id in the shards and in the batches. All three deliver the whole epoch, so
the time is a few passes over the data; memory is a few batches.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock import storage
from penstock.deletions import as_doc_ids, deleted_rows
from penstock.loader import TokenLoader
from penstock.shards import ShardReader

WORLD_SIZES = (2, 4)
RESUMED_BATCHES = 3

Counts = npt.NDArray[np.int64]


def prove_loader(
    out: str, *, sequence_length: int = 2048, version: int | None = None, split: str = "train"
) -> Iterator[str]:
    """Yield each way in which the loader breaks a promise on this dataset; nothing if none.

    Raises:
        UsageError, DataError: the dataset can't be opened or read.
    """
    options: dict[str, Any] = {
        "sequence_length": sequence_length,
        "global_batch_size": max(WORLD_SIZES),
        "seed": 0,
        "version": version,
        "split": split,
        "drop_last": False,
        "framework": "numpy",
    }
    yield from _prove_tokens(out, options)
    for world_size in WORLD_SIZES:
        yield from _prove_elastic(out, options, world_size)
    yield from _prove_resume(out, options)


def _prove_elastic(out: str, options: dict[str, Any], world_size: int) -> Iterator[str]:
    whole = TokenLoader(out, **options)
    ranks = [
        TokenLoader(out, **options, rank=rank, world_size=world_size) for rank in range(world_size)
    ]
    for step, (batch, *parts) in enumerate(zip(whole, *ranks, strict=True)):
        for name in ("input_ids", "labels", "position_ids"):
            if not np.array_equal(batch[name], np.concatenate([part[name] for part in parts])):
                yield f"step {step}: {name} of {world_size} ranks differ from those of one"
        labels = sum(part.num_label_tokens for part in parts)
        if {batch.num_label_tokens, labels} != {part.global_num_label_tokens for part in parts}:
            yield f"step {step}: num_label_tokens of {world_size} ranks differ from those of one"


def _prove_resume(out: str, options: dict[str, Any]) -> Iterator[str]:
    loader = TokenLoader(out, **options)
    steps = len(loader)
    for cursor in sorted({0, 1, steps // 3, steps // 2, steps - 2, steps - 1} & set(range(steps))):
        loader.load_state_dict(loader.state_dict() | {"epoch": 0, "row": 4 * cursor})
        resumed = TokenLoader(out, **options, prefetch=RESUMED_BATCHES)
        resumed.load_state_dict(loader.state_dict())
        for step, batch in enumerate(islice(resumed, RESUMED_BATCHES), start=cursor):
            wanted = loader.batch(step)
            if any(not np.array_equal(batch[name], wanted[name]) for name in wanted):
                yield f"step {step}: a loader resumed at step {cursor} gives another batch"


def _prove_tokens(out: str, options: dict[str, Any]) -> Iterator[str]:
    loader = TokenLoader(out, **options)
    size = loader.dataset.manifest.tokenizer.vocabulary_size
    delivered, stored = np.zeros(size, np.int64), _stored_ids(loader, size)
    for batch in loader:
        delivered += np.bincount(batch.input_ids.reshape(-1), minlength=size)
    padding = int(delivered.sum() - stored.sum())
    delivered[loader.padding_id] -= padding
    for token in np.flatnonzero(delivered != stored)[:1]:
        yield (
            f"an epoch delivers the token id {token} {delivered[token]} times, "
            f"the shards hold it {stored[token]} times"
        )


def _stored_ids(loader: TokenLoader, size: int) -> Counts:
    """How often each token id is in the split's shards, deleted documents left out."""
    counts = np.zeros(size, np.int64)
    dataset = loader.dataset
    for entry in dataset.shards:
        with ShardReader(storage.join(dataset.out, entry.path)) as reader:
            for batch in reader.batches():
                gone = deleted_rows(as_doc_ids(batch.column("doc_id")), dataset.deleted)
                kept = batch.filter(~gone) if gone.any() else batch
                ids = kept.column("tokens").flatten().to_numpy()
                counts += np.bincount(ids, minlength=size)
    return counts
