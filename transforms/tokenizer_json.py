"""A Hugging Face tokenizer.json as a codec: in the library itself, or in a faster engine.

`transforms.fast_bpe` shows for which byte-level BPE files a faster engine gives the same ids. A
file that is plain besides, every key known and of the usual value, ids dense, special tokens at
their ids, needs nothing of the library, which isn't loaded before a text stops the other engines.
Any other file is read by the library first, which also says what is wrong with a broken one, and
a faster engine is compared with it. Truncation and padding that a file may carry are off.

Cost: 0.14 s for GPT-2's file (0.2 s in `tokenizers` alone, 0.5 s if it must be compared).
"""

import functools
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from transforms.byte_level import ByteLevelBpe, NotCoveredError, byte_level_bpe
from transforms.fast_bpe import EncodeRows, compared_encoder, kernel_encoder
from transforms.tokenizer_kinds import Codec, Engine, ids_of_roles

if TYPE_CHECKING:
    import tokenizers

_SECTIONS = frozenset(
    {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer"}
    | {"post_processor", "decoder", "model"}
)
_MODEL_VALUES: Mapping[str, tuple[Any, ...]] = {
    "type": ("BPE",),
    "dropout": (None,),
    "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""),
    "fuse_unk": (False,),
    "byte_fallback": (False,),
    "ignore_merges": (False,),
}
_STEP_KEYS: Mapping[str, frozenset[str]] = {
    "ByteLevel": frozenset({"add_prefix_space", "trim_offsets", "use_regex"}),
    "Split": frozenset({"pattern", "behavior", "invert"}),
    "Digits": frozenset({"individual_digits"}),
    "NFC": frozenset(),
    "Sequence": frozenset({"normalizers", "pretokenizers"}),
}
_TOKEN_KEYS = frozenset(
    {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"}
)
_AFTERWARDS = (None, "ByteLevel", "TemplateProcessing", "RobertaProcessing", "Sequence")
"""Post-processors and decoders that don't change the ids of a text."""


_MODEL_HINT = (
    "; that is its section 'model': a type that it doesn't know, a key of another form, or merges "
    "of tokens that aren't in the vocabulary"
)


def read_huggingface(data: bytes) -> Codec:
    """Codec of a Hugging Face tokenizer.json.

    Raises:
        ValueError: the bytes aren't one.
    """
    text, described = _described(data)
    bpe, note = None, ""
    try:
        bpe = byte_level_bpe(described)
        if is_plain(described):
            load = functools.cache(lambda: _slow(_library(text)))
            return _plain_codec(described, bpe, lambda row: load()(row))
    except NotCoveredError as error:
        note = str(error)
    except (KeyError, TypeError, AttributeError, OverflowError):
        # Whether the file is broken, and what that is called, is for the library to say.
        note = "its sections aren't of the form that is known"
    return _library_codec(_library(text), bpe, note)


def is_plain(described: Mapping[str, Any]) -> bool:
    """Whether every key of a covered file is known, and nothing in it unusual."""
    model, vocabulary = described["model"], described["model"]["vocab"]
    sections = [described.get(key) for key in ("normalizer", "pre_tokenizer")]
    afterwards = [described.get(key) for key in ("post_processor", "decoder")]
    return (
        _SECTIONS.issuperset(described)
        and described.get("version") in ("1.0", None)
        and all(
            model[key] in _MODEL_VALUES.get(key, ())
            for key in {*model} - {"vocab", "merges", "unk_token"}
        )
        # With a token for every byte none is unknown, whatever the name for it.
        and (model.get("unk_token") is None or model["unk_token"] in vocabulary)
        and all(map(_is_known_step, sections))
        and all((part or {}).get("type") in _AFTERWARDS for part in afterwards)
        and sorted(vocabulary.values()) == list(range(len(vocabulary)))
        and _are_known_tokens(described.get("added_tokens") or [], vocabulary)
    )


def _is_known_step(section: Mapping[str, Any] | None) -> bool:
    if section is None:
        return True
    inner = [*section.get("normalizers", ()), *section.get("pretokenizers", ())]
    keys = {*section} - {"type"}
    return _STEP_KEYS[section["type"]].issuperset(keys) and all(map(_is_known_step, inner))


def _are_known_tokens(added: list[Mapping[str, Any]], vocabulary: Mapping[str, int]) -> bool:
    """Whether added tokens are words of the vocabulary or follow it, one id after another."""
    following = len(vocabulary)
    for token in added:
        expected = vocabulary.get(token["content"], following)
        following += expected == following
        if token["id"] != expected or not token["special"] or {*token} - _TOKEN_KEYS:
            return False
    return len({token["content"] for token in added}) == len(added)


def _plain_codec(
    described: Mapping[str, Any], bpe: ByteLevelBpe, slow: Callable[[str], NDArray[np.integer]]
) -> Codec:
    added = {token["content"]: token["id"] for token in described.get("added_tokens") or []}
    ids: Mapping[str, int] = described["model"]["vocab"] | added
    names = functools.cache(lambda: {id_: name for name, id_ in ids.items()})
    return Codec(
        encode=kernel_encoder(bpe, slow),
        find=ids.get,
        spell=lambda id_: names().get(id_, ""),
        vocabulary_size=len(ids),
        special_ids=ids_of_roles(added),
        engine="penstock",
    )


def _library_codec(tokenizer: "tokenizers.Tokenizer", bpe: ByteLevelBpe | None, note: str) -> Codec:
    """The library's codec, with a faster engine where `bpe` gives one that stands the comparison.

    `note` says why there is no `bpe`.
    """
    special = {
        token.content: id_
        for id_, token in tokenizer.get_added_tokens_decoder().items()
        if token.special
    }
    encode, engine, note = _fastest_encoder(_slow(tokenizer), bpe, note)
    return Codec(
        encode=encode,
        find=tokenizer.token_to_id,
        spell=lambda id_: tokenizer.id_to_token(id_) or "",
        vocabulary_size=max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1,
        special_ids=ids_of_roles(special),
        engine=engine,
        engine_note=note,
    )


def _fastest_encoder(
    slow: Callable[[str], NDArray[np.integer]], bpe: ByteLevelBpe | None, note: str
) -> tuple[EncodeRows, Engine, str]:
    """The encoder of texts, the engine that it runs in, and why not in a faster one."""
    if bpe is not None:
        try:
            encode, by_kernel = compared_encoder(bpe, slow)
        except NotCoveredError as error:
            note = str(error)
        else:
            return encode, "penstock" if by_kernel else "tiktoken", ""
    return (lambda rows: [slow(text) for text in rows.to_pylist()]), "tokenizers", note


def _slow(tokenizer: "tokenizers.Tokenizer") -> Callable[[str], NDArray[np.integer]]:
    def encode(text: str) -> NDArray[np.integer]:
        # One by one: a batch starts threads of its own, is no faster, and holds all of its rows'
        # encodings at once, each more than a hundred times its text.
        found = tokenizer.encode_batch_fast([text], add_special_tokens=False)[0]
        return np.array(found.ids, np.uint32)

    return encode


def _described(data: bytes) -> tuple[str, dict[str, Any]]:
    try:
        text = data.decode("utf-8")
        described = json.loads(text)
    except ValueError as error:
        raise ValueError(f"not a tokenizer.json: {error}") from error
    if not isinstance(described, dict) or not isinstance(described.get("model"), dict):
        raise ValueError(
            "not a tokenizer.json: it has no section 'model'; vocab.txt, vocab.json and merges.txt "
            "must be saved as a tokenizer.json first"
        )
    return text, described


def _library(text: str) -> "tokenizers.Tokenizer":
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_str(text)
    except BaseException as error:
        # The library raises plain Exception, and a panic of its Rust code isn't even one.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        hint = _MODEL_HINT if "ModelUntagged" in str(error) else ""
        raise ValueError(f"a tokenizer.json that tokenizers can't read: {error}{hint}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer
