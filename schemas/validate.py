"""One check that a batch has the columns that a schema promises."""

import pyarrow as pa


class SchemaError(ValueError):
    """A batch doesn't have the columns that its schema promises."""


def validate(batch: pa.RecordBatch | pa.Table, schema: pa.Schema) -> None:
    """Return when the batch has exactly the schema's columns, types and no forbidden nulls.

    Raises:
        SchemaError: names the column, what came and what was wanted.
    """
    expected, received = schema.names, batch.schema.names
    missing = [name for name in expected if name not in received]
    unknown = [name for name in received if name not in expected]
    if expected != received:
        raise SchemaError(
            f"columns: wanted {expected}, got {received} (missing {missing}, unknown {unknown})"
        )
    for field in schema:
        array = batch.column(field.name)
        if array.type != field.type:
            raise SchemaError(f"column {field.name!r}: wanted {field.type}, got {array.type}")
        if not field.nullable and array.null_count:
            raise SchemaError(f"column {field.name!r}: wanted no nulls, got {array.null_count}")
