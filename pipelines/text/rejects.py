"""Rejects: for each rule, the k dropped documents of the smallest keyed hashes, with their text.

Which ones is a function of ids and seed alone, so the sample doesn't depend on pieces, and each
piece needs to keep no more than k of a rule: the k smallest of all are among the k smallest of
each.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.batches import table_batch
from schemas.rejects import REJECTS
from transforms.identity import keyed_hash

TEXT_CHARACTERS = 20_000
"""How much of a document's text is kept to look at."""


class RejectSample:
    """Keeps the k smallest keyed hashes of each rule among the rows that it is shown."""

    def __init__(self, *, per_rule: int, seed: int) -> None:
        self._per_rule = per_rule
        self._seed = seed
        self._kept = pa.Table.from_batches([], REJECTS)

    def add(self, ledger: pa.RecordBatch, text: pa.Array) -> None:
        """Show it ledger rows and their texts; rows without a rule (failures) aren't sampled."""
        dropped = pc.is_valid(ledger["rule"])
        ledger, text = ledger.filter(dropped), text.filter(dropped)
        if ledger.num_rows == 0 or self._per_rule == 0:
            return
        names = ("rule", "doc_id", "url", "stage", "value", "threshold")
        columns = {name: ledger[name] for name in names}
        key = pa.array(keyed_hash(ledger["doc_id"], seed=self._seed))
        text = pc.utf8_slice_codeunits(text, 0, TEXT_CHARACTERS)
        self.merge(table_batch({**columns, "key": key, "text": text}, REJECTS))

    def merge(self, rows: pa.RecordBatch) -> None:
        """Show it rows of another sample."""
        table = pa.concat_tables([self._kept, pa.Table.from_batches([rows])]).combine_chunks()
        table = table.sort_by([("rule", "ascending"), ("key", "ascending")])
        self._kept = table.take(_first_of_each(table["rule"], self._per_rule))

    def rows(self) -> pa.RecordBatch:
        """The sample, sorted by rule and keyed hash."""
        batches = self._kept.combine_chunks().to_batches()
        return batches[0] if batches else pa.RecordBatch.from_pylist([], REJECTS)


def _first_of_each(sorted_values: pa.ChunkedArray, number: int) -> pa.Array:
    """The places of the first `number` of each run of equal values."""
    values = sorted_values.to_numpy()
    begins = np.ones(len(values), bool)
    begins[1:] = values[1:] != values[:-1]
    places = np.arange(len(values))
    place_in_run = places - np.maximum.accumulate(np.where(begins, places, 0))
    return pa.array(np.flatnonzero(place_in_run < number))
