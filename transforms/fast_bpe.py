"""A Hugging Face byte-level BPE file in faster engines, if they give the same ids.

A file whose sections are all known to mean the same elsewhere (`transforms.byte_level`) is encoded
by the kernel of `transforms.word_bpe`, from Arrow's bytes to ids without a Python object for a
document. What the kernel leaves alone goes to tiktoken, and what stops tiktoken's regular
expressions to `tokenizers`. Tests compare their ids on text of all kinds; a file with anything
unusual in it is compared once more on the probe texts when it's loaded (`compared_encoder`). Any
other file stays with `tokenizers`, and the message says why.

Cost: 0.1 s to load GPT-2's file, 0.5 s if it must be compared. Then 8 to 14 times the speed of
`tokenizers`.
"""

import functools
from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.buffers import text_buffers
from transforms.byte_level import CUTS, ByteLevelBpe, NotCoveredError
from transforms.tokenizer_probe import probe_texts
from transforms.word_bpe import encode_words, pair_table, word_table
from transforms.word_cuts import character_kinds, cut_rows

Rows = Sequence[NDArray[np.integer]]
Encode = Callable[[str], NDArray[np.integer]]
EncodeRows = Callable[[pa.Array], Rows]

_UNUSED_SPECIAL = "<|endoftext|>"
"""tiktoken wants one special token at least to look for; none is ever allowed in a text."""


def kernel_encoder(bpe: ByteLevelBpe, slow: Encode) -> EncodeRows:
    """What gives the ids of `slow` for many texts, with the kernel.

    `slow` encodes a text with the parsed tokenizer.json; tiktoken, which does what the kernel
    leaves alone, starts when it's needed.
    """
    core = functools.cache(lambda: _with_tiktoken(bpe, slow))
    return _with_kernel(bpe, lambda text: core()(text))


def compared_encoder(bpe: ByteLevelBpe, slow: Encode) -> tuple[EncodeRows, bool]:
    """What gives the ids of `slow` for many texts, and whether the kernel does most of them.

    Raises:
        NotCoveredError: an engine gives other ids on a probe text; the message says on which.
    """
    texts = probe_texts()
    wanted = [slow(text) for text in texts]
    single = _with_tiktoken(bpe, slow)
    _compare("tiktoken", [single(text) for text in texts], wanted)
    if bpe.has_whole_words:
        return lambda rows: [single(text) for text in rows.to_pylist()], False
    many = _with_kernel(bpe, single)
    _compare("the kernel", many(pa.array(texts)), wanted)
    return many, True


def _compare(name: str, found: Rows, wanted: Rows) -> None:
    for text, ids, expected in zip(probe_texts(), found, wanted, strict=True):
        if not np.array_equal(ids, expected):
            raise NotCoveredError(f"{name} gives other ids for {text[:40]!r}")


def _with_kernel(bpe: ByteLevelBpe, single: Encode) -> EncodeRows:
    """Encodes rows with the kernel; those that it leaves alone with `single`."""
    cuts, kinds = CUTS[bpe.pattern], character_kinds()
    table = pair_table(bpe.pairs, np.arange(256, 256 + len(bpe.pairs)))
    prepare = _preparation(bpe)
    # Each thread takes a table of words of its own.
    spare = deque([word_table()])

    def encode(rows: pa.Array) -> Rows:
        data, starts, ends = text_buffers(prepare(rows))
        try:
            words = spare.pop()
        except IndexError:
            words = word_table()
        num_bytes = int((ends - starts).sum())
        lengths, out = np.empty(num_bytes, np.uint16), np.empty(num_bytes, np.uint32)
        counts = cut_rows(
            data, starts, ends, kinds, cuts.way, cuts.digits, cuts.contractions, lengths
        )
        totals = encode_words(data, starts, counts, lengths, table, *words, out)
        spare.append(words)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(totals)])
        ids, places = bpe.ids[out[: offsets[-1]]], offsets.tolist()
        found: list[NDArray[np.integer]] = [ids[start:end] for start, end in pairwise(places)]
        for row in np.flatnonzero(counts < 0).tolist():
            found[row] = single(rows[row].as_py())
        return found

    return encode


def _preparation(bpe: ByteLevelBpe) -> Callable[[pa.Array], pa.Array]:
    """What the file does to texts before they are cut."""
    if not (bpe.composes or bpe.prefix_space):
        return lambda rows: rows
    prepared = _prepared(bpe)
    return lambda rows: pa.array([prepared(text) for text in rows.to_pylist()], pa.large_string())


def _prepared(bpe: ByteLevelBpe) -> Callable[[str], str]:
    from tokenizers.normalizers import NFC

    compose = NFC().normalize_str

    def prepare(text: str) -> str:
        ready: str = compose(text) if bpe.composes and not text.isascii() else text
        return f" {ready}" if bpe.prefix_space and ready and not ready.startswith(" ") else ready

    return prepare


def _with_tiktoken(bpe: ByteLevelBpe, slow: Encode) -> Encode:
    import tiktoken

    core = tiktoken.Encoding(
        "tokenizer.json",
        pat_str=bpe.pattern,
        mergeable_ranks=bpe.ranks,
        special_tokens={_UNUSED_SPECIAL: len(bpe.ranks)},
    )
    prepare = _prepared(bpe)

    def encode(text: str) -> NDArray[np.integer]:
        try:
            return bpe.ids[core.encode_to_numpy(prepare(text), disallowed_special=())]
        except ValueError:
            # Its regular expressions give up on a run of some hundred thousand blanks.
            return slow(text)

    return encode
