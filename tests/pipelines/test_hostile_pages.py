"""Pages made to hurt, in a run with a good one: each has its row in the ledger, and its reason."""

import gzip
from pathlib import Path

import polars
import pytest

from tests.pipelines import flow
from tests.pipelines.readers.archives import http, warc

SENTENCE = b"The miller opens the gate, and the water that was held back turns the wheel again. "
ARTICLE = b"<html><body><article>" + (b"<p>" + SENTENCE * 3 + b"</p>") * 4
OTHER = b"Nobody saw who had left the door open, so the cat walked out into the snow that night. "
ODD = b"<html><body><p>g\0ate &#xD800; &#x110000; \xed\xa0\x80 \xe4 " + OTHER * 5
GZIP = ("Content-Type: text/html", "Content-Encoding: gzip")

PAGES = {
    "a good page": (http(ARTICLE), ("kept", None, None)),
    "100 MB": (http(ARTICLE + SENTENCE * 1_200_000), ("dropped", "max_record_bytes", None)),
    "a bomb": (
        http(gzip.compress(bytes(50_000_000)), *GZIP),
        ("dropped", "max_record_bytes", None),
    ),
    "bombs in a bomb": (
        http(gzip.compress(gzip.compress(bytes(50_000_000))), GZIP[0], GZIP[1] + ", gzip"),
        ("dropped", "max_record_bytes", None),
    ),
    "a line of 7 MB": (http(b"<p>" + b"x" * 7_000_000), ("dropped", "minimum_words", None)),
    "a line of 7 MB with blanks": (http(SENTENCE * 85_000), ("dropped", "maximum_words", None)),
    "10,000 deep": (http(b"<div>" * 10_000 + SENTENCE), ("failed", None, "too_deep: ")),
    "a million tags": (http(b"<p>" * 1_000_000 + SENTENCE), ("failed", None, "too_many_tags: ")),
    "what no text may hold": (http(ODD), ("kept", None, None)),
    "a body that breaks off": (
        http(gzip.compress(ARTICLE)[:-20], *GZIP),
        ("failed", None, "gzip: "),
    ),
}
ANY_TEXT = "language.minimum_score=0"


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    records = [warc(block, number=at) for at, (block, _) in enumerate(PAGES.values())]
    (folder / "x.warc.gz").write_bytes(b"".join(gzip.compress(record, 1) for record in records))
    flow.run([str(folder / "x.warc.gz")], folder / "out", ANY_TEXT, pieces=None)
    return folder / "out"


@pytest.mark.parametrize("name", PAGES)
def test_a_hostile_page_has_its_row_and_reason(output: Path, name: str) -> None:
    number = list(PAGES).index(name)
    ledger = polars.read_parquet(output / "ledger" / "*.parquet")
    (row,) = ledger.filter(polars.col("url").str.ends_with(f"/{number}")).to_dicts()
    verdict, rule, error = PAGES[name][1]
    assert (row["verdict"], row["rule"]) == (verdict, rule)
    assert (row["error"] or "").startswith(error or "")
    assert (row["error"] is None) == (error is None)


def test_what_is_kept_of_them_is_text(output: Path) -> None:
    texts = polars.read_parquet(output / "documents" / "*.parquet")["text"]
    assert sorted(SENTENCE.decode().strip() in text for text in texts) == [False, True]
    assert sorted(OTHER.decode().strip() in text for text in texts) == [False, True]
    assert not any("\0" in text for text in texts)
