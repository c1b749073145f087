"""The manifest: what a dataset is, in one canonical JSON file that names every other file.

It holds content only (no time, host, engine or number of workers), so equal datasets have equal
bytes. A version is immutable: manifests/NNNN.json is written once, and manifest.json is a copy of
the newest that is put last, so a reader never meets a version whose shards aren't all there.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import xxhash

from penstock import storage
from penstock.errors import DataError, UsageError
from penstock.fields import Fields

FORMAT_VERSION = 1
TOKEN_TYPES = ("uint16", "uint32")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerInfo:
    """Which tokenizer made the ids, and what they can be."""

    kind: str
    digest: str
    vocabulary_size: int
    special_ids: Mapping[str, int | None]
    token_type: str

    def __post_init__(self) -> None:
        if self.token_type not in TOKEN_TYPES:
            raise ValueError(f"token_type is {self.token_type!r}; allowed: {TOKEN_TYPES}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many records came in and where they went; `stages` is stage -> rule -> records."""

    records: int
    kept: int
    dropped: int
    failed: int
    stages: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardEntry:
    """One shard: its path below the dataset's folder, and what must be found there."""

    path: str
    split: str
    rows: int
    tokens: int
    bytes: int
    xxh3_128: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionEntry:
    """One file of deleted doc_ids: its path below the dataset's folder, and what must be there."""

    path: str
    rows: int
    bytes: int
    xxh3_128: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitTotals:
    """The stored rows and tokens of one split, deleted documents included."""

    shards: int
    rows: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One version of a dataset.

    `recipe` is the recipe without inputs, output and work_dir; `input_digest` an order-free digest
    of the input records; `artefacts` name -> digest of each fitted artefact and model; `sources`
    the input names, a shard's source_id being the index; `parent` the version this one refreshes.
    """

    version: int
    recipe: Mapping[str, Any]
    input_digest: str
    tokenizer: TokenizerInfo
    counts: Counts
    sources: tuple[str, ...]
    shards: tuple[ShardEntry, ...]
    artefacts: Mapping[str, str] = field(default_factory=dict)
    deletions: tuple[DeletionEntry, ...] = ()
    parent: int | None = None
    format_version: int = FORMAT_VERSION

    @property
    def splits(self) -> dict[str, SplitTotals]:
        """The totals of each split, by name."""
        shards, rows, tokens = Counter[str](), Counter[str](), Counter[str]()
        for shard in self.shards:
            shards[shard.split] += 1
            rows[shard.split] += shard.rows
            tokens[shard.split] += shard.tokens
        return {
            name: SplitTotals(shards=shards[name], rows=rows[name], tokens=tokens[name])
            for name in sorted(shards)
        }

    @property
    def digest(self) -> str:
        """The xxh3_128 of the manifest's canonical bytes."""
        return xxhash.xxh3_128_hexdigest(encode_manifest(self))


def manifest_url(out: str, version: int | None = None) -> str:
    """Where a version's manifest is; None is the newest."""
    if version is None:
        return storage.join(out, "manifest.json")
    return storage.join(out, "manifests", f"{version:04d}.json")


