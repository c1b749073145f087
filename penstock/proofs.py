"""Proofs of the loader's promises on a user's own dataset, by delivering it in different ways.

Resumable: from any cursor the batches go on as if nothing had happened. Elastic: the ranks of any
world size share the same global batches. Conserving: an epoch delivers each stored token once,
shown by a sum over all of them (see penstock.token_sum). All three deliver the whole epoch, so
the time is a few passes over the data; memory is a few batches.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import xxhash

from penstock.loader import TokenLoader
from penstock.token_sum import delivered_tokens, stored_tokens

WORLD_SIZES = (2, 4)
RESUMED_BATCHES = 3


def prove_loader(
    out: str, *, sequence_length: int = 2048, version: int | None = None, split: str = "train"
) -> Iterator[str]:
    """Yield each way in which the loader breaks a promise on this dataset; nothing if none.

    Raises:
        UsageError, DataError: the dataset can't be opened or read.
    """
    options = _options(sequence_length, version, split)
    yield from _prove_tokens(out, options)
    for world_size in WORLD_SIZES:
        yield from _prove_elastic(out, options, world_size)
    yield from _prove_resume(out, options)


def digest_epoch(
    out: str, *, sequence_length: int = 2048, version: int | None = None, split: str = "train"
) -> str:
    """The xxh3_128 over the digests of an epoch's batches: equal where the same is delivered.

    Raises:
        UsageError, DataError: the dataset can't be opened or read.
    """
    digest = xxhash.xxh3_128()
    for batch in TokenLoader(out, **_options(sequence_length, version, split)):
        digest.update(batch.digest().encode())
    return str(digest.hexdigest())


def _options(sequence_length: int, version: int | None, split: str) -> dict[str, Any]:
    return {
        "sequence_length": sequence_length,
        "global_batch_size": max(WORLD_SIZES),
        "seed": 0,
        "version": version,
        "split": split,
        "drop_last": False,
        "framework": "numpy",
    }


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
    stored, delivered = stored_tokens(loader.dataset), delivered_tokens(loader)
    if stored != delivered:
        yield (
            f"the shards hold {stored.tokens:,} tokens with the sum {stored.digest:016x}, an epoch "
            f"delivers {delivered.tokens:,} with {delivered.digest:016x}"
        )
