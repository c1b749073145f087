import base64
import gzip
import importlib
import json
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from transforms.tokenizer_kinds import ENCODINGS
from transforms.tokenizers import (
    QUICKSTART,
    FitOptions,
    Tokenizer,
    TokenizerOptions,
    load_tokenizer,
    tokenizer_from_bytes,
)
from transforms.train_tokenizer import train_sentencepiece

SENTENCE = "I can't wait to build awesome AI applications"
SPELLED = "</s> <s> <unk> <|endoftext|> [SEP] <0x41>"
FILES = {
    "mixtral": "mistral/tokenizer.model.v1",
    "gpt4": "tiktoken_canonical/cl100k_base.tiktoken.gz",
    "gpt2": "gpt2/gpt2_tokenizer.json.gz",
    "llama": "dolma_hf/llama-test-tokenizer.json.gz",
}
TEXTS = st.lists(st.text(st.characters(codec="utf-8") | st.sampled_from("ab \n<s>"), max_size=20))


@pytest.fixture(scope="module")
def files(shared_data: Path) -> dict[str, Path]:
    return {name: shared_data / "tokenizers" / path for name, path in FILES.items()}


def load(path: Path | str, **options: Any) -> Tokenizer:
    return load_tokenizer(TokenizerOptions(path=str(path), **options))


def ids(tokenizer: Tokenizer, *texts: str) -> list[list[int]]:
    return list(tokenizer.encode(pa.array(texts, pa.string())).to_pylist())


def test_gpt4_facts(files: dict[str, Path]) -> None:
    tokenizer = load(files["gpt4"], add_eos=False)
    assert [len(row) for row in ids(tokenizer, SENTENCE, SENTENCE.replace(" awesome", ""))] == [
        9,
        8,
    ]
    with gzip.open(files["gpt4"]) as lines:
        assert sum(1 for _ in lines) == 100_256
    assert tokenizer.kind == "tiktoken"
    assert tokenizer.vocabulary_size == 100_277
    assert tokenizer.token_type == pa.uint32()
    assert tokenizer.special_ids["eos"] == 100_257


def test_mixtral_facts(files: dict[str, Path]) -> None:
    tokenizer = load(files["mixtral"], add_bos=True)
    assert tokenizer.kind == "sentencepiece"
    assert tokenizer.vocabulary_size == 32_000
    assert tokenizer.special_ids == {"bos": 1, "eos": 2, "pad": None, "unk": 0}
    assert tokenizer.token_type == pa.uint16()
    assert ids(tokenizer, "hello world") == [[1, 6312, 28709, 1526, 2]]


@pytest.mark.parametrize(
    ("name", "kind", "size", "special_ids"),
    [
        ("gpt2", "huggingface", 50_257, {"bos": None, "eos": 50_256, "pad": None, "unk": None}),
        ("llama", "huggingface", 32_003, {"bos": 1, "eos": 2, "pad": None, "unk": 0}),
    ],
)
def test_tokenizer_json_facts(
    files: dict[str, Path], name: str, kind: str, size: int, special_ids: dict[str, int | None]
) -> None:
    tokenizer = load(files[name])
    assert (tokenizer.kind, tokenizer.vocabulary_size) == (kind, size)
    assert tokenizer.special_ids == special_ids


@pytest.fixture(scope="module")
def real_texts(shared_data: Path) -> list[str]:
    with gzip.open(shared_data / "langid" / "lingua.jsonl.gz") as lines:
        rows = [json.loads(line) for line in lines]
    texts = [row["text"] for row in rows if row["kind"] == "sentences"][::97]
    joined = ["\n\n".join(texts[i : i + 40]) for i in range(0, len(texts), 40)]
    return [*texts, *joined, "", " ", "\t x \r\n\n  y 12345 3.14 👍🏽 I'LL we've", "a" * 9999]


