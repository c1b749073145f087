"""Shards: Arrow IPC files of tokenized documents that the loader maps into memory as they are.

A shard's bytes depend on its rows alone, however the writer's caller split them: a record batch
ends after a fixed number of rows or at the first row that fills it with tokens, every buffer is
built afresh (offsets from 0, no validity bitmap, zeroed padding) and nothing is compressed. So the
writer holds one batch, which costs a copy of every token (1 GB/s and more), and a batch is
the unit of a long sequential read. Buffers are aligned to 8 bytes, as Arrow's writer does.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from penstock import storage
from penstock.errors import DataError

SHARD_FORMAT = 2
ROWS_PER_BATCH = 8192
TOKENS_PER_BATCH = 1 << 22

_FORMAT_KEY = b"penstock.shard_format"
_TYPE_KEY = b"penstock.token_type"
_IPC_OPTIONS = {
    "metadata_version": pa.ipc.MetadataVersion.V5,
    "compression": None,
    "use_threads": False,
}


def shard_schema(token_type: str) -> pa.Schema:
    """The schema of a shard: doc_id, tokens (list of `token_type`) and source_id, none null."""
    return pa.schema(
        [
            pa.field("doc_id", pa.binary(16), nullable=False),
            pa.field("tokens", pa.list_(pa.type_for_alias(token_type)), nullable=False),
            pa.field("source_id", pa.int32(), nullable=False),
        ],
        metadata={_FORMAT_KEY: str(SHARD_FORMAT).encode(), _TYPE_KEY: token_type.encode()},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardInfo:
    """What a finished shard holds: its documents, tokens, bytes and hash."""

    rows: int
    tokens: int
    bytes: int
    xxh3_128: str


@dataclass(frozen=True, slots=True)
class _Rows:
    """Some rows as flat arrays that belong to the writer."""

    doc_ids: npt.NDArray[np.uint8]
    lengths: npt.NDArray[np.int64]
    tokens: npt.NDArray[Any]
    source_ids: npt.NDArray[np.int32]


class ShardWriter:
    """Writes one shard, which appears whole under its name when `close` returns.

    As a context manager it closes at the end of the block, and leaves nothing after an error.

    >>> ids = pa.array([b"a" * 16, b"b" * 16], pa.binary(16))
    >>> tokens = pa.array([[1, 2, 3], [4]], pa.list_(pa.uint16()))
    >>> writer = ShardWriter("memory://doctest/0.arrow", token_type="uint16")
    >>> writer.write(ids, tokens, pa.array([0, 0], pa.int32()))
    >>> info = writer.close()
    >>> info.rows, info.tokens
    (2, 4)
    """

    def __init__(
        self,
        url: str,
        *,
        token_type: str,
        rows_per_batch: int = ROWS_PER_BATCH,
        tokens_per_batch: int = TOKENS_PER_BATCH,
    ) -> None:
        if rows_per_batch < 1 or tokens_per_batch < 1:
            raise ValueError(
                f"rows_per_batch is {rows_per_batch} and tokens_per_batch {tokens_per_batch}; "
                "both must be at least 1"
            )
        self._schema = shard_schema(token_type)
        self._limits = (rows_per_batch, tokens_per_batch)
        self._pending: list[_Rows] = []
        self._pending_rows = self._pending_tokens = 0
        self._rows = self._tokens = 0
        self._info: ShardInfo | None = None
        self._stack = contextlib.ExitStack()
        self._file = storage.HashingOutput(self._stack.enter_context(storage.atomic_output(url)))
        options = pa.ipc.IpcWriteOptions(**_IPC_OPTIONS)
        self._writer = pa.ipc.new_file(self._file, self._schema, options=options)

    def write(self, doc_ids: pa.Array, tokens: pa.Array, source_ids: pa.Array) -> None:
        """Append documents: ids of 16 bytes, a list of token ids each, and an int32 source each."""
        rows = self._flat(doc_ids, tokens, source_ids)
        ends = np.cumsum(rows.lengths)
        done = done_tokens = 0
        while done < len(ends):
            end = self._batch_end(ends, done, done_tokens)
            stop = min(end, len(ends))
            stop_tokens = int(ends[stop - 1])
            self._append(rows, slice(done, stop), slice(done_tokens, stop_tokens))
            if stop == end:
                self._flush()
            done, done_tokens = stop, stop_tokens

    def close(self) -> ShardInfo:
        """Finish the file and return what it holds; closing twice is fine."""
        if self._info is None:
            try:
                self._flush()
                self._writer.close()
            except BaseException as error:
                self._stack.__exit__(type(error), error, error.__traceback__)
                raise
            self._stack.close()
            self._info = ShardInfo(
                rows=self._rows,
                tokens=self._tokens,
                bytes=self._file.num_bytes,
                xxh3_128=self._file.hexdigest,
            )
        return self._info

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        elif self._info is None:
            with contextlib.suppress(BaseException):
                self._stack.__exit__(kind, error, trace)

    def _flat(self, doc_ids: pa.Array, tokens: pa.Array, source_ids: pa.Array) -> _Rows:
        """The rows as arrays over the caller's memory, checked."""
        wanted = [pa.binary(16), self._schema.field("tokens").type.value_type, pa.int32()]
        found = [doc_ids.type, getattr(tokens.type, "value_type", tokens.type), source_ids.type]
        if found != wanted:
            raise ValueError(f"doc_ids, tokens, source_ids are of {found}; allowed: {wanted}")
        if not len(doc_ids) == len(tokens) == len(source_ids):
            raise ValueError(
                f"doc_ids, tokens, source_ids have {len(doc_ids)}, {len(tokens)}, "
                f"{len(source_ids)} rows; they must be equal"
            )
        offsets = tokens.offsets.to_numpy().astype(np.int64) if len(tokens) else np.zeros(1, int)
        values = tokens.values.slice(offsets[0], offsets[-1] - offsets[0])
        if doc_ids.null_count or tokens.null_count or source_ids.null_count or values.null_count:
            raise ValueError("doc_ids, tokens, source_ids hold nulls; a shard has none")
        ids = np.frombuffer(doc_ids.buffers()[1] or b"", np.uint8)
        first = doc_ids.offset * 16
        return _Rows(
            ids[first : first + len(doc_ids) * 16],
            np.diff(offsets),
            values.to_numpy(),
            source_ids.to_numpy(),
        )

    def _batch_end(self, ends: npt.NDArray[np.int64], done: int, done_tokens: int) -> int:
        """The row after the one that completes the pending batch, past the end if none does."""
        rows_per_batch, tokens_per_batch = self._limits
        wanted = done_tokens + tokens_per_batch - self._pending_tokens
        by_tokens = int(np.searchsorted(ends, wanted, side="left")) + 1
        return min(done + rows_per_batch - self._pending_rows, by_tokens)

    def _append(self, rows: _Rows, span: slice, token_span: slice) -> None:
        part = _Rows(
            rows.doc_ids[span.start * 16 : span.stop * 16].copy(),
            rows.lengths[span],
            rows.tokens[token_span].copy(),
            rows.source_ids[span].copy(),
        )
        self._pending.append(part)
        self._pending_rows += len(part.lengths)
        self._pending_tokens += len(part.tokens)

    def _flush(self) -> None:
        if not self._pending:
            return
        parts, count = self._pending, self._pending_rows
        offsets = np.zeros(count + 1, np.int32)
        np.cumsum(np.concatenate([p.lengths for p in parts]), out=offsets[1:])
        value_field = self._schema.field("tokens").type.value_field
        values = _primitive(value_field.type, [p.tokens for p in parts])
        lists = [None, pa.py_buffer(offsets)]
        arrays = [
            _primitive(pa.binary(16), [p.doc_ids for p in parts], count),
            pa.Array.from_buffers(pa.list_(value_field), count, lists, children=[values]),
            _primitive(pa.int32(), [p.source_ids for p in parts]),
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._rows += count
        self._tokens += self._pending_tokens
        self._pending, self._pending_rows, self._pending_tokens = [], 0, 0


_UNREADABLE = (pa.ArrowException, OSError, ValueError)
"""What Arrow raises for damaged files, also where it has no such type or a name isn't text."""


class ShardReader:
    """Reads a shard's batches: mapped into memory where the file is local, by range elsewhere.

    Raises:
        DataError: the file is missing, truncated or of another format.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._file = _open_arrow(url)
            self._reader = pa.ipc.open_file(self._file)
            self.token_type = self._check_schema()
            self.num_batches = int(self._reader.num_record_batches)
        except FileNotFoundError as error:
            raise DataError(f"shard {url} is missing; restore it or run again") from error
        except _UNREADABLE as error:
            raise DataError(f"shard {url} can't be read ({error}); restore it or run again") from (
                error
            )

    def batch(self, index: int) -> pa.RecordBatch:
        """One record batch: doc_id, tokens, source_id."""
        try:
            return self._reader.get_batch(index)
        except _UNREADABLE as error:
            raise DataError(
                f"shard {self.url}: batch {index} can't be read ({error}); restore it or run again"
            ) from error

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All record batches, in order."""
        return (self.batch(index) for index in range(self.num_batches))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_schema(self) -> str:
        schema = self._reader.schema
        metadata = schema.metadata or {}
        found = metadata.get(_FORMAT_KEY, b"none").decode()
        if found != str(SHARD_FORMAT):
            raise DataError(
                f"shard {self.url}: format is {found}; this program reads {SHARD_FORMAT}; "
                "install the Penstock version that wrote it"
            )
        token_type = str(metadata.get(_TYPE_KEY, b"").decode())
        if token_type not in ("uint16", "uint32") or schema != shard_schema(token_type):
            raise DataError(
                f"shard {self.url}: columns are {schema.names} of {schema.types}; this program "
                f"reads {shard_schema('uint16').names}; restore it or run again"
            )
        return token_type


def _primitive(type_: pa.DataType, parts: list[npt.NDArray[Any]], count: int = -1) -> pa.Array:
    values = np.concatenate(parts)
    length = len(values) if count < 0 else count
    return pa.Array.from_buffers(type_, length, [None, pa.py_buffer(values)])


def _open_arrow(url: str) -> Any:
    if storage.is_local(url):
        return pa.memory_map(storage.resolve(url)[1], "r")
    return pa.PythonFile(storage.open_input(url), mode="r")
