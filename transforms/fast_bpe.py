"""A Hugging Face byte-level BPE file in tiktoken's engine, if that gives the same ids.

tiktoken merges faster and hands its ids over as a buffer. It is used for a file whose sections are
all known to mean the same there (`transforms.byte_level`) and that gives the same ids on the probe
texts; any other file stays with `tokenizers`, and the codec says why.

Cost: 0.4 s more than `tokenizers` alone to load GPT-2's file. Then 4 to 6 times its speed.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.byte_level import ByteLevelBpe, NotCoveredError, byte_level_bpe
from transforms.tokenizer_probe import probe_texts

Encode = Callable[[str], NDArray[np.integer]]

_UNUSED_SPECIAL = "<|endoftext|>"
"""tiktoken wants one special token at least to look for; none is ever allowed in a text."""


def faster_encode(described: Mapping[str, Any], slow: Encode) -> Encode:
    """What gives the ids of `slow`, the encoder of the parsed tokenizer.json, in less time.

    Raises:
        NotCoveredError: there is nothing of which that is known; the message says why.
    """
    fast = _encoder(byte_level_bpe(described), slow)
    for text in probe_texts():
        if not np.array_equal(fast(text), slow(text)):
            raise NotCoveredError(f"tiktoken's engine gives other ids for {text[:40]!r}")
    return fast


def _encoder(bpe: ByteLevelBpe, slow: Encode) -> Encode:
    import tiktoken
    from tokenizers.normalizers import NFC

    core = tiktoken.Encoding(
        "tokenizer.json",
        pat_str=bpe.pattern,
        mergeable_ranks=dict(bpe.ranks),
        special_tokens={_UNUSED_SPECIAL: len(bpe.ranks)},
    )
    compose = NFC().normalize_str

    def encode(text: str) -> NDArray[np.integer]:
        ready = compose(text) if bpe.composes and not text.isascii() else text
        if bpe.prefix_space and ready and not ready.startswith(" "):
            ready = f" {ready}"
        try:
            return bpe.ids[core.encode_to_numpy(ready, disallowed_special=())]
        except ValueError:
            # Its regular expressions give up on a run of some hundred thousand blanks.
            return slow(text)

    return encode
