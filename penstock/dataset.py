"""An opened dataset: one version's shards of one split, mapped into memory as they are needed.

Opening reads the manifest and asks each local shard's size; a shard's own file is opened when a
window of it is. List offsets are checked before a kernel trusts them, since a broken one would lead
it out of the mapping.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from penstock import storage
from penstock.deletions import DocIds, as_doc_ids, deleted_rows, read_deletions
from penstock.errors import DataError, UsageError
from penstock.fetch_ahead import FetchAhead
from penstock.kernel import kernel
from penstock.manifest import Manifest, read_manifest
from penstock.prefetch import stop_event
from penstock.remote_lengths import read_lengths
from penstock.retry import patiently
from penstock.selection import Selection
from penstock.shard_cache import ShardCache
from penstock.shards import ShardReader

OPEN_SHARDS = 64
"""How many shards stay open at once, which bounds file handles; mappings in use live on."""

OPEN_CACHED_SHARDS = 2
"""The same for cached shards, which keep their room on the disk as long as they are open."""

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of consecutive record batches that may be delivered, as flat arrays.

    `lengths` in tokens, `addresses` of their first tokens, `rows` their places among all rows of
    the batches, deleted and empty ones included. `batches` keeps the memory alive; a token takes
    `itemsize` bytes.
    """

    lengths: Int64s
    addresses: Int64s
    rows: Int64s
    batches: tuple[pa.RecordBatch, ...]
    itemsize: int


