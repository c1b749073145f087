"""The exchange works the same on an object store as on a local disk."""

import uuid
from collections.abc import Iterator

import pytest

from penstock import storage
from penstock.errors import DataError
from pipelines.exchange import merge_exchange_files
from tests.pipelines.exchange_rows import (
    ALL,
    NUM_BUCKETS,
    SCHEMA,
    expected,
    read,
    rows_of,
    write_split,
)


@pytest.fixture(scope="module")
def s3_folder() -> Iterator[str]:
    """A folder on an S3 server that runs in this process."""
    pytest.importorskip("s3fs")
    server_module = pytest.importorskip("moto.server")
    server = server_module.ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        fs, _ = storage.resolve("s3://penstock-test/x")
        fs.mkdir("penstock-test")
        yield "s3://penstock-test/exchange"
        fs.clear_instance_cache()
    server.stop()


@pytest.fixture(params=["memory", "s3"])
def folder(request) -> str:
    if request.param == "s3":
        return request.getfixturevalue("s3_folder")
    return f"memory://exchange-{uuid.uuid4().hex}"


@pytest.mark.parametrize("memory_bytes", [32 << 10, 1 << 24])
def test_a_remote_store_gives_the_same_rows(folder, memory_bytes):
    rows = rows_of(8, 2000, distinct=40)
    urls, _ = write_split(folder, rows, [300, 900, 1500, 1900], files=3, memory_bytes=memory_bytes)
    merged = merge_exchange_files(
        urls,
        storage.join(folder, "merged"),
        schema=SCHEMA,
        sort_by=ALL,
        num_buckets=NUM_BUCKETS,
        memory_bytes=memory_bytes,
    )
    for bucket in range(NUM_BUCKETS):
        for stored in (urls, [merged.url]):
            got = read(stored, bucket, memory_bytes=memory_bytes)
            assert got.to_pylist() == expected(rows, bucket)


def test_damage_on_a_remote_store_is_named(folder):
    (url,), _ = write_split(folder, rows_of(9, 300, distinct=9), [], files=1, memory_bytes=1 << 20)
    whole = storage.read_bytes(url)
    storage.write_bytes(url, whole[: len(whole) // 2])
    with pytest.raises(DataError, match=f"exchange file {url}, bucket 2: cut off"):
        read([url], 2)
    with pytest.raises(DataError, match=f"exchange file {url}x.index, bucket 1: it is missing"):
        read([url + "x"], 1)
    storage.write_bytes(url + ".index", storage.read_bytes(url + ".index")[:40])
    with pytest.raises(DataError, match=f"exchange file {url}, bucket 2: its index is cut off"):
        read([url], 2)
