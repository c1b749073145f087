"""Faster engines give the ids of `tokenizers`, or aren't used."""

import gzip
import json
import tarfile
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tiktoken
import tokenizers
from hypothesis import given, reject
from hypothesis import strategies as st
from tokenizers import Regex, normalizers, pre_tokenizers

from transforms.byte_level import SPLIT_PATTERNS, NotCoveredError, byte_letters, byte_level_bpe
from transforms.fast_bpe import compared_encoder
from transforms.tokenizer_probe import probe_texts
from transforms.tokenizers import Tokenizer, TokenizerOptions, tokenizer_from_bytes
from transforms.word_bpe import encode_words, pair_table, word_table
from transforms.word_cuts import UNKNOWN, character_kinds

Pairs = list[tuple[str, str]]
LETTERS = byte_letters()
BYTE_LEVEL = pre_tokenizers.ByteLevel(add_prefix_space=False)
CUTS = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


def split(pattern: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), CUTS])


def tokenizer_of(pairs: Pairs, **model: Any) -> tokenizers.Tokenizer:
    """A byte-level tokenizer with these merges of byte letters."""
    names = dict.fromkeys([*LETTERS, *(left + right for left, right in pairs)])
    vocabulary = {name: id_ for id_, name in enumerate(names)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, pairs, **model))
    tokenizer.pre_tokenizer = BYTE_LEVEL
    return tokenizer


def loaded(tokenizer: tokenizers.Tokenizer | str) -> Tokenizer:
    text = tokenizer if isinstance(tokenizer, str) else tokenizer.to_str()
    return tokenizer_from_bytes(text.encode(), options=TokenizerOptions(add_eos=False))


def assert_same_ids(ours: Tokenizer, theirs: tokenizers.Tokenizer, texts: list[str]) -> None:
    theirs.encode_special_tokens = True
    expected = [e.ids for e in theirs.encode_batch_fast(texts, add_special_tokens=False)]
    assert ours.encode(pa.array(texts, pa.string())).to_pylist() == expected


@pytest.fixture(scope="module")
def gpt2_json(shared_data: Path) -> str:
    with gzip.open(shared_data / "tokenizers/gpt2/gpt2_tokenizer.json.gz", "rt") as stored:
        return stored.read()


@pytest.fixture(scope="module")
def real_texts(shared_data: Path) -> list[str]:
    """Sentences in 75 languages and adversarial files, bad UTF-8 replaced."""
    with gzip.open(shared_data / "langid" / "lingua.jsonl.gz") as lines:
        rows = [json.loads(line) for line in lines]
    sentences = [row["text"] for row in rows if row["kind"] == "sentences"][::97]
    texts = [*sentences, "\n".join(sentences), *probe_texts()]
    for path in sorted((shared_data / "adversarial").glob("*.tar.gz")):
        with tarfile.open(path) as archive:
            files = [archive.extractfile(entry) for entry in archive if entry.isfile()]
            texts += [file.read()[:8_000].decode("utf-8", "replace") for file in files if file]
    return texts


def test_gpt2_on_real_and_adversarial_text(gpt2_json: str, real_texts: list[str]) -> None:
    ours = loaded(gpt2_json)
    assert (ours.engine, ours.engine_note) == ("penstock", "")
    assert len(real_texts) > 1_000
    assert_same_ids(ours, tokenizers.Tokenizer.from_str(gpt2_json), real_texts)


