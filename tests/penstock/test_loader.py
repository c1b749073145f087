import json
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock import Batch, TokenLoader, UsageError
from penstock.packing import LongDocuments, Packing
from tests.penstock.datasets import Document, doc_id, make_dataset, random_documents
from tests.penstock.oracle import expected_batch

SMALL = {"rows_per_batch": 11, "tokens_per_batch": 300}
PACKINGS = [str(packing) for packing in Packing]


def lengths_of(count: int, seed: int = 0) -> list[int]:
    """Lengths like those of real documents: many short ones, a few of several rows, some empty."""
    rng = np.random.default_rng(seed)
    lengths = np.exp(rng.normal(3.0, 1.1, count)).astype(int)
    return [int(length) if length < 400 else 0 for length in lengths]


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return random_documents(lengths_of(300))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, documents: list[Document]) -> str:
    path = str(tmp_path_factory.mktemp("dataset"))
    make_dataset(path, documents, shards=3, validation=random_documents([9] * 40), **SMALL)
    return path


def open_loader(out: Any, **changes: Any) -> TokenLoader:
    options: dict[str, Any] = {
        "sequence_length": 64,
        "global_batch_size": 4,
        "seed": 7,
        "framework": "numpy",
        "window_tokens": 600,
        "windows_per_batch": 3,
    }
    return TokenLoader(out, **(options | changes))


def plain(batch: Any) -> dict[str, Any]:
    """A batch as lists and integers, to compare."""
    return {k: v.tolist() if hasattr(v, "tolist") else v for k, v in batch.items()}


def epoch_of(loader: TokenLoader) -> list[dict[str, Any]]:
    return [plain(batch) for batch in loader]


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("long_documents", [str(choice) for choice in LongDocuments])
def test_every_field_is_what_the_documents_say(
    out: str, documents: list[Document], packing: str, long_documents: str
) -> None:
    loader = open_loader(out, packing=packing, long_documents=long_documents)
    if long_documents == "cut" and packing != "concat":
        documents = [document[:64] for document in documents]
    for step in range(len(loader)):
        table = loader.provenance(step)
        wanted = expected_batch(table, documents, rows=range(4), length=64)
        found = plain(loader.batch(step))
        assert found.pop("global_num_label_tokens") == wanted.num_label_tokens
        assert found == {name: getattr(wanted, name) for name in found}
        assert len(found) == 6


@pytest.mark.parametrize("packing", PACKINGS)
def test_an_epoch_delivers_every_token_once(
    out: str, documents: list[Document], packing: str
) -> None:
    loader = open_loader(out, packing=packing, drop_last=False)
    for epoch in range(2):
        found: Counter[tuple[bytes, int]] = Counter()
        for step in range(epoch * len(loader), (epoch + 1) * len(loader)):
            for line in loader.provenance(step).to_pylist():
                tokens = range(line["token"], line["token"] + line["length"])
                found.update((line["doc_id"], token) for token in tokens)
        wanted = {(doc_id(n), t) for n, doc in enumerate(documents) for t in range(len(doc))}
        assert set(found) == wanted
        assert set(found.values()) == {1}


@pytest.mark.parametrize("packing", ["best_fit", "first_fit", "next_fit"])
def test_only_long_documents_are_cut(out: str, documents: list[Document], packing: str) -> None:
    loader = open_loader(out, packing=packing)
    numbers = {doc_id(number): number for number in range(len(documents))}
    for step in range(len(loader)):
        for line in loader.provenance(step).to_pylist():
            length = len(documents[numbers[line["doc_id"]]])
            assert line["length"] == min(64, length - line["token"])
            assert line["token"] % 64 == 0


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("world_size", [2, 4])
def test_ranks_share_the_same_global_batches(out: str, packing: str, world_size: int) -> None:
    whole = epoch_of(open_loader(out, packing=packing, drop_last=False))
    ranks = [
        epoch_of(
            open_loader(out, packing=packing, drop_last=False, rank=rank, world_size=world_size)
        )
        for rank in range(world_size)
    ]
    assert {len(rank) for rank in ranks} == {len(whole)}
    for step, batch in enumerate(whole):
        parts = [rank[step] for rank in ranks]
        for name in ["input_ids", "labels", "position_ids"]:
            assert list(chain(*(part[name] for part in parts))) == batch[name]
        share = 4 // world_size * 64
        ends = [[end + share * i for end in p["cu_seqlens"][1:]] for i, p in enumerate(parts)]
        assert [0, *chain(*ends)] == batch["cu_seqlens"]
        assert max(part["max_seqlen"] for part in parts) == batch["max_seqlen"]
        assert sum(part["num_label_tokens"] for part in parts) == batch["num_label_tokens"]
        assert {p["global_num_label_tokens"] for p in parts} == {batch["num_label_tokens"]}


