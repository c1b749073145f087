"""The sample crawl on disk: three WARC files and the truth about every record in them.

Byte for byte the same for the same seed on every machine and Python: choices are hashes of names,
members hold stored blocks, dates are fixed. Written anew it replaces itself; a folder that holds
anything else is left alone. Measured: 0.3 CPU seconds and 4 MB.

A row of `truth.jsonl` says of one WARC record:
    file, offset, record_id, warc_type, url   where it is and what its own headers say
    kind                                      what it is (`Kind`)
    language, cluster                         of its text; copies of a text share the cluster
    edit                                      how a near-duplicate differs from the article
    charset, declared_charset, transfer       how its bytes are coded, and are said to be
    paragraphs                                the main text that should be found in it, in order
    emails, phones                            private data within the paragraphs
"""

import json
from collections import Counter
from dataclasses import dataclass

from penstock.errors import UsageError
from penstock.storage import join, list_files, remove_tree, resolve, write_bytes
from pipelines.sample.archive import build_files
from pipelines.sample.crawl import plan_captures

TRUTH = "truth.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSummary:
    """What was written: the files' addresses and, by kind, how many records there are."""

    directory: str
    warc_files: tuple[str, ...]
    truth_file: str
    records: dict[str, int]
    languages: tuple[str, ...]
    num_bytes: int


def sample_files(*, seed: int) -> dict[str, bytes]:
    """The sample's files by name: the WARC files, then the truth, one JSON object a line."""
    built = build_files(plan_captures(seed=seed))
    files = {name: data for name, data, _ in built}
    rows = [row for _, _, rows in built for row in rows]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    return files | {TRUTH: "".join(lines).encode()}


def write_sample(directory: str, *, seed: int = 0) -> SampleSummary:
    """Write the sample crawl below a folder (path or URL) and return what it is made of.

    Raises:
        UsageError: the folder has no name, or holds files and no sample.
    """
    if not directory:
        raise UsageError("sample: DIR is empty; name the folder to write into")
    files = sample_files(seed=seed)
    _refuse_foreign(directory, list(files))
    _write_all(directory, files)
    rows = [json.loads(line) for line in files[TRUTH].splitlines()]
    return SampleSummary(
        directory=directory,
        warc_files=tuple(join(directory, name) for name in files if name != TRUTH),
        truth_file=join(directory, TRUTH),
        records=dict(sorted(Counter(row["kind"] for row in rows).items())),
        languages=tuple(sorted({row["language"] for row in rows if row["language"]})),
        num_bytes=sum(len(data) for data in files.values()),
    )


def _write_all(directory: str, files: dict[str, bytes]) -> None:
    """Write every file, or none where the disk is full: half a crawl would look like a whole."""
    urls = [join(directory, name) for name in files]
    try:
        for url, data in zip(urls, files.values(), strict=True):
            write_bytes(url, data)
    except OSError:
        for url in urls:
            remove_tree(url)
        raise


def _refuse_foreign(directory: str, names: list[str]) -> None:
    storage, path = resolve(directory)
    if storage.isfile(path):
        raise UsageError(f"sample: {directory} is a file, and was left as it is; name a folder")
    found = {url.rsplit("/", 1)[-1] for url in list_files(directory)}
    if found and names[0] not in found:
        raise UsageError(
            f"sample: {directory} holds {len(found)} file(s) and no sample crawl (no {names[0]}), "
            "so nothing was written; name a folder that is empty or does not exist yet, "
            "or one that `penstock sample` wrote"
        )
