"""The one check of batches: what passes, and what its errors name."""

import pyarrow as pa
import pytest

from schemas import curated, documents, hashes, ledger, records, rejects, signals, tokens
from schemas.fields import column
from schemas.validate import SchemaError, validate

SCHEMA = pa.schema(
    [
        column("id", pa.int64(), "a number"),
        column("name", pa.string(), "a name", nullable=True),
    ]
)


def batch(**columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def test_a_batch_or_table_of_the_schema_passes() -> None:
    rows = batch(id=pa.array([1, 2]), name=pa.array(["a", None]))
    validate(rows, SCHEMA)
    validate(rows.slice(1, 0), SCHEMA)
    validate(pa.Table.from_batches([rows, rows]), SCHEMA)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"id": [1]},
            r"wanted \['id', 'name'\], got \['id'\] \(missing \['name'\], unknown \[\]\)",
        ),
        ({"id": [1], "name": ["a"], "more": [1]}, r"missing \[\], unknown \['more'\]"),
        ({"name": ["a"], "id": [1]}, r"wanted \['id', 'name'\], got \['name', 'id'\]"),
        ({"id": [1.5], "name": ["a"]}, "column 'id': wanted int64, got double"),
        ({"id": [1], "name": [b"a"]}, "column 'name': wanted string, got binary"),
        ({"id": [1, None, None], "name": ["a"] * 3}, "column 'id': wanted no nulls, got 2"),
    ],
)
def test_an_error_names_the_column_what_came_and_what_was_wanted(
    columns: dict[str, list[object]], message: str
) -> None:
    rows = batch(**{name: pa.array(values) for name, values in columns.items()})
    with pytest.raises(SchemaError, match=message):
        validate(rows, SCHEMA)
    with pytest.raises(ValueError, match=message):
        validate(pa.Table.from_batches([rows]), SCHEMA)


SCHEMAS = [
    value
    for module in (curated, documents, hashes, ledger, records, rejects, signals, tokens)
    for value in vars(module).values()
    if isinstance(value, pa.Schema)
]


@pytest.mark.parametrize("schema", [*SCHEMAS, tokens.token_rows(pa.uint16())])
def test_every_column_says_what_it_means(schema: pa.Schema) -> None:
    for field in schema:
        assert field.metadata[b"meaning"].decode().strip(), field.name
    assert len(set(schema.names)) == len(schema)


def test_all_schemas_were_looked_at() -> None:
    assert len(SCHEMAS) >= 12
