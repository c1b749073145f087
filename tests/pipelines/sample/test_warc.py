import gzip
import io
import zlib

import pytest
from fastwarc.warc import ArchiveIterator
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sample.files import png
from pipelines.sample.warc import (
    broken_member,
    clipped_member,
    gzip_stored,
    record_id,
    unreadable_member,
    warc_record,
)

RECORD = warc_record(
    [("WARC-Type", "resource"), ("WARC-Record-ID", record_id(1)), ("WARC-Target-URI", "urn:a")],
    b"water " * 200,
)


@given(data=st.binary(max_size=3000), block_size=st.integers(1, 65535))
def test_stored_members_hold_the_data(data: bytes, block_size: int) -> None:
    assert gzip.decompress(gzip_stored(data, block_size=block_size)) == data


@pytest.mark.parametrize("size", [0, 1, 65534, 65535, 65536, 65535 * 2, 65535 * 2 + 1])
def test_stored_members_hold_data_of_any_length(size: int) -> None:
    assert gzip.decompress(gzip_stored(bytes(size))) == bytes(size)


def test_a_record_is_what_fastwarc_reads() -> None:
    [record] = [
        (r.record_id, r.headers["WARC-Target-URI"], r.verify_block_digest(), r.reader.read())
        for r in ArchiveIterator(io.BytesIO(gzip_stored(RECORD)), parse_http=False)
    ]
    assert record == (record_id(1), "urn:a", True, b"water " * 200)


def test_a_broken_member_can_be_inflated_as_far_as_its_headers() -> None:
    member = broken_member(RECORD)
    inflater = zlib.decompressobj(wbits=31)
    head = b"".join(inflater.decompress(member[i : i + 1]) for i in range(100))
    assert RECORD.startswith(head)
    with pytest.raises(zlib.error):
        gzip.decompress(member)


def test_of_an_unreadable_member_nothing_can_be_inflated() -> None:
    with pytest.raises(zlib.error):
        zlib.decompressobj(wbits=31).decompress(unreadable_member(RECORD)[:15])


def test_a_clipped_member_ends_too_early() -> None:
    inflater = zlib.decompressobj(wbits=31)
    assert RECORD.startswith(inflater.decompress(clipped_member(RECORD)))
    assert not inflater.eof


def test_pictures_are_pictures() -> None:
    image = pytest.importorskip("PIL.Image").open(io.BytesIO(png(9, 7, shade=200)))
    assert image.size == (9, 7)
    assert image.getpixel((8, 6)) == 200
