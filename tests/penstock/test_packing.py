import bisect
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.best_fit import MAXIMUM_ROW_LENGTH, best_fit_decreasing, count_best_fit
from penstock.packing import LongDocuments, Packed, Packing, count_rows, pack

lengths_strategy = st.lists(st.integers(0, 70), max_size=60)
row_lengths = st.integers(1, 40)


def oracle_best_fit(lengths: list[int], row_length: int) -> list[int]:
    """What best-fit decreasing leaves free in each bin, item by item over a sorted list."""
    free: list[int] = []
    for length in sorted(lengths, reverse=True):
        place = bisect.bisect_left(free, length)
        left = (free.pop(place) if place < len(free) else row_length) - length
        bisect.insort(free, left)
    return free


def oracle_first_fit(lengths: list[int], row_length: int) -> list[int]:
    """What first-fit decreasing leaves free in each bin, in the order of the bins."""
    free: list[int] = []
    for length in sorted(lengths, reverse=True):
        place = next((i for i, left in enumerate(free) if left >= length), len(free))
        if place == len(free):
            free.append(row_length)
        free[place] -= length
    return free


def rows_of(packed: Packed) -> list[list[tuple[int, int, int]]]:
    """The rows as lists of (document, start, length)."""
    segments = list(
        zip(packed.documents.tolist(), packed.starts.tolist(), packed.lengths.tolist(), strict=True)
    )
    edges = packed.row_offsets.tolist()
    return [segments[a:b] for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize("packing", list(Packing))
@pytest.mark.parametrize("long_documents", list(LongDocuments))
@settings(max_examples=60, deadline=None)
@given(lengths=lengths_strategy, row_length=row_lengths)
def test_every_token_is_in_one_row(
    packing: Packing, long_documents: LongDocuments, lengths: list[int], row_length: int
) -> None:
    packed = pack(lengths, row_length, packing=packing, long_documents=long_documents)
    rows = rows_of(packed)
    assert all(0 < sum(length for *_, length in row) <= row_length for row in rows)
    cut = long_documents is LongDocuments.CUT and packing is not Packing.CONCAT
    wanted = sorted(
        (document, token)
        for document, length in enumerate(lengths)
        for token in range(min(length, row_length) if cut else length)
    )
    found = sorted(
        (document, start + token)
        for row in rows
        for document, start, length in row
        for token in range(length)
    )
    assert found == wanted
    options = {"packing": packing, "long_documents": long_documents}
    assert count_rows(lengths, row_length, **options) == packed.num_rows == len(rows)


@pytest.mark.parametrize("packing", [Packing.BEST_FIT, Packing.FIRST_FIT, Packing.NEXT_FIT])
@settings(max_examples=60, deadline=None)
@given(lengths=lengths_strategy, row_length=row_lengths)
def test_only_documents_longer_than_a_row_are_split(
    packing: Packing, lengths: list[int], row_length: int
) -> None:
    pieces: dict[int, list[tuple[int, int]]] = {}
    for row in rows_of(pack(lengths, row_length, packing=packing)):
        for document, start, length in row:
            pieces.setdefault(document, []).append((start, length))
    for document, found in pieces.items():
        full, rest = divmod(lengths[document], row_length)
        wanted = [(row * row_length, row_length) for row in range(full)]
        wanted += [(full * row_length, rest)] if rest else []
        assert sorted(found) == wanted


@settings(max_examples=300, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 50), max_size=200),
    row_length=st.sampled_from([50, 51, 63, 64, 65, 127, 128, 129]),
)
def test_the_histogram_packs_as_item_by_item(lengths: list[int], row_length: int) -> None:
    array = np.array(lengths, np.int32)
    offsets, items = best_fit_decreasing(array, row_length)
    assert sorted(items.tolist()) == list(range(len(lengths)))
    used = [int(array[items[a:b]].sum()) for a, b in itertools.pairwise(offsets)]
    wanted = oracle_best_fit(lengths, row_length)
    assert sorted(row_length - total for total in used) == wanted
    assert count_best_fit(array, row_length) == len(wanted)


@pytest.mark.parametrize("row_length", [4096, 131_072, MAXIMUM_ROW_LENGTH])
def test_long_rows_pack_as_item_by_item(row_length: int) -> None:
    """Lengths over three orders of magnitude reach all levels of the bitmap."""
    rng = np.random.default_rng(row_length)
    lengths = np.exp(rng.uniform(np.log(3), np.log(row_length), 3000)).astype(np.int32)
    offsets, items = best_fit_decreasing(lengths, row_length)
    used = np.add.reduceat(lengths[items], offsets[:-1])
    assert sorted((row_length - used).tolist()) == oracle_best_fit(lengths.tolist(), row_length)


def test_equal_lengths_are_handed_out_in_order() -> None:
    packed = pack([4, 4, 4, 4, 4], 8)
    assert [[document for document, *_ in row] for row in rows_of(packed)] == [[0, 1], [2, 3], [4]]


@settings(max_examples=100, deadline=None)
@given(lengths=st.lists(st.integers(1, 40), max_size=60))
def test_first_fit_is_first_fit(lengths: list[int]) -> None:
    rows = rows_of(pack(lengths, 40, packing=Packing.FIRST_FIT))
    # A document as long as a row is a row of its own, ahead of the bins.
    used = [sum(length for *_, length in row) for row in rows]
    full = lengths.count(40)
    short = [length for length in lengths if length < 40]
    assert [40 - total for total in used] == [0] * full + oracle_first_fit(short, 40)


def test_next_fit_and_concat_by_hand() -> None:
    lengths = [3, 0, 5, 2, 9]
    assert rows_of(pack(lengths, 6, packing=Packing.NEXT_FIT)) == [
        [(4, 0, 6)],
        [(0, 0, 3)],
        [(2, 0, 5)],
        [(3, 0, 2), (4, 6, 3)],
    ]
    assert rows_of(pack(lengths, 6, packing=Packing.CONCAT)) == [
        [(0, 0, 3), (2, 0, 3)],
        [(2, 3, 2), (3, 0, 2), (4, 0, 2)],
        [(4, 2, 6)],
        [(4, 8, 1)],
    ]


def test_nothing_packs_to_nothing() -> None:
    for packing in Packing:
        assert pack([], 8, packing=packing).num_rows == 0
        assert pack([0, 0], 8, packing=packing).num_rows == 0


@pytest.mark.parametrize("row_length", [0, -1, MAXIMUM_ROW_LENGTH + 1])
def test_row_lengths_out_of_range_are_refused(row_length: int) -> None:
    with pytest.raises(ValueError, match=f"row_length is {row_length}; allowed: 1 to 262143"):
        pack([1], row_length)


def test_negative_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="a length is -3"):
        pack([1, -3], 8)
