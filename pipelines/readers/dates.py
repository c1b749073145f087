"""Dates as crawls and data sets write them, as seconds since 1970.

What can't be understood is no date, never an error: a date orders documents, it isn't their
content.
"""

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

_ISO = re.compile(r"\d{4}-\d\d-\d\d")
_PARTS = re.compile(r"(\d{4})(?:-(\d\d)|(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?)?")
_NUMBER = re.compile(r"-?\d{9,19}(?:\.\d*)?")
_FIRST, _LAST = -62_135_596_800, 253_402_300_799


def parse_date(value: object) -> int | None:
    """Seconds since 1970-01-01 UTC, or None when the value names no date.

    Understands ISO 8601 in its common forms, also shortened (2024, 2024-05), the 14 digits of ARC
    files, e-mail dates, and numbers: seconds, milli-, micro- or nanoseconds by their size, except
    that 1000 to 9999 is a year. A time without a zone is UTC.

    >>> parse_date("2024-05-18T01:58:10Z"), parse_date("20240518015810"), parse_date(1715997490000)
    (1715997490, 1715997490, 1715997490)
    >>> parse_date("yesterday") is None
    True
    """
    if isinstance(value, str):
        return _parse_text(value.strip())
    if isinstance(value, datetime):
        return _seconds(value)
    if isinstance(value, date):
        return _seconds(datetime(value.year, value.month, value.day))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _parse_text(str(value)) if 1000 <= value <= 9999 else _parse_number(value)


def _parse_text(text: str) -> int | None:
    try:
        if _ISO.match(text):
            return _seconds(datetime.fromisoformat(text))
        if parts := _PARTS.fullmatch(text):
            year, dashed, month, day, hour, minute, second = (int(p or 0) for p in parts.groups())
            return _seconds(datetime(year, dashed or month or 1, day or 1, hour, minute, second))
        if _NUMBER.fullmatch(text):
            return _parse_number(float(text))
        return _seconds(parsedate_to_datetime(text))
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _parse_number(number: float) -> int | None:
    if number != number or abs(number) > 1e19:
        return None
    for limit, unit in ((1e17, 10**9), (1e14, 10**6), (1e11, 10**3)):
        if abs(number) >= limit:
            number = number // unit
            break
    return int(number // 1) if _FIRST <= number <= _LAST else None


def _seconds(moment: datetime) -> int | None:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = int(moment.timestamp() // 1)
    return seconds if _FIRST <= seconds <= _LAST else None
