"""A damaged exchange file is an error that names it, never wrong rows."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.errors import DataError
from pipelines.exchange import merge_exchange_files, read_bucket
from tests.pipelines.exchange_rows import (
    ALL,
    NUM_BUCKETS,
    SCHEMA,
    expected,
    read,
    rows_of,
    write_split,
)

ROWS = rows_of(7, 300, distinct=9)


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    """A data file, part-0, with its index."""
    folder = tmp_path_factory.mktemp("good")
    write_split(folder, ROWS, [], files=1, memory_bytes=1 << 20)
    return folder


@settings(max_examples=60)
@given(data=st.data())
def test_damage_is_found_or_changes_nothing(good, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    for path in good.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    victim = folder / data.draw(st.sampled_from(["part-0", "part-0.index"]))
    content = bytearray(victim.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[place:]
    victim.write_bytes(content)
    url, messages = str(folder / "part-0"), []
    for bucket in range(NUM_BUCKETS):
        try:
            got = read([url], bucket).to_pylist()
        except DataError as error:
            messages.append((f"exchange file {url}, bucket {bucket}: ", str(error)))
        else:
            assert got == expected(ROWS, bucket)
    assert messages
    assert all(error.startswith(start) for start, error in messages)
    with pytest.raises(DataError, match=r"exchange file .*part-0, bucket \d"):
        merge_exchange_files(
            [url],
            url + "-merged",
            schema=SCHEMA,
            sort_by=ALL,
            num_buckets=NUM_BUCKETS,
            memory_bytes=1 << 20,
        )
    assert not Path(url + "-merged").exists()


@pytest.mark.parametrize("missing", ["part-0", "part-0.index"])
def test_a_missing_file_is_named(good, tmp_path, missing):
    for path in good.iterdir():
        if path.name != missing:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(DataError, match=rf"exchange file .*{missing}, bucket 0: it is missing"):
        read([str(tmp_path / "part-0")], 0)


def test_another_schema_is_an_error(good):
    schema = SCHEMA.set(2, pa.field("serial", pa.uint64(), nullable=False))
    with pytest.raises(DataError, match="bucket 0: its index is damaged or has another schema"):
        list(
            read_bucket([str(good / "part-0")], 0, schema=schema, sort_by=ALL, memory_bytes=1 << 20)
        )
