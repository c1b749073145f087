"""Which rank gets which row of a global batch, so that attention costs each rank about the same.

Rows have equally many tokens but not equal work: attention costs the sum of the squares of its
segments' lengths (padding is one), and the slowest rank makes the others wait. The rows of a batch
are dealt out from the costliest on, each to the rank with the least work so far that has room for a
row; a rank then keeps its rows in the batch's order. The global batch has the same rows as without
this, in another order over the ranks.

Greedy dealing by size: Graham, SIAM J. Appl. Math. 17 (1969); with equal numbers of rows for each
rank its bound doesn't hold, but rows are many.
"""

from typing import Any

import numpy as np

from penstock.best_fit import Int32s, Int64s
from penstock.kernel import kernel
from penstock.options import LoaderOptions
from penstock.rows import Piece


def balanced_rows(pieces: list[Piece], options: LoaderOptions) -> list[Piece]:
    """Of the rows of a global batch those of the options' rank."""
    shape = (options.sequence_length, options.pad_documents_to)
    costs = [row_costs(group.row_offsets, group.lengths, a, b, *shape) for group, a, b in pieces]
    if not costs:
        return []
    rank = options.rank
    ranks = deal(np.concatenate(costs), options.world_size, options.rank_rows)
    found, done = [], 0
    for group, first, end in pieces:
        (mine,) = np.nonzero(ranks[done : done + end - first] == rank)
        found += [(group, first + row, first + row + 1) for row in mine.tolist()]
        done += end - first
    return found


@kernel
def row_costs(
    row_offsets: Int64s, lengths: Int32s, first: int, end: int, row_length: int, multiple: int
) -> Int64s:
    """For each row from `first` to before `end` the sum of its segments' squared lengths."""
    costs = np.zeros(end - first, np.int64)
    for row in range(first, end):
        free: Any = row_length
        for segment in range(row_offsets[row], row_offsets[row + 1]):
            taken = -(-np.int64(lengths[segment]) // multiple) * multiple
            costs[row - first] += taken * taken
            free -= taken
        costs[row - first] += free * free
    return costs


@kernel
def deal(costs: Int64s, world_size: int, rank_rows: int) -> Int32s:
    """The rank of each row: each gets at most `rank_rows`, and about the same sum of costs."""
    ranks = np.empty(len(costs), np.int32)
    loads, rows = np.zeros(world_size, np.int64), np.zeros(world_size, np.int64)
    # Equal costs stay in their order, so that every rank comes to the same result.
    for row in np.argsort(-costs, kind="mergesort"):
        best = -1
        for rank in range(world_size):
            if rows[rank] < rank_rows and (best < 0 or loads[rank] < loads[best]):
                best = rank
        ranks[row] = best
        loads[best] += costs[row]
        rows[best] += 1
    return ranks
