from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.readers.dates import parse_date


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-05-18T01:58:10Z", "2024-05-18T01:58:10"),
        ("2024-05-18T01:58:10.999999Z", "2024-05-18T01:58:10"),
        ("2024-05-18 01:58:10+02:00", "2024-05-17T23:58:10"),
        ("2024-05-18T01:58", "2024-05-18T01:58:00"),
        ("2024-05-18", "2024-05-18T00:00:00"),
        (" 2024-05 ", "2024-05-01T00:00:00"),
        ("2024", "2024-01-01T00:00:00"),
        (2024, "2024-01-01T00:00:00"),
        ("20240518", "2024-05-18T00:00:00"),
        ("20240518015810", "2024-05-18T01:58:10"),
        ("Sat, 18 May 2024 01:58:10 GMT", "2024-05-18T01:58:10"),
        (1715997490, "2024-05-18T01:58:10"),
        (1715997490.9, "2024-05-18T01:58:10"),
        ("1715997490", "2024-05-18T01:58:10"),
        (1715997490123, "2024-05-18T01:58:10"),
        (1715997490123456, "2024-05-18T01:58:10"),
        (1715997490123456789, "2024-05-18T01:58:10"),
        (-1, "1969-12-31T23:59:59"),
        (date(2024, 5, 18), "2024-05-18T00:00:00"),
        (datetime(2024, 5, 18, 1), "2024-05-18T01:00:00"),
    ],
)
def test_dates(value: object, expected: str) -> None:
    seconds = parse_date(value)
    assert seconds is not None
    assert datetime.fromtimestamp(seconds, UTC).isoformat()[:19] == expected


@pytest.mark.parametrize(
    "value",
    [None, "", "yesterday", "2024-13-01", "20241301", "2008-10-294T05:21:46-0700", "0000-00-00"],
)
def test_texts_that_are_no_date(value: object) -> None:
    assert parse_date(value) is None


@pytest.mark.parametrize(
    "value", [True, [], {}, b"2024", float("nan"), float("inf"), 1e300, -(10**30)]
)
def test_values_that_are_no_date(value: object) -> None:
    assert parse_date(value) is None


@given(st.text() | st.integers() | st.floats() | st.none() | st.binary())
def test_nothing_makes_it_fail(value: object) -> None:
    parse_date(value)


@given(st.datetimes(timezones=st.just(UTC)))
def test_iso_dates_come_back(moment: datetime) -> None:
    assert parse_date(moment.isoformat()) == int(moment.timestamp() // 1)