def clip(shared_data: Path) -> tokenizers.Tokenizer:
    """CLIP's tokenizer, put together from its list of merges as its authors do."""
    with gzip.open(shared_data / "tokenizers/clip/bpe_simple_vocab_16e6.txt.gz", "rt") as stored:
        merges = [(a, b) for a, b in map(str.split, stored.read().split("\n")[1:48_895])]
    # Their order of bytes: those that can be shown, then the others.
    letters = sorted(LETTERS, key=lambda letter: (ord(letter) > 255, ord(letter)))
    names = [*letters, *(f"{letter}</w>" for letter in letters), *(a + b for a, b in merges)]
    names += ["<|startoftext|>", "<|endoftext|>"]
    model = tokenizers.models.BPE(
        {name: id_ for id_, name in enumerate(names)}, merges, end_of_word_suffix="</w>"
    )
    tokenizer = tokenizers.Tokenizer(model)
    steps = [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    tokenizer.normalizer = normalizers.Sequence(steps)
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    cut = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([cut, BYTE_LEVEL])
    tokenizer.add_special_tokens(names[-2:])
    return tokenizer


def bert(shared_data: Path) -> tokenizers.Tokenizer:
    with gzip.open(shared_data / "tokenizers/bert-base-uncased/vocab.txt.gz", "rt") as stored:
        names = stored.read().splitlines()
    vocabulary = {name: id_ for id_, name in enumerate(names)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def llama(shared_data: Path) -> tokenizers.Tokenizer:
    with gzip.open(
        shared_data / "tokenizers/dolma_hf/llama-test-tokenizer.json.gz", "rt"
    ) as stored:
        return tokenizers.Tokenizer.from_str(stored.read())


@pytest.mark.parametrize(
    ("make", "note"),
    [
        (clip, "its model has end_of_word_suffix '</w>'"),
        (bert, "its model is WordPiece, not BPE"),
        (llama, "its pre_tokenizer ends with none, not ByteLevel"),
    ],
)
def test_other_files_stay_with_tokenizers(
    make: Callable[[Path], tokenizers.Tokenizer],
    note: str,
    shared_data: Path,
    real_texts: list[str],
) -> None:
    theirs = make(shared_data)
    ours = loaded(theirs)
    assert ours.engine == "tokenizers"
    assert ours.engine_note.startswith(note)
    assert_same_ids(ours, theirs, real_texts[::9])


def test_clip_is_put_together_rightly(shared_data: Path) -> None:
    ours = loaded(clip(shared_data))
    assert ours.vocabulary_size == 49_408
    row = ours.encode(pa.array(["A photo of a cat"])).to_pylist()[0]
    assert row == [320, 1125, 539, 320, 2368]


VARIANTS: dict[str, dict[str, Any]] = {
    "prefix_space": {"pre_tokenizer": pre_tokenizers.ByteLevel(add_prefix_space=True)},
    "composed": {"normalizer": normalizers.NFC()},
    "digits": {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Digits(True), BYTE_LEVEL])},
    "inverted": {
        "pre_tokenizer": pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(SPLIT_PATTERNS["llama3"]), "removed", invert=True), CUTS]
        )
    },
    **{name: {"pre_tokenizer": split(pattern)} for name, pattern in SPLIT_PATTERNS.items()},
}


@pytest.mark.parametrize("name", ["prefix_space", "composed", "tekken"])
def test_variants_of_gpt2(name: str, gpt2_json: str, real_texts: list[str]) -> None:
    theirs = tokenizers.Tokenizer.from_str(gpt2_json)
    for key, value in VARIANTS[name].items():
        setattr(theirs, key, value)
    ours = loaded(theirs)
    assert ours.engine == "penstock"
    assert_same_ids(ours, theirs, real_texts[::19])
    assert_same_ids(ours, theirs, ["", " ", "a", " a", "  a", "é", "5", " 5", "a  5b"])


def test_kinds_are_of_the_characters_that_every_library_knows() -> None:
    kinds = character_kinds()
    known = [chr(code) for code in np.flatnonzero(kinds != UNKNOWN)]
    assert len(known) == 284_278
    assert all(unicodedata.category(character) != "Cn" for character in known)
    if unicodedata.unidata_version == "14.0.0":
        newer = [chr(code) for code in np.flatnonzero(kinds == UNKNOWN)]
        assert all(unicodedata.category(character) == "Cn" for character in newer)


