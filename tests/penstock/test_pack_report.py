import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from penstock.packing import Packing
from tests.penstock.datasets import Document, make_dataset, random_documents
from tests.penstock.test_loader import lengths_of, open_loader

SMALL = {"rows_per_batch": 11, "tokens_per_batch": 300}


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return random_documents(lengths_of(300))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, documents: list[Document]) -> str:
    path = str(tmp_path_factory.mktemp("dataset"))
    make_dataset(path, documents, **SMALL)
    return path


@pytest.mark.parametrize("packing", [str(packing) for packing in Packing])
@pytest.mark.parametrize("long_documents", ["split", "cut"])
def test_it_counts_what_is_delivered(
    out: str, documents: list[Document], packing: str, long_documents: str
) -> None:
    loader = open_loader(out, packing=packing, long_documents=long_documents, drop_last=False)
    report = loader.pack_report()
    lines = [x for step in range(len(loader)) for x in loader.provenance(step).to_pylist()]
    rows_of: dict[bytes, int] = {}
    for line in lines:
        rows_of[line["doc_id"]] = rows_of.get(line["doc_id"], 0) + 1
    filled = [document for document in documents if document]
    assert report.rows == loader.num_rows
    assert report.documents == len(filled) == len(rows_of)
    assert report.split_documents == sum(count > 1 for count in rows_of.values())
    assert report.tokens == sum(line["length"] for line in lines)
    assert report.cut_tokens == sum(map(len, documents)) - report.tokens
    assert report.unpacked_rows == sum(-(-len(document) // 64) for document in filled)
    assert report.masked_pairs == sum(n * (n + 1) // 2 for n in (x["length"] for x in lines))
    assert report.unmasked_pairs == loader.num_rows * 64 * 65 // 2
    assert report.padding == loader.num_rows * 64 - report.tokens
    assert report.fill == pytest.approx(report.tokens / (64 * report.rows))


def test_histograms_hold_all_tokens_and_rows(out: str, documents: list[Document]) -> None:
    report = open_loader(out).pack_report()
    by_length = [0] * len(report.document_tokens)
    for document in documents:
        if document:
            by_length[len(document).bit_length() - 1] += len(document)
    assert list(report.document_tokens) == by_length
    assert sum(report.segment_tokens) == report.tokens
    assert report.segment_tokens[7:] == (0,) * (len(report.segment_tokens) - 7)
    assert sum(report.row_fill) == report.rows
    full = sum(twentieth * count for twentieth, count in enumerate(report.row_fill)) / 20
    assert full <= report.fill * report.rows <= full + report.rows / 20


def test_the_shuffle_score_tells_order_from_disorder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_dataset(str(tmp_path), random_documents([60] * 4000), shards=1, **SMALL)
    mixed = open_loader(str(tmp_path), windows_per_batch=8).pack_report().shuffle
    monkeypatch.setattr("penstock.rows.permutation", lambda count, _key: np.arange(count))
    stored = open_loader(str(tmp_path), windows_per_batch=1).pack_report().shuffle
    assert mixed is not None
    assert stored is not None
    assert 0.6 < mixed < 1.6
    assert stored > 1.9
    few = open_loader(str(tmp_path), global_batch_size=1000).pack_report()
    assert few.shuffle is None


def test_a_mixtures_error_is_told(out: str) -> None:
    report = open_loader({"a": (out, 2), "b": (out, 1)}).pack_report()
    assert report.mix_error is not None
    assert report.mix_error < 5
    assert str(report).splitlines()[-1].startswith("mixture          off by at most ")


def test_the_page_is_whole_and_needs_nothing_else(out: str, tmp_path: Path) -> None:
    report = open_loader(out).pack_report()
    report.save(tmp_path / "pack.html")
    page = (tmp_path / "pack.html").read_text()
    assert not re.findall(r"(?:https?:|src=|href=|url\()", page)
    assert f"{report.tokens:,}" in page
    body = page[page.index("<body>") : page.index("</html>")]
    ElementTree.fromstring(body)
    heights = [float(h) for h in re.findall(r'height="([\d.]+)"><title>95–100:', body)]
    assert len(heights) == 1


def test_it_prints_well(tmp_path: Path) -> None:
    make_dataset(str(tmp_path), [[5] * 48, [5] * 16, [5] * 80], shards=1)
    assert str(open_loader(str(tmp_path), global_batch_size=1).pack_report()) == "\n".join(
        [
            "rows             3 of 64 tokens, 75.000% full",
            "documents        3, of which 1 (33.33%) are split",
            "tokens           144 delivered, 0 cut off, 48 places padded",
            "without packing  4 rows, 1.33 times as many",
            "attention        43.5% of its FLOPs saved by the document mask",
        ]
    )