def test_tiktoken_cuts_text_as_the_library_does(
    files: dict[str, Path], real_texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import tiktoken

    openai_public = importlib.import_module("tiktoken_ext.openai_public")
    with gzip.open(files["gpt4"], "rb") as lines:
        table = {base64.b64decode(line.split()[0]): rank for rank, line in enumerate(lines)}
    for loader in ("load_tiktoken_bpe", "data_gym_to_mergeable_bpe_ranks"):
        monkeypatch.setattr(openai_public, loader, lambda *args, **options: table)
    theirs = tiktoken.Encoding(**openai_public.cl100k_base())
    expected = [theirs.encode_ordinary(text) for text in real_texts]
    assert ids(load(files["gpt4"], add_eos=False), *real_texts) == expected
    for name, encoding in ENCODINGS.items():
        described = getattr(openai_public, name)()
        assert encoding.special_tokens == described["special_tokens"]
        assert cuts(encoding.pattern, real_texts) == cuts(described["pat_str"], real_texts)


def cuts(pattern: str, texts: list[str]) -> list[list[str]]:
    compiled = importlib.import_module("regex").compile(pattern)
    return [compiled.findall(text) for text in texts]


def test_sentencepiece_and_hugging_face_give_the_libraries_ids(
    files: dict[str, Path], real_texts: list[str]
) -> None:
    import sentencepiece
    import tokenizers

    processor = sentencepiece.SentencePieceProcessor(model_file=str(files["mixtral"]))
    expected = [[*row, 2] for row in processor.encode(real_texts)]
    assert ids(load(files["mixtral"]), *real_texts) == expected
    for name, eos in (("gpt2", 50_256), ("llama", 2)):
        with gzip.open(files[name], "rt", encoding="utf-8") as stored:
            theirs = tokenizers.Tokenizer.from_str(stored.read())
        found = [theirs.encode(text, add_special_tokens=False).ids for text in real_texts]
        assert ids(load(files[name]), *real_texts) == [[*row, eos] for row in found]


@pytest.mark.parametrize("name", [*FILES, QUICKSTART])
def test_special_tokens_in_page_text_are_plain_text(name: str, request: Any) -> None:
    path = name if name == QUICKSTART else request.getfixturevalue("files")[name]
    tokenizer = load(path)
    special = {id_ for id_ in tokenizer.special_ids.values() if id_ is not None}
    row = ids(tokenizer, f"a {SPELLED} b{SPELLED}")[0]
    assert row[-1] == tokenizer.special_ids["eos"]
    assert not special & set(row[:-1])
    assert len(row) > 30


@given(TEXTS, st.integers(0, 10), st.booleans(), st.booleans())
def test_ends_are_put_around_each_row_in_any_batch(
    texts: list[str], cut: int, add_bos: bool, add_eos: bool
) -> None:
    bare = load(QUICKSTART, add_eos=False)
    tokenizer = load(QUICKSTART, add_bos=add_bos, add_eos=add_eos)
    array = pa.array(texts, pa.string())
    whole = tokenizer.encode(array)
    assert whole.type == pa.list_(pa.uint16())
    whole.validate(full=True)
    assert whole.to_pylist() == [
        [1] * add_bos + ids(bare, text)[0] + [2] * add_eos for text in texts
    ]
    parts = [tokenizer.encode(array.slice(0, cut)), tokenizer.encode(array.slice(cut))]
    assert pa.concat_arrays(parts).equals(whole)


@pytest.mark.parametrize(
    ("size", "token_type"), [(65_536, pa.uint16()), (65_537, pa.uint32()), (2, pa.uint16())]
)
def test_ids_are_as_narrow_as_the_vocabulary_allows(size: int, token_type: pa.DataType) -> None:
    tokenizer = Tokenizer(
        kind="tiktoken",
        engine="tiktoken",
        engine_note="",
        digest="",
        vocabulary_size=size,
        special_ids={},
        bos=size - 1,
        eos=None,
        encode_rows=lambda rows: [np.array([0, size - 1]) for _ in rows],
    )
    tokens = tokenizer.encode(pa.array(["x"]))
    assert tokens.type == pa.list_(token_type)
    assert tokens.to_pylist() == [[size - 1, 0, size - 1]]


def test_nulls_are_refused() -> None:
    with pytest.raises(ValueError, match="got 1 nulls among 2 rows"):
        load(QUICKSTART).encode(pa.array(["a", None]))


def test_a_gzipped_file_is_the_same_tokenizer(files: dict[str, Path], tmp_path: Path) -> None:
    plain = tmp_path / "tokenizer.json"
    plain.write_bytes(gzip.decompress(files["gpt2"].read_bytes()))
    assert load(plain).digest == load(files["gpt2"]).digest
    assert ids(load(plain), SENTENCE) == ids(load(files["gpt2"]), SENTENCE)


def test_nothing_touches_the_network(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    tokenizer_from_bytes.cache_clear()
    for path in files.values():
        assert ids(load(path), SENTENCE)


def test_a_tokenizer_json_that_truncates_and_pads_does_neither() -> None:
    import tokenizers

    model = tokenizers.models.WordLevel({"[UNK]": 0, "a": 1, "</s>": 2}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split("a", "isolated")
    tokenizer.add_special_tokens(["</s>"])
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=4)
    data = tokenizer.to_str().encode()
    loaded = tokenizer_from_bytes(data, options=TokenizerOptions(add_eos=False))
    assert ids(loaded, "aaaaa", "a") == [[1] * 5, [1]]


def test_a_run_of_blanks_that_stops_the_library_is_encoded_in_parts(
    files: dict[str, Path],
) -> None:
    row = ids(load(files["gpt4"], add_eos=False), "a" + " " * 2_000_000 + "b")[0]
    assert len(row) < 16_000
    assert (row[0], row[-1]) == (64, 293)


def rank_file(num_ranks: int) -> bytes:
    tokens = [bytes([i]) for i in range(256)] + [b"a" * n for n in range(2, num_ranks - 254)]
    lines = [base64.b64encode(t) + b" %d\n" % rank for rank, t in enumerate(tokens)]
    return b"".join(lines)


def test_a_pattern_for_a_file_that_has_its_own_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"pattern is 'gpt2', but .* this one is of sentencepiece"):
        load_tokenizer(TokenizerOptions(pattern="gpt2"))


def test_a_rank_file_of_ones_own_needs_a_pattern() -> None:
    with pytest.raises(
        ValueError, match=r"258 ranks fit no known encoding; set tokenizer\.pattern"
    ):
        tokenizer_from_bytes(rank_file(258), options=TokenizerOptions())
    options = TokenizerOptions(pattern="gpt2")
    tokenizer = tokenizer_from_bytes(rank_file(258), options=options)
    assert tokenizer.vocabulary_size == 259
    assert ids(tokenizer, "aaaab") == [[256, 256, 98, 258]]


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (b"", "auto", "the file is empty"),
        (b"\x1f\x8bxx", "auto", "a gzip file that doesn't unpack"),
        (b"[PAD]\n[UNK]\n", "auto", r"starts with b'\[PAD\]\\n\[UNK\]\\n', which is no Sentence"),
        (b"\n\x0e\n\x05<unk>", "auto", "not a SentencePiece model, or a damaged one"),
        (b'{"a": 1', "auto", "not a tokenizer.json: Expecting"),
        (b'{"a": 1}', "auto", "not a tokenizer.json: it has no section 'model'"),
        (b'{"model": {"type": "Odd"}}', "auto", "a tokenizer.json that tokenizers can't read"),
        (b"IQ== 0\nnonsense\n", "auto", "line 2 is b'nonsense', expected a token in base64"),
        (b"IQ== 0\nIg== 0\n", "auto", "a token or a rank stands on two lines"),
        (b"IQ== 0\n", "auto", "255 of 256 have no rank, the first is 0x00"),
        (b"IQ== 0\n", "sentencepiece", "not a SentencePiece model"),
    ],
)
def test_broken_files_are_explained(data: bytes, kind: Any, message: str) -> None:
    options = TokenizerOptions(path="some/file", kind=kind)
    with pytest.raises(ValueError, match=message) as caught:
        tokenizer_from_bytes(data, options=options)
    assert str(caught.value).startswith("tokenizer.path: 'some/file': ")


