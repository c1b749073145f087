"""Small datasets for the tests of the loader and of verify, written by the real writers."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from penstock import storage
from penstock.manifest import (
    Counts,
    DeletionEntry,
    Manifest,
    ShardEntry,
    TokenizerInfo,
    write_manifest,
)
from penstock.shards import ShardWriter

Document = list[int]


def doc_id(number: int) -> bytes:
    """The id of a test document: hash-like, and different for every number."""
    return bytes(np.random.default_rng(number).integers(0, 256, 16, dtype=np.uint8))


def random_documents(lengths: Sequence[int], *, vocabulary_size: int = 5000) -> list[Document]:
    """Documents of these lengths with ids from 3 on, the same in every call."""
    rng = np.random.default_rng(len(lengths))
    return [rng.integers(3, vocabulary_size, length).tolist() for length in lengths]


def write_shard(
    out: str, path: str, split: str, documents: Sequence[Document], *, first: int, **options: object
) -> ShardEntry:
    """Write one shard and return its manifest entry; documents are numbered from `first`."""
    token_type = str(options.pop("token_type", "uint16"))
    url = storage.join(out, path)
    with ShardWriter(url, token_type=token_type, **options) as writer:  # type: ignore[arg-type]
        ids = [doc_id(first + index) for index in range(len(documents))]
        sources = [(first + index) % 2 for index in range(len(documents))]
        lists = pa.array(documents, pa.list_(pa.type_for_alias(token_type)))
        writer.write(pa.array(ids, pa.binary(16)), lists, pa.array(sources, pa.int32()))
    info = writer.close()
    return ShardEntry(
        path=path,
        split=split,
        rows=info.rows,
        tokens=info.tokens,
        bytes=info.bytes,
        xxh3_128=info.xxh3_128,
    )


def make_dataset(
    out: str,
    documents: Sequence[Document],
    *,
    shards: int = 2,
    validation: Sequence[Document] = (),
    vocabulary_size: int = 5000,
    deletions: tuple[DeletionEntry, ...] = (),
    version: int = 1,
    **options: object,
) -> Manifest:
    """Write a dataset of `documents` in equal shards, and of `validation` in one more."""
    edges = [len(documents) * index // shards for index in range(shards + 1)]
    entries = [
        write_shard(
            out,
            f"shards/train-{index:05d}.arrow",
            "train",
            documents[start:stop],
            first=start,
            **options,
        )
        for index, (start, stop) in enumerate(itertools.pairwise(edges))
    ]
    if validation:
        path = "shards/validation-00000.arrow"
        first = len(documents)
        entries.append(write_shard(out, path, "validation", validation, first=first, **options))
    manifest = Manifest(
        version=version,
        recipe={"kind": "text", "seed": 0},
        input_digest="00" * 16,
        tokenizer=tokenizer(vocabulary_size, str(options.get("token_type", "uint16"))),
        counts=Counts(records=len(documents), kept=len(documents), dropped=0, failed=0),
        sources=("one", "two"),
        shards=tuple(entries),
        deletions=deletions,
    )
    write_manifest(out, manifest)
    return manifest


def tokenizer(vocabulary_size: int, token_type: str = "uint16") -> TokenizerInfo:
    """A tokenizer's description with the usual special ids."""
    special: Mapping[str, int | None] = {"bos": 1, "eos": 2, "pad": 0, "unk": None}
    return TokenizerInfo(
        kind="sentencepiece",
        digest="11" * 16,
        vocabulary_size=vocabulary_size,
        special_ids=special,
        token_type=token_type,
    )
