"""The loader on object storage: a moto server stands in for S3, real HTTP and all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.verification import verify
from tests.penstock.datasets import make_dataset, random_documents
from tests.penstock.test_loader import lengths_of, open_loader, plain

SMALL = {"rows_per_batch": 11, "tokens_per_batch": 300}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty bucket, with the environment that leads there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    s3fs = pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir("penstock-loader")
    yield "s3://penstock-loader"
    server.stop()
    s3fs.S3FileSystem.clear_instance_cache()


def test_object_storage_gives_the_same_batches(bucket: str) -> None:
    documents = random_documents(lengths_of(120))
    remote = make_dataset(f"{bucket}/out", documents, **SMALL)
    local = make_dataset("memory://loader-s3/out", documents, **SMALL)
    assert remote == local
    batches = [plain(batch) for batch in open_loader("memory://loader-s3/out")]
    assert [plain(batch) for batch in open_loader(f"{bucket}/out", prefetch=8)] == batches
    # The second time the windows come from the sidecar, which was put beside the shards.
    assert [plain(batch) for batch in open_loader(f"{bucket}/out")] == batches
    assert verify(f"{bucket}/out", loader=True).findings == ()