def test_files_cut_short_are_explained(files: dict[str, Path]) -> None:
    """Each kind of file, as after a download that stopped half-way."""
    messages = {
        "mixtral": "not a SentencePiece model, or a damaged one",
        "gpt4": "a tiktoken rank file without all bytes|ranks fit no known encoding|not a tiktoken",
        "gpt2": "not a tokenizer.json: ",
        "llama": "not a tokenizer.json: ",
    }
    for name, message in messages.items():
        data = files[name].read_bytes()
        whole = gzip.decompress(data) if files[name].suffix == ".gz" else data
        with pytest.raises(ValueError, match=message):
            tokenizer_from_bytes(whole[: len(whole) // 2], options=TokenizerOptions())
        if whole is not data:
            with pytest.raises(ValueError, match="a gzip file that doesn't unpack"):
                tokenizer_from_bytes(data[: len(data) // 2], options=TokenizerOptions())


def test_a_file_of_another_kind_than_the_recipe_says(files: dict[str, Path]) -> None:
    for name, kind in (("gpt2", "tiktoken"), ("gpt4", "huggingface"), ("llama", "sentencepiece")):
        with pytest.raises(ValueError, match=r"tokenizer\.path: .*: not a "):
            load(files[name], kind=kind)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"tokenizer\.path: can't read .*none.*No such file"):
        load(tmp_path / "none")
    with pytest.raises(ValueError, match="Is a directory"):
        load(tmp_path)


def test_tokens_that_the_file_lacks_are_named(files: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match=r"has no BOS token; set tokenizer\.bos_token"):
        load(files["gpt2"], add_bos=True)
    with pytest.raises(ValueError, match=r"has no token '<nope>'; set tokenizer\.eos_token"):
        load(files["mixtral"], eos_token="<nope>")
    tokenizer = load(files["gpt2"], add_bos=True, bos_token="<|endoftext|>")
    assert ids(tokenizer, "a") == [[50_256, 64, 50_256]]
    assert tokenizer.special_ids["bos"] == 50_256


def test_an_end_that_page_text_could_spell_is_refused(files: dict[str, Path]) -> None:
    for name in ("mixtral", "gpt4", "llama"):
        with pytest.raises(ValueError, match="a page that contains these letters"):
            load(files[name], eos_token="a" if name == "gpt4" else "▁the")


def test_path_and_fit_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match=r"path .* and fit exclude each other"):
        TokenizerOptions(path="x.model", fit=FitOptions())
    with pytest.raises(ValueError, match="there is no file to load"):
        load_tokenizer(TokenizerOptions(fit=FitOptions()))


def test_a_fitted_model_is_loaded_from_its_bytes() -> None:
    model = train_sentencepiece(pa.array(["some words to learn " * 9]), vocabulary_size=271)
    options = TokenizerOptions(fit=FitOptions(vocabulary_size=300))
    tokenizer = tokenizer_from_bytes(model, options=options)
    assert tokenizer.vocabulary_size == 271
    with pytest.raises(ValueError, match=r"tokenizer\.fit: the file is empty"):
        tokenizer_from_bytes(b"", options=options)


def test_the_digest_is_of_the_bytes(files: dict[str, Path]) -> None:
    import xxhash

    data = files["mixtral"].read_bytes()
    assert load(files["mixtral"]).digest == xxhash.xxh3_128_hexdigest(data)
    assert np.unique([load(path).digest for path in files.values()]).size == len(files)
