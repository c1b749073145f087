"""Rejects: for each rule, the k dropped documents of the smallest keyed hashes, with their text.

Which ones is a function of ids and seed alone, so the sample doesn't depend on pieces, and each
piece needs to keep no more than k of a rule: the k smallest of all are among the k smallest of
each.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.batches import table_batch
from schemas.rejects import REJECTS
from transforms.identity import keyed_hash

TEXT_CHARACTERS = 20_000
"""How much of a document's text is kept to look at."""


class RejectSample:
    """Keeps the k smallest keyed hashes of each rule among the rows that it is shown.

    A document that came in several times stands there once.
    """

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
        table = table.take(
            pa.array(np.flatnonzero(_differs(table, "rule") | _differs(table, "key")))
        )
        self._kept = table.take(_first_of_each(_differs(table, "rule"), self._per_rule))

    def rows(self) -> pa.RecordBatch:
        """The sample, sorted by rule and keyed hash."""
        batches = self._kept.combine_chunks().to_batches()
        return batches[0] if batches else pa.RecordBatch.from_pylist([], REJECTS)


def _differs(table: pa.Table, name: str) -> NDArray[np.bool_]:
    """Whether each row has another value of a column than the row before it."""
    values = table[name].to_numpy()
    differs = np.ones(len(values), bool)
    differs[1:] = values[1:] != values[:-1]
    return differs


def _first_of_each(begins: NDArray[np.bool_], number: int) -> pa.Array:
    """The places of the first `number` rows of each group, given where groups begin."""
    places = np.arange(len(begins))
    place_in_group = places - np.maximum.accumulate(np.where(begins, places, 0))
    return pa.array(np.flatnonzero(place_in_group < number))
