"""What a tokenizer file is, and those of SentencePiece and tiktoken as functions from text to ids.

Page text is only ever text: a page that spells `<|endoftext|>` gets the tokens of these letters,
never the special token. SentencePiece does so for control pieces, tiktoken by `encode_ordinary`,
Hugging Face by `encode_special_tokens` (`transforms.tokenizer_json`); `transforms.tokenizers`
checks the tokens that it adds.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.fast_bpe import EncodeRows

if TYPE_CHECKING:
    import tiktoken

Kind = Literal["sentencepiece", "huggingface", "tiktoken"]
Engine = Literal["sentencepiece", "tiktoken", "tokenizers", "penstock"]

SPECIAL_NAMES: Mapping[str, tuple[str, ...]] = {
    "bos": ("<s>", "<bos>", "<|begin_of_text|>", "<|startoftext|>", "[CLS]"),
    "eos": ("</s>", "<eos>", "<|end_of_text|>", "<|endoftext|>", "[SEP]"),
    "pad": ("<pad>", "<|pad|>", "[PAD]"),
    "unk": ("<unk>", "[UNK]"),
}
"""What special tokens are called; a tokenizer.json doesn't say which is which."""

_END_OF_TEXT = "<|endoftext|>"
_CONTRACTIONS = r"'(?:[sdmt]|ll|ve|re)"
_GPT2 = _CONTRACTIONS + r"| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
_O200K = (
    rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+(?i:{_CONTRACTIONS})?"
    rf"|[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*(?i:{_CONTRACTIONS})?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """One known tiktoken encoding: how text is cut before merging, and its special tokens."""

    num_ranks: int
    pattern: str
    special_tokens: Mapping[str, int]


ENCODINGS: Mapping[str, Encoding] = {
    "gpt2": Encoding(num_ranks=50256, pattern=_GPT2, special_tokens={_END_OF_TEXT: 50256}),
    "p50k_base": Encoding(num_ranks=50280, pattern=_GPT2, special_tokens={_END_OF_TEXT: 50256}),
    "cl100k_base": Encoding(
        num_ranks=100256,
        pattern=_CL100K,
        special_tokens={
            _END_OF_TEXT: 100257,
            "<|fim_prefix|>": 100258,
            "<|fim_middle|>": 100259,
            "<|fim_suffix|>": 100260,
            "<|endofprompt|>": 100276,
        },
    ),
    "o200k_base": Encoding(
        num_ranks=199998,
        pattern=_O200K,
        special_tokens={_END_OF_TEXT: 199999, "<|endofprompt|>": 200018},
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """What a tokenizer file holds: its encoder, its size and its tokens by name.

    `engine` is what encodes; `engine_note` says why it isn't a faster one, or nothing.
    """

    encode: EncodeRows
    find: Callable[[str], int | None]
    spell: Callable[[int], str]
    vocabulary_size: int
    special_ids: Mapping[str, int | None]
    engine: Engine
    engine_note: str = ""


def detect_kind(data: bytes) -> Kind:
    """'huggingface', 'tiktoken' or 'sentencepiece', by the file's first bytes.

    Raises:
        ValueError: it is none of them.
    """
    if data.lstrip()[:1] == b"{":
        return "huggingface"
    if re.match(rb"[A-Za-z0-9+/]+=* \d+\r?\n", data):
        return "tiktoken"
    # The first field of the message, the pieces.
    if data[:1] == b"\n":
        return "sentencepiece"
    raise ValueError(
        f"starts with {data[:24]!r}, which is no SentencePiece model, tokenizer.json or tiktoken "
        "rank file; vocab.txt, vocab.json and merges.txt must be saved as a tokenizer.json first"
    )


def read_sentencepiece(data: bytes) -> Codec:
    """Codec of a SentencePiece model.

    Raises:
        ValueError: the bytes aren't one.
    """
    from sentencepiece import SentencePieceProcessor

    processor = SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(data)
    except RuntimeError as error:
        raise ValueError(f"not a SentencePiece model, or a damaged one ({error})") from error
    unknown = processor.unk_id()

    def find(name: str) -> int | None:
        piece = processor.piece_to_id(name)
        is_found = piece != unknown or processor.id_to_piece(unknown) == name
        return piece if is_found else None

    ids = {"bos": processor.bos_id(), "eos": processor.eos_id()}
    ids |= {"pad": processor.pad_id(), "unk": unknown}
    return Codec(
        # As bytes, which the library takes as they are.
        encode=lambda rows: processor.encode_as_numpy(
            rows.cast(pa.large_binary()).to_pylist(), num_threads=1
        ),
        find=find,
        spell=processor.id_to_piece,
        vocabulary_size=processor.vocab_size(),
        special_ids={name: piece if piece >= 0 else None for name, piece in ids.items()},
        engine="sentencepiece",
    )


def read_tiktoken(data: bytes, *, pattern: str | None) -> Codec:
    """Codec of a tiktoken rank file: a token in base64 and its rank on each line.

    `pattern` names one of ENCODINGS; without it the number of ranks tells which.

    Raises:
        ValueError: the bytes aren't a rank file, or no encoding fits it.
    """
    import tiktoken

    ranks = _parse_ranks(data)
    name = pattern or _encoding_of(len(ranks))
    encoding = ENCODINGS[name]
    is_known = len(ranks) == encoding.num_ranks
    special = encoding.special_tokens if is_known else {_END_OF_TEXT: max(ranks.values()) + 1}
    core = tiktoken.Encoding(
        name, pat_str=encoding.pattern, mergeable_ranks=ranks, special_tokens=dict(special)
    )
    return Codec(
        encode=lambda rows: [_encode_ordinary(core, text) for text in rows.to_pylist()],
        find=lambda token: special.get(token, ranks.get(token.encode())),
        spell=lambda id_: core.decode([id_]),
        vocabulary_size=core.n_vocab,
        special_ids=ids_of_roles(special),
        engine="tiktoken",
    )


def _encode_ordinary(core: "tiktoken.Encoding", text: str) -> NDArray[np.integer]:
    try:
        return core.encode_to_numpy(text, disallowed_special=())
    except ValueError:
        # Its regular expressions give up on a run of some million blanks; halves pass.
        middle = len(text) // 2
        if middle == 0:
            raise
        halves = [_encode_ordinary(core, half) for half in (text[:middle], text[middle:])]
        return np.concatenate(halves)


def _parse_ranks(data: bytes) -> dict[bytes, int]:
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            token, rank = line.split()
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error) as error:
            raise ValueError(
                f"not a tiktoken rank file: line {number} is {line[:40]!r}, "
                "expected a token in base64 and its rank"
            ) from error
    if len(set(ranks.values())) != len(data.splitlines()):
        raise ValueError("not a tiktoken rank file: a token or a rank stands on two lines")
    missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if missing:
        raise ValueError(
            f"a tiktoken rank file without all bytes: {len(missing)} of 256 have no rank, "
            f"the first is 0x{missing[0]:02x}; the file may be cut short"
        )
    return ranks


def _encoding_of(num_ranks: int) -> str:
    for name, encoding in ENCODINGS.items():
        if encoding.num_ranks == num_ranks:
            return name
    raise ValueError(
        f"{num_ranks} ranks fit no known encoding; set tokenizer.pattern to one of "
        f"{', '.join(ENCODINGS)}"
    )


def ids_of_roles(tokens: Mapping[str, int]) -> dict[str, int | None]:
    """Ids of bos, eos, pad and unk among special tokens, by what they are usually called."""
    return {
        role: next((tokens[name] for name in names if name in tokens), None)
        for role, names in SPECIAL_NAMES.items()
    }
