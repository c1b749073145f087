"""Deletions, versions, sidecars and damaged or unfinished datasets, as the loader meets them."""

import dataclasses
import re
from collections import Counter
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from penstock import DataError, TokenLoader, UsageError
from penstock.dataset import Dataset
from penstock.deletions import write_deletions
from penstock.manifest import Manifest, write_manifest
from penstock.packing import LongDocuments, Packing
from penstock.windows import PackSettings, Windows, load_windows, make_windows
from tests.penstock.datasets import doc_id, make_dataset, random_documents, write_shard
from tests.penstock.test_loader import lengths_of, open_loader, plain

SMALL = {"rows_per_batch": 11, "tokens_per_batch": 300}
SETTINGS = PackSettings(
    sequence_length=64,
    packing=Packing.BEST_FIT,
    long_documents=LongDocuments.SPLIT,
    window_tokens=600,
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def delivered(loader: TokenLoader) -> Counter[bytes]:
    """How many tokens of each document an epoch delivers."""
    found: Counter[bytes] = Counter()
    for step in range(len(loader)):
        for line in loader.provenance(step).to_pylist():
            found[line["doc_id"]] += line["length"]
    return found


def delete(out: str, manifest: Manifest, numbers: list[int]) -> Manifest:
    """The next version of a dataset, without these documents."""
    version = manifest.version + 1
    entry = write_deletions(out, version, np.array([doc_id(n) for n in numbers], "S16"))
    deletions = (*manifest.deletions, entry)
    after = dataclasses.replace(manifest, version=version, parent=version - 1, deletions=deletions)
    write_manifest(out, after)
    return after


def same(one: Windows, other: Windows) -> bool:
    names = [field.name for field in dataclasses.fields(Windows)]
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_deleted_documents_are_never_delivered(tmp_path: Path) -> None:
    out, lengths = str(tmp_path), lengths_of(200)
    manifest = make_dataset(out, random_documents(lengths), **SMALL)
    before = delivered(open_loader(out, drop_last=False))
    second = delete(out, manifest, [0, 3, 150, 199, 5000])
    delete(out, second, [3, 7])
    gone = {0, 3, 7, 150, 199}
    wanted = {doc_id(n): length for n, length in enumerate(lengths) if length and n not in gone}
    assert delivered(open_loader(out, drop_last=False)) == wanted
    assert delivered(open_loader(out, drop_last=False, version=1)) == before
    assert set(before) - set(wanted) == {doc_id(n) for n in gone if lengths[n]}


def test_a_state_from_before_a_takedown_is_refused(tmp_path: Path) -> None:
    out = str(tmp_path)
    manifest = make_dataset(out, random_documents(lengths_of(200)), **SMALL)
    state = open_loader(out).state_dict()
    delete(out, manifest, [9])
    with pytest.raises(UsageError, match="version is 1 in the state and 2 here"):
        open_loader(out).load_state_dict(state)
    open_loader(out, version=1).load_state_dict(state)


def test_a_new_version_of_the_same_data_takes_the_state(tmp_path: Path) -> None:
    out = str(tmp_path)
    manifest = make_dataset(out, random_documents(lengths_of(200)), **SMALL)
    state = open_loader(out).state_dict() | {"row": 8}
    write_manifest(out, dataclasses.replace(manifest, version=2, artefacts={"note": "0"}))
    loader = open_loader(out)
    loader.load_state_dict(state)
    assert loader.step == 2


def test_the_sidecar_is_read_instead_of_the_shards(tmp_path: Path) -> None:
    out = str(tmp_path)
    make_dataset(out, random_documents(lengths_of(300)), shards=3, **SMALL)
    made = load_windows(Dataset(out, split="train"), SETTINGS)
    (sidecar,) = (tmp_path / "loader").iterdir()
    assert sidecar.name.startswith("windows-best_fit-split-64-600-")
    for shard in (tmp_path / "shards").iterdir():
        shard.write_bytes(bytes(shard.stat().st_size))
    assert same(load_windows(Dataset(out, split="train"), SETTINGS), made)
    sidecar.write_bytes(sidecar.read_bytes()[:-20])
    with pytest.raises(DataError, match="can't be read"):
        load_windows(Dataset(out, split="train"), SETTINGS)


def test_a_new_snapshot_reuses_the_old_shards_windows(tmp_path: Path) -> None:
    out = str(tmp_path)
    manifest = make_dataset(out, random_documents(lengths_of(300)), shards=3, **SMALL)
    load_windows(Dataset(out, split="train"), SETTINGS)
    documents = random_documents(lengths_of(100, seed=5))
    path = "shards/train-00003.arrow"
    entry = write_shard(out, path, "train", documents, first=300, **SMALL)
    shards = (entry, *manifest.shards)
    write_manifest(out, dataclasses.replace(manifest, version=2, parent=1, shards=shards))
    scratch = make_windows(Dataset(out, split="train"), SETTINGS)
    for old in manifest.shards:
        (tmp_path / old.path).write_bytes(bytes(old.bytes))
    assert same(load_windows(Dataset(out, split="train"), SETTINGS), scratch)


def test_windows_are_runs_of_whole_batches(tmp_path: Path) -> None:
    out = str(tmp_path)
    make_dataset(out, random_documents(lengths_of(300)), shards=3, **SMALL)
    windows = make_windows(Dataset(out, split="train"), SETTINGS)
    assert windows.tokens.sum() == sum(lengths_of(300))
    for shard in range(3):
        inside = windows.shard == shard
        assert windows.first_batch[inside][0] == 0
        assert np.array_equal(windows.first_batch[inside][1:], windows.end_batch[inside][:-1])
        assert (windows.tokens[inside][:-1] >= 600).all()


def test_a_dataset_that_cant_be_written_keeps_its_sidecar_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    make_dataset(str(out), random_documents(lengths_of(100)), **SMALL)
    (out / "loader").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    first = plain(open_loader(str(out)).batch(0))
    assert len(list((cache / "penstock" / "loader").iterdir())) == 1
    assert plain(open_loader(str(out)).batch(0)) == first


def test_any_store_gives_the_same_batches(tmp_path: Path) -> None:
    documents = random_documents(lengths_of(200))
    make_dataset(str(tmp_path), documents, **SMALL)
    make_dataset("memory://loader-test/out", documents, **SMALL)
    local, remote = open_loader(str(tmp_path)), open_loader("memory://loader-test/out")
    assert [plain(batch) for batch in local] == [plain(batch) for batch in remote]


def test_the_program_may_go_to_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    make_dataset(str(tmp_path / "out"), random_documents(lengths_of(200)), shards=3, **SMALL)
    make_dataset("memory://moving/out", random_documents(lengths_of(200)), shards=3, **SMALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    here = open_loader("out")
    remote = open_loader("memory://moving/out", cache_dir="cache")
    at_home = open_loader("memory://moving/out", cache_dir="~/cache")
    monkeypatch.chdir(tmp_path / "elsewhere")
    wanted = open_loader(str(tmp_path / "out")).batch(3).digest()
    assert [loader.batch(3).digest() for loader in (here, remote, at_home)] == [wanted] * 3
    assert len(list((tmp_path / "cache").iterdir())) > 1
    assert len(list((tmp_path / "home" / "cache").iterdir())) > 1
    assert not list(Path.cwd().iterdir())


class ReadOnlyFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """Files in memory that refuse to be written as HTTP's do, by no OSError."""

    protocol = "readonly"

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode != "rb":
            raise NotImplementedError
        return super()._open(path, mode, **options)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.split("://")[-1].strip("/")


def test_a_store_that_cant_be_written_to_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    fsspec.register_implementation("readonly", ReadOnlyFileSystem, clobber=True)
    make_dataset("memory://published/out", random_documents(lengths_of(200)), **SMALL)
    batch = open_loader("readonly://published/out").batch(3)
    assert len(list((tmp_path / "penstock" / "loader").iterdir())) == 1
    assert batch.digest() == open_loader("memory://published/out").batch(3).digest()


def test_more_shards_than_may_be_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.dataset.OPEN_SHARDS", 2)
    documents = random_documents(lengths_of(200))
    make_dataset(str(tmp_path), documents, shards=9, **SMALL)
    loader = open_loader(str(tmp_path), drop_last=False)
    assert sum(delivered(loader).values()) == sum(lengths_of(200))
    assert loader.batch(0).input_ids.any()


def test_a_missing_or_truncated_shard_is_named_at_once(tmp_path: Path) -> None:
    make_dataset(str(tmp_path), random_documents([30] * 100), **SMALL)
    shard = tmp_path / "shards" / "train-00001.arrow"
    data = shard.read_bytes()
    shard.write_bytes(data[:-9])
    with pytest.raises(DataError, match=r"train-00001.arrow has \d+ bytes, the manifest says \d+"):
        open_loader(str(tmp_path))
    shard.unlink()
    with pytest.raises(DataError, match=r"train-00001.arrow is missing"):
        open_loader(str(tmp_path))


def test_a_shard_of_another_format_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("penstock.shards.SHARD_FORMAT", 3)
        make_dataset(str(tmp_path), random_documents([30] * 100), **SMALL)
    with pytest.raises(DataError, match=r"train-00000.arrow: format is 3; this program reads 2"):
        open_loader(str(tmp_path))


def test_broken_offsets_cant_lead_the_kernel_astray(tmp_path: Path) -> None:
    """Every aligned int32 of the shard's first batch is made huge or negative, one at a time."""
    make_dataset(str(tmp_path), random_documents([5] * 11), shards=1, **SMALL)
    shard = tmp_path / "shards" / "train-00000.arrow"
    good = shard.read_bytes()
    offsets = np.arange(0, 60, 5, dtype=np.int32).tobytes()
    start = good.index(offsets)
    for place in range(start, start + len(offsets), 4):
        for value in (2**31 - 1, -(2**31), 60):
            data = bytearray(good)
            data[place : place + 4] = np.int32(value).tobytes()
            shard.write_bytes(data)
            with pytest.raises(DataError, match="broken list offsets"):
                open_loader(str(tmp_path), global_batch_size=1)


def test_lengths_other_than_the_sidecars_are_refused(tmp_path: Path) -> None:
    make_dataset(str(tmp_path), random_documents([60] * 11), shards=1, **SMALL)
    loader = open_loader(str(tmp_path), global_batch_size=1)
    shard = tmp_path / "shards" / "train-00000.arrow"
    good = shard.read_bytes()
    offsets = np.arange(0, 720, 60, dtype=np.int32)
    offsets = offsets[: np.frombuffer(good, np.uint8).size]
    at = good.index(offsets[:6].tobytes())
    other = np.array([0, 1, 2, 3, 4, 5], np.int32).tobytes()
    shard.write_bytes(good[:at] + other + good[at + len(other) :])
    with pytest.raises(DataError, match=r"packs to \d+ rows instead of \d+; run `penstock verify"):
        loader.batch(0)


def test_any_flipped_byte_of_the_structure_is_named_or_changes_nothing(tmp_path: Path) -> None:
    """Bytes around a shard's values: Arrow's schema, block and footer. Values, `verify` checks."""
    make_dataset(str(tmp_path), random_documents([60] * 110), shards=1)
    wanted = [batch.digest() for batch in open_loader(str(tmp_path), window_tokens=None)]
    shard = tmp_path / "shards" / "train-00000.arrow"
    good = shard.read_bytes()
    refused: list[str] = []
    for place in [*range(0, good.index(doc_id(0)), 5), *range(len(good) - 700, len(good), 5)]:
        damaged = bytearray(good)
        damaged[place] ^= 0xFF
        shard.write_bytes(damaged)
        try:
            found = open_loader(str(tmp_path), window_tokens=None)
            assert [batch.digest() for batch in found] == wanted
        except DataError as error:
            refused.append(str(error))
    assert len(refused) > 20
    next_step = re.compile("restore it or run again|`penstock verify|install the Penstock version")
    assert all(str(tmp_path) in line and next_step.search(line) for line in refused)


def test_a_damaged_sidecar_is_made_again(tmp_path: Path) -> None:
    make_dataset(str(tmp_path), random_documents([60] * 11), shards=1, **SMALL)
    wanted = [batch.digest() for batch in open_loader(str(tmp_path), global_batch_size=1)]
    (sidecar,) = (tmp_path / "loader").iterdir()
    good = sidecar.read_bytes()
    for place in range(0, len(good), 11):
        damaged = bytearray(good)
        damaged[place] ^= 0x41
        sidecar.write_bytes(damaged)
        loader = open_loader(str(tmp_path), global_batch_size=1)
        assert [batch.digest() for batch in loader] == wanted


def test_ids_beyond_the_vocabulary_are_refused(tmp_path: Path) -> None:
    make_dataset(str(tmp_path), [[5, 4000, 7]] * 40, vocabulary_size=4000, **SMALL)
    with pytest.raises(DataError, match="holds the token id 4000, the vocabulary ends at 3999"):
        open_loader(str(tmp_path), global_batch_size=1).batch(0)


def test_an_unfinished_or_empty_dataset_is_refused(tmp_path: Path) -> None:
    manifest = make_dataset(str(tmp_path), random_documents([30] * 100), **SMALL)
    with pytest.raises(UsageError, match=r"split is 'test'; .* has \['train'\]"):
        open_loader(str(tmp_path), split="test")
    with pytest.raises(UsageError, match=r"version is 9, but the dataset at .* has \[1\]"):
        open_loader(str(tmp_path), version=9)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(UsageError, match="no dataset at"):
        open_loader(str(tmp_path))
    empty = dataclasses.replace(manifest, shards=())
    write_manifest(str(tmp_path / "empty"), empty)
    with pytest.raises(UsageError, match="is empty: its recipe kept no document"):
        open_loader(str(tmp_path / "empty"))


def test_a_batch_larger_than_the_epoch_is_refused(tmp_path: Path) -> None:
    manifest = make_dataset(str(tmp_path), random_documents([30] * 100), shards=1, **SMALL)
    everything = {"sequence_length": 100_000, "window_tokens": None}
    with pytest.raises(UsageError, match=r"global_batch_size is 4, but the dataset packs to"):
        open_loader(str(tmp_path), **everything)
    one = open_loader(str(tmp_path), global_batch_size=1, **everything)
    assert len(one) == 1
    assert int((one.batch(0).labels != -100).sum()) == 30 * 100 - 100
    delete(str(tmp_path), manifest, list(range(100)))
    with pytest.raises(UsageError, match="no tokens to deliver: its documents are empty, deleted"):
        open_loader(str(tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sequence_length": 0}, "sequence_length is 0; allowed: 1 to 262143"),
        ({"sequence_length": 2.5}, "sequence_length is 2.5; allowed: an integer"),
        ({"global_batch_size": 0}, "global_batch_size is 0; allowed: at least 1"),
        ({"world_size": 3}, "global_batch_size is 4, which world_size 3 doesn't divide"),
        ({"rank": 2, "world_size": 2}, "rank is 2; allowed: 0 to 1"),
        ({"rank": -1}, "rank is -1; allowed: 0 to 0"),
        ({"seed": -1}, "seed is -1; allowed: 0 to"),
        ({"objective": "masked"}, "objective is 'masked'; allowed: causal"),
        ({"packing": "bestfit"}, "packing is 'bestfit'; allowed: best_fit, first_fit"),
        ({"long_documents": "drop"}, "long_documents is 'drop'; allowed: split, cut"),
        ({"dtype": "float32"}, "dtype is 'float32'; allowed: int64, int32, uint16, uint32"),
        ({"fields": ["labels"]}, r"fields is \['labels'\]; allowed: a list of input_ids, labels"),
        ({"fields": ["input_ids", "mask"]}, r"fields is \['input_ids', 'mask'\]; allowed: a list"),
        ({"fields": "labels"}, r"fields is \['labels'\]; allowed: a list of input_ids, labels"),
        ({"fields": None}, "fields is None; allowed: a list of input_ids, labels"),
        ({"split": ""}, r"split is ''; the dataset at .* has \['train'\]"),
        ({"drop_last": "no"}, "drop_last is 'no'; allowed: True or False"),
        ({"balance_ranks": 1}, "balance_ranks is 1; allowed: True or False"),
        ({"version": "newest"}, "version is 'newest'; allowed: an integer, or None for the newest"),
        ({"skip": 5}, "skip is 5; allowed: a list of steps and ranges of them"),
        ({"framework": "jax"}, "framework is 'jax'; allowed: 'torch', 'numpy' or None"),
        ({"prefetch": -1}, "prefetch is -1; allowed: at least 0"),
        ({"windows_per_batch": 0}, "windows_per_batch is 0; allowed: at least 1"),
        ({"window_tokens": 0}, "window_tokens is 0; allowed: at least 1"),
        ({"sequence_length": 66_000, "dtype": "uint16"}, "ids and positions reach 65999"),
    ],
)
def test_wrong_options_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    make_dataset(str(tmp_path), random_documents([30] * 100), **SMALL)
    with pytest.raises(UsageError, match=message):
        open_loader(str(tmp_path), **changes)


@pytest.mark.parametrize("step", [-1, 1.0, "3", 1 << 62])
def test_a_wrong_step_is_named(tmp_path: Path, step: Any) -> None:
    make_dataset(str(tmp_path), random_documents([30] * 100), **SMALL)
    with pytest.raises(UsageError, match=r"step is .*; allowed: (an integer from 0|up to 1099)"):
        open_loader(str(tmp_path)).batch(step)
