"""The Parquet tables that a run leaves in OUT, read as a stream of batches.

Only the columns and row groups that a question needs are read, and two batches at a time are held,
so a table of any size is read in the memory of a few batches.
"""

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from penstock import storage
from penstock.errors import DataError, UsageError
from schemas.documents import DOCUMENTS as DOCUMENTS_SCHEMA

LEDGER = "ledger"
SIGNALS = "signals"
DOCUMENTS = "documents"
REJECTS = "rejects"

_BATCH_ROWS = 32_768


def open_table(out: str, name: str) -> ds.Dataset | None:
    """A table of a run's output as an Arrow dataset, or None where it has no files.

    Raises:
        DataError: a file of it isn't Parquet.
    """
    urls = _files(out, name)
    if not urls:
        return None
    filesystem = None if storage.is_local(out) else storage.resolve(out)[0]
    paths = [storage.resolve(url)[1] for url in urls]
    with _damage_of(storage.join(out, name)):
        return ds.dataset(paths, format="parquet", filesystem=filesystem)


def batches(
    out: str,
    name: str,
    columns: Sequence[str],
    *,
    where: pc.Expression | None = None,
    batch_rows: int = _BATCH_ROWS,
) -> Iterator[pa.RecordBatch]:
    """The named columns of a table, of the rows that an expression selects; none if it's absent."""
    table = open_table(out, name)
    if table is None:
        return
    scanner = table.scanner(
        columns=list(columns),
        filter=where,
        batch_size=batch_rows,
        batch_readahead=2,
        fragment_readahead=1,
    )
    with _damage_of(storage.join(out, name)):
        yield from (batch for batch in scanner.to_batches() if batch.num_rows)


def pieces(
    out: str, *, signals: Sequence[str], documents: Sequence[str]
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """The named columns of the signals and of the documents, piece by piece.

    A piece's rows stand in files of the same name, so what was kept of it is known from its own
    two files; a piece that kept nothing has a table without rows.
    """
    kept = {url.rsplit("/", 1)[-1]: url for url in _files(out, DOCUMENTS)}
    for url in _files(out, SIGNALS):
        of_piece = kept.get(url.rsplit("/", 1)[-1])
        nothing = DOCUMENTS_SCHEMA.empty_table().select(list(documents))
        yield _read(url, signals), _read(of_piece, documents) if of_piece else nothing


def _read(url: str, columns: Sequence[str]) -> pa.Table:
    with storage.open_input(url) as file, _damage_of(url):
        return pq.read_table(file, columns=list(columns))


@contextlib.contextmanager
def _damage_of(url: str) -> Iterator[None]:
    """Say of what can't be read as Parquet where it is and what to do."""
    try:
        yield
    except pa.ArrowInvalid as error:
        raise DataError(f"{url} is damaged ({error}); restore it or run again") from error


def _files(out: str, name: str) -> list[str]:
    return [u for u in storage.list_files(storage.join(out, name)) if u.endswith(".parquet")]


def rows(out: str, name: str, *, where: pc.Expression, most: int = 1000) -> list[dict[str, Any]]:
    """The first rows that an expression selects, with all columns, as plain dicts."""
    table = open_table(out, name)
    if table is None:
        return []
    found: list[dict[str, Any]] = []
    for batch in batches(out, name, table.schema.names, where=where, batch_rows=1024):
        found += batch.slice(0, most - len(found)).to_pylist()
        if len(found) >= most:
            break
    return found


def schema_metadata(out: str, name: str) -> dict[str, str]:
    """The key-value metadata of a table's schema; empty where the table is absent."""
    table = open_table(out, name)
    metadata = table.schema.metadata if table is not None else None
    return {key.decode(): value.decode() for key, value in (metadata or {}).items()}


def signal_rules(out: str) -> list[dict[str, Any]]:
    """The rules behind the bits of the signals' mask: name, stage, column, kind and threshold."""
    rules: list[dict[str, Any]] = json.loads(schema_metadata(out, SIGNALS).get("rules", "[]"))
    return rules


def require_output(out: str, *tables: str) -> None:
    """Return when there is a run's output at the URL, with a ledger and the tables named.

    Raises:
        UsageError: there is none; the message says what was looked for.
    """
    for name in (LEDGER, *tables):
        if open_table(out, name) is None:
            raise UsageError(
                f"no run output at {out}: it has no {name}/*.parquet; finish the run, or give the "
                "folder that `penstock run --output` wrote"
            )
