"""Which documents of a dataset are delivered, and how often, by what was measured on them.

OUT/signals is read once, a batch at a time, and the doc_ids that pass are sorted on disk, by way of
256 files, one for each first byte. The sorted file is mapped and searched when a window is opened,
so memory is a bucket, a 256th of what is selected, whatever the dataset's size. The file is kept in
OUT/loader, or in the user's cache folder, and its digest is part of the loader's state.

A weight is the number of copies in an epoch; what is left of a whole number is drawn by a hash of
the doc_id, so it's the same document in every epoch and no row count changes between them.

Cost: reading two columns of the signals, then 17 bytes of disk a document, and for each document of
a window a binary search.
"""

import contextlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from penstock import storage
from penstock.conditions import Conditions
from penstock.deletions import DocIds, as_doc_ids
from penstock.errors import DataError, UsageError
from penstock.places import writable_folder

SELECTION_FORMAT = 1
_ENTRY = np.dtype([("doc_id", "S16"), ("copies", "u1")])

Copies = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Selection:
    """The doc_ids to deliver, sorted, how many copies of each, and a digest of both.

    `name` is what was asked for, to tell people.
    """

    ids: DocIds
    copies: Copies
    digest: str
    name: str

    def copies_of(self, doc_ids: DocIds) -> Copies:
        """How often each document is delivered in an epoch; 0 if it isn't selected."""
        places = np.minimum(np.searchsorted(self.ids, doc_ids), len(self.ids) - 1)
        chosen: Copies = np.where(self.ids[places] == doc_ids, self.copies[places], np.uint8(0))
        return chosen


def load_selection(out: str, conditions: Conditions) -> Selection:
    """The selection that the conditions make of a dataset, kept from the last time or made.

    Raises:
        UsageError: there are no signals or no such column, or no document passes.
        DataError: the signals can't be read.
    """
    files = storage.list_files(storage.join(out, "signals"))
    if not files:
        raise UsageError(
            f"the dataset at {out} has no signals to select by; allowed: a dataset of `penstock "
            "run`, whose signals/ says what was measured, or no where and weight_by"
        )
    versions = [[url.rsplit("/", 1)[-1], storage.size(url), storage.version(url)] for url in files]
    stated = json.dumps([SELECTION_FORMAT, versions, conditions.to_json()])
    folder = writable_folder(out) / f"selection-{storage.hash_bytes(stated.encode())}"
    if not (folder / "done.json").exists():
        _make(files, conditions, folder)
    found = json.loads((folder / "done.json").read_bytes())
    if not found["documents"]:
        raise UsageError(f"{conditions} selects no document of the dataset at {out}")
    ids = np.memmap(folder / "ids.bin", "S16", "r")
    copies = np.memmap(folder / "copies.bin", np.uint8, "r")
    return Selection(ids, copies, found["digest"], str(conditions))


def _make(files: list[str], conditions: Conditions, folder: Path) -> None:
    """Write the sorted doc_ids, their copies, and last a note of what they are."""
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder.parent)))
        buckets = [stack.enter_context(open(work / f"{n:02x}", "w+b")) for n in range(256)]
        for url in files:
            for entries in _passing(url, conditions):
                _deal(entries, buckets)
        ids = stack.enter_context(storage.atomic_output(str(folder / "ids.bin")))
        copies = stack.enter_context(storage.atomic_output(str(folder / "copies.bin")))
        note = _sort_out(buckets, ids, copies)
    storage.write_bytes(str(folder / "done.json"), json.dumps(note).encode())


def _passing(url: str, conditions: Conditions) -> Iterator[npt.NDArray[Any]]:
    """The doc_ids of a signals file that pass, with their copies, a batch at a time."""
    try:
        with storage.open_input(url) as file:
            table = pq.ParquetFile(file)
            conditions.check(table.schema_arrow, url)
            columns = ["doc_id", *conditions.columns]
            for batch in table.iter_batches(columns=columns):
                yield _entries(batch, conditions)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"signals file {url} can't be read ({error}); restore it") from error


def _entries(batch: pa.RecordBatch, conditions: Conditions) -> npt.NDArray[Any]:
    chosen = batch.filter(conditions.mask(batch))
    doc_ids = as_doc_ids(chosen.column("doc_id").cast(pa.binary(16)))
    entries = np.empty(len(doc_ids), _ENTRY)
    entries["doc_id"] = doc_ids
    entries["copies"] = conditions.copies(chosen, doc_ids)
    return entries[entries["copies"] > 0]


def _deal(entries: npt.NDArray[Any], buckets: Sequence[IO[bytes]]) -> None:
    firsts = entries["doc_id"].copy().view(np.uint8)[::16]
    order = np.argsort(firsts, kind="stable")
    edges = np.searchsorted(firsts[order], np.arange(257))
    for bucket in np.unique(firsts).tolist():
        buckets[bucket].write(entries[order[edges[bucket] : edges[bucket + 1]]].tobytes())


def _sort_out(buckets: Sequence[IO[bytes]], ids: IO[bytes], copies: IO[bytes]) -> dict[str, Any]:
    digest, count = xxhash.xxh3_128(), 0
    for bucket in buckets:
        bucket.seek(0)
        entries = np.sort(np.frombuffer(bucket.read(), _ENTRY))
        # A record that came twice has one document: the last of equal ids has the most copies.
        last = np.append(entries["doc_id"][1:] != entries["doc_id"][:-1], True)[: len(entries)]
        for name, file in (("doc_id", ids), ("copies", copies)):
            data = entries[name][last].tobytes()
            digest.update(data)
            file.write(data)
        count += int(last.sum())
    return {"documents": count, "digest": digest.hexdigest()}
