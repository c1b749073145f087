import json
from typing import Any

import pytest

from pipelines.sample import sample_files


@pytest.fixture(scope="package")
def files() -> dict[str, bytes]:
    return sample_files(seed=0)


@pytest.fixture(scope="package")
def truth(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files["truth.jsonl"].decode().split("\n") if line]
