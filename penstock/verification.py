"""Proof that a dataset is what its manifest says, shard by shard.

A shard is read once for its hash, which shows any change since the run, and once as rows, which
shows what a wrong writer could have hashed (other totals, ids beyond the vocabulary). Memory is
one batch of a shard; the time is that of reading the dataset twice.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow.compute as pc

from penstock import storage
from penstock.course import NothingToDeliverError
from penstock.deletions import read_deletions
from penstock.errors import DataError, PenstockError
from penstock.manifest import Manifest, ShardEntry, read_manifest
from penstock.proofs import digest_epoch, prove_loader
from penstock.shards import ShardReader


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was checked, and each thing found wrong as one line that names the file.

    `batches` holds, for each split whose loader was proved, the digest of an epoch's batches (see
    penstock.proofs): equal on two machines that deliver the same.
    """

    version: int
    shards: int
    rows: int
    tokens: int
    bytes: int
    findings: tuple[str, ...]
    batches: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.findings


def verify(
    out: str,
    *,
    version: int | None = None,
    loader: bool = False,
    progress: Callable[[str], None] | None = None,
) -> VerifyReport:
    """Check every shard of the dataset at `out` against its manifest; `progress` hears each path.

    With `loader`, also deliver the dataset in different ways and compare: see penstock.proofs.

    Raises:
        UsageError: there is no dataset at `out`.
        DataError: the manifest itself can't be read.
    """
    manifest = read_manifest(out, version)
    findings: list[str] = []
    digests: dict[str, str] = {}
    for entry in manifest.shards:
        if progress is not None:
            progress(entry.path)
        findings += [f"{entry.path}: {line}" for line in _check_shard(out, entry, manifest)]
    findings += _check_deletions(out, manifest)
    if loader and not findings:
        for split in manifest.splits:
            if progress is not None:
                progress(f"loader, split {split}")
            found, digest = _check_loader(out, manifest, split)
            findings += [f"loader: {split}: {line}" for line in found]
            if digest:
                digests[split] = digest
    return VerifyReport(
        version=manifest.version,
        shards=len(manifest.shards),
        rows=sum(entry.rows for entry in manifest.shards),
        tokens=sum(entry.tokens for entry in manifest.shards),
        bytes=sum(entry.bytes for entry in manifest.shards),
        findings=tuple(findings),
        batches=digests,
    )


def _check_shard(out: str, entry: ShardEntry, manifest: Manifest) -> Iterator[str]:
    url = storage.join(out, entry.path)
    try:
        found = storage.size(url)
    except FileNotFoundError:
        yield "is missing; restore it or run again"
        return
    if found != entry.bytes:
        yield f"has {found} bytes, the manifest says {entry.bytes}"
        return
    digest = storage.hash_file(url)
    if digest != entry.xxh3_128:
        yield f"has the xxh3_128 {digest}, the manifest says {entry.xxh3_128}"
        return
    try:
        yield from _check_rows(url, entry, manifest)
    except DataError as error:
        yield str(error)


def _check_rows(url: str, entry: ShardEntry, manifest: Manifest) -> Iterator[str]:
    rows = tokens = largest = last_source = 0
    with ShardReader(url) as reader:
        if reader.token_type != manifest.tokenizer.token_type:
            yield f"holds {reader.token_type}, the manifest says {manifest.tokenizer.token_type}"
        for batch in reader.batches():
            values = batch.column("tokens").flatten()
            rows += batch.num_rows
            tokens += len(values)
            largest = max(largest, pc.max(values).as_py() or 0)
            last_source = max(last_source, pc.max(batch.column("source_id")).as_py() or 0)
    if (rows, tokens) != (entry.rows, entry.tokens):
        wanted = f"{entry.rows} and {entry.tokens}"
        yield f"has {rows} rows and {tokens} tokens, the manifest says {wanted}"
    vocabulary_size = manifest.tokenizer.vocabulary_size
    if largest >= vocabulary_size:
        yield f"holds the token id {largest}, the vocabulary ends at {vocabulary_size - 1}"
    if rows and last_source >= len(manifest.sources):
        yield f"holds the source_id {last_source}, the manifest names {len(manifest.sources)}"


def _check_deletions(out: str, manifest: Manifest) -> list[str]:
    try:
        read_deletions(out, manifest)
    except PenstockError as error:
        return [str(error)]
    return []


def _check_loader(out: str, manifest: Manifest, split: str) -> tuple[list[str], str]:
    """What is wrong with the loader's batches, and their digest; nothing where there are none."""
    version = manifest.version
    try:
        findings = list(prove_loader(out, version=version, split=split))
        return findings, digest_epoch(out, version=version, split=split)
    except NothingToDeliverError:
        return [], ""
    except PenstockError as error:
        return [str(error)], ""
