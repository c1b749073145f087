"""Law 1 on object storage: input, output and work folder on S3, and the bytes of a local run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock import TokenLoader, storage
from penstock.verification import verify
from pipelines.recipe import TextRecipe, load_recipe
from pipelines.run import run_text
from tests.pipelines import flow

BUCKET = "penstock-law"


@pytest.fixture(scope="module")
def bucket(sample_crawl: list[str]) -> Iterator[str]:
    """A bucket on an S3 server in this process, with the sample crawl in `crawl/`."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        fs, _ = storage.resolve(f"s3://{BUCKET}")
        fs.clear_instance_cache()
        fs, _ = storage.resolve(f"s3://{BUCKET}")
        fs.mkdir(BUCKET)
        for path in sample_crawl:
            storage.write_bytes(f"s3://{BUCKET}/crawl/{Path(path).name}", Path(path).read_bytes())
        yield f"s3://{BUCKET}"
        fs.clear_instance_cache()
    server.stop()


def recipe(bucket: str, output: str, *overrides: str) -> TextRecipe:
    return load_recipe(
        "quickstart",
        inputs=[f"{bucket}/crawl/*.warc.gz"],
        output=output,
        overrides=[flow.SMALL_PIECES, *overrides],
    )


def content(output: str) -> dict[str, bytes]:
    """What `flow.content` gives of a local folder."""
    names = ["manifest.json", *(f"shards/{u.rsplit('/', 1)[-1]}" for u in shards(output))]
    return {name: storage.read_bytes(f"{output}/{name}") for name in names}


def shards(output: str) -> list[str]:
    return storage.list_files(f"{output}/shards")


@pytest.mark.parametrize(("engine", "workers"), [("serial", 1), ("dask", 2)])
def test_a_run_on_an_object_store_gives_the_same_bytes(
    engine: str, workers: int, bucket: str, serial_output: Path
) -> None:
    output = f"{bucket}/{engine}"
    done = run_text(recipe(bucket, output), engine=engine, workers=workers)
    assert content(output) == flow.content(serial_output)
    assert not [url for url in storage.list_files(output) if "/.work/" in url]
    assert [url.rsplit("/", 1)[-1] for url in storage.list_files(f"{output}/documents")] == [
        path.name for path in sorted((serial_output / "documents").iterdir())
    ]
    assert run_text(recipe(bucket, output), engine="serial").already_done
    verify(output)
    loader = TokenLoader(output, sequence_length=512, global_batch_size=2, seed=0)
    local = TokenLoader(str(serial_output), sequence_length=512, global_batch_size=2, seed=0)
    assert (loader.batch(3)["input_ids"] == local.batch(3)["input_ids"]).all()
    assert done.manifest.counts.records > 0


def test_a_run_with_its_work_folder_on_the_store_continues(
    bucket: str, serial_output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe(bucket, str(tmp_path / "out"), f"work_dir={bucket}/scratch")
    storage.write_bytes(f"{bucket}/scratch/of-another.txt", b"mine")
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.text.plan.finish.finish_piece", _break_off)
        with pytest.raises(Exception, match=r"stage finish.*cut here"):
            run_text(made, engine="serial")
    events: list[object] = []
    run_text(made, engine="serial", on_event=events.append)
    assert flow.content(tmp_path / "out") == flow.content(serial_output)
    assert not [event for event in events if getattr(event, "task", "") and event.stage == "curate"]
    assert storage.list_files(f"{bucket}/scratch") == [f"{bucket}/scratch/of-another.txt"]


def _break_off(context: object, item: object) -> None:
    raise RuntimeError("cut here")
