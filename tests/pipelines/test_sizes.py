import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sizes import format_size, parse_size


@pytest.mark.parametrize(
    ("written", "num_bytes"),
    [
        ("0", 0),
        ("64", 64),
        ("64B", 64),
        ("256MB", 256_000_000),
        ("256 mb", 256_000_000),
        ("8MiB", 8 * 2**20),
        ("1.5GB", 1_500_000_000),
        (" 2 TiB ", 2 * 2**40),
        (12, 12),
    ],
)
def test_a_size_is_a_number_with_a_unit(written: object, num_bytes: int) -> None:
    assert parse_size(written) == num_bytes


@pytest.mark.parametrize(
    "written", ["", "MB", "-1MB", "1e3", "1,5GB", "5 apples", None, True, -1, 1.5]
)
def test_anything_else_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="a size is a number with a unit, such as 256MB"):
        parse_size(written)


@given(st.integers(0, 2**53))
def test_a_plain_number_is_itself(num_bytes: int) -> None:
    assert parse_size(num_bytes) == parse_size(str(num_bytes)) == num_bytes


@given(st.integers(0, 10**17))
def test_a_formatted_size_is_within_half_a_percent(num_bytes: int) -> None:
    written = format_size(num_bytes).replace(",", "").replace(" ", "")
    if "e" not in written:
        assert abs(parse_size(written) - num_bytes) <= 0.005 * num_bytes
