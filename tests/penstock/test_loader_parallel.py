"""What parallel training asks for: documents padded for context parallelism, balanced ranks."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import UsageError
from penstock.balance import deal
from penstock.packing import Packing
from tests.penstock.datasets import Document, make_dataset, random_documents
from tests.penstock.oracle import expected_batch
from tests.penstock.test_loader import lengths_of, open_loader, plain

SMALL = {"rows_per_batch": 11, "tokens_per_batch": 300}


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return random_documents(lengths_of(300))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, documents: list[Document]) -> str:
    path = str(tmp_path_factory.mktemp("dataset"))
    make_dataset(path, documents, shards=3, **SMALL)
    return path


@pytest.mark.parametrize("packing", [str(packing) for packing in Packing])
@pytest.mark.parametrize("multiple", [2, 8, 64])
@pytest.mark.parametrize("long_documents", ["split", "cut"])
def test_documents_take_up_a_multiple_of_places(
    out: str, documents: list[Document], packing: str, multiple: int, long_documents: str
) -> None:
    loader = open_loader(
        out,
        packing=packing,
        pad_documents_to=multiple,
        drop_last=False,
        long_documents=long_documents,
    )
    if long_documents == "cut" and packing != "concat":
        documents = [document[:64] for document in documents]
    delivered: Counter[bytes] = Counter()
    for step in range(len(loader)):
        table, found = loader.provenance(step), plain(loader.batch(step))
        wanted = expected_batch(table, documents, rows=range(4), length=64, multiple=multiple)
        assert found.pop("global_num_label_tokens") == wanted.num_label_tokens
        assert found == {name: getattr(wanted, name) for name in found}
        assert not any(end % multiple for end in found["cu_seqlens"])
        for line in table.to_pylist():
            delivered[line["doc_id"]] += line["length"]
    assert sum(delivered.values()) == sum(map(len, documents))
    assert loader.pack_report().tokens == sum(map(len, documents))


def test_true_lengths_come_only_with_padding(out: str) -> None:
    padded = open_loader(out, pad_documents_to=4)
    assert "true_cu_seqlens" in padded.batch(0)
    assert "true_cu_seqlens" not in open_loader(out).batch(0)
    assert open_loader(out).batch(0).true_cu_seqlens is None
    few = open_loader(out, pad_documents_to=4, fields=["input_ids"]).batch(0)
    assert list(few)[:1] == ["input_ids"]
    assert few.true_cu_seqlens is None
    with pytest.raises(UsageError, match="pad_documents_to is 4 in the state and 1 here"):
        open_loader(out).load_state_dict(padded.state_dict())
    with pytest.raises(UsageError, match="pad_documents_to is 7; allowed: what divides the seq"):
        open_loader(out, pad_documents_to=7)


@pytest.mark.parametrize("world_size", [2, 4, 8])
@pytest.mark.parametrize("kind", ["one", "mixture"])
def test_balanced_ranks_share_the_same_rows_and_even_work(
    out: str, world_size: int, kind: str
) -> None:
    source: Any = out if kind == "one" else {"a": (out, 1), "b": (out, 2)}
    options: dict[str, Any] = {"global_batch_size": 16, "sequence_length": 256}
    whole = open_loader(source, **options)
    sides: dict[bool, list[list[Any]]] = {}
    for balance in (False, True):
        ranks = [
            open_loader(source, **options, rank=rank, world_size=world_size, balance_ranks=balance)
            for rank in range(world_size)
        ]
        sides[balance] = [[loader.batch(step) for loader in ranks] for step in range(len(whole))]
    for step, parts in enumerate(sides[True]):
        batch = whole.batch(step)
        rows = np.concatenate([part.input_ids for part in parts])
        assert Counter(map(bytes, rows)) == Counter(map(bytes, batch.input_ids))
        assert sum(part.num_label_tokens for part in parts) == batch.num_label_tokens
        assert {p.global_num_label_tokens for p in parts} == {batch.num_label_tokens}
        assert {len(part.input_ids) for part in parts} == {16 // world_size}
    assert spread(sides[True][:-1]) < 0.6 * spread(sides[False][:-1])


def spread(steps: list[list[Any]]) -> float:
    """How much more the costliest rank has to do than the mean one, on average."""
    work = np.array([[np.sum(np.diff(p.cu_seqlens).astype(float) ** 2) for p in s] for s in steps])
    return float(np.mean(work.max(axis=1) / work.mean(axis=1) - 1))


@given(
    costs=st.lists(st.integers(0, 10_000), max_size=40),
    world_size=st.integers(1, 6),
    room=st.integers(0, 3),
)
def test_no_rank_gets_more_rows_than_it_has_room_for(
    costs: list[int], world_size: int, room: int
) -> None:
    rank_rows = -(-len(costs) // world_size) + room
    ranks = deal(np.array(costs, np.int64), world_size, rank_rows)
    counts = np.bincount(ranks, minlength=world_size)
    assert counts.max(initial=0) <= rank_rows
    assert len(counts) == world_size


def test_it_deals_by_cost() -> None:
    assert deal(np.array([9, 5, 4, 4, 1, 1], np.int64), 2, 3).tolist() == [0, 1, 1, 0, 1, 0]