def encode_manifest(manifest: Manifest) -> bytes:
    """The canonical bytes: UTF-8 JSON with sorted keys, two spaces of indent, a final newline."""
    plain = _plain(manifest) | {"splits": {k: _plain(v) for k, v in manifest.splits.items()}}
    text = json.dumps(plain, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def write_manifest(out_url: str, manifest: Manifest) -> None:
    """Write manifests/NNNN.json and then manifest.json; writing the same version twice is fine.

    Raises:
        DataError: the version exists with other content: versions never change.
    """
    data = encode_manifest(manifest)
    numbered = manifest_url(out_url, manifest.version)
    if storage.exists(numbered) and storage.read_bytes(numbered) != data:
        raise DataError(
            f"{numbered} exists with other content, and a version never changes; "
            "write the next version, or give the run another output"
        )
    storage.write_bytes(numbered, data)
    storage.write_bytes(manifest_url(out_url), data)


def read_manifest(url: str, version: int | None = None) -> Manifest:
    """The manifest of the dataset at `url`: the newest, or the version asked for.

    Raises:
        UsageError: there is no dataset at the URL, or no such version of it.
        DataError: the file is damaged or of a format that this program doesn't read.
    """
    if version is not None and (isinstance(version, bool) or not isinstance(version, Integral)):
        raise UsageError(f"version is {version!r}; allowed: an integer, or None for the newest")
    path = manifest_url(url, version)
    try:
        data = storage.read_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(_absent(url, version)) from None
    return decode_manifest(data, where=path)


def list_versions(url: str) -> list[int]:
    """The version numbers of the dataset at `url`, oldest first."""
    names = (path.rsplit("/", 1)[-1] for path in storage.list_files(storage.join(url, "manifests")))
    return sorted(int(name[:-5]) for name in names if name[:-5].isdigit() and name[-5:] == ".json")


def decode_manifest(data: bytes, *, where: str = "manifest.json") -> Manifest:
    """The manifest that these bytes hold; `where` names them in errors.

    Raises:
        DataError: a field is missing, unknown, of another type or contradicts another.
    """
    try:
        plain = json.loads(data)
    except ValueError as error:
        raise DataError(f"{where} isn't JSON ({error}); restore it or run again") from error
    fields = Fields(plain, where=where)
    format_version = fields.integer("format_version")
    if format_version != FORMAT_VERSION:
        raise DataError(
            f"{where}: format_version is {format_version}; this program reads {FORMAT_VERSION}; "
            "install the Penstock version that wrote it"
        )
    manifest = Manifest(
        version=fields.integer("version", minimum=1),
        parent=fields.optional_integer("parent"),
        recipe=fields.mapping("recipe"),
        input_digest=fields.string("input_digest"),
        artefacts=fields.strings_by_name("artefacts"),
        tokenizer=_read_tokenizer(fields.section("tokenizer")),
        counts=_read_counts(fields.section("counts")),
        sources=fields.strings("sources"),
        shards=tuple(_read_shard(item) for item in fields.sections("shards")),
        deletions=tuple(_read_deletion(item) for item in fields.sections("deletions")),
    )
    _check_totals(fields, manifest)
    fields.refuse_others()
    return manifest


def _read_tokenizer(fields: Fields) -> TokenizerInfo:
    ids = fields.section("special_ids")
    info = TokenizerInfo(
        kind=fields.string("kind"),
        digest=fields.string("digest"),
        vocabulary_size=fields.integer("vocabulary_size", minimum=1),
        special_ids={name: ids.optional_integer(name) for name in ids.names()},
        token_type=fields.choice("token_type", TOKEN_TYPES),
    )
    fields.refuse_others()
    return info


def _read_counts(fields: Fields) -> Counts:
    stages = fields.section("stages")
    counts = Counts(
        records=fields.integer("records"),
        kept=fields.integer("kept"),
        dropped=fields.integer("dropped"),
        failed=fields.integer("failed"),
        stages={name: stages.section(name).integers() for name in stages.names()},
    )
    fields.refuse_others()
    return counts


def _read_shard(fields: Fields) -> ShardEntry:
    entry = ShardEntry(
        path=fields.string("path"),
        split=fields.string("split"),
        rows=fields.integer("rows"),
        tokens=fields.integer("tokens"),
        bytes=fields.integer("bytes"),
        xxh3_128=fields.hex_digest("xxh3_128"),
    )
    fields.refuse_others()
    return entry


def _read_deletion(fields: Fields) -> DeletionEntry:
    entry = DeletionEntry(
        path=fields.string("path"),
        rows=fields.integer("rows"),
        bytes=fields.integer("bytes"),
        xxh3_128=fields.hex_digest("xxh3_128"),
    )
    fields.refuse_others()
    return entry


def _check_totals(fields: Fields, manifest: Manifest) -> None:
    counts, wanted = manifest.counts, {k: _plain(v) for k, v in manifest.splits.items()}
    found = fields.mapping("splits")
    if found != wanted:
        raise DataError(f"{fields.where}: splits is {found}, but the shards sum to {wanted}")
    if counts.records != counts.kept + counts.dropped + counts.failed:
        raise DataError(
            f"{fields.where}: counts.records is {counts.records}, but kept + dropped + failed is "
            f"{counts.kept} + {counts.dropped} + {counts.failed}"
        )


def _absent(url: str, version: int | None) -> str:
    versions = list_versions(url)
    if version is not None and versions:
        return f"version is {version}, but the dataset at {url} has {versions}"
    return (
        f"no dataset at {url}: it has no manifest.json, which a run writes last; "
        "finish the run, or check the path"
    )


def _plain(value: Any) -> Any:
    """Dataclasses, tuples and mappings as what JSON knows."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a manifest can't hold the number {value}")
    return value
