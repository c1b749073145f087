"""A fastText model from a file, checked before fastText reads it.

fastText itself loads a file that was cut short without a word, and one with absurd sizes may take
all memory. So the file is walked first by its own sizes (version 12 of the format: arguments,
dictionary, input matrix, output matrix) and must end exactly where they say.

Cost: 20 ms for a model of 1 MB, its digest included.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash

_MAGIC, _VERSION = 793712314, 12
_SUPERVISED = 3
_HEADER = struct.Struct("<14i d 3i 2q")
"""Magic, version, twelve arguments, sampling threshold; entries, words, labels, tokens, pruned."""

_MODEL_KIND = 9
_CENTROIDS = 256
_LABEL, _TYPE_PLACE = 1, 9
"""An entry ends with a zero byte, its count in 8 bytes and its type in one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FastTextFile:
    """A supervised fastText model in memory."""

    model: Any
    """fastText's own object, whose predict() and multilinePredict() work with any NumPy."""

    labels: tuple[str, ...]
    digest: str
    """xxh3_128 of the file, hexadecimal."""


def load_fasttext(path: Path) -> FastTextFile:
    """The model in the file.

    Raises:
        ValueError: the file isn't there, isn't whole or isn't a supervised fastText model.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"model {str(path)!r} can't be read: {error.strerror}; wanted a fastText file"
        ) from None
    labels = _checked_labels(content, path)
    from fasttext.FastText import load_model

    try:
        model = load_model(str(path)).f
    except (ValueError, RuntimeError, MemoryError) as error:
        raise ValueError(f"model {str(path)!r}: fastText says {error}") from None
    return FastTextFile(model=model, labels=labels, digest=xxhash.xxh3_128_hexdigest(content))


def _checked_labels(content: bytes, path: Path) -> tuple[str, ...]:
    """Labels of a model whose sizes add up to the length of the file."""
    name = f"model {str(path)!r} ({len(content):,} bytes)"
    try:
        header = _HEADER.unpack_from(content)
        if header[:2] != (_MAGIC, _VERSION):
            raise ValueError(f"{name} isn't a fastText model of format version {_VERSION}")
        if header[_MODEL_KIND] != _SUPERVISED:
            raise ValueError(f"{name} holds word vectors; wanted a supervised model with labels")
        labels, at = _dictionary(content, entries=header[15], pruned=header[19])
        end = _matrices_end(content, at)
    except (struct.error, IndexError, UnicodeDecodeError):
        end = len(content) + 1
    if end != len(content):
        raise ValueError(
            f"{name} isn't whole: its own sizes don't add up to its length; fetch it again"
        )
    return labels


def _dictionary(content: bytes, *, entries: int, pruned: int) -> tuple[tuple[str, ...], int]:
    """The labels in their order, and where the dictionary ends."""
    at, labels = _HEADER.size, []
    for _ in range(entries):
        end = content.find(b"\0", at)
        if end < 0:
            raise IndexError(at)
        if content[end + _TYPE_PLACE] == _LABEL:
            labels.append(content[at:end].decode())
        at = end + _TYPE_PLACE + 1
    return tuple(labels), at + 8 * max(pruned, 0)


def _matrices_end(content: bytes, at: int) -> int:
    """Where the second of the two matrices ends; each may be quantized."""
    for _ in range(2):
        is_quantized, at = content[at], at + 1
        at = _quantized_end(content, at) if is_quantized else _dense_end(content, at)
    return at


def _dense_end(content: bytes, at: int) -> int:
    rows, columns = struct.unpack_from("<2q", content, at)
    return int(at + 16 + 4 * rows * columns)


def _quantized_end(content: bytes, at: int) -> int:
    has_norms, rows, _, codes = struct.unpack_from("<?2qi", content, at)
    at = _quantizer_end(content, at + 21 + codes)
    return _quantizer_end(content, at + rows) if has_norms else at


def _quantizer_end(content: bytes, at: int) -> int:
    (dimensions,) = struct.unpack_from("<i", content, at)
    return int(at + 16 + 4 * _CENTROIDS * dimensions)
