import dataclasses
import json
from pathlib import Path

import pytest

from penstock.errors import DataError, UsageError
from penstock.manifest import (
    Counts,
    DeletionEntry,
    Manifest,
    ShardEntry,
    TokenizerInfo,
    decode_manifest,
    encode_manifest,
    list_versions,
    read_manifest,
    write_manifest,
)

TOKENIZER = TokenizerInfo(
    kind="sentencepiece",
    digest="ab" * 16,
    vocabulary_size=32000,
    special_ids={"bos": 1, "eos": 2, "pad": None, "unk": 0},
    token_type="uint16",
)


def make_manifest(**changes: object) -> Manifest:
    shards = tuple(
        ShardEntry(
            path=f"shards/{split}-{index}.arrow",
            split=split,
            rows=10 * (index + 1),
            tokens=1000 + index,
            bytes=4096,
            xxh3_128=f"{index:032x}",
        )
        for split, index in [("train", 0), ("train", 1), ("validation", 2)]
    )
    deletion = DeletionEntry(path="deletions/0002.arrow", rows=3, bytes=512, xxh3_128="0" * 32)
    manifest = Manifest(
        version=1,
        recipe={"kind": "text", "seed": 0, "language": {"minimum": 0.65}},
        input_digest="cd" * 16,
        tokenizer=TOKENIZER,
        counts=Counts(records=70, kept=60, dropped=9, failed=1, stages={"lengths": {"words": 9}}),
        sources=("crawl", "bücher"),
        shards=shards,
        artefacts={"language": "ef" * 16},
        deletions=(deletion,),
    )
    return dataclasses.replace(manifest, **changes)  # type: ignore[arg-type]


def test_a_manifest_survives_writing_and_reading(tmp_path: Path) -> None:
    manifest = make_manifest()
    write_manifest(str(tmp_path), manifest)
    assert read_manifest(str(tmp_path)) == manifest
    assert read_manifest(str(tmp_path), version=1) == manifest
    newest = (tmp_path / "manifest.json").read_bytes()
    assert newest == (tmp_path / "manifests" / "0001.json").read_bytes()


def test_it_lives_on_any_store() -> None:
    write_manifest("memory://test-manifest/out", make_manifest())
    assert read_manifest("memory://test-manifest/out") == make_manifest()


def test_bytes_are_canonical() -> None:
    recipe = {"seed": 0, "kind": "text", "language": {"minimum": 0.65}}
    data = encode_manifest(make_manifest(recipe=recipe))
    assert data == encode_manifest(make_manifest())
    assert data.endswith(b"}\n")
    assert "bücher".encode() in data
    plain = json.loads(data)
    assert list(plain) == sorted(plain)
    assert plain["splits"]["train"] == {"shards": 2, "rows": 30, "tokens": 2001}


def test_a_version_never_changes(tmp_path: Path) -> None:
    write_manifest(str(tmp_path), make_manifest())
    write_manifest(str(tmp_path), make_manifest())
    with pytest.raises(DataError, match="a version never changes"):
        write_manifest(str(tmp_path), make_manifest(input_digest="00" * 16))
    assert read_manifest(str(tmp_path)) == make_manifest()


def test_versions_are_listed_and_old_ones_stay_readable(tmp_path: Path) -> None:
    write_manifest(str(tmp_path), make_manifest())
    second = make_manifest(version=2, parent=1, deletions=())
    write_manifest(str(tmp_path), second)
    assert list_versions(str(tmp_path)) == [1, 2]
    assert read_manifest(str(tmp_path)) == second
    assert read_manifest(str(tmp_path), version=1) == make_manifest()
    with pytest.raises(UsageError, match=r"version is 7, but the dataset at .* has \[1, 2\]"):
        read_manifest(str(tmp_path), version=7)


def test_an_unfinished_dataset_is_named(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    with pytest.raises(UsageError, match=r"no dataset at .*a run writes last"):
        read_manifest(str(tmp_path))


def test_numbers_that_json_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="nan"):
        encode_manifest(make_manifest(recipe={"threshold": float("nan")}))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["format_version"], 9, "format_version is 9; this program reads 1"),
        (["version"], 0, "version is 0; allowed: an integer of at least 1"),
        (["version"], True, "version is True; allowed: an integer"),
        (["parent"], "1", "parent is '1'; allowed: an integer"),
        (["sources"], [1], r"sources is \[1\]; allowed: a list of strings"),
        (["shards", 1, "rows"], -1, r"shards\[1\].rows is -1; allowed: an integer of at least 0"),
        (["shards", 1, "xxh3_128"], "XY", r"shards\[1\].xxh3_128 is 'XY'; allowed: 32 lower-case"),
        (["shards", 0, "colour"], 1, r"shards\[0\].colour is unknown; allowed: \['bytes', "),
        (["tokenizer", "token_type"], "int8", "token_type is 'int8'; allowed: uint16 or uint32"),
        (["tokenizer"], [], r"tokenizer is \[\]; allowed: an object"),
        (["splits", "train", "rows"], 31, "splits is .* but the shards sum to"),
        (["counts", "kept"], 61, r"counts.records is 70, but kept \+ dropped \+ failed is 61"),
        (["counts", "stages", "lengths", "words"], 1.5, "counts.stages.lengths.words is 1.5"),
        (["surprise"], 1, "surprise is unknown"),
    ],
)
def test_errors_name_file_field_and_value(path: list[object], value: object, message: str) -> None:
    plain = json.loads(encode_manifest(make_manifest()))
    node = plain
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    with pytest.raises(DataError, match=message) as caught:
        decode_manifest(json.dumps(plain).encode(), where="OUT/manifest.json")
    assert str(caught.value).startswith("OUT/manifest.json: ")


def test_a_missing_field_and_broken_json_are_named() -> None:
    plain = json.loads(encode_manifest(make_manifest()))
    del plain["shards"][2]["tokens"]
    with pytest.raises(DataError, match=r"shards\[2\].tokens is missing; the fields are"):
        decode_manifest(json.dumps(plain).encode())
    with pytest.raises(DataError, match="isn't JSON"):
        decode_manifest(encode_manifest(make_manifest())[:-20])
