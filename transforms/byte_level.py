"""A byte-level BPE tokenizer.json as ranks for faster engines, where they give the same ids.

The file is looked through section by section; whatever isn't known to be the same in both is
refused by name, and `tokenizers` itself does the work. `transforms.merge_order` proves that merges
and ranks join the same bytes. What is left is how text is cut before: only patterns that tests
compare in all engines, around every kind of character, are taken.

Cost: 0.08 s for GPT-2's 50,257 tokens, once for each process.
"""

import functools
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, repeat
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.merge_order import final_merges
from transforms.word_cuts import BY_CASE, BY_CLASS, BY_LETTERS

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """How a pattern cuts text, for `transforms.word_bpe`."""

    way: int
    digits: int
    contractions: bool


CUTS: Mapping[str, Cuts] = {
    GPT2_PATTERN: Cuts(way=BY_CLASS, digits=0, contractions=True),
    _DIGITS_PATTERN: Cuts(way=BY_CLASS, digits=1, contractions=True),
    SPLIT_PATTERNS["llama3"]: Cuts(way=BY_LETTERS, digits=3, contractions=True),
    SPLIT_PATTERNS["qwen2"]: Cuts(way=BY_LETTERS, digits=1, contractions=True),
    SPLIT_PATTERNS["o200k"]: Cuts(way=BY_CASE, digits=3, contractions=True),
    SPLIT_PATTERNS["tekken"]: Cuts(way=BY_CASE, digits=1, contractions=False),
}


_LARGEST_ID = 1 << 24
"""Ids beyond are a mistake, and a table of all ids below them would take the memory."""


class NotCoveredError(ValueError):
    """The file uses something that isn't known to be the same in faster engines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteLevelBpe:
    """A tokenizer.json for faster engines: `ids[rank]` is the id in the file.

    Ranks are dense, bytes first, then tokens by the merge that makes them; `pairs` are the
    ranks that make rank 256 and those after it, left << 32 | right. `has_whole_words` says that
    tokens follow which no merge makes, but which are looked for before merging.
    """

    spelled: tuple[bytes, NDArray[np.int64], NDArray[np.int64]]
    """Bytes, and where in them the tokens of rank 256 and those after it start and end."""

    ids: NDArray[np.uint32]
    pairs: NDArray[np.int64]
    has_whole_words: bool
    pattern: str
    prefix_space: bool
    composes: bool
    """Text is brought to Unicode's form NFC first."""

    @property
    def ranks(self) -> dict[bytes, int]:
        """Ranks of tokens by their bytes, built at each call."""
        data, starts, ends = self.spelled
        tokens = [bytes([byte]) for byte in range(256)]
        tokens += [data[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
        return {token: rank for rank, token in enumerate(tokens)}


def byte_level_bpe(described: Mapping[str, Any]) -> ByteLevelBpe:
    """The parsed tokenizer.json, for faster engines.

    Raises:
        NotCoveredError: says what in the file isn't covered.
    """
    model = described["model"]
    _check_model(model)
    pattern, prefix_space = _pre_tokenizer(described.get("pre_tokenizer"))
    _check_added(described.get("added_tokens") or [])
    return _ranked(
        model,
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


def _ranked(model: Mapping[str, Any], **how: Any) -> ByteLevelBpe:
    """Ranks of tokens by their bytes, in the order of merges, and the ids of these ranks."""
    vocabulary: Mapping[str, int] = model["vocab"]
    lefts, rights = _sides(model["merges"])
    tokens = list(map(add, lefts, rights))
    byte_ids = _ids(list(byte_letters()), vocabulary)
    left, right, made_ids = (_ids(names, vocabulary) for names in (lefts, rights, tokens))
    keys = left << 32 | right
    if len(np.unique(keys)) != len(keys) or len(set(vocabulary.values())) != len(vocabulary):
        raise NotCoveredError("its merges hold a pair twice, or its vocabulary an id")
    tokens = list(dict.fromkeys(tokens))
    if model.get("ignore_merges"):
        letters = set(byte_letters())
        tokens = [token for token in vocabulary if len(token) > 1 and letters.issuperset(token)]
    data, offsets = _spelled(tokens)
    parts, last = final_merges(data, offsets, byte_ids, keys, made_ids)
    made = np.flatnonzero(parts == 1)
    made = made[np.argsort(last[made])]
    whole = _whole_words(parts, tokens) if model.get("ignore_merges") else made[:0]
    order = np.concatenate([made, whole])
    ids = np.concatenate([byte_ids, _ids(tokens, vocabulary)[order]])
    largest = max(vocabulary.values())
    if largest > _LARGEST_ID:
        raise NotCoveredError(f"its vocabulary has an id of {largest:,}")
    rank_of = np.zeros(largest + 1, np.int64)
    rank_of[ids] = np.arange(len(ids))
    return ByteLevelBpe(
        spelled=(data.tobytes(), offsets[order], offsets[order + 1]),
        ids=ids.astype(np.uint32),
        pairs=rank_of[left[last[made]]] << 32 | rank_of[right[last[made]]],
        has_whole_words=len(whole) > 0,
        **how,
    )


def _sides(merges: list[Any]) -> tuple[list[str], list[str]]:
    """Left and right sides of merges, which are written with a space between or as lists."""
    written = {*map(type, merges)} <= {str}
    parts = map(str.count, merges, repeat(" ")) if written else (len(merge) - 1 for merge in merges)
    if any(count != 1 for count in parts):
        raise NotCoveredError("its merges aren't all of two tokens")
    if written:
        sides = " ".join(merges).split(" ") if merges else []
    else:
        sides = [*chain.from_iterable(merges)]
    return sides[::2], sides[1::2]


def _ids(tokens: list[str], vocabulary: Mapping[str, int]) -> NDArray[np.int64]:
    try:
        return np.fromiter(map(vocabulary.__getitem__, tokens), np.int64, len(tokens))
    except KeyError as error:
        raise NotCoveredError(f"its vocabulary lacks {error.args[0]!r}") from error


def _whole_words(parts: NDArray[np.int64], tokens: list[str]) -> NDArray[np.int64]:
    """Tokens that are looked up but never merged: both engines find a whole word before merging.

    Beside merging they do no harm if their bytes end as three parts at least: no two neighbours
    then ever make one.
    """
    halves = np.flatnonzero(parts == 2)
    if len(halves):
        raise NotCoveredError(f"its ignore_merges keeps {tokens[halves[0]]!r}, two parts otherwise")
    return np.flatnonzero(parts > 2)


def _spelled(tokens: list[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of tokens that are written in letters for bytes, one after another, and places."""
    table = np.full(sys.maxunicode + 1, -1, np.int16)
    table[[*map(ord, byte_letters())]] = range(256)
    written = "".join(tokens).encode("utf-32-le", "surrogatepass")
    letters = np.frombuffer(written, np.uint32)
    data = table[letters]
    if (data < 0).any():
        letter = chr(letters[np.argmin(data)])
        raise NotCoveredError(f"its merges make a token with {letter!r}, no byte")
    lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
    return data.astype(np.uint8), np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


@functools.cache
def byte_letters() -> tuple[str, ...]:
    """The letter that stands for each byte in a byte-level vocabulary, as GPT-2 chose them."""
    shown = re.compile(r"[!-~¡-¬®-ÿ]")
    hidden = iter(range(256, 512))
    return tuple(chr(b) if shown.match(chr(b)) else chr(next(hidden)) for b in range(256))
