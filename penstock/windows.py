"""Windows: contiguous runs of documents, and how many rows each packs to.

The shards are in keyed-hash order already, so neighbours are strangers, and a window can be a run
of whole record batches of one shard: one long sequential read. Its row count depends on its
documents' lengths alone, so it is computed once for each row length and kept in a sidecar of some
50 bytes a window. A window never reaches into another shard: a new snapshot adds windows and
changes none, and a shard seen before keeps the rows of an older sidecar.

Trade-off: each window packs by itself, so its last row is rarely full; at the default size that is
one row in about 2,000 for a sequence length of 2,048.
"""

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from penstock import storage
from penstock.dataset import Dataset
from penstock.errors import DataError
from penstock.packing import LongDocuments, Packing, count_rows
from penstock.places import kept_folders
from penstock.retry import patiently

SIDECAR_FORMAT = 2
WINDOW_TOKENS = 1 << 22
WINDOW_ROWS = 64
_KEY = b"penstock.windows"
_COLUMNS = ("shard", "first_batch", "end_batch", "documents", "tokens", "rows")

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackSettings:
    """What the windows and their rows depend on, besides the documents.

    A window ends at the first record batch that brings it to `window_tokens` stored tokens. Each
    document takes up a multiple of `multiple` places.
    """

    sequence_length: int
    packing: Packing
    long_documents: LongDocuments
    window_tokens: int
    multiple: int = 1

    @property
    def name(self) -> str:
        """The settings as a part of a file name."""
        parts = (self.packing, self.long_documents, self.sequence_length, self.window_tokens)
        padded = (f"to{self.multiple}",) if self.multiple > 1 else ()
        return "-".join(map(str, (*padded, *parts)))

    def places(self, lengths: Int64s) -> Int64s:
        """How many places in rows documents of these lengths take up."""
        return lengths if self.multiple == 1 else -(-lengths // self.multiple) * self.multiple


def default_window_tokens(sequence_length: int) -> int:
    """How many tokens a window has unless the user says otherwise: 4 Mi, or 64 rows if longer."""
    return max(WINDOW_TOKENS, WINDOW_ROWS * sequence_length)


@dataclass(frozen=True, slots=True)
class Windows:
    """All windows of a split, in the order of its shards: int64 arrays of one length.

    `shard` is an index into the split's shards; `first_batch` to before `end_batch` the window's
    record batches; `documents` and `tokens` count what may be delivered, `rows` what it packs to.
    """

    shard: Int64s
    first_batch: Int64s
    end_batch: Int64s
    documents: Int64s
    tokens: Int64s
    rows: Int64s


def load_windows(dataset: Dataset, settings: PackSettings) -> Windows:
    """The windows of a dataset, from a sidecar if there is one, else made and kept for later.

    A sidecar is looked for in OUT/loader and then in the user's cache folder, and put into the
    first of them that can be written; where neither can, it is made again each time.
    """
    name = f"windows-{settings.name}-{dataset.fingerprint}.arrow"
    folders = kept_folders(dataset.out)
    for folder in folders:
        found = _read(storage.join(folder, name))
        if found is not None:
            return _checked(found[0], dataset)
    windows = make_windows(dataset, settings, _known_shards(folders, settings))
    _keep(folders, name, _checked(windows, dataset), _shard_keys(dataset))
    return windows


def make_windows(
    dataset: Dataset, settings: PackSettings, known: Mapping[str, Windows] | None = None
) -> Windows:
    """The windows of a dataset; of a shard whose key is `known`, as they are there."""
    parts = []
    for shard, key in enumerate(_shard_keys(dataset)):
        old = (known or {}).get(key)
        if old is None:
            parts.append(_shard_windows(dataset, shard, settings))
        else:
            parts.append(dataclasses.replace(old, shard=np.full(len(old.rows), shard, np.int64)))
    return Windows(*(np.concatenate([getattr(p, name) for p in parts]) for name in _COLUMNS))


def _checked(windows: Windows, dataset: Dataset) -> Windows:
    """The windows, once they hold the tokens that the manifest counts, unless some are selected.

    Raises:
        DataError: they don't, so that the shards or the sidecar aren't this dataset's.
    """
    if dataset.selection is not None:
        return windows
    found, wanted = int(windows.tokens.sum()), sum(entry.tokens for entry in dataset.shards)
    if found > wanted or (found < wanted and not dataset.manifest.deletions):
        raise DataError(
            f"the windows of {dataset.out} hold {found} tokens, the manifest counts {wanted}; "
            f"remove {dataset.out}/loader and run `penstock verify {dataset.out}`"
        )
    return windows


def _shard_windows(dataset: Dataset, shard: int, settings: PackSettings) -> Windows:
    rows = []
    for first, end, lengths in _runs(dataset, shard, settings.window_tokens):
        count = count_rows(
            settings.places(lengths),
            settings.sequence_length,
            packing=settings.packing,
            long_documents=settings.long_documents,
        )
        rows.append((shard, first, end, len(lengths), lengths.sum(), count))
    return Windows(*np.array(rows, np.int64).reshape(-1, len(_COLUMNS)).T)


def _runs(dataset: Dataset, shard: int, window_tokens: int) -> Iterator[tuple[int, int, Int64s]]:
    """Cut a shard's record batches into runs, with their lengths; deletions don't move the cuts."""
    first = tokens = 0
    parts: list[Int64s] = []
    for index, (stored, lengths) in enumerate(dataset.batch_lengths(shard)):
        parts.append(lengths)
        # Of a selection the selected tokens count, or windows would be small and badly filled.
        tokens += stored if dataset.selection is None else int(lengths.sum())
        if tokens >= window_tokens:
            yield first, index + 1, np.concatenate(parts)
            first, tokens, parts = index + 1, 0, []
    if parts:
        yield first, first + len(parts), np.concatenate(parts)


def _shard_keys(dataset: Dataset) -> list[str]:
    """What a shard's windows depend on, for each shard: its bytes, deletions and a selection."""
    changes = "".join(entry.xxh3_128 for entry in dataset.manifest.deletions)
    changes += dataset.selection.digest if dataset.selection else ""
    suffix = f"-{storage.hash_bytes(changes.encode())}" if changes else ""
    return [entry.xxh3_128 + suffix for entry in dataset.shards]


def _known_shards(folders: list[str], settings: PackSettings) -> dict[str, Windows]:
    """The windows of single shards in older sidecars of the same settings, by shard key."""
    known: dict[str, Windows] = {}
    for folder in folders:
        for url in patiently(folder, partial(storage.list_files, folder)):
            if f"/windows-{settings.name}-" not in url:
                continue
            windows, keys = _read(url) or (None, [])
            for shard, key in enumerate(keys):
                if windows is not None and key not in known:
                    known[key] = _select(windows, windows.shard == shard)
    return known


def _select(windows: Windows, mask: npt.NDArray[np.bool_]) -> Windows:
    return Windows(*(getattr(windows, name)[mask] for name in _COLUMNS))


def _read(url: str) -> tuple[Windows, list[str]] | None:
    """A sidecar's windows and shard keys, or None where there is none that can be read."""
    try:
        data = patiently(url, lambda: storage.read_bytes(url))
        table = pa.ipc.open_file(pa.BufferReader(data)).read_all()
        stated = json.loads((table.schema.metadata or {})[_KEY])
        windows = Windows(*(table.column(name).to_numpy() for name in _COLUMNS))
        if stated == _statement(windows, stated["shards"]):
            return windows, stated["shards"]
    except (OSError, pa.ArrowException, LookupError, TypeError, ValueError):
        return None
    return None


def _statement(windows: Windows, keys: list[str]) -> dict[str, Any]:
    """What a sidecar says of itself; its digest shows damage, after which it's made again."""
    parts = [json.dumps(keys).encode(), *(getattr(windows, name).tobytes() for name in _COLUMNS)]
    digest = storage.hash_bytes(b"".join(parts))
    return {"format": SIDECAR_FORMAT, "shards": keys, "digest": digest}


def _keep(folders: list[str], name: str, windows: Windows, keys: list[str]) -> None:
    table = pa.table({column: getattr(windows, column) for column in _COLUMNS})
    stated = json.dumps(_statement(windows, keys)).encode()
    table = table.replace_schema_metadata({_KEY: stated})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    for folder in folders:
        # Each storage library has an error of its own for what can't be written.
        with contextlib.suppress(Exception):
            storage.write_bytes(storage.join(folder, name), sink.getvalue().to_pybytes())
            return
