"""How a column says what it means: Arrow fields that carry their meaning and unit."""

import pyarrow as pa

DOC_ID = pa.binary(16)
"""A document's 128-bit xxh3 digest, most significant byte first."""

ORDER_KEY = pa.binary(24)
"""(snapshot, date, doc_id) as bytes that compare in that order."""

DATE = pa.timestamp("s", tz="UTC")


def column(
    name: str,
    type_: pa.DataType,
    meaning: str,
    *,
    unit: str | None = None,
    nullable: bool = False,
) -> pa.Field:
    """An Arrow field whose metadata holds its meaning and, for a quantity, its unit."""
    metadata = {"meaning": meaning} | ({"unit": unit} if unit else {})
    return pa.field(name, type_, nullable=nullable, metadata=metadata)
