"""Which files are read without their library, and that the others lose nothing by it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, processors

from transforms.byte_level import SPLIT_PATTERNS, byte_letters
from transforms.tokenizer_json import is_plain, read_huggingface

TEXTS = ["", "abab xab  a1b2\n", "<|end|>ab é👍 \U0010ffff", "b" * 2_000, "it's ABab"]


def described(**changes: Any) -> dict[str, Any]:
    """A byte-level file with the merges `a b` and `ab ab`, changed at the top or in its model."""
    pairs = [("a", "b"), ("ab", "ab")]
    names = [*byte_letters(), *(left + right for left, right in pairs)]
    model = models.BPE({name: id_ for id_, name in enumerate(names)}, pairs)
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel()
    tokenizer.add_special_tokens(["<|end|>"])
    found: dict[str, Any] = json.loads(tokenizer.to_str())
    found["model"] |= changes.pop("model", {})
    return found | changes


def assert_as_the_library(file: dict[str, Any]) -> None:
    """Ids, size and names are the library's."""
    text = json.dumps(file)
    codec, theirs = read_huggingface(text.encode()), tokenizers.Tokenizer.from_str(text)
    names = theirs.get_vocab(with_added_tokens=True)
    assert codec.vocabulary_size == max(names.values()) + 1
    assert {name: codec.find(name) for name in names} == names
    assert {codec.spell(id_): id_ for id_ in names.values()} == names
    assert (codec.find("none"), codec.spell(len(names) + 9)) == (None, "")
    theirs.encode_special_tokens = True
    theirs.no_truncation()
    found = [list(row) for row in codec.encode(pa.array(TEXTS))]
    assert found == [theirs.encode(row, add_special_tokens=False).ids for row in TEXTS]


def token(id_: int, content: str, **how: Any) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": id_, "content": content, "special": True, **flags, **how}


def as_written(step: Any) -> Any:
    return json.loads(step.__getstate__())


CUT = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
SPLIT = pre_tokenizers.Split(tokenizers.Regex(SPLIT_PATTERNS["llama3"]), "isolated")
PLAIN: dict[str, dict[str, Any]] = {
    "as it is": {},
    "composed": {"normalizer": as_written(normalizers.NFC())},
    "split": {"pre_tokenizer": as_written(pre_tokenizers.Sequence([SPLIT, CUT]))},
    "merges as lists": {"model": {"merges": [["a", "b"], ["ab", "ab"]]}},
    "merges as text": {"model": {"merges": ["a b", "ab ab"]}},
    "unknown token": {"model": {"unk_token": "a"}},
    "token in the vocabulary": {"added_tokens": [token(257, "abab")]},
    "two tokens": {"added_tokens": [token(258, "<s>", lstrip=True), token(259, "</s>")]},
    "truncation": {
        "truncation": {
            "direction": "Right",
            "max_length": 2,
            "strategy": "LongestFirst",
            "stride": 0,
        }
    },
}
ODD: dict[str, dict[str, Any]] = {
    "a key of the model": {"model": {"more": 1}},
    "byte fallback": {"model": {"byte_fallback": True}},
    "an id left out": {"added_tokens": [], "model": {"vocab": {**{
        name: id_ for id_, name in enumerate([*byte_letters(), "ab"])}, "abab": 300}}},
    "a token's id": {"added_tokens": [token(300, "<|end|>")]},
    "a token twice": {"added_tokens": [token(258, "<s>"), token(258, "<s>")]},
    "whole words": {"model": {"ignore_merges": True}},
    "a key of a step": {"normalizer": {"type": "NFC", "more": 1}},
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_plain_files(name: str) -> None:
    file = described(**PLAIN[name])
    assert is_plain(file)
    assert_as_the_library(file)


@pytest.mark.parametrize("name", ODD)
def test_files_that_are_compared_first(name: str) -> None:
    file = described(**ODD[name])
    assert not is_plain(file)
    assert_as_the_library(file)


def test_a_plain_file_needs_no_library(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(described()))
    script = (
        "import sys, pyarrow\n"
        "from transforms.tokenizers import TokenizerOptions, load_tokenizer\n"
        f"found = load_tokenizer(TokenizerOptions(path={str(path)!r}, eos_token='<|end|>'))\n"
        "print(found.engine, found.encode(pyarrow.array(['abab a'])).to_pylist())\n"
        "print({'tokenizers', 'tiktoken'} & {*sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["penstock [[257, 32, 97, 258]]", "set()"]


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"merges": ["a b", "ab zz"]}},
        {"model": {"merges": ["a b c", "ab"]}},
        {"model": {"merges": "a b"}},
        {"model": {"vocab": None}},
        {"model": {"continuing_subword_prefix": "####"}},
        {"model": {"vocab": {"a": 2**32 + 1}}},
        {"added_tokens": [{"id": 3}]},
        {"more": 1},
    ],
)
def test_broken_files_are_told_by_the_library(change: dict[str, Any]) -> None:
    data = json.dumps(described(**change)).encode()
    with pytest.raises(ValueError, match=r"^a tokenizer\.json that tokenizers can't read: "):
        read_huggingface(data)


def test_what_the_library_says_of_a_broken_model_is_explained() -> None:
    data = json.dumps(described(model={"type": "Odd"})).encode()
    with pytest.raises(
        ValueError,
        match=r"a type that it doesn't know, .* merges of tokens that aren't in the vocabulary",
    ):
        read_huggingface(data)


def test_a_huge_id_takes_no_table_of_all_ids() -> None:
    file = described()
    file["model"]["vocab"]["zz"] = 2**31
    codec = read_huggingface(json.dumps(file).encode())
    assert (codec.engine, codec.vocabulary_size) == ("tokenizers", 2**31 + 1)
    assert codec.engine_note == "its vocabulary has an id of 2,147,483,648"
