"""What is in a step, for a person who looks at it: each document and how it begins.

The texts are looked up in OUT/documents by doc_id. Nothing orders that table by id, so its ids are
read file by file until all are found, and the texts of the row groups that hold one: 16 bytes for
each document that was kept, and a row group of memory. Where there is no such table the first token
ids stand in.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from penstock import storage
from penstock.errors import DataError
from penstock.rows import Piece

BEGINNING = 72
"""How many characters of a document are shown."""
FIRST_TOKENS = 8
_COLUMNS = ["doc_id", "url", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The documents of one step's global batch; `str` shows them, one segment a line.

    `segments` is the provenance with the columns url, beginning (of the document, null where its
    text isn't there) and first_tokens (of the segment).
    """

    step: int
    epoch: int
    num_rows: int
    segments: pa.Table

    def __str__(self) -> str:
        documents = len(pc.unique(self.segments["doc_id"]))
        lines = [
            f"step {self.step}, epoch {self.epoch}: {self.num_rows} rows, "
            f"{len(self.segments)} segments of {documents} documents",
            f"{'row':>4} {'column':>6} {'tokens':>6}  document",
        ]
        return "\n".join([*lines, *map(_line, self.segments.to_pylist())])


def explain_rows(
    provenance: pa.Table, pieces: list[Piece], outs: list[str], *, step: int, epoch: int
) -> Explanation:
    """The explanation of rows whose provenance and pieces are given, of datasets in `outs`.

    Raises:
        DataError: a documents file can't be read.
    """
    doc_ids = provenance["doc_id"].combine_chunks()
    found = _find(outs, pc.unique(doc_ids))
    places = pc.index_in(doc_ids, value_set=found["doc_id"].combine_chunks())
    segments = provenance.append_column("url", found["url"].take(places))
    segments = segments.append_column("beginning", found["beginning"].take(places))
    tokens = pa.array(
        [ids for piece in pieces for ids in _first_tokens(piece)], pa.list_(pa.uint32())
    )
    segments = segments.append_column("first_tokens", tokens)
    rows = pc.max(provenance["row"]).as_py()
    return Explanation(
        step=step, epoch=epoch, num_rows=0 if rows is None else rows + 1, segments=segments
    )


def _line(segment: dict[str, object]) -> str:
    doc_id = segment["doc_id"]
    assert isinstance(doc_id, bytes)
    name = segment.get("dataset") or segment["source"]
    place = f"{segment['row']:>4} {segment['column']:>6} {segment['length']:>6}"
    start = f"from {segment['token']}" if segment["token"] else ""
    text = segment["beginning"]
    shown = f"tokens {segment['first_tokens']}" if text is None else repr(text)
    parts = [place, doc_id.hex()[:12], name, segment["url"], start, shown]
    return "  ".join(str(part) for part in parts if part)


def _first_tokens(piece: Piece) -> Iterator[list[int]]:
    """The first ids of each segment of some rows, read where the shards are mapped."""
    group, first, end = piece
    item = ctypes.c_uint16 if group.memory[0].itemsize == 2 else ctypes.c_uint32
    for segment in range(int(group.row_offsets[first]), int(group.row_offsets[end])):
        count = min(FIRST_TOKENS, int(group.lengths[segment]))
        ids = (item * count).from_address(int(group.addresses[segment]))
        yield np.ctypeslib.as_array(ids).tolist()


def _find(outs: list[str], doc_ids: pa.Array) -> pa.Table:
    """doc_id, url and beginning of those of the documents that are in the datasets' tables."""
    parts = []
    left = len(doc_ids)
    for out in outs:
        for url in storage.list_files(storage.join(out, "documents")):
            for part in _search(url, doc_ids) if left > 0 else ():
                parts.append(part)
                left -= len(part)
    schema = pa.schema(
        [("doc_id", pa.binary(16)), ("url", pa.string()), ("beginning", pa.string())]
    )
    return pa.concat_tables([schema.empty_table(), *parts])


def _search(url: str, doc_ids: pa.Array) -> Iterator[pa.Table]:
    try:
        with storage.open_input(url) as file:
            table = pq.ParquetFile(file)
            for index in range(table.num_row_groups):
                ids = table.read_row_group(index, ["doc_id"])["doc_id"]
                if pc.any(pc.is_in(ids, value_set=doc_ids)).as_py():
                    rows = table.read_row_group(index, _COLUMNS)
                    rows = rows.filter(pc.is_in(rows["doc_id"], value_set=doc_ids))
                    text = pc.utf8_slice_codeunits(rows["text"], 0, BEGINNING)
                    yield pa.table(
                        {"doc_id": rows["doc_id"], "url": rows["url"], "beginning": text}
                    )
    except (pa.ArrowInvalid, KeyError, OSError) as error:
        raise DataError(f"documents file {url} can't be read ({error}); restore it") from error
