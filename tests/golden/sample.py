"""The digest of each file of the sample crawl; `python -m tests.golden.sample` writes them anew."""

import hashlib
import json
from pathlib import Path

from pipelines.sample import sample_files

GOLDEN = Path(__file__).with_name("sample.json")


def sample_digests() -> dict[str, str]:
    """SHA-256 of each file of the sample of seed 0, by name."""
    files = sample_files(seed=0)
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def remake() -> None:
    """Take what the code makes now for right."""
    GOLDEN.write_text(json.dumps(sample_digests(), indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    remake()
