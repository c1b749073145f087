"""From rows of groups to one rank's batch: allocate, fill, convert.

Each batch has memory of its own, so that a batch may be kept; the allocator hands the memory of
dropped ones out again while it is still in the processor's cache. What a batch costs beside the
kernel is a few Python calls, so the arrays of one batch are planes of one block.
"""

from typing import Any

import numpy as np

from penstock.batches import Batch, converter
from penstock.dataset import Dataset
from penstock.errors import DataError
from penstock.fill import fill_causal, ignored_label
from penstock.manifest import TokenizerInfo
from penstock.options import LoaderOptions
from penstock.rows import Group, Piece, RowSource

_NO_SEGMENTS = np.empty(0, np.int32)


class Assembler:
    """Makes the batches of one rank from the rows of a source."""

    def __init__(
        self, dataset: Dataset, source: RowSource, options: LoaderOptions, framework: str | None
    ) -> None:
        self._source = source
        self._options = options
        self._where = dataset.out
        self._vocabulary_size = dataset.manifest.tokenizer.vocabulary_size
        self._convert = converter(framework)
        self._sample = np.zeros(0, dataset.token_dtype)
        planes = [name for name in ("labels", "position_ids") if name in options.fields]
        self._label_plane = 1 if "labels" in planes else 0
        self._position_plane = len(planes) if "position_ids" in planes else 0
        self._with_segments = "cu_seqlens" in options.fields
        self._rank_rows = options.rank_rows
        self._last: tuple[int, int, int, Group | None] = (-1, 0, 0, None)
        self._shape = (1 + len(planes), options.rank_rows, options.sequence_length)
        self._dtype = np.dtype(options.dtype)
        self.padding_id = _padding_id(dataset.manifest.tokenizer)
        ignored = ignored_label(options.dtype)
        self._constants = (self.padding_id, ignored, self._label_plane, self._position_plane)

    def batch(self, epoch: int, first_row: int) -> Batch:
        """This rank's share of the global batch that begins with a row of an epoch."""
        options, total = self._options, self._source.num_rows
        start = first_row + options.rank * self._rank_rows
        pieces = self._pieces(epoch, min(start, total), min(start + self._rank_rows, total))
        block = np.empty(self._shape, self._dtype)
        cu_seqlens = self._empty_segments(pieces) if self._with_segments else _NO_SEGMENTS
        longest, num_labels = self._fill(pieces, block, cu_seqlens)
        planes: list[Any] = list(block)
        if self._convert is not None:
            planes = [self._convert(plane) for plane in planes]
            cu_seqlens = self._convert(cu_seqlens) if self._with_segments else None
        return Batch(
            epoch,
            first_row,
            planes[0],
            planes[self._label_plane] if self._label_plane else None,
            planes[self._position_plane] if self._position_plane else None,
            cu_seqlens if self._with_segments else None,
            longest,
            num_labels,
            num_labels if options.world_size == 1 else self._count_labels(epoch, first_row),
        )

    def _pieces(self, epoch: int, start: int, stop: int) -> list[Piece]:
        """The rows from `start` to `stop`, mostly of the group that the last ones were in."""
        last_epoch, first, end, group = self._last
        if epoch == last_epoch and first <= start and stop <= end and group is not None:
            return [(group, start - first, stop - first)]
        pieces = self._source.pieces(epoch, start, stop)
        if pieces:
            group, _, after = pieces[-1]
            first = stop - after
            self._last = (epoch, first, first + len(group.row_offsets) - 1, group)
        return pieces

    def _count_labels(self, epoch: int, first_row: int) -> int:
        """The labels of the global batch."""
        end = min(first_row + self._options.global_batch_size, self._source.num_rows)
        pieces = self._pieces(epoch, first_row, end)
        return sum([int(g.labels_before[b] - g.labels_before[a]) for g, a, b in pieces])

    def _fill(self, pieces: list[Piece], block: Any, cu_seqlens: Any) -> tuple[int, int]:
        rows = segments = longest = num_labels = largest = 0
        for group, first, end in pieces:
            segments, piece_longest, piece_labels, piece_largest = fill_causal(
                (first, end),
                group.row_offsets,
                (group.addresses, group.lengths, group.continues),
                self._sample,
                self._constants,
                (rows, segments),
                block,
                cu_seqlens,
            )
            rows += end - first
            num_labels += piece_labels
            longest, largest = max(longest, piece_longest), max(largest, piece_largest)
        if largest >= self._vocabulary_size:
            raise DataError(
                f"a shard of {self._where} holds the token id {largest}, the vocabulary ends at "
                f"{self._vocabulary_size - 1}; run `penstock verify {self._where}`"
            )
        if rows < len(block[0]):
            longest = self._pad(block, cu_seqlens, rows, segments)
        return longest, num_labels

    def _empty_segments(self, pieces: list[Piece]) -> Any:
        count = self._rank_rows
        for group, first, end in pieces:
            count += int(group.row_offsets[end] - group.row_offsets[first])
            count += int(group.padded_before[end] - group.padded_before[first]) - end + first
        cu_seqlens = np.empty(count + 1, np.int32)
        cu_seqlens[0] = 0
        return cu_seqlens

    def _pad(self, block: Any, cu_seqlens: Any, rows: int, segments: int) -> int:
        """Make the rows past the epoch's last into padding; return the longest segment's length.

        They keep every rank's shapes equal in a short last batch.
        """
        padding, ignored, label_plane, position_plane = self._constants
        row_length = block.shape[2]
        block[position_plane, rows:] = np.arange(row_length)
        block[label_plane, rows:] = ignored
        block[0, rows:] = padding
        if len(cu_seqlens):
            cu_seqlens[segments + 1 :] = np.arange(rows + 1, block.shape[1] + 1) * row_length
        return int(row_length)


def _padding_id(tokenizer: TokenizerInfo) -> int:
    """The id that fills rows up; its labels don't count, so any id will do where none is for it."""
    ids = (tokenizer.special_ids.get(name) for name in ("pad", "eos"))
    return next((token for token in ids if token is not None), 0)
