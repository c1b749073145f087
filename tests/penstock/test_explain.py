"""What a step is made of, for a person; and steps that are left out."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penstock import DataError, TokenLoader, UsageError
from tests.penstock.datasets import Document, doc_id, make_dataset, random_documents
from tests.penstock.test_loader import lengths_of, open_loader, plain

SMALL = {"rows_per_batch": 11, "tokens_per_batch": 300}


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return random_documents(lengths_of(200))


@pytest.fixture
def out(tmp_path: Path, documents: list[Document]) -> str:
    make_dataset(str(tmp_path / "out"), documents, **SMALL)
    return str(tmp_path / "out")


def write_documents(out: str, numbers: list[int]) -> None:
    folder = Path(out) / "documents"
    folder.mkdir()
    for part in range(2):
        mine = numbers[part::2]
        table = pa.table(
            {
                "doc_id": pa.array([doc_id(n) for n in mine], pa.binary(16)),
                "url": pa.array([f"https://a.example/{n}" for n in mine]),
                "text": pa.array([f"Text {n}.\n" + "é" * 100 for n in mine]),
            }
        )
        pq.write_table(table, folder / f"part-{part}.parquet", row_group_size=7)


def test_it_shows_how_each_document_begins(out: str, documents: list[Document]) -> None:
    write_documents(out, list(range(190)))
    loader, numbers = open_loader(out), {doc_id(n): n for n in range(200)}
    for step in (0, 5, len(loader) + 2):
        found = loader.explain(step)
        assert found.segments.drop(["url", "beginning", "first_tokens"]).equals(
            loader.provenance(step)
        )
        for line in found.segments.to_pylist():
            number = numbers[line["doc_id"]]
            known = number < 190
            assert line["beginning"] == (f"Text {number}.\n" + "é" * 72)[:72] * known or not known
            assert (line["url"] is None) == (not known)
            first = documents[number][line["token"] : line["token"] + line["length"]][:8]
            assert line["first_tokens"] == first
        assert found.epoch == step // len(loader)
    text = str(loader.explain(0)).splitlines()
    assert text[0].startswith("step 0, epoch 0: 4 rows, ")
    assert text[1].split() == ["row", "column", "tokens", "document"]
    assert len(text) == 2 + len(loader.provenance(0))
    assert any("https://a.example/" in line and "'Text " in line for line in text)


def test_without_documents_it_shows_token_ids(out: str, documents: list[Document]) -> None:
    line = str(open_loader(out).explain(0)).splitlines()[2]
    assert "tokens [" in line
    assert ("one" in line) != ("two" in line)


def test_a_mixture_is_explained(out: str, tmp_path: Path) -> None:
    make_dataset(str(tmp_path / "other"), random_documents([30] * 60, vocabulary_size=900), **SMALL)
    loader = open_loader({"web": (out, 1), "code": (tmp_path / "other", 1)})
    found = loader.explain(2)
    assert set(found.segments["dataset"].to_pylist()) == {"web", "code"}
    assert "  code  " in str(found)


def test_broken_documents_are_named(out: str) -> None:
    write_documents(out, [1, 2])
    (Path(out) / "documents" / "part-0.parquet").write_bytes(b"PAR1PAR1")
    with pytest.raises(DataError, match=r"part-0.parquet can't be read"):
        open_loader(out).explain(0)


def all_steps(loader: TokenLoader, epochs: int) -> list[dict[str, Any]]:
    return [plain(batch) for _ in range(epochs) for batch in loader]


@pytest.mark.parametrize("prefetch", [0, 5])
def test_skipped_steps_leave_the_others_as_they_are(out: str, prefetch: int) -> None:
    whole = all_steps(open_loader(out), 2)
    size = len(whole) // 2
    skip = [3, range(7, 12), range(size - 2, size + 1), range(0)]
    skipped = {3, *range(7, 12), *range(size - 2, size + 1)}
    loader = open_loader(out, skip=skip, prefetch=prefetch)
    kept = [batch for step, batch in enumerate(whole) if step not in skipped]
    assert all_steps(loader, 2) == kept
    assert loader.epoch == 2
    assert plain(loader.batch(3)) == whole[3]


def test_a_resume_goes_on_behind_skipped_steps(out: str) -> None:
    first = open_loader(out, skip=[range(2, 6)])
    iterator = iter(first)
    for _ in range(2):
        next(iterator)
    second = open_loader(out, skip=[range(2, 6)])
    second.load_state_dict(first.state_dict())
    assert next(iter(second)).first_row == 24


def test_a_mixture_passes_an_epoch_whose_end_is_skipped(out: str) -> None:
    entries = {"a": (out, 1), "b": (out, 2)}
    size = len(open_loader(entries))
    loader = open_loader(entries, skip=[range(size - 3, size)])
    assert len(list(loader)) == size - 3
    assert loader.step == size
    assert len(list(loader)) == size


@pytest.mark.parametrize(
    ("skip", "message"),
    [
        ([-1], "a step of skip is -1; allowed: an integer from 0"),
        (["3"], "a step of skip is '3'; allowed"),
        ([range(-2, 3)], r"skip has range\(-2, 3\); allowed: steps from 0"),
    ],
)
def test_wrong_skips_are_named(out: str, skip: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_loader(out, skip=skip)
