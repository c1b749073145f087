from pathlib import Path

import pytest

from pipelines.sample import write_sample
from tests.pipelines import flow


@pytest.fixture(scope="session")
def sample_crawl(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The WARC files of the sample crawl."""
    return list(write_sample(str(tmp_path_factory.mktemp("sample"))).warc_files)


@pytest.fixture(scope="session")
def serial_output(sample_crawl: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's dataset as the serial engine makes it: what the others are held to."""
    output = tmp_path_factory.mktemp("serial") / "out"
    flow.run(sample_crawl, output)
    return output
