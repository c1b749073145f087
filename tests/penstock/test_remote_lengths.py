"""Lengths read from a remote shard's framing, beside what Arrow reads from the whole of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import DataError, Subset, storage
from penstock.dataset import Dataset
from penstock.deletions import as_doc_ids, write_deletions
from penstock.remote_lengths import read_lengths
from penstock.shards import ShardReader, ShardWriter
from tests.penstock.datasets import doc_id, make_dataset, random_documents
from tests.penstock.test_loader import lengths_of, open_loader, plain
from tests.penstock.test_selection import write_signals

SMALL = {"rows_per_batch": 11, "tokens_per_batch": 300}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write(url: str, lengths: list[int], token_type: str = "uint16", **limits: Any) -> None:
    with ShardWriter(url, token_type=token_type, **limits) as writer:
        documents = pa.array(random_documents(lengths), pa.list_(pa.type_for_alias(token_type)))
        ids = pa.array([doc_id(n) for n in range(len(lengths))], pa.binary(16))
        writer.write(ids, documents, pa.array([0] * len(lengths), pa.int32()))


@given(
    lengths=st.lists(st.integers(0, 50), max_size=60),
    rows=st.integers(1, 20),
    tokens=st.integers(1, 300),
    token_type=st.sampled_from(["uint16", "uint32"]),
)
def test_they_are_what_arrow_reads(
    lengths: list[int], rows: int, tokens: int, token_type: str
) -> None:
    url = "memory://lengths/0.arrow"
    write(url, lengths, token_type, rows_per_batch=rows, tokens_per_batch=tokens)
    with ShardReader(url) as reader:
        wanted = list(reader.batches())
    found = read_lengths(url)
    assert len(found) == len(wanted)
    for batch, whole in zip(found, wanted, strict=True):
        assert batch.lengths.tolist() == whole["tokens"].value_lengths().to_pylist()
        assert np.array_equal(batch.doc_ids, as_doc_ids(whole["doc_id"]))


def test_long_footers_and_large_batches_take_a_second_read() -> None:
    url = "memory://lengths/long.arrow"
    lengths = [1] * 3000
    write(url, lengths, rows_per_batch=1)
    assert [batch.lengths.tolist() for batch in read_lengths(url)] == [[1]] * 3000
    write(url, lengths * 6, rows_per_batch=18_000)
    (batch,) = read_lengths(url)
    assert batch.lengths.tolist() == lengths * 6


def test_tokens_are_left_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "memory://lengths/tokens.arrow"
    write(url, [20_000] * 100, tokens_per_batch=500_000)
    read: list[int] = []

    def counted(function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            found = function(*arguments)
            read.extend([len(found)] if isinstance(found, bytes) else map(len, found))
            return found

        return call

    for name in ["read_bytes", "read_ranges"]:
        monkeypatch.setattr(storage, name, counted(getattr(storage, name)))
    assert sum(batch.lengths.sum() for batch in read_lengths(url)) == 2_000_000
    assert 0 < sum(read) < 0.25 * storage.size(url)


def test_windows_are_those_of_the_same_shards_at_hand(tmp_path: Path) -> None:
    """With deletions, a selection and copies; then the batches are the same, too."""
    local = tmp_path / "out"
    documents = random_documents(lengths_of(300))
    make_dataset(str(local), documents)
    gone = write_deletions(str(local), 2, np.array([doc_id(n) for n in range(0, 300, 9)], "S16"))
    make_dataset(str(local), documents, deletions=(gone,), version=2, **SMALL)
    write_signals(local, list(range(300)))
    for path in filter(Path.is_file, local.rglob("*")):
        name = path.relative_to(local).as_posix()
        storage.write_bytes(f"memory://lengths/out/{name}", path.read_bytes())
    part: dict[str, Any] = {
        "where": [("words", "<", 250)],
        "weight_by": ("quality", [(0.5, 2.0)]),
    }
    pairs = [(str(local), "memory://lengths/out")]
    pairs += [tuple(Subset(out, **part) for out in pairs[0])]  # type: ignore[list-item]
    for here, there in pairs:
        one, other = open_loader(here), open_loader(there)
        for mine, theirs in zip(one._parts.values(), other._parts.values(), strict=True):
            assert np.array_equal(mine.windows.rows, theirs.windows.rows)
            assert np.array_equal(mine.windows.documents, theirs.windows.documents)
        assert [plain(batch) for batch in one] == [plain(batch) for batch in other]


def test_damaged_framing_is_named() -> None:
    url = "memory://lengths/broken.arrow"
    write(url, [5] * 11)
    good = storage.read_bytes(url)
    for data in [b"", good[:-3], good[: len(good) // 2], b"x" * 50 + b"ARROW1"]:
        storage.write_bytes(url, data)
        with pytest.raises(DataError, match=r"broken.arrow can't be read"):
            read_lengths(url)
    offsets = np.arange(0, 60, 5, dtype=np.int32).tobytes()
    storage.write_bytes(url, good.replace(offsets, offsets[::-1]))
    with pytest.raises(DataError, match="broken list offsets"):
        read_lengths(url)
    storage.remove_tree(url)
    with pytest.raises(DataError, match="is missing; restore it"):
        read_lengths(url)


def test_any_damage_of_the_footer_is_an_error_or_harmless(tmp_path: Path) -> None:
    """Every byte of the file's end is flipped in turn."""
    url = "memory://lengths/flipped.arrow"
    write(url, [5] * 11)
    good = storage.read_bytes(url)
    for place in range(len(good) - 400, len(good)):
        data = bytearray(good)
        data[place] ^= 0xFF
        storage.write_bytes(url, bytes(data))
        try:
            found = read_lengths(url)
        except DataError:
            continue
        assert all((batch.lengths >= 0).all() for batch in found)


def test_a_local_dataset_reads_them_through_arrow(tmp_path: Path) -> None:
    make_dataset(str(tmp_path), random_documents([30] * 50), **SMALL)
    dataset = Dataset(str(tmp_path), split="train")
    found = [(stored, lengths.tolist()) for stored, lengths in dataset.batch_lengths(0)]
    assert sum(stored for stored, _ in found) == 30 * 25
    assert [length for _, lengths in found for length in lengths] == [30] * 25
