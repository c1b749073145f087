"""From rows of groups to one rank's batch: allocate, fill, convert.

Each batch has arrays of its own, so that a batch may be kept; the allocator hands the memory of
dropped ones out again, which stays in the processor's cache.
"""

from typing import Any

import numpy as np

from penstock.batches import FIELDS, Batch, converter
from penstock.dataset import Dataset
from penstock.errors import DataError
from penstock.fill import fill_causal, ignored_label
from penstock.options import LoaderOptions
from penstock.rows import Group, RowSource


class Assembler:
    """Makes the batches of one rank from the rows of a source."""

    def __init__(
        self, dataset: Dataset, source: RowSource, options: LoaderOptions, framework: str | None
    ) -> None:
        tokenizer = dataset.manifest.tokenizer
        self._source = source
        self._options = options
        self._vocabulary_size = tokenizer.vocabulary_size
        self._where = dataset.out
        self._convert = converter(framework)
        self._dtype = np.dtype(options.dtype)
        self._sample = np.zeros(0, dataset.token_dtype)
        special = (tokenizer.special_ids.get(name) for name in ("pad", "eos"))
        padding = next((token for token in special if token is not None), 0)
        self._constants = (options.sequence_length, padding, ignored_label(options.dtype))
        self._wanted = tuple(name in options.fields for name in FIELDS)

    def batch(self, epoch: int, first_row: int) -> Batch:
        """This rank's share of the global batch that begins with a row of an epoch."""
        options, total = self._options, self._source.num_rows
        end = min(first_row + options.global_batch_size, total)
        pieces = self._source.pieces(epoch, first_row, end)
        all_labels = sum(int(g.labels_before[b] - g.labels_before[a]) for g, a, b in pieces)
        if options.world_size > 1:
            start = min(first_row + options.rank * options.rank_rows, total)
            stop = min(start + options.rank_rows, total)
            pieces = self._source.pieces(epoch, start, stop)
        arrays, longest, num_labels = self._fill(pieces)
        values = {
            name: array if self._convert is None else self._convert(array)
            for name, array in zip(FIELDS, arrays, strict=True)
            if array.size
        }
        return Batch(
            epoch=epoch,
            first_row=first_row,
            **values,
            max_seqlen=longest,
            num_label_tokens=num_labels,
            global_num_label_tokens=all_labels,
        )

    def _fill(self, pieces: list[tuple[Group, int, int]]) -> tuple[list[Any], int, int]:
        arrays = self._allocate(pieces)
        flat = [array.reshape(-1) for array in arrays]
        rows = segments = longest = num_labels = largest = 0
        for group, first, end in pieces:
            segments, piece_longest, piece_labels, piece_largest = fill_causal(
                (first, end),
                group.row_offsets,
                (group.addresses, group.lengths, group.continues),
                self._sample,
                self._constants,
                (rows, segments),
                *flat,
            )
            rows += end - first
            num_labels += piece_labels
            longest, largest = max(longest, piece_longest), max(largest, piece_largest)
        if largest >= self._vocabulary_size:
            raise DataError(
                f"a shard of {self._where} holds the token id {largest}, the vocabulary ends at "
                f"{self._vocabulary_size - 1}; run `penstock verify {self._where}`"
            )
        if rows < self._options.rank_rows:
            longest = self._pad(arrays, rows, segments)
        return arrays, longest, num_labels

    def _allocate(self, pieces: list[tuple[Group, int, int]]) -> list[Any]:
        shape = (self._options.rank_rows, self._options.sequence_length)
        wanted = self._wanted
        arrays = [np.empty(shape if want else 0, self._dtype) for want in wanted[:3]]
        if not wanted[3]:
            return [*arrays, np.empty(0, np.int32)]
        count, rows = 0, 0
        for group, first, end in pieces:
            count += int(group.row_offsets[end] - group.row_offsets[first])
            count += int(group.padded_before[end] - group.padded_before[first])
            rows += end - first
        cu_seqlens = np.empty(count + self._options.rank_rows - rows + 1, np.int32)
        cu_seqlens[0] = 0
        return [*arrays, cu_seqlens]

    def _pad(self, arrays: list[Any], rows: int, segments: int) -> int:
        """Make rows of padding of those past the epoch's last; return the longest segment's length.

        They keep every rank's shapes equal in a short last batch.
        """
        row_length, padding, ignored = self._constants
        input_ids, labels, position_ids, cu_seqlens = arrays
        input_ids[rows:] = padding
        labels[rows:] = ignored
        position_ids[rows:] = np.arange(row_length)
        ends = np.arange(rows + 1, self._options.rank_rows + 1) * row_length
        cu_seqlens[segments + 1 :] = ends[: len(cu_seqlens)]
        return row_length
