"""Sizes as people write them: '256MB', '8 MiB', '1.5 GB' or a plain number of bytes.

MB is 10^6 and MiB is 2^20, as disks and object stores count.
"""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

_UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)


def parse_size(value: object) -> int:
    """The number of bytes that a size names.

    Raises:
        ValueError: what came isn't a size; the message shows how to write one.

    >>> parse_size("256MB"), parse_size("1.5 KiB"), parse_size(64)
    (256000000, 1536, 64)
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    unit = _UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise ValueError("a size is a number with a unit, such as 256MB, 8MiB or 1.5GB")
    return round(float(match[1]) * unit) if "." in match[1] else int(match[1]) * unit


def format_size(num_bytes: float) -> str:
    """A number of bytes for people, in three digits.

    >>> format_size(0), format_size(1536), format_size(256_000_000)
    ('0 B', '1.54 kB', '256 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 999.5:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:,.3g} TB" if num_bytes < 999.5 else f"{num_bytes:,.0f} TB"


Size = Annotated[
    int,
    BeforeValidator(parse_size),
    Field(ge=0),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}], "examples": ["256MB"]}
    ),
]
"""A recipe option in bytes, which may be written with a unit."""
