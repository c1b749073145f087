"""Parquet: columns by name, row groups by where their bytes lie.

A span owns the row groups whose first byte lies in it, so cutting a file takes no look at its
footer. `offset` is the row's number in the file. Rows are read a few at a time, by the average
size that the footer tells, so that a row group of a gigabyte isn't held in memory.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.errors import UsageError
from pipelines.readers.dates import parse_date
from pipelines.readers.jsonl import document
from pipelines.readers.options import ReadOptions
from pipelines.readers.rows import MAX_RAW_BYTES, Record, failed, utf8
from pipelines.readers.spans import DEFAULT_ID, Fields, ReadReport, Span
from pipelines.readers.stored import StoredFile
from pipelines.readers.unpack import StoredStream
from transforms.identity import identity_bytes

_BATCH_BYTES = 8 << 20


def read_parquet(
    file: StoredFile, *, span: Span, options: ReadOptions, report: ReadReport
) -> Iterator[Record]:
    """One record for each row of the span's row groups.

    Raises:
        UsageError: a column that the recipe names isn't there.
    """
    report.first_record_start, report.end = span.start, max(span.start, span.end)
    try:
        table = pq.ParquetFile(StoredStream(file), pre_buffer=False, buffer_size=1 << 20)
    except (pa.ArrowException, OSError) as error:
        # The footer is every span's; the first one gives the file its row.
        if span.start == 0:
            raw = file.view(0, MAX_RAW_BYTES)
            report.records += 1
            yield failed(offset=0, raw=raw, error=f"parquet: {error}")
        return
    columns = _columns(table.schema_arrow, span)
    for group, first_row in _row_groups(table.metadata, span):
        try:
            yield from _group_records(table, group, first_row, columns, options, report)
        except (pa.ArrowException, OSError) as error:
            # Where it's storage that failed, this fails in the same way and says so.
            raw = file.view(_first_byte(table.metadata.row_group(group)), MAX_RAW_BYTES)
            report.records += 1
            yield failed(offset=first_row, raw=raw, error=f"parquet: row group {group}: {error}")


def _columns(schema: pa.Schema, span: Span) -> Fields:
    """The fields that are there; only the text, and an id that the recipe names, must be."""
    fields = span.fields
    for option, name in (("text_field", fields.text), ("id_field", fields.id)):
        if name not in (None, DEFAULT_ID, *schema.names):
            raise UsageError(
                f"inputs.{span.input}.{option}: no column {name!r} in {span.url}; "
                f"its columns are {', '.join(schema.names)}"
            )
    type_ = schema.field(fields.text).type
    if not _is_text(type_):
        raise UsageError(
            f"inputs.{span.input}.text_field: column {fields.text!r} of {span.url} is {type_}; "
            "choose a column of strings"
        )
    url = fields.url if fields.url in schema.names else None
    date = fields.date if fields.date in schema.names else None
    id_ = fields.id if fields.id in schema.names else None
    return Fields(text=fields.text, id=id_, url=url, date=date)


def _is_text(type_: pa.DataType) -> bool:
    if pa.types.is_dictionary(type_):
        return _is_text(type_.value_type)
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(kind(type_) for kind in kinds)


def _row_groups(metadata: pq.FileMetaData, span: Span) -> Iterator[tuple[int, int]]:
    """(number, first row) of the row groups whose first byte lies in the span."""
    first_row = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if group.num_columns and span.start <= _first_byte(group) < max(span.end, 1):
            yield number, first_row
        first_row += group.num_rows


def _first_byte(group: pq.RowGroupMetaData) -> int:
    column = group.column(0)
    dictionary = column.dictionary_page_offset
    data = int(column.data_page_offset)
    return data if dictionary is None else min(int(dictionary), data)


def _group_records(
    table: pq.ParquetFile,
    group: int,
    first_row: int,
    fields: Fields,
    options: ReadOptions,
    report: ReadReport,
) -> Iterator[Record]:
    metadata = table.metadata.row_group(group)
    num_rows = max(metadata.num_rows, 1)
    fitting = _BATCH_BYTES * num_rows // (metadata.total_byte_size + 1)
    rows = max(1, min(options.batch_rows, fitting))
    names = [n for n in (fields.text, fields.id, fields.url, fields.date) if n is not None]
    row = first_row
    for batch in table.iter_batches(rows, row_groups=[group], columns=names, use_threads=False):
        report.records += batch.num_rows
        yield from _batch_records(batch, row, fields, options)
        row += batch.num_rows


def _batch_records(
    batch: pa.RecordBatch, first_row: int, fields: Fields, options: ReadOptions
) -> Iterator[Record]:
    nothing = [None] * batch.num_rows
    texts = batch[fields.text].to_pylist()
    given = batch[fields.id].to_pylist() if fields.id else nothing
    urls = batch[fields.url].to_pylist() if fields.url else nothing
    dates = _seconds(batch[fields.date]) if fields.date else nothing
    for row, text in enumerate(texts):
        url = urls[row] if isinstance(urls[row], str) else None
        id_ = None if given[row] is None else str(given[row])
        if text is None:
            yield _without_text(first_row + row, id_, url, dates[row], fields.text)
            continue
        yield document(
            utf8(text),
            offset=first_row + row,
            given_id=id_,
            url=url,
            date=dates[row],
            max_record_bytes=options.max_record_bytes,
        )


def _without_text(
    row: int, given_id: str | None, url: str | None, date: int | None, field: str
) -> Record:
    identity = identity_bytes(None, given_id, url, date)
    error = f"text_field: {field!r} is null"
    return failed(offset=row, raw=b"", error=error, identity=identity, url=url, date=date)


def _seconds(dates: pa.Array) -> list[int | None]:
    if pa.types.is_timestamp(dates.type) or pa.types.is_date(dates.type):
        zone = dates.type.tz if pa.types.is_timestamp(dates.type) else None
        seconds = dates.cast(pa.timestamp("s", zone), safe=False).cast(pa.int64())
        return list(seconds.to_pylist())
    return [parse_date(value) for value in dates.to_pylist()]
