"""Other extractors' texts of the crawl's pages, and what they cost."""

import functools
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.peers import HERE, interpreter

TEACHERS = (
    "trafilatura",
    "trafilatura_fast",
    "trafilatura_precision",
    "trafilatura_recall",
    "readability",
    "resiliparse",
)
TOOLS = (*TEACHERS, "justext")
_ONE_CORE = ("taskset", "-c", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """Texts by URL, and the CPU seconds that they took."""

    texts: Mapping[str, str]
    cpu_s: float


@functools.cache
def crawl_bodies(data: Path) -> dict[str, tuple[bytes, str | None]]:
    """Body and declared charset of each page of the crawl."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    bodies = {}
    for path in sorted((data / "crawl").glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                url = record.headers["WARC-Target-URI"].strip()
                bodies[url] = (record.reader.read(), record.http_charset)
    return bodies


def peer_run(tool: str, data: Path) -> Extracted:
    """One run of a tool over the crawl, on one core."""
    script = HERE / "extractors_run.py"
    done = subprocess.run(
        [*_ONE_CORE, interpreter("extractors"), script, "--tool", tool, "--input", data / "crawl"],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    *pages, said = map(json.loads, done.stdout.splitlines())
    return Extracted(texts={page["url"]: page["text"] for page in pages}, cpu_s=said["seconds"])