class Dataset:
    """One split of one version of the dataset at `out`.

    Raises:
        UsageError: no such dataset, version or split, or a split without documents.
        DataError: a shard or deletion file is missing, or isn't what the manifest says.
    """

    def __init__(
        self,
        out: str,
        *,
        split: str,
        version: int | None = None,
        selection: Selection | None = None,
        cache: ShardCache | None = None,
    ) -> None:
        self.out = out
        self.selection = selection
        self.split = split
        self.manifest: Manifest = patiently(out, lambda: read_manifest(out, version))
        self.shards = tuple(s for s in self.manifest.shards if s.split == split)
        self._check_split()
        self.deleted: DocIds = patiently(out, lambda: read_deletions(out, self.manifest))
        self._readers: OrderedDict[int, ShardReader] = OrderedDict()
        self._lock = threading.Lock()
        self._cache = None if storage.is_local(out) else cache
        self._ahead = FetchAhead(self._fetch)
        self._check_sizes()
        if self._cache is not None:
            self._cache.check_room(self.shards)

    @property
    def fingerprint(self) -> str:
        """A digest of exactly what can be delivered: shards, deletions, and what is selected."""
        shards = [[entry.path, entry.xxh3_128] for entry in self.shards]
        deletions = [entry.xxh3_128 for entry in self.manifest.deletions]
        selected = [self.selection.digest] if self.selection else []
        return storage.hash_bytes(json.dumps([shards, deletions, *selected]).encode())

    @property
    def token_dtype(self) -> np.dtype[np.unsignedinteger]:
        """The stored type of a token id."""
        return np.dtype(self.manifest.tokenizer.token_type)

    def num_batches(self, shard: int) -> int:
        """How many record batches the split's shard of this index has."""
        with self._lock:
            return self._reader(shard).num_batches

    def batch_lengths(self, shard: int) -> Iterator[tuple[int, Int64s]]:
        """Of each record batch of a shard the tokens that it stores, and the documents' lengths.

        The lengths are those that `documents` gives; of a remote shard no token is read.

        Raises:
            DataError: the shard can't be read, or its list offsets are broken.
        """
        if not storage.is_local(self.out):
            for batch in read_lengths(storage.join(self.out, self.shards[shard].path)):
                times = self._copies_of(batch.doc_ids) if self._is_partial else 1
                yield (
                    int(batch.lengths.sum()),
                    np.repeat(batch.lengths, times * (batch.lengths > 0)),
                )
            return
        for index in range(self.num_batches(shard)):
            found = self.documents(shard, index, index + 1)
            yield len(found.batches[0].column("tokens").values), found.lengths

    def documents(self, shard: int, first: int, end: int) -> Documents:
        """The documents of a shard's record batches from `first` to before `end`.

        Raises:
            DataError: the batches can't be read, or their list offsets are broken.
        """
        batches = self._read(shard, first, end)
        copies = [self._copies(batch) for batch in batches]
        size = sum(
            int(c.sum()) if len(c) else b.num_rows for b, c in zip(batches, copies, strict=True)
        )
        lengths, addresses, rows = (np.empty(size, np.int64) for _ in range(3))
        row = count = 0
        for batch, times in zip(batches, copies, strict=True):
            offsets, address, num_bytes = _token_buffers(batch)
            limits = (address, num_bytes // self.token_dtype.itemsize, self.token_dtype.itemsize)
            outputs = (lengths[count:], addresses[count:], rows[count:])
            found = _scan(offsets, times, limits, row, outputs)
            if found < 0:
                raise DataError(
                    f"shard {storage.join(self.out, self.shards[shard].path)} has broken list "
                    f"offsets; run `penstock verify {self.out}`"
                )
            row, count = row + batch.num_rows, count + found
        return Documents(
            lengths[:count], addresses[:count], rows[:count], batches, self.token_dtype.itemsize
        )

    def fetch_ahead(self, shards: Iterable[int]) -> None:
        """Have a thread fetch these shards, if they are remote and there is a cache for them."""
        if self._cache is not None:
            self._ahead.want(shards)

    def stop_fetching(self) -> None:
        """End that thread."""
        self._ahead.stop()

    def close(self) -> None:
        """Let go of the open shards."""
        self.stop_fetching()
        with self._lock:
            for reader in self._readers.values():
                reader.close()
            self._readers.clear()

    def _copies(self, batch: pa.RecordBatch) -> npt.NDArray[np.uint8]:
        """How often each document is delivered; empty where each is once."""
        if not self._is_partial:
            return np.empty(0, np.uint8)
        return self._copies_of(as_doc_ids(batch.column("doc_id")))

    @property
    def _is_partial(self) -> bool:
        return bool(len(self.deleted)) or self.selection is not None

    def _copies_of(self, doc_ids: DocIds) -> npt.NDArray[np.uint8]:
        kept = ~deleted_rows(doc_ids, self.deleted)
        if self.selection is None:
            return kept.astype(np.uint8)
        return self.selection.copies_of(doc_ids) * kept

    def _read(self, shard: int, first: int, end: int) -> tuple[pa.RecordBatch, ...]:
        # One at a time: another thread might let go of the reader, and readers aren't shared.
        with self._lock:
            reader = self._reader(shard)
            return tuple(reader.batch(index) for index in range(first, end))

    def _reader(self, shard: int) -> ShardReader:
        """The open reader of a shard; call it under the lock."""
        reader = self._readers.pop(shard, None)
        if reader is None:
            reader = self._open(shard)
            self._check_type(reader)
        self._readers[shard] = reader
        if len(self._readers) > (OPEN_SHARDS if self._cache is None else OPEN_CACHED_SHARDS):
            self._readers.popitem(last=False)[1].close()
        return reader

    def _open(self, shard: int) -> ShardReader:
        while True:
            path = self._fetch(shard, stop_event())
            try:
                return ShardReader(path)
            except DataError:
                # Another process may have taken a cached shard's room before it was open here.
                if self._cache is None or Path(path).exists():
                    raise

    def _fetch(self, shard: int, stop: threading.Event | None) -> str:
        """Where a shard can be opened: where it is, or where the cache has it."""
        entry = self.shards[shard]
        url = storage.join(self.out, entry.path)
        return url if self._cache is None else str(self._cache.fetch(url, entry, stop))

    def _check_type(self, reader: ShardReader) -> None:
        wanted = self.manifest.tokenizer.token_type
        if reader.token_type != wanted:
            raise DataError(
                f"shard {reader.url} holds {reader.token_type}, the manifest says {wanted}; "
                "restore it or run again"
            )

    def _check_split(self) -> None:
        names = sorted(self.manifest.splits)
        if not self.manifest.shards:
            raise UsageError(f"the dataset at {self.out} is empty: its recipe kept no document")
        if not self.shards:
            raise UsageError(f"split is {self.split!r}; the dataset at {self.out} has {names}")

    def _check_sizes(self) -> None:
        """Ask each local shard's size; a remote one's errors show when it's read."""
        if not storage.is_local(self.out):
            return
        folder = Path(storage.resolve(self.out)[1])
        for entry in self.shards:
            try:
                found = (folder / entry.path).stat().st_size
            except FileNotFoundError as error:
                raise DataError(
                    f"shard {folder / entry.path} is missing; restore it or run again"
                ) from error
            if found != entry.bytes:
                raise DataError(
                    f"shard {folder / entry.path} has {found} bytes, the manifest says "
                    f"{entry.bytes}; restore it or run again"
                )


def _token_buffers(batch: pa.RecordBatch) -> tuple[Int32s, int, int]:
    """The list offsets of a batch's tokens, and the address and bytes of their values."""
    _, offsets, _, values = batch.column("tokens").buffers()
    places = np.frombuffer(offsets, np.int32, batch.num_rows + 1)
    return places, values.address if values else 0, values.size if values else 0


@kernel
def _scan(
    offsets: Int32s,
    copies: npt.NDArray[np.uint8],
    limits: tuple[int, int, int],
    first_row: int,
    outputs: tuple[Int64s, Int64s, Int64s],
) -> int:
    """Write length, address and row of every copy of a document with tokens; return their number.

    It is -1 if an offset would lead out of the values.
    """
    address, num_values, itemsize = limits
    lengths, addresses, rows = outputs
    count = 0
    if offsets[0] != 0:
        return -1
    for row in range(len(offsets) - 1):
        start, length = np.int64(offsets[row]), np.int64(offsets[row + 1]) - offsets[row]
        if length < 0 or start + length > num_values:
            return -1
        times = 1 if len(copies) == 0 else int(copies[row])
        for _ in range(times if length > 0 else 0):
            lengths[count] = length
            addresses[count] = address + start * itemsize
            rows[count] = first_row + row
            count += 1
    return count
