"""A byte-level BPE tokenizer.json as ranks for tiktoken's engine, where both give the same ids.

The file is looked through section by section; whatever isn't known to be the same in both is
refused by name, and `tokenizers` itself does the work. `transforms.merge_order` proves that merges
and ranks join the same bytes. What is left is how text is cut before: only patterns that a test has
compared in both engines, on every code point, are taken.

Cost: 0.2 s for GPT-2's 50,257 tokens, once for each process.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.merge_order import final_merges

GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_DIGITS_PATTERN = (
    r"\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?=\p{N})|\s+(?!\S)|\s+"
)
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"


def _letters(digits: str) -> str:
    rest = r"| ?[^\s\p{L}\p{N}]+[\r\n]*"
    return rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}{rest}{_SPACES}"


def _cases(digits: str, contractions: str) -> str:
    before = r"[^\r\n\p{L}\p{N}]?"
    words = f"{before}{_UPPER}*{_LOWER}+{contractions}|{before}{_UPPER}+{_LOWER}*{contractions}"
    return rf"{words}|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*{_SPACES}"


SPLIT_PATTERNS: Mapping[str, str] = {
    "gpt2": GPT2_PATTERN,
    "llama3": _letters(r"\p{N}{1,3}"),
    "qwen2": _letters(r"\p{N}"),
    "o200k": _cases(r"\p{N}{1,3}", f"{_CONTRACTIONS}?"),
    "tekken": _cases(r"\p{N}", ""),
}
"""Patterns of `Split` that both engines are known to cut alike, by the models that use them."""


class NotCoveredError(ValueError):
    """The file uses something that isn't known to be the same in tiktoken's engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteLevelBpe:
    """A tokenizer.json for tiktoken's engine: `ids[rank]` is the id in the file."""

    ranks: Mapping[bytes, int]
    ids: NDArray[np.uint32]
    pattern: str
    prefix_space: bool
    composes: bool
    """Text is brought to Unicode's form NFC first."""


def byte_level_bpe(described: Mapping[str, Any]) -> ByteLevelBpe:
    """The parsed tokenizer.json, for tiktoken's engine.

    Raises:
        NotCoveredError: says what in the file isn't covered.
    """
    model = described["model"]
    pattern, prefix_space = _pre_tokenizer(described.get("pre_tokenizer"))
    _check_model(model)
    _check_added(described.get("added_tokens") or [])
    ranks, ids = _ranks(model)
    return ByteLevelBpe(
        ranks=ranks,
        ids=ids,
        pattern=pattern,
        prefix_space=prefix_space,
        composes=_composes(described.get("normalizer")),
    )


def _check_model(model: Mapping[str, Any]) -> None:
    if model.get("type", "BPE") != "BPE":
        raise NotCoveredError(f"its model is {model['type']}, not BPE")
    for key in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(key):
            raise NotCoveredError(f"its model has {key} {model[key]!r}")


def _check_added(added: list[Mapping[str, Any]]) -> None:
    plain = [token["content"] for token in added if not token.get("special")]
    if plain:
        raise NotCoveredError(
            f"its added token {plain[0]!r} isn't a special one, so text is cut at it first"
        )


def _composes(normalizer: Mapping[str, Any] | None) -> bool:
    steps = _steps(normalizer, "normalizers")
    kinds = [step["type"] for step in steps]
    if any(kind != "NFC" for kind in kinds):
        raise NotCoveredError(f"its normalizer is {' and '.join(kinds)}")
    return bool(kinds)


def _steps(section: Mapping[str, Any] | None, key: str) -> list[Mapping[str, Any]]:
    if section is None:
        return []
    return list(section[key]) if section["type"] == "Sequence" else [section]


def _pre_tokenizer(section: Mapping[str, Any] | None) -> tuple[str, bool]:
    """The pattern that cuts text, and whether a space comes before the text."""
    *before, last = _steps(section, "pretokenizers") or [{"type": "none"}]
    if last["type"] != "ByteLevel":
        raise NotCoveredError(f"its pre_tokenizer ends with {last['type']}, not ByteLevel")
    uses_regex, prefix_space = last.get("use_regex", True), last["add_prefix_space"]
    if not before and uses_regex:
        return GPT2_PATTERN, prefix_space
    kinds = [step["type"] for step in before]
    if not prefix_space and uses_regex and kinds == ["Digits"] and before[0]["individual_digits"]:
        return _DIGITS_PATTERN, False
    if not prefix_space and not uses_regex and kinds == ["Split"]:
        return _split_pattern(before[0]), False
    raise NotCoveredError(f"its pre_tokenizer is {' and '.join([*kinds, 'ByteLevel'])}, set so")


