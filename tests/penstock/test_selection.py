"""Selecting and weighting documents by what was measured on them."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penstock import DataError, Subset, TokenLoader, UsageError
from penstock.deletions import write_deletions
from tests.penstock.datasets import doc_id, make_dataset, random_documents
from tests.penstock.test_loader import lengths_of, open_loader, plain

SMALL = {"rows_per_batch": 11, "tokens_per_batch": 300}
COUNT = 300
LANGUAGES = ["en", "de", "fr", None]


def language(number: int) -> str | None:
    return LANGUAGES[number % 4]


def quality(number: int) -> float:
    return number % 10 / 10


@pytest.fixture
def out(tmp_path: Path) -> str:
    """A dataset whose signals are in three files, with rows of documents that weren't kept."""
    path = str(tmp_path / "out")
    make_dataset(path, random_documents(lengths_of(COUNT)), **SMALL)
    write_signals(tmp_path / "out", list(range(COUNT + 60)))
    return path


def write_signals(folder: Path, numbers: list[int]) -> None:
    (folder / "signals").mkdir(exist_ok=True)
    for part in range(3):
        mine = numbers[part::3]
        table = pa.table(
            {
                "doc_id": pa.array([doc_id(n) for n in mine], pa.binary(16)),
                "language": pa.array([language(n) for n in mine], pa.string()),
                "quality": pa.array([quality(n) for n in mine], pa.float32()),
                "words": pa.array(mine, pa.int64()),
            }
        )
        pq.write_table(table, folder / "signals" / f"part-{part}.parquet", row_group_size=20)


def delivered(loader: TokenLoader, epoch: int = 0) -> Counter[bytes]:
    """How many tokens of each document an epoch delivers."""
    found: Counter[bytes] = Counter()
    for step in range(epoch * len(loader), (epoch + 1) * len(loader)):
        for line in loader.provenance(step).to_pylist():
            found[line["doc_id"]] += line["length"]
    return found


def wanted(copies: Any) -> dict[bytes, int]:
    lengths = lengths_of(COUNT)
    return {doc_id(n): lengths[n] * copies(n) for n in range(COUNT) if lengths[n] * copies(n)}


@pytest.mark.parametrize(
    ("where", "keeps"),
    [
        ([("language", "in", ["en", "fr"])], lambda n: language(n) in ("en", "fr")),
        ([("language", "==", "de")], lambda n: language(n) == "de"),
        ([("language", "!=", "de")], lambda n: language(n) in ("en", "fr")),
        ([("language", "not in", ("de", "en"))], lambda n: language(n) == "fr"),
        ([("quality", ">=", 0.5), ("words", "<", 150)], lambda n: quality(n) >= 0.5 and n < 150),
        ([("words", ">", 20), ("words", "<=", 30)], lambda n: 20 < n <= 30),
    ],
)
def test_selected_documents_are_delivered_and_no_others(out: str, where: Any, keeps: Any) -> None:
    loader = open_loader(Subset(out, where=where), drop_last=False, global_batch_size=1)
    for epoch in range(2):
        assert delivered(loader, epoch) == wanted(lambda n: int(keeps(n)))


def test_text_weights_are_copies(out: str) -> None:
    part = Subset(out, weight_by=("language", {"en": 3, "de": 0}))
    loader = open_loader(part, drop_last=False)
    copies = {"en": 3, "de": 0}
    assert delivered(loader) == wanted(lambda n: copies.get(language(n) or "", 1))


def test_number_weights_are_steps_and_may_be_combined(out: str) -> None:
    part = Subset(
        out, where=[("words", "<", 200)], weight_by=("quality", [(0.25, 2.0), (0.75, 0.0)])
    )
    loader = open_loader(part, drop_last=False)

    def copies(n: int) -> int:
        return (1 if quality(n) < 0.25 else 2 if quality(n) < 0.75 else 0) * (n < 200)

    assert delivered(loader) == wanted(copies)


def test_a_broken_weight_draws_the_same_documents_in_every_epoch(out: str) -> None:
    loader = open_loader(Subset(out, weight_by=("words", [(0, 1.4)])), drop_last=False)
    first, second = delivered(loader, 0), delivered(loader, 1)
    assert first == second
    lengths = {doc_id(n): length for n, length in enumerate(lengths_of(COUNT)) if length}
    copies = [first[key] / length for key, length in lengths.items()]
    assert set(copies) == {1, 2}
    assert np.mean(copies) == pytest.approx(1.4, abs=0.1)


def test_deleted_documents_stay_away(out: str) -> None:
    gone = write_deletions(out, 2, np.array([doc_id(n) for n in range(0, COUNT, 8)], "S16"))
    make_dataset(out, random_documents(lengths_of(COUNT)), deletions=(gone,), version=2, **SMALL)
    loader = open_loader(Subset(out, where=[("language", "==", "en")]), drop_last=False)
    assert delivered(loader) == wanted(lambda n: int(language(n) == "en" and n % 8 != 0))
    whole = open_loader(Subset(out, version=1, where=[("language", "==", "en")]), drop_last=False)
    assert delivered(whole) == wanted(lambda n: int(language(n) == "en"))


def test_the_selection_is_kept_and_is_part_of_the_state(out: str) -> None:
    def opened(value: float) -> TokenLoader:
        return open_loader(Subset(out, where=[("quality", ">=", value)]))

    first = opened(0.5)
    state, batch = first.state_dict(), plain(first.batch(3))
    again = opened(0.5)
    again.load_state_dict(state)
    assert plain(again.batch(3)) == batch
    with pytest.raises(UsageError, match=r"selection is 'quality >= 0.5' in the .*>= 0.6' here"):
        opened(0.6).load_state_dict(state)
    made = sorted(path.name for path in (Path(out) / "loader").glob("selection-*/*"))
    assert made == sorted(["copies.bin", "done.json", "ids.bin"] * 2)
    assert not list((Path(out) / "loader").glob("tmp*"))


def test_other_signals_make_another_selection(out: str) -> None:
    part = Subset(out, where=[("words", "<", 100)])
    before = open_loader(part).state_dict()["dataset"]
    write_signals(Path(out), list(range(50, COUNT)))
    assert open_loader(part).state_dict()["dataset"] != before


def test_windows_hold_as_many_selected_tokens(out: str) -> None:
    """A tenth of the documents packs as well as all of them."""
    few = open_loader(Subset(out, where=[("words", "<", 30)]), drop_last=False)
    report = few.pack_report()
    assert report.tokens == sum(lengths_of(COUNT)[:30])
    assert report.rows <= -(-report.tokens // 64) + 3


def test_a_mixture_takes_selections(out: str) -> None:
    entries = {
        "en": (Subset(out, where=[("language", "==", "en")]), 1),
        "de": (Subset(out, where=[("language", "==", "de")]), 1),
    }
    loader = open_loader(entries)
    for step in range(0, 40, 5):
        for line in loader.provenance(step).to_pylist():
            number = next(n for n in range(COUNT) if doc_id(n) == line["doc_id"])
            assert language(number) == line["dataset"]


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"where": [("langage", "==", "en")]}, "column 'langage' isn't in .*mean 'language'"),
        ({"where": [("language", "=~", "e")]}, "the operator is '=~'; allowed: ==, !="),
        ({"where": [("language", "in", "en")]}, "asks for in 'en'; allowed: a list"),
        ({"where": ["language"]}, r"is 'language'; allowed: \(column, operator, value\)"),
        ({"where": [("language", ">", 3)]}, "the column 'language' of string with 3"),
        ({"where": [("words", "in", ["x"])]}, r"the column 'words' of int64 with \['x'\]"),
        ({"where": [("words", ">", 10_000)]}, "words > 10000 selects no document of the dataset"),
        ({"where": [("words", ">", float("nan"))]}, "where compares with nan; allowed: texts"),
        ({"where": [("words", ">", b"a")]}, "where compares with b'a'; allowed: texts"),
        ({"weight_by": ("words", {"a": 1})}, "weight_by names the column 'words' of int64"),
        ({"weight_by": ("language", [(0.5, 1)])}, "weight_by names the column 'language' of str"),
        ({"weight_by": ("words", [(5, 1), (2, 1)])}, "weight_by is .*; allowed: .column, a dict"),
        ({"weight_by": ("words", [(5, 999)])}, "copies from 0 to 255"),
        ({"weight_by": "words"}, "weight_by is 'words'; allowed"),
        ({"weight_by": ("language", {"en": "2"})}, "weight_by is .*; allowed: .column, a dict"),
        ({"weight_by": ("language", {None: 2, "en": 1})}, "weight_by is .*; allowed: .column, a"),
        ({"weight_by": ("words", [("a", 2)])}, "weight_by is .*; allowed: .column, a dict"),
        ({"weight_by": ("words", [(float("nan"), 2)])}, "weight_by is .*; allowed: .column, a d"),
        ({"weight_by": ("words", [5, 2])}, "weight_by is .*; allowed: .column, a dict"),
        ({"where": None}, "where is None; allowed: a list of .column, operator, value"),
        ({"where": "words > 5"}, "where is 'words > 5'; allowed: a list of .column"),
        ({"where": {"language": "en"}}, "where is {'language': 'en'}; allowed: a list"),
    ],
)
def test_wrong_conditions_are_named(out: str, conditions: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_loader(Subset(out, **conditions))


def test_absent_or_broken_signals_are_named(out: str, tmp_path: Path) -> None:
    make_dataset(str(tmp_path / "bare"), random_documents([30] * 50))
    with pytest.raises(UsageError, match="has no signals to select by"):
        open_loader(Subset(tmp_path / "bare", where=[("words", ">", 0)]))
    (tmp_path / "out" / "signals" / "part-1.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"part-1.parquet can't be read"):
        open_loader(Subset(out, where=[("words", ">", 0)]))
