"""A sorted stream taken up to a key at a time, for joining several streams as they pass."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

Keys = Callable[[pa.RecordBatch], np.ndarray]
Reduce = Callable[[pa.RecordBatch], pa.RecordBatch]


class Cursor:
    """The rows of a stream in order of their keys, as far as they are asked for.

    `keys` gives the sorted keys of a batch's rows. `reduce` may join the rows of a key to fewer;
    it sees the rows of one key again with those that come after, so that a key of any number of
    rows takes the memory of what `reduce` makes of them.
    """

    def __init__(
        self,
        batches: Iterator[pa.RecordBatch],
        schema: pa.Schema,
        *,
        keys: Keys,
        reduce: Reduce = lambda rows: rows,
    ) -> None:
        self._batches = batches
        self._keys = keys
        self._reduce = reduce
        self._again = pa.RecordBatch.from_pylist([], schema)
        self._rest: pa.RecordBatch | None = next(batches, None)

    def through(self, bound: Any) -> pa.RecordBatch:
        """The rows from the last bound to this one, both included.

        Those of the last bound are given again, since who asks may not be through with its key.
        """
        rows = self._again
        while self._rest is not None:
            end = int(np.searchsorted(self._keys(self._rest), bound, side="right"))
            rows = self._reduce(pa.concat_batches([rows, self._rest.slice(0, end)]))
            if end < self._rest.num_rows:
                self._rest = self._rest.slice(end)
                break
            self._rest = next(self._batches, None)
        self._again = rows.slice(int(np.searchsorted(self._keys(rows), bound)))
        return rows
