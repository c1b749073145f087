"""From rows of groups to one rank's batch: allocate, fill, convert.

Memory comes from a room (see penstock.rooms): a pool, whose batches may be kept, or a buffer on its
way to a GPU. What a batch costs beside the kernel is a few Python calls, so the arrays of one batch
are planes of one block.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.balance import balanced_rows
from penstock.batches import Batch, assembled, converter
from penstock.dataset import Dataset
from penstock.errors import DataError
from penstock.fill import ignored_label
from penstock.manifest import TokenizerInfo
from penstock.objectives import fill_of
from penstock.options import LoaderOptions
from penstock.rooms import Room
from penstock.rows import Piece, Source

_NO_SEGMENTS = np.empty(0, np.int32)
_NO_ENDS = (_NO_SEGMENTS, _NO_SEGMENTS)


class Assembler:
    """Makes the batches of one rank from the rows of a source."""

    def __init__(
        self,
        datasets: Sequence[Dataset],
        source: Source,
        options: LoaderOptions,
        *,
        framework: str | None,
        dtype: str,
    ) -> None:
        # All datasets of a mixture have the same tokenizer.
        dataset = datasets[0]
        self._source = source
        self._options = options
        self._where = ", ".join(one.out for one in datasets)
        self._vocabulary_size = dataset.manifest.tokenizer.vocabulary_size
        self._convert = converter(framework)
        self._sample = np.zeros(0, dataset.token_dtype)
        self._fill_rows = fill_of(options.objective)
        names = ("input_ids", "labels", "position_ids")
        self.planes = {n: i for i, n in enumerate(n for n in names if n in options.fields)}
        self._label_plane = self.planes.get("labels", 0)
        self._position_plane = self.planes.get("position_ids", 0)
        self._with_segments = "cu_seqlens" in options.fields
        self._rank_rows = options.rank_rows
        self._shape = (len(self.planes), options.rank_rows, options.sequence_length)
        self.dtype = np.dtype(dtype)
        self._padding_id = padding_id(dataset.manifest.tokenizer)
        self._constants = (
            self._padding_id,
            ignored_label(dtype),
            self._label_plane,
            self._position_plane,
            options.pad_documents_to,
        )

    def batch(self, epoch: int, first_row: int, room: Room) -> Batch:
        """This rank's share of the global batch that begins with a row of an epoch."""
        options = self._options
        pieces = self._pieces(epoch, first_row)
        block = room.block(self._shape, self.dtype)
        ends = self._empty_ends(pieces, room) if self._with_segments else _NO_ENDS
        longest, num_labels = self._fill(pieces, block, ends)
        arrays: list[Any] = [*block, *(array for array in ends if len(array))]
        if self._convert is not None:
            arrays = list(map(self._convert, arrays))
        cu_seqlens, true_cu_seqlens = (*arrays[len(block) :], None, None)[:2]
        return assembled(
            epoch,
            first_row,
            arrays[0],
            arrays[self._label_plane] if self._label_plane else None,
            arrays[self._position_plane] if self._position_plane else None,
            cu_seqlens,
            true_cu_seqlens,
            longest,
            num_labels,
            num_labels if options.world_size == 1 else self._count_labels(epoch, first_row),
        )

    def _pieces(self, epoch: int, first_row: int) -> list[Piece]:
        """The rows that are this rank's."""
        options, total = self._options, self._source.end
        if options.balance_ranks and options.world_size > 1:
            end = min(first_row + options.global_batch_size, total)
            pieces = self._source.pieces(epoch, min(first_row, total), end)
            return balanced_rows(pieces, options)
        start = first_row + options.rank * self._rank_rows
        end = start + self._rank_rows
        if end > total:
            start, end = min(start, total), total
        return self._source.pieces(epoch, start, end)

    def _count_labels(self, epoch: int, first_row: int) -> int:
        """The labels of the global batch."""
        end = min(first_row + self._options.global_batch_size, self._source.end)
        pieces = self._source.pieces(epoch, first_row, end)
        return sum([int(g.labels_before[b] - g.labels_before[a]) for g, a, b in pieces])

    def _fill(self, pieces: list[Piece], block: Any, ends: tuple[Any, Any]) -> tuple[int, int]:
        rows = segments = longest = num_labels = largest = 0
        for group, first, end in pieces:
            segments, piece_longest, piece_labels, piece_largest = self._fill_rows(
                (first, end),
                group.row_offsets,
                (group.addresses, group.lengths, group.continues),
                self._sample,
                self._constants,
                (rows, segments),
                block,
                ends,
            )
            rows += end - first
            num_labels += piece_labels
            longest, largest = max(longest, piece_longest), max(largest, piece_largest)
        if largest >= self._vocabulary_size:
            raise DataError(
                f"a shard of {self._where} holds the token id {largest}, the vocabulary ends at "
                f"{self._vocabulary_size - 1}; `penstock verify` says which shard it is"
            )
        if rows < self._rank_rows:
            longest = self._pad(block, ends, rows, segments)
        return longest, num_labels

    def _empty_ends(self, pieces: list[Piece], room: Room) -> tuple[Any, Any]:
        count = self._rank_rows
        for group, first, end in pieces:
            count += int(group.row_offsets[end] - group.row_offsets[first])
            count += int(group.padded_before[end] - group.padded_before[first]) - end + first
        wanted = 2 if self._options.pad_documents_to > 1 else 1
        ends = [room.ends(index, count + 1) for index in range(wanted)]
        for array in ends:
            array[0] = 0
        return ends[0], ends[1] if wanted == 2 else _NO_SEGMENTS

    def _pad(self, block: Any, ends: tuple[Any, Any], rows: int, segments: int) -> int:
        """Make the rows past the epoch's last into padding; return the longest segment's length.

        They keep every rank's shapes equal in a short last batch.
        """
        padding, ignored, label_plane, position_plane, _ = self._constants
        row_length = block.shape[2]
        block[position_plane, rows:] = np.arange(row_length)
        block[label_plane, rows:] = ignored
        block[0, rows:] = padding
        for array in ends:
            if len(array):
                more = np.arange(1, block.shape[1] - rows + 1) * row_length
                array[segments + 1 :] = array[segments] + more
        return int(row_length)


def padding_id(tokenizer: TokenizerInfo) -> int:
    """The id that fills rows up; its labels don't count, so any id will do where none is for it."""
    ids = (tokenizer.special_ids.get(name) for name in ("pad", "eos"))
    return next((token for token in ids if token is not None), 0)
