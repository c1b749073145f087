import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from penstock.assemble import Assembler
from penstock.batches import Batch
from penstock.deletions import write_deletions
from penstock.errors import UsageError
from penstock.loader import TokenLoader
from penstock.manifest import Manifest, encode_manifest
from penstock.proofs import prove_loader
from penstock.rooms import Room
from penstock.verification import verify
from tests.penstock.datasets import doc_id, make_dataset, random_documents


def rewrite(out: Path, manifest: Manifest) -> None:
    """Put another manifest over a dataset, as a wrong writer would have."""
    (out / "manifest.json").write_bytes(encode_manifest(manifest))


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_a_good_dataset_passes(tmp_path: Path) -> None:
    make_dataset(str(tmp_path), random_documents([5, 0, 9, 30]), validation=[[4, 5]])
    heard: list[str] = []
    report = verify(str(tmp_path), progress=heard.append)
    assert report.ok
    assert (report.version, report.shards, report.rows, report.tokens) == (1, 3, 5, 46)
    assert heard == [
        "shards/train-00000.arrow",
        "shards/train-00001.arrow",
        "shards/validation-00000.arrow",
    ]


@pytest.mark.parametrize("place", [0, 700, 1500, -1])
def test_one_flipped_bit_is_found_and_named(tmp_path: Path, place: int) -> None:
    make_dataset(str(tmp_path), random_documents([50] * 20))
    flip(tmp_path / "shards" / "train-00001.arrow", place)
    (finding,) = verify(str(tmp_path)).findings
    assert finding.startswith("shards/train-00001.arrow: has the xxh3_128 ")


def test_missing_and_short_shards_are_named(tmp_path: Path) -> None:
    make_dataset(str(tmp_path), random_documents([50] * 20), shards=3)
    (tmp_path / "shards" / "train-00000.arrow").unlink()
    short = tmp_path / "shards" / "train-00002.arrow"
    short.write_bytes(short.read_bytes()[:-10])
    first, second = verify(str(tmp_path)).findings
    assert first == "shards/train-00000.arrow: is missing; restore it or run again"
    assert second.startswith("shards/train-00002.arrow: has ")


def test_what_a_wrong_writer_hashed_is_found(tmp_path: Path) -> None:
    manifest = make_dataset(str(tmp_path), [[3, 4], [4999]], shards=1)
    entry = dataclasses.replace(manifest.shards[0], rows=3, tokens=9)
    small = dataclasses.replace(manifest.tokenizer, vocabulary_size=4000, token_type="uint32")
    wrong = dataclasses.replace(manifest, shards=(entry,), tokenizer=small, sources=("one",))
    rewrite(tmp_path, wrong)
    assert verify(str(tmp_path)).findings == tuple(
        f"shards/train-00000.arrow: {line}"
        for line in [
            "holds uint16, the manifest says uint32",
            "has 2 rows and 3 tokens, the manifest says 3 and 9",
            "holds the token id 4999, the vocabulary ends at 3999",
            "holds the source_id 1, the manifest names 1",
        ]
    )


def test_deletion_files_are_checked(tmp_path: Path) -> None:
    ids = np.array([doc_id(1), doc_id(0), doc_id(1)], "S16")
    entry = write_deletions(str(tmp_path), 2, ids)
    assert entry.rows == 2
    make_dataset(str(tmp_path), random_documents([5, 6]), deletions=(entry,), version=2)
    assert verify(str(tmp_path)).ok
    flip(tmp_path / "deletions" / "0002.arrow", 100)
    (finding,) = verify(str(tmp_path)).findings
    assert "isn't the one that the manifest names" in finding


def test_no_dataset_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no dataset at"):
        verify(str(tmp_path))


def test_the_loader_keeps_its_promises(tmp_path: Path) -> None:
    lengths = [int(length) for length in np.random.default_rng(0).integers(0, 9000, 60)]
    entry = write_deletions(str(tmp_path), 2, np.array([doc_id(4), doc_id(7)], "S16"))
    make_dataset(
        str(tmp_path),
        random_documents(lengths),
        validation=random_documents([3000] * 9),
        deletions=(entry,),
        version=2,
    )
    heard: list[str] = []
    report = verify(str(tmp_path), loader=True, progress=heard.append)
    assert report.findings == ()
    assert sorted(report.batches) == ["train", "validation"]
    assert report.batches == verify(str(tmp_path), loader=True).batches
    assert len(set(report.batches.values())) == 2
    assert heard[-2:] == ["loader, split train", "loader, split validation"]


def test_a_split_that_was_taken_down_is_no_fault(tmp_path: Path) -> None:
    entry = write_deletions(str(tmp_path), 2, np.array([doc_id(n) for n in range(60, 69)], "S16"))
    make_dataset(
        str(tmp_path),
        random_documents([300] * 60),
        validation=random_documents([300] * 9),
        deletions=(entry,),
        version=2,
    )
    report = verify(str(tmp_path), loader=True)
    assert report.ok
    assert list(report.batches) == ["train"]


def test_a_loader_that_breaks_its_promises_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong row in one place: each proof must see it, so each is given a loader that has one."""
    make_dataset(str(tmp_path), random_documents([700] * 200), shards=1)
    right = Assembler.batch

    def wrong(self: Assembler, epoch: int, first_row: int, room: Room) -> Batch:
        batch = right(self, epoch, first_row, room)
        if (first_row, self._options.world_size) == (8, place):
            batch.input_ids[0, 0] += 1
        return batch

    monkeypatch.setattr(Assembler, "batch", wrong)
    place = 1
    whole = list(prove_loader(str(tmp_path)))
    assert re.fullmatch(
        r"the shards hold .* tokens with the sum .*, an epoch delivers .*", whole[0]
    )
    assert whole[1:] == [
        "step 2: input_ids of 2 ranks differ from those of one",
        "step 2: input_ids of 4 ranks differ from those of one",
    ]
    place = 4
    assert list(prove_loader(str(tmp_path))) == [
        "step 2: input_ids of 4 ranks differ from those of one"
    ]


def test_a_loader_that_forgets_its_place_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_dataset(str(tmp_path), random_documents([700] * 200), shards=1)
    right = TokenLoader.load_state_dict
    monkeypatch.setattr(
        TokenLoader, "load_state_dict", lambda self, state: right(self, {**state, "row": 0})
    )
    findings = list(prove_loader(str(tmp_path)))
    assert "step 1: a loader resumed at step 1 gives another batch" in findings
