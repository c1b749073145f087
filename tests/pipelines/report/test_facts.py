from collections import Counter
from pathlib import Path

import pytest

from penstock.errors import DataError, UsageError
from pipelines.report.facts import gather
from tests.pipelines.made_output import RULES, Page, doc_id, some_pages, write_output


@pytest.fixture(scope="module")
def pages() -> list[Page]:
    return some_pages(600, seed=3)


@pytest.fixture(scope="module")
def out(pages: list[Page], tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_output(tmp_path_factory.mktemp("out"), pages)


def test_the_ledger_is_counted_by_verdict_stage_and_reason(out: str, pages: list[Page]) -> None:
    ledger = gather(out).ledger
    dropped = [page for page in pages if page.verdict == "dropped"]
    assert ledger.kept == sum(page.verdict == "kept" for page in pages)
    assert ledger.dropped == Counter((page.stage, page.rule) for page in dropped)
    assert ledger.failed == {("read", "truncated"): sum(p.verdict == "failed" for p in pages)}
    assert ledger.records == len(pages)


def test_the_stages_lose_what_the_ledger_says_in_their_order(out: str, pages: list[Page]) -> None:
    facts = gather(out)
    assert [loss.stage for loss in facts.losses] == ["read", "language", "length", "dedup"]
    assert sum(loss.total for loss in facts.losses) == len(pages) - facts.ledger.kept


def test_measures_are_those_of_curated_and_of_kept_documents(out: str, pages: list[Page]) -> None:
    measures = gather(out).measures
    curated = [page for page in pages if page.curated]
    kept = [page for page in pages if page.verdict == "kept"]
    assert (measures.curated, measures.kept) == (len(curated), len(kept))
    assert measures.languages == Counter(page.language for page in curated)
    assert measures.kept_languages == Counter(page.language for page in kept)
    assert measures.words.sum() == len(curated)
    assert measures.kept_words.sum() == len(kept)
    assert measures.kept_words_total == sum(page.words for page in kept)
    assert measures.cluster_sizes == Counter(page.cluster_size for page in kept)


def test_rules_are_counted_without_a_short_circuit(out: str, pages: list[Page]) -> None:
    measures = gather(out).measures
    masks = [page.failing for page in pages if page.curated]
    for bit, (rule, counted) in enumerate(zip(RULES, measures.rules, strict=True)):
        assert counted.name == rule["name"]
        assert counted.fails == sum(mask >> bit & 1 for mask in masks)
        assert counted.alone == sum(mask == 1 << bit for mask in masks)


def test_a_record_read_twice_is_one_kept_document(tmp_path: Path) -> None:
    twice = [Page(number=1, url="a", words=100), Page(number=2, url="b", words=60)]
    copy = Page(number=1, url="a", words=100, rule="duplicate_id", stage="dedup", twin=1)
    measures = gather(write_output(tmp_path, [*twice, copy], parts=1)).measures
    assert measures.kept_words_total == 160
    assert measures.curated == 3


def test_examples_are_bounded_and_the_same_each_time(out: str) -> None:
    facts = gather(out)
    assert 1 <= len(facts.kept) <= 8
    assert facts.kept == gather(out).kept
    assert all(1 <= len(examples) <= 3 for examples in facts.dropped.values())
    assert set(facts.dropped) == {rule for _, rule in facts.ledger.dropped}
    assert all(len(e.text or "") <= 1500 for e in facts.kept)


def test_the_largest_clusters_come_first(out: str, pages: list[Page]) -> None:
    clusters = gather(out).clusters
    sizes = [cluster.size for cluster in clusters]
    assert sizes == sorted(sizes, reverse=True)
    biggest = max(pages, key=lambda page: page.cluster_size)
    assert clusters[0].keeper == doc_id(biggest.number)
    assert clusters[0].rules == {"near_duplicate": biggest.cluster_size - 1}
    assert len(clusters[0].examples) == 3


def test_an_output_without_kept_documents_has_its_facts(tmp_path: Path) -> None:
    pages = [Page(number=i, url=None, words=3) for i in range(5)]
    facts = gather(write_output(tmp_path, pages, tokens=0))
    assert facts.ledger.kept == facts.measures.kept == 0
    assert facts.kept == []
    assert facts.clusters == []


def test_without_run_json_there_are_facts_all_the_same(tmp_path: Path) -> None:
    out = write_output(tmp_path, some_pages(50))
    (tmp_path / "run.json").unlink()
    assert gather(out).run == {}
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(DataError, match=r"run\.json isn't JSON"):
        gather(out)


def test_a_folder_without_a_run_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no run output at .*ledger"):
        gather(str(tmp_path))
