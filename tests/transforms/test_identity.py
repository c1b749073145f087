import datetime

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from schemas.fields import DATE, DOC_ID, ORDER_KEY
from transforms.identity import identity_bytes, keyed_hash, order_keys, record_id

IDS = st.binary(min_size=16, max_size=16)
SECONDS = st.none() | st.integers(0, 2**40)


def ids_of(values: list[bytes]) -> pa.Array:
    return pa.array(values, DOC_ID)


@given(st.binary(), st.binary())
def test_record_id_is_the_digest_of_the_fixed_encoding(identity: bytes, content: bytes) -> None:
    encoded = len(identity).to_bytes(8, "little") + identity + content
    expected = xxhash.xxh3_128_intdigest(encoded).to_bytes(16, "big")
    assert record_id(identity=identity, content=content) == expected


def test_what_belongs_to_the_identity_is_not_content() -> None:
    assert record_id(identity=b"ab", content=b"c") != record_id(identity=b"a", content=b"bc")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("<urn:uuid:1>", "7", "http://a/", 5), b"w\0<urn:uuid:1>"),
        ((None, "7", "http://a/", 5), b"i\x007"),
        (("", "", "http://a/", 5), b"u\0http://a/\0" + bytes(7) + b"\x05"),
        ((None, None, "http://a/", None), b"u\0http://a/\0"),
        ((None, None, None, -1), b"u\0\0" + b"\xff" * 8),
        ((None, None, None, None), b""),
        ((None, None, "", None), b""),
        ((None, "\ud800", None, None), b"i\0\xed\xa0\x80"),
    ],
)
def test_the_first_name_that_a_record_has_is_its_identity(
    arguments: tuple[str | None, str | None, str | None, int | None], expected: bytes
) -> None:
    assert identity_bytes(*arguments) == expected


def mix_in_python(value: int) -> int:
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
    return value ^ (value >> 31)


def test_the_finalizer_is_splitmix64() -> None:
    # The first outputs of the published generator seeded with 1234567.
    state, outputs = 1234567, []
    for _ in range(2):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        outputs.append(mix_in_python(state))
    assert outputs == [6457827717110365317, 3203168211198807973]


@given(st.lists(IDS, max_size=8), st.integers(-(2**70), 2**70))
def test_keyed_hash_mixes_both_halves_and_the_seed(values: list[bytes], seed: int) -> None:
    key = mix_in_python((seed + 0x9E3779B97F4A7C15) % 2**64)
    expected = [
        mix_in_python(
            (mix_in_python(int.from_bytes(v[:8], "big") ^ key) + int.from_bytes(v[8:], "big"))
            % 2**64
        )
        for v in values
    ]
    hashes = keyed_hash(ids_of(values), seed=seed)
    assert hashes.dtype == np.uint64
    assert hashes.tolist() == expected


@given(st.lists(IDS, min_size=1, max_size=8), st.integers(0, 8))
def test_keyed_hash_does_not_see_batch_boundaries(values: list[bytes], cut: int) -> None:
    whole = ids_of(values)
    parts = [keyed_hash(whole.slice(0, cut), seed=3), keyed_hash(whole.slice(cut), seed=3)]
    assert np.concatenate(parts).tolist() == keyed_hash(whole, seed=3).tolist()


def test_keyed_hash_spreads_ids_that_hardly_differ() -> None:
    ids = ids_of([i.to_bytes(16, "big") for i in range(4096)])
    shares = np.bincount((keyed_hash(ids, seed=0) >> np.uint64(60)).astype(int), minlength=16)
    # 256 +- 15.5 expected in each sixteenth: five deviations.
    assert (np.abs(shares - 256) < 78).all()
    assert (keyed_hash(ids, seed=0) != keyed_hash(ids, seed=1)).all()


@given(st.lists(st.tuples(st.integers(0, 65535), SECONDS, IDS), max_size=8))
def test_order_keys_compare_as_snapshot_date_and_id(
    rows: list[tuple[int, int | None, bytes]],
) -> None:
    def key(row: tuple[int, int | None, bytes]) -> bytes:
        dates = pa.array([row[1]], pa.int64()).cast(DATE)
        keys = order_keys(ids_of([row[2]]), dates, snapshot=row[0])
        assert keys.type == ORDER_KEY
        return bytes(keys[0].as_py())

    def natural(row: tuple[int, int | None, bytes]) -> tuple[int, float, bytes]:
        return (row[0], float("inf") if row[1] is None else row[1], row[2])

    assert sorted(rows, key=key) == sorted(rows, key=natural)


def test_order_keys_take_finer_timestamps_and_clamp_early_dates() -> None:
    def date_bytes(date: datetime.datetime, unit: str) -> bytes:
        dates = pa.array([date], pa.timestamp(unit, tz="UTC"))
        return bytes(order_keys(ids_of([bytes(16)]), dates, snapshot=1)[0].as_py()[:8])

    moment = datetime.datetime(2024, 5, 6, 7, 8, 9, 999_000, tzinfo=datetime.UTC)
    expected = b"\0\x01" + int(moment.timestamp()).to_bytes(6, "big")
    assert date_bytes(moment, "s") == date_bytes(moment, "us") == expected
    early = datetime.datetime(1950, 1, 1, tzinfo=datetime.UTC)
    assert date_bytes(early, "s") == b"\0\x01" + bytes(6)


def test_order_keys_of_slices_are_slices_of_order_keys() -> None:
    ids = ids_of([bytes([i]) * 16 for i in range(6)])
    dates = pa.array([5, None, 4, 3, None, 2], pa.timestamp("s", tz="UTC"))
    whole = order_keys(ids, dates, snapshot=2)
    assert order_keys(ids.slice(2, 3), dates.slice(2, 3), snapshot=2).equals(whole.slice(2, 3))
    assert len(order_keys(ids.slice(0, 0), dates.slice(0, 0), snapshot=0)) == 0


def test_order_keys_refuse_what_does_not_fit() -> None:
    ids, dates = ids_of([bytes(16)]), pa.array([0], DATE)
    with pytest.raises(ValueError, match="snapshot: got 65536, allowed 0 to 65535"):
        order_keys(ids, dates, snapshot=65536)
    with pytest.raises(ValueError, match="dates: got 0 for 1 doc_ids"):
        order_keys(ids, dates.slice(1), snapshot=0)
