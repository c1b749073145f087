"""A mixture's stretches hold what its datasets' own groups hold, row by row."""

from typing import Any

import numpy as np
import pytest

from penstock import linear
from penstock.interleave import interleave
from penstock.mixture import MixtureSource
from penstock.rows import Group
from tests.penstock.datasets import make_dataset, random_documents
from tests.penstock.test_loader import lengths_of, open_loader

SMALL = {"rows_per_batch": 11, "tokens_per_batch": 300}


def row_of(group: Group, row: int) -> Any:
    """All that a group says of a row."""
    span = slice(int(group.row_offsets[row]), int(group.row_offsets[row + 1]))
    columns = (group.addresses[span], group.lengths[span], group.continues[span])
    sums = (group.padded_before, group.labels_before)
    return [column.tolist() for column in columns], [int(s[row + 1] - s[row]) for s in sums]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> MixtureSource:
    """A large dataset, and one that is gone through several times in a stretch."""
    entries: dict[str, Any] = {}
    for name, count, weight in (("few", 9, 0.4), ("many", 700, linear((0, 0.1), (90_000, 0.9)))):
        path = str(tmp_path_factory.mktemp(name))
        make_dataset(path, random_documents(lengths_of(count, seed=count)), **SMALL)
        entries[name] = (path, weight)
    found = open_loader(entries)._source
    assert isinstance(found, MixtureSource)
    return found


@pytest.mark.parametrize(("first", "end"), [(0, 256), (250, 262), (1000, 1700), (10**9, 10**9 + 9)])
def test_every_row_is_its_datasets_own(source: MixtureSource, first: int, end: int) -> None:
    found = [
        row_of(group, row)
        for group, start, stop in source.pieces(0, first, end)
        for row in range(start, stop)
    ]
    assert found == [row_of(group, row) for _, (group, row, _) in source.single_rows(first, end)]


def test_what_addresses_point_to_is_kept(source: MixtureSource) -> None:
    ((stretch, _, _),) = source.pieces(0, 0, 5)
    starts = np.concatenate([part.addresses for part in stretch.memory])
    ends = starts + np.concatenate([part.lengths * part.itemsize for part in stretch.memory])
    inside = (starts <= stretch.addresses[:, None]) & (stretch.addresses[:, None] < ends)
    assert inside.any(axis=1).all()


def test_rows_go_to_their_places(source: MixtureSource) -> None:
    (piece,) = source._list[1].source.pieces(0, 3, 7)
    group = interleave([piece], np.array([2, 0, 3, 1], np.int32))
    moved = [row_of(group, row) for row in (2, 0, 3, 1)]
    assert moved == [row_of(piece[0], row) for row in range(piece[1], piece[2])]