@pytest.mark.parametrize("prefetch", [0, 1, 2, 7, 1000])
def test_any_batch_is_found_without_the_ones_before(out: str, prefetch: int) -> None:
    loader = open_loader(out, prefetch=prefetch)
    epochs = [epoch_of(loader), epoch_of(loader)]
    fresh = open_loader(out)
    for step in np.random.default_rng(0).permutation(2 * len(loader)).tolist():
        epoch, place = divmod(step, len(loader))
        assert plain(fresh.batch(step)) == epochs[epoch][place]
    assert fresh.state_dict()["row"] == 0
    assert epochs[0] != epochs[1]


@settings(max_examples=25, deadline=None)
@given(
    taken=st.integers(0, 60),
    prefetch=st.integers(0, 9),
    world_size=st.sampled_from([1, 2, 4]),
    drop_last=st.booleans(),
)
def test_a_resumed_loader_goes_on_exactly(
    out: str, taken: int, prefetch: int, world_size: int, drop_last: bool
) -> None:
    options = {"drop_last": drop_last, "rank": world_size - 1, "world_size": world_size}
    first = open_loader(out, prefetch=prefetch, **options)
    for _, _batch in zip(range(taken), first, strict=False):
        pass
    state = json.loads(json.dumps(first.state_dict()))
    second = open_loader(out, **options)
    second.load_state_dict(state)
    assert (second.epoch, second.step) == (first.epoch, first.step)
    assert [plain(b) for b in second] == [plain(b) for b in first]
    assert [plain(b) for b in second] == [plain(b) for b in first]
    assert second.state_dict() == first.state_dict()


def test_the_state_counts_what_was_handed_out(out: str) -> None:
    loader = open_loader(out, prefetch=8)
    for count, _ in enumerate(loader, start=1):
        assert loader.state_dict()["row"] == 4 * count
        assert loader.step == count
        if count == 5:
            break
    assert next(iter(loader)).first_row == 20


def test_a_resume_may_change_the_batch_size(out: str) -> None:
    first = open_loader(out, global_batch_size=3)
    iterator = iter(first)
    head = [plain(next(iterator)) for _ in range(3)]
    second = open_loader(out, global_batch_size=5)
    second.load_state_dict(first.state_dict())
    rows = list(chain(*(b["input_ids"] for b in [*head, *map(plain, second)])))
    whole = epoch_of(open_loader(out, global_batch_size=1))
    assert rows == [batch["input_ids"][0] for batch in whole][: len(rows)]
    assert len(whole) - len(rows) < 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sequence_length": 32}, "sequence_length is 64 in the state and 32 here"),
        ({"seed": 8}, "seed is 7 in the state and 8 here"),
        ({"packing": "concat"}, "packing is 'best_fit' in the state and 'concat' here"),
        ({"split": "validation"}, "split is 'train' in the state and 'validation' here"),
        ({"windows_per_batch": 2}, "windows_per_batch is 3 in the state and 2 here"),
        ({"long_documents": "cut"}, "long_documents is 'split' in the state and 'cut' here"),
    ],
)
def test_a_state_of_other_settings_is_refused(
    out: str, changes: dict[str, Any], message: str
) -> None:
    state = open_loader(out).state_dict()
    other = open_loader(out, **changes)
    with pytest.raises(UsageError, match=message):
        other.load_state_dict(state)
    assert other.state_dict()["row"] == 0


def test_a_state_of_another_dataset_or_none_is_refused(out: str, tmp_path: Path) -> None:
    make_dataset(str(tmp_path), random_documents([30] * 50))
    other, state = open_loader(str(tmp_path)), open_loader(out).state_dict()
    with pytest.raises(UsageError, match=r"dataset is '[0-9a-f]{32}' in the state and '[0-9a-f]"):
        other.load_state_dict(state)
    with pytest.raises(UsageError, match=r"state lacks \['state_format', 'dataset'"):
        other.load_state_dict({"epoch": 1, "row": 4})
    with pytest.raises(UsageError, match="epoch 0 and row 10000; allowed: integers from 0, the"):
        other.load_state_dict(other.state_dict() | {"row": 10_000})
    for nothing in (None, 5, "", []):
        with pytest.raises(UsageError, match=r"state is .*; allowed: what state_dict\(\) of a"):
            other.load_state_dict(nothing)  # type: ignore[arg-type]


def test_seeds_and_epochs_give_other_orders(out: str) -> None:
    def first_rows(**changes: Any) -> list[list[int]]:
        return [batch["input_ids"][0] for batch in epoch_of(open_loader(out, **changes))]

    assert first_rows() == first_rows()
    assert first_rows() != first_rows(seed=8)


@pytest.mark.parametrize("dtype", ["int32", "uint16", "uint32"])
def test_narrow_types_hold_the_same(out: str, dtype: str) -> None:
    wide, narrow = open_loader(out).batch(3), open_loader(out, dtype=dtype).batch(3)
    for name in ["input_ids", "labels", "position_ids"]:
        assert narrow[name].dtype == dtype
        assert np.array_equal(wide[name].astype(dtype), narrow[name])
    assert narrow.cu_seqlens.dtype == np.int32


