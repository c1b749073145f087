"""The one shuffle of all engines: rows to buckets by key, through files in storage.

Each map task leaves one data file, sorted by bucket and within a bucket by key, and one index of
fixed-width entries; a reducer reads one entry and one byte range from each file and merges the
ranges into one sorted stream. Nothing passes from worker to worker, so a killed worker loses
nothing, and any engine gives the same bytes.

    write:  batches -> memory -> (sorted runs on local disk) -> data file, then index
    read:   entries of one bucket -> ranges of all files -> merge -> sorted batches
    above FAN_IN map tasks: merge groups of files, bucket by bucket, then read those

Cost, one core: 5 million rows of (uint64, 24 bytes, uint8) are written in 1.2 s and read in 0.25 s,
with a fifth of the memory that they need in 1.7 s and 0.5 s. A segment of one task and bucket costs
50 µs and 48 bytes beside its rows, so a thousand tasks times a thousand buckets cost 50 s in all.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.blocks import Layout
from pipelines.exchange_file import (
    BUCKET,
    ExchangeFile,
    bucket_runs,
    file_run,
    with_bucket,
    write_file,
)
from pipelines.merge import (
    MAX_HELD_BYTES,
    block_bytes_for,
    held_bytes_for,
    merge_runs,
    sorted_batches,
)
from pipelines.sortkeys import check_sortable
from pipelines.spill import Run, Spill, SpillFile
from schemas.validate import validate

FAN_IN = 1000
"""Map files that one reducer reads; more are merged in groups first."""


class ExchangeWriter:
    """Collects the rows of one map task and leaves them sorted by bucket and key in one file.

    The file is there when `close` returns; leaving the `with` block early leaves nothing.
    """

    def __init__(
        self,
        url: str,
        *,
        schema: pa.Schema,
        sort_by: Sequence[str],
        num_buckets: int,
        memory_bytes: int,
        spill: Spill | None = None,
    ) -> None:
        check_sortable(schema, sort_by)
        self._url, self._schema, self.num_buckets = url, schema, num_buckets
        self._layout = Layout(with_bucket(schema))
        self._sort_by = (BUCKET, *sort_by)
        self._memory_bytes = memory_bytes
        self._pending_limit = min(memory_bytes // 2, MAX_HELD_BYTES)
        self._spill = spill or Spill()
        self._spill_file: SpillFile | None = None
        self._runs: list[Run] = []
        self._pending: list[pa.RecordBatch] = []
        self._pending_bytes = 0

    def __enter__(self) -> "ExchangeWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()

    def add(self, rows: pa.RecordBatch | pa.Table, buckets: npt.NDArray[np.uint32]) -> None:
        """Take rows with the bucket of each."""
        validate(rows, self._schema)
        _check_buckets(buckets, rows.num_rows, self.num_buckets)
        batches = rows.to_batches() if isinstance(rows, pa.Table) else [rows]
        at = 0
        for batch in batches:
            ids = pa.array(buckets[at : at + batch.num_rows], pa.uint32())
            at += batch.num_rows
            whole = pa.RecordBatch.from_arrays([ids, *batch.columns], schema=self._layout.schema)
            self._take(whole)

    def close(self) -> ExchangeFile:
        """Write the data file and then its index."""
        try:
            return write_file(
                self._url,
                self._sorted(),
                schema=self._schema,
                num_buckets=self.num_buckets,
                memory_bytes=self._memory_bytes,
                spill=self._spill,
            )
        finally:
            self.abandon()

    def _take(self, batch: pa.RecordBatch) -> None:
        # Half is for the sorted copy, and a row needs some 32 bytes of keys and order.
        size = self._layout.num_bytes(batch) + 32 * batch.num_rows
        if self._pending and self._pending_bytes + size > self._pending_limit:
            self._spill_pending()
        self._pending.append(batch)
        self._pending_bytes += size

    def _spill_pending(self) -> None:
        if self._spill_file is None:
            self._spill_file = SpillFile(self._spill)
        rows = sorted_batches(self._pending, self._sort_by)
        block_bytes = block_bytes_for(self._memory_bytes)
        self._runs.append(self._spill_file.append(rows, self._layout, block_bytes=block_bytes))
        self._pending, self._pending_bytes = [], 0

    def _sorted(self) -> Iterator[pa.RecordBatch]:
        if not self._runs:
            return sorted_batches(self._pending, self._sort_by)
        self._spill_pending()
        return merge_runs(
            self._runs,
            layout=self._layout,
            sort_by=self._sort_by,
            memory_bytes=self._memory_bytes,
            spill=self._spill,
        )

    def abandon(self) -> None:
        """Let go of memory and local disk without writing anything."""
        self._pending, self._pending_bytes = [], 0
        if self._spill_file is not None:
            self._spill_file.close()


def read_bucket(
    urls: Sequence[str],
    bucket: int,
    *,
    schema: pa.Schema,
    sort_by: Sequence[str],
    memory_bytes: int,
    spill: Spill | None = None,
) -> Iterator[pa.RecordBatch]:
    """All rows of a bucket from all map tasks' files in order of sort_by, in bounded batches.

    Rows with equal keys come in the order of the files and, within one, in the order written.

    Raises:
        DataError: a file is missing, cut off, damaged or of another schema; names file and bucket.
    """
    check_sortable(schema, sort_by)
    runs = bucket_runs(urls, bucket, schema, fetch_bytes=held_bytes_for(memory_bytes))
    return merge_runs(
        runs,
        layout=Layout(schema),
        sort_by=sort_by,
        memory_bytes=memory_bytes,
        spill=spill or Spill(),
    )


def merge_exchange_files(
    urls: Sequence[str],
    out_url: str,
    *,
    schema: pa.Schema,
    sort_by: Sequence[str],
    num_buckets: int,
    memory_bytes: int,
    spill: Spill | None = None,
) -> ExchangeFile:
    """One exchange file with the rows of several: the first level when map tasks are many."""
    check_sortable(schema, sort_by)
    spill = spill or Spill()
    runs = [file_run(url, num_buckets, schema) for url in urls]
    rows = merge_runs(
        runs,
        layout=Layout(with_bucket(schema)),
        sort_by=(BUCKET, *sort_by),
        memory_bytes=memory_bytes,
        spill=spill,
    )
    return write_file(
        out_url,
        rows,
        schema=schema,
        num_buckets=num_buckets,
        memory_bytes=memory_bytes,
        spill=spill,
    )


def _check_buckets(buckets: npt.NDArray[np.uint32], num_rows: int, num_buckets: int) -> None:
    if len(buckets) != num_rows:
        raise ValueError(f"buckets: got {len(buckets)} for {num_rows} rows, wanted one for each")
    if num_rows and int(buckets.max()) >= num_buckets:
        raise ValueError(f"buckets: got {int(buckets.max())}, allowed are 0 to {num_buckets - 1}")
