from pathlib import Path

import pytest

from penstock.errors import UsageError
from pipelines.explain import explain, near_urls
from tests.pipelines.made_output import Page, doc_id, write_output

PAGES = [
    Page(number=1, url="https://a.example/kept", words=100, cluster_size=2),
    Page(number=2, url="https://a.example/short", words=10, language_score=0.5),
    Page(number=3, url="https://b.example/copy", words=100, rule="near_duplicate", stage="dedup",
         value="9 of 14 bands", threshold="at most 0 bands", twin=1),
    Page(number=4, url="https://b.example/broken", words=0, stage="read",
         error="truncated: the record ends early"),
    Page(number=5, url=None, words=100, rule="http_status", stage="read", value="404",
         threshold="one of 200"),
]  # fmt: skip


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_output(tmp_path_factory.mktemp("out"), PAGES, parts=2)


def test_a_kept_document_shows_its_signals_and_its_cluster(out: str) -> None:
    [found] = explain(out, "https://a.example/kept")
    assert found.ledger["verdict"] == "kept"
    assert found.failing == []
    assert found.signals is not None
    assert found.signals["words"] == 100
    assert found.document is not None
    assert found.document["cluster_size"] == 2


def test_a_dropped_document_shows_every_rule_that_it_fails(out: str) -> None:
    [found] = explain(out, "https://a.example/short")
    assert found.ledger["rule"] == "language_score"
    assert [(rule["name"], rule["value"], rule["threshold"]) for rule in found.failing] == [
        ("language_score", 0.5, 0.65),
        ("minimum_words", 10, 50),
    ]


def test_a_duplicate_shows_the_twin_that_was_kept(out: str) -> None:
    [found] = explain(out, "https://b.example/copy")
    assert found.twin is not None
    assert found.twin["url"] == "https://a.example/kept"
    assert found.twin["verdict"] == "kept"


def test_a_broken_record_shows_its_error_and_place(out: str) -> None:
    [found] = explain(out, "https://b.example/broken")
    assert found.ledger["error"] == "truncated: the record ends early"
    assert found.ledger["offset"] == 4 * 4096
    assert found.signals is None


@pytest.mark.parametrize("length", [4, 5, 11, 31, 32])
def test_a_record_is_found_by_its_id_or_the_beginning_of_it(out: str, length: int) -> None:
    [found] = explain(out, doc_id(5).hex()[:length])
    assert found.ledger["doc_id"] == doc_id(5)
    assert explain(out, doc_id(5).hex()[:length].upper()) == [found]


def test_json_has_no_bytes_and_no_nulls(out: str) -> None:
    [found] = explain(out, "https://b.example/copy")
    plain = found.to_json()
    assert plain["ledger"]["duplicate_of"] == doc_id(1).hex()
    assert "error" not in plain["ledger"]
    assert "failing" not in plain


def test_what_is_not_there_gets_the_nearest_urls(out: str) -> None:
    with pytest.raises(UsageError) as error:
        explain(out, "https://a.example/shirt")
    assert "no record of" in str(error.value)
    assert str(error.value).splitlines()[1].strip() == "https://a.example/short"
    assert near_urls(out, "https://nowhere.example/") == []


def test_a_folder_without_a_run_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run output at"):
        explain(str(tmp_path), "abcd")