def _split_pattern(split: Mapping[str, Any]) -> str:
    pattern = split["pattern"].get("Regex")
    # The patterns match everything, so what is between matches is nothing.
    is_plain = (split["behavior"], split["invert"]) in (("Isolated", False), ("Removed", True))
    if pattern not in SPLIT_PATTERNS.values() or not is_plain:
        raise NotCoveredError(f"its pre_tokenizer splits by {split['pattern']!r}")
    return str(pattern)


def _ranks(model: Mapping[str, Any]) -> tuple[dict[bytes, int], NDArray[np.uint32]]:
    """Ranks of tokens by their bytes, in the order of merges, and the ids of these ranks."""
    vocabulary: Mapping[str, int] = model["vocab"]
    letters = byte_letters()
    missing = [byte for byte, letter in enumerate(letters) if letter not in vocabulary]
    if missing:
        raise NotCoveredError(f"its vocabulary lacks the byte 0x{missing[0]:02x}")
    merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    if len(set(merges)) != len(merges) or len(set(vocabulary.values())) != len(vocabulary):
        raise NotCoveredError("its merges hold a pair twice, or its vocabulary an id")
    tokens = list(dict.fromkeys(left + right for left, right in merges))
    if model.get("ignore_merges"):
        tokens = [t for t in vocabulary if len(t) > 1 and set(t).issubset(letters)]
    table = {ord(letter): byte for byte, letter in enumerate(letters)}
    spelled = [_bytes(token, table) for token in tokens]
    byte_ids = np.array([vocabulary[letter] for letter in letters], np.int64)
    parts, last = _final_merges(merges, vocabulary, spelled, byte_ids)
    order = np.flatnonzero(parts == 1)[np.argsort(last[parts == 1], kind="stable")]
    if model.get("ignore_merges"):
        order = np.concatenate([order, _whole_words(parts, tokens)])
    ranked = [bytes([byte]) for byte in range(256)] + [spelled[k] for k in order]
    ids = [*byte_ids.tolist(), *(vocabulary[tokens[k]] for k in order)]
    return {token: rank for rank, token in enumerate(ranked)}, np.array(ids, np.uint32)


def _whole_words(parts: NDArray[np.int64], tokens: list[str]) -> NDArray[np.int64]:
    """Tokens that are looked up but never merged: both engines find a whole word before merging.

    Beside merging they do no harm if their bytes end as three parts at least: no two neighbours
    then ever make one.
    """
    halves = np.flatnonzero(parts == 2)
    if len(halves):
        raise NotCoveredError(f"its ignore_merges keeps {tokens[halves[0]]!r}, two parts otherwise")
    return np.flatnonzero(parts > 2)


def _final_merges(
    merges: list[tuple[str, ...]],
    vocabulary: Mapping[str, int],
    spelled: list[bytes],
    byte_ids: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    pairs = np.array(
        [(vocabulary[left], vocabulary[right], vocabulary[left + right]) for left, right in merges],
        np.int64,
    ).reshape(-1, 3)
    keys = pairs[:, 0] << 32 | pairs[:, 1]
    order = np.argsort(keys)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum([len(token) for token in spelled])])
    data = np.frombuffer(b"".join(spelled), np.uint8)
    return final_merges(
        data, offsets.astype(np.int64), byte_ids, keys[order], order, pairs[order, 2]
    )


def _bytes(token: str, table: Mapping[int, int]) -> bytes:
    try:
        return bytes([table[ord(letter)] for letter in token])
    except KeyError as error:
        raise NotCoveredError(f"its token {token!r} isn't spelled in bytes") from error


def byte_letters() -> list[str]:
    """The letter that stands for each byte in a byte-level vocabulary, as GPT-2 chose them."""
    shown = re.compile(r"[!-~¡-¬®-ÿ]")
    hidden = iter(range(256, 512))
    return [chr(b) if shown.match(chr(b)) else chr(next(hidden)) for b in range(256)]