def every_kind_of_character() -> list[str]:
    """Assigned code points, few of those that Unicode names by range, in all surroundings."""
    codes = [
        *range(0x3500),
        *range(0x9F00, 0xAC20),
        *range(0xD780, 0x12000),
        *range(0x1D000, 0x1FB00),
    ]
    letters = [chr(c) for c in codes if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]
    return [f"a{c}a 1{c}1!{c}!A{c}A {c} \n{c}\n'{c} {c}  {c}{c}s'S" for c in letters]


@pytest.mark.parametrize("name", VARIANTS)
def test_cuts_are_the_same_at_every_character(name: str) -> None:
    """With a token for every pair of bytes that a cut could part, each cut shows in the ids."""
    around = [LETTERS[ord(c)] for c in " a1!'A\n"]
    pairs = [(a, b) for a in around for b in LETTERS] + [(b, a) for a in around for b in LETTERS]
    theirs = tokenizer_of(list(dict.fromkeys(pairs)))
    for key, value in VARIANTS[name].items():
        setattr(theirs, key, value)
    ours = loaded(theirs)
    assert ours.engine == "penstock"
    texts = every_kind_of_character()
    assert len(texts) > 15_000
    joined = ["".join(texts[i : i + 200]) for i in range(0, len(texts), 200)]
    assert_same_ids(ours, theirs, joined[:: 3 if name == "gpt2" else 12])


@st.composite
def merge_lists(draw: st.DrawFn) -> Pairs:
    """Merges over a few letters, of which later ones may come first and some can never apply."""
    names, pairs = ["a", "b", "c"], []
    for _ in range(draw(st.integers(1, 12))):
        pair = draw(st.sampled_from(names)), draw(st.sampled_from(names))
        if len("".join(pair)) <= 8 and pair not in pairs:
            pairs.append(pair)
            names.append("".join(pair))
    return draw(st.permutations(pairs))


def assert_fast_engines_agree(theirs: tokenizers.Tokenizer, text: str) -> None:
    """On a text that is one word."""
    bpe = byte_level_bpe(json.loads(theirs.to_str()))
    core = tiktoken.Encoding(
        "test", pat_str=bpe.pattern, mergeable_ranks=bpe.ranks, special_tokens={}
    )
    expected = theirs.encode(text).ids
    assert bpe.ids[core.encode_ordinary(text)].tolist() == expected
    if bpe.has_whole_words:
        return
    data, one = np.frombuffer(text.encode(), np.uint8), np.ones(1, np.int64)
    pairs = pair_table(bpe.pairs, np.arange(256, 256 + len(bpe.pairs)))
    out = np.zeros(len(text), np.uint32)
    [total] = encode_words(
        data, 0 * one, one, np.array([len(text)], np.uint16), pairs, *word_table(), out
    )
    assert bpe.ids[out[:total]].tolist() == expected


@given(merge_lists(), st.text("abc", min_size=1, max_size=60))
def test_any_merges_give_the_same_ids(pairs: Pairs, text: str) -> None:
    assert_fast_engines_agree(tokenizer_of(pairs), text)


@given(merge_lists(), st.text("abc", min_size=1, max_size=60))
def test_any_merges_after_whole_words_give_the_same_ids(pairs: Pairs, text: str) -> None:
    theirs = tokenizer_of(pairs, ignore_merges=True)
    try:
        byte_level_bpe(json.loads(theirs.to_str()))
    except NotCoveredError:
        reject()
    assert_fast_engines_agree(theirs, text)


def test_ids_need_not_be_in_the_order_of_merges(gpt2_json: str, real_texts: list[str]) -> None:
    described = json.loads(gpt2_json)
    vocabulary = described["model"]["vocab"]
    mixed = np.random.default_rng(0).permutation(len(vocabulary)).tolist()
    described["model"]["vocab"] = {name: mixed[id_] for name, id_ in vocabulary.items()}
    described["added_tokens"] = []
    ours = loaded(json.dumps(described))
    assert ours.engine == "penstock"
    theirs = tokenizers.Tokenizer.from_str(json.dumps(described))
    assert_same_ids(ours, theirs, real_texts[::9])


def test_whole_words_that_no_merges_make() -> None:
    """`ignore_merges` finds `abcd` before any merge; alone it would end as ab, c, d."""
    described = json.loads(tokenizer_of([("a", "b")], ignore_merges=True).to_str())
    described["model"]["vocab"]["abcd"] = 257
    ours = loaded(json.dumps(described))
    assert ours.engine == "tiktoken"
    theirs = tokenizers.Tokenizer.from_str(json.dumps(described))
    assert_same_ids(ours, theirs, ["abcd", "abcde", "xabcd", " abcd", "ab", "abcd abcd", "1abcd"])
    assert ours.encode(pa.array(["abcd"])).to_pylist() == [[257]]


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"normalizer": normalizers.Lowercase()}, "its normalizer is Lowercase"),
        ({"pre_tokenizer": split(r"\w+|\W+")}, "its pre_tokenizer splits by {'Regex': "),
        (
            {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), BYTE_LEVEL])},
            "its pre_tokenizer is Punctuation and ByteLevel, set so",
        ),
        ({"model": {"dropout": 0.5}}, "its model has dropout 0.5"),
        ({"model": {"end_of_word_suffix": "</w>"}}, "its model has end_of_word_suffix '</w>'"),
    ],
)
def test_what_is_not_covered_is_told(change: dict[str, Any], note: str) -> None:
    tokenizer = tokenizer_of([("a", "b")], **change.pop("model", {}))
    for key, value in change.items():
        setattr(tokenizer, key, value)
    ours = loaded(tokenizer)
    assert ours.engine == "tokenizers"
    assert ours.engine_note.startswith(note)


def test_a_word_that_no_merges_make_but_neighbours_would_is_refused() -> None:
    described = json.loads(tokenizer_of([("a", "b"), ("c", "d")], ignore_merges=True).to_str())
    described["model"]["vocab"]["abcd"] = 258
    ours = loaded(json.dumps(described))
    assert ours.engine == "tokenizers"
    assert ours.engine_note == "its ignore_merges keeps 'abcd', two parts otherwise"


def test_an_engine_that_gives_other_ids_on_a_probe_is_refused() -> None:
    bpe = byte_level_bpe(json.loads(tokenizer_of([("a", "b")]).to_str()))
    with pytest.raises(NotCoveredError, match='other ids for "The mill'):
        compared_encoder(bpe, lambda text: np.zeros(len(text) // 9, np.uint32))


def test_words_that_are_cut_out_first_are_told() -> None:
    tokenizer = tokenizer_of([("a", "b")])
    tokenizer.add_tokens(["abab"])
    ours = loaded(tokenizer)
    assert ours.engine_note.startswith("its added token 'abab' isn't a special one")
    assert_same_ids(ours, tokenizer, ["ababab", "xabab"])


def test_threads_and_batches_do_not_change_ids(gpt2_json: str, real_texts: list[str]) -> None:
    """The table of known words is never two threads', and what it holds decides nothing."""
    ours = loaded(gpt2_json)
    texts = pa.array(real_texts[::3], pa.string())
    whole = ours.encode(texts)
    with ThreadPoolExecutor(4) as pool:
        parts = list(
            pool.map(lambda at: ours.encode(texts.slice(at, 40)), range(0, len(texts), 40))
        )
    assert pa.concat_arrays(parts).equals(whole)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" * 100_000, id="one letter"),
        pytest.param("qxzjkvw" * 20_000, id="no spaces"),
        pytest.param("\0" * 100_000, id="NUL"),
        pytest.param("水" * 100_000, id="Han"),
        pytest.param("a \u0378b\U0002ffff c \ue000 \U0010ffff", id="not assigned"),
        pytest.param("wheel " * 50_000 + "\x85\u180e" * 99, id="words"),
        pytest.param("a" + " " * 300_000 + "b" + "\n" * 300_000, id="blanks"),
    ],
)
def test_long_runs(text: str, gpt2_json: str) -> None:
    assert_same_ids(loaded(gpt2_json), tokenizers.Tokenizer.from_str(gpt2_json), [text])
