"""Rows for the tests of the exchange, files that hold them, and an oracle of their order."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from penstock import storage
from pipelines.exchange import ExchangeWriter, read_bucket
from pipelines.spill import Spill

SCHEMA = pa.schema(
    [
        pa.field("hash", pa.uint64(), nullable=False),
        pa.field("node", pa.binary(16), nullable=False),
        pa.field("serial", pa.int64(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("tokens", pa.list_(pa.uint16()), nullable=False),
    ]
)
ALL = ("hash", "node", "serial")
NUM_BUCKETS = 3


def rows_of(seed: int, count: int, *, distinct: int) -> pa.RecordBatch:
    """Rows with few distinct hashes and nodes, each with its own serial number."""
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 2**64, distinct, dtype=np.uint64)[
        random.integers(0, distinct, count)
    ]
    nodes = random.integers(0, distinct, (count, 16)).astype(np.uint8)
    lengths = random.integers(0, 6, count)
    tokens = pa.ListArray.from_arrays(
        pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32()),
        pa.array(random.integers(0, 2**16, int(lengths.sum())).astype(np.uint16)),
    )
    names = [None if i % 3 == 0 else f"näme {i}" * (i % 4) for i in range(count)]
    return pa.RecordBatch.from_arrays(
        [
            pa.array(hashes),
            pa.array([bytes(node) for node in nodes], pa.binary(16)),
            pa.array(np.arange(count)),
            pa.array(names, pa.string()),
            tokens,
        ],
        schema=SCHEMA,
    )


def buckets_of(rows: pa.RecordBatch) -> np.ndarray:
    return (rows.column("hash").to_numpy() % NUM_BUCKETS).astype(np.uint32)


def write_split(
    folder: Path | str,
    rows: pa.RecordBatch,
    cuts: Sequence[int],
    *,
    files: int,
    memory_bytes: int,
    sort_by: Sequence[str] = ALL,
) -> tuple[list[str], int]:
    """The rows cut into batches, dealt in order to so many writers; their files, spilled bytes."""
    edges = [0, *sorted(cut % (rows.num_rows + 1) for cut in cuts), rows.num_rows]
    parts = [rows.slice(a, b - a) for a, b in itertools.pairwise(edges)]
    urls, spilled = [], 0
    for number, own in enumerate(np.array_split(np.arange(len(parts)), files)):
        url = storage.join(str(folder), f"part-{number}")
        with ExchangeWriter(
            url, schema=SCHEMA, sort_by=sort_by, num_buckets=NUM_BUCKETS, memory_bytes=memory_bytes
        ) as writer:
            for part in own:
                writer.add(parts[part], buckets_of(parts[part]))
            spilled += writer.close().spilled_bytes
        urls.append(url)
    return urls, spilled


def read(
    urls: list[str],
    bucket: int,
    *,
    memory_bytes: int = 1 << 24,
    sort_by: Sequence[str] = ALL,
    spill: Spill | None = None,
) -> pa.Table:
    batches = read_bucket(
        urls, bucket, schema=SCHEMA, sort_by=sort_by, memory_bytes=memory_bytes, spill=spill
    )
    return pa.Table.from_batches(batches, schema=SCHEMA)


def expected(rows: pa.RecordBatch, bucket: int, sort_by: Sequence[str] = ALL) -> list[dict]:
    """The bucket's rows in the stable order that Python's own sort gives."""
    numbered = zip(rows.to_pylist(), buckets_of(rows).tolist(), strict=True)
    own = [row for row, number in numbered if number == bucket]
    return sorted(own, key=lambda row: tuple(row[name] for name in sort_by))
