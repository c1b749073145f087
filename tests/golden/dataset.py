"""The sample's dataset, as digests; `python -m tests.golden.dataset` writes them anew."""

import hashlib
import json
import tempfile
from pathlib import Path

from pipelines.recipe import load_recipe
from pipelines.run import run_text
from pipelines.sample import write_sample

GOLDEN = Path(__file__).with_name("dataset.json")


def dataset_digests(output: Path) -> dict[str, str]:
    """SHA-256 of each file of a dataset that is under the law of same bytes, by name."""
    files = [output / "manifest.json", *sorted((output / "shards").iterdir())]
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def remake() -> None:
    """Take what the code makes now for right."""
    with tempfile.TemporaryDirectory() as folder:
        crawl = write_sample(f"{folder}/crawl").warc_files
        output = Path(folder) / "out"
        run_text(load_recipe("quickstart", inputs=crawl, output=str(output)), engine="serial")
        GOLDEN.write_text(json.dumps(dataset_digests(output), indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    remake()