@pytest.mark.parametrize("dtype", [np.uint16, np.dtype("uint16")])
def test_a_type_may_be_numpys_own(out: str, dtype: Any) -> None:
    assert open_loader(out, dtype=dtype).batch(3).digest() == (
        open_loader(out, dtype="uint16").batch(3).digest()
    )


def test_numpys_integers_are_as_good_as_pythons(out: str) -> None:
    """The batch size times a late step is beyond 32 bits, and the state is JSON."""
    settings = {"sequence_length": 64, "global_batch_size": 4, "seed": 7, "window_tokens": 600}
    given = {name: np.int32(value) for name, value in settings.items()}
    plain_loader, loader = open_loader(out, **settings), open_loader(out, **given)
    late = len(loader) * 10**8 + 3
    assert loader.batch(late).digest() == plain_loader.batch(late).digest()
    assert json.loads(json.dumps(loader.state_dict())) == plain_loader.state_dict()
    pinned = open_loader(out, version=np.int64(1))
    assert pinned.batch(3).digest() == plain_loader.batch(3).digest()


def test_uint32_datasets_are_read(tmp_path: Path) -> None:
    documents = [[70_000 + n, 80_000, 90_000 + n] for n in range(50)]
    make_dataset(str(tmp_path), documents, vocabulary_size=100_000, token_type="uint32", **SMALL)
    loader = open_loader(str(tmp_path), drop_last=False)
    tokens = sorted(t for b in loader for t in b.input_ids.reshape(-1).tolist() if t)
    assert tokens == sorted(t for document in documents for t in document)


def test_fewer_fields_are_the_same_ones(out: str) -> None:
    whole = plain(open_loader(out).batch(2))
    few = open_loader(out, fields=["position_ids", "input_ids"]).batch(2)
    assert plain(few) == {k: v for k, v in whole.items() if k not in ("labels", "cu_seqlens")}
    assert few.labels is None
    assert "labels" not in few


def test_a_short_last_batch_is_dropped_and_counted_or_filled_up(out: str) -> None:
    dropping, filling = open_loader(out), open_loader(out, drop_last=False)
    rest = dropping.num_rows % 4
    assert dropping.dropped_rows == rest > 0
    assert filling.dropped_rows == 0
    assert len(filling) == len(dropping) + 1 == len(list(filling))
    last = filling.batch(len(filling) - 1)
    assert not last.input_ids[rest:].any()
    assert (last.labels[rest:] == -100).all()
    assert (last.position_ids[rest:] == np.arange(64)).all()
    assert last.cu_seqlens[-(4 - rest) - 1 :].tolist() == [64 * row for row in range(rest, 5)]
    assert last.max_seqlen == 64
    assert last.num_label_tokens == int((last.labels != -100).sum())


def test_splits_are_apart(out: str) -> None:
    loader = open_loader(out, split="validation", packing="concat", drop_last=False)
    tokens = sum(int((batch.position_ids >= 0).sum()) for batch in loader)
    assert tokens >= 360
    inputs = sum(len(loader.provenance(step)) for step in range(len(loader)))
    assert inputs >= 40


def test_a_batch_is_a_mapping_with_attributes(out: str) -> None:
    batch = open_loader(out).batch(0)
    assert list(batch) == [
        "input_ids",
        "labels",
        "position_ids",
        "cu_seqlens",
        "max_seqlen",
        "num_label_tokens",
        "global_num_label_tokens",
    ]
    assert dict(**batch)["labels"] is batch.labels
    assert batch.input_ids.shape == (4, 64)
    assert batch.input_ids.dtype == np.int64
    assert batch.input_ids.flags.c_contiguous
    assert "input_ids=(4, 64)" in repr(batch)
    with pytest.raises(KeyError):
        batch["first_row"]
    again = Batch(dict(batch))
    assert plain(again) == plain(batch)
    assert again.digest() == batch.digest()
    with pytest.raises(TypeError, match=r"a batch has input_ids, and no \['mask'\]"):
        Batch(dict(batch) | {"mask": 0})


def test_a_digest_tells_batches_apart(out: str) -> None:
    loader = open_loader(out)
    digests = [loader.batch(step).digest() for step in range(10)]
    assert len(set(digests)) == 10
    assert [batch.digest() for batch in loader][:10] == digests


def test_provenance_names_the_input_and_the_shard(out: str) -> None:
    lines = open_loader(out).provenance(0).to_pylist()
    numbers = {doc_id(number): number for number in range(300)}
    for line in lines:
        number = numbers[line["doc_id"]]
        assert line["source"] == ("one", "two")[number % 2]
        assert line["shard"] == f"shards/train-{number // 100:05d}.arrow"
