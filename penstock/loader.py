"""Packed training batches at memory speed: exact, seekable, and the same for any world size.

Every batch is a pure function of (dataset version, settings, seed, epoch, step): nothing is
replayed to find it, and the whole state is the number of the next row. No worker processes, shared
memory or barriers: one kernel reads the mapped shards and writes the batch, in this thread or, with
`prefetch`, in one that releases the GIL. A batch of 8 rows of 2,048 takes about 20 us of one core;
a process's first batch a second longer (Numba starts), the first ever some more (it compiles).
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from penstock.assemble import Assembler
from penstock.batches import FIELDS, Batch
from penstock.dataset import Dataset
from penstock.errors import UsageError
from penstock.options import LoaderOptions
from penstock.pack_report import PackReport, report_packing
from penstock.prefetch import prefetched
from penstock.provenance import describe_rows
from penstock.rows import RowSource
from penstock.state import identity, read_cursor
from penstock.torch_protocol import refuse_workers, register_with_torch
from penstock.windows import load_windows


class TokenLoader:
    """Batches of packed documents from the dataset at `out`, for one data-parallel rank.

    Iterating yields the rest of the current epoch, then stops; iterating again yields the next one.
    After `load_state_dict` it goes on where the state was taken. It needs no DataLoader around it,
    but `torch.utils.data.DataLoader(loader, batch_size=None)` works, and gives dicts.

    Args:
        out: the dataset's folder, a path or any fsspec URL.
        sequence_length: tokens in a row, at most 262,143.
        global_batch_size: rows in a batch over all ranks; `world_size` must divide it.
        seed: what the order derives from.
        rank: this process's data-parallel rank.
        world_size: the number of data-parallel ranks; the global batches don't depend on it.
        objective: "causal", next-token prediction.
        packing: "best_fit" cuts only documents longer than a row; "concat" fills every row and cuts
            at its end; "first_fit" and "next_fit" are there to compare with.
        split: the part of the dataset to read.
        version: a version of the dataset, the newest by default.
        long_documents: a document longer than a row is "split" over rows, or "cut" to one.
        drop_last: leave out an epoch's last short batch; else it is filled up with rows of padding.
        fields: the arrays that a batch has; fewer take less time.
        dtype: of input_ids, labels and position_ids: int64, int32, uint16 or uint32. In an unsigned
            type the label -100 wraps around (65,436 in uint16).
        framework: "torch" or "numpy"; by default torch where it is installed.
        windows_per_batch: how many stretches of the dataset a batch draws from.
        window_tokens: the length of a stretch; by default 4 Mi tokens, or 64 rows if that's more.
        prefetch: how many batches a thread makes ahead; 0 makes them when they're asked for.

    Raises:
        UsageError: an option is out of range, or there is no such dataset, version or split.
        DataError: a shard is missing or isn't what the manifest says.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        *,
        sequence_length: int,
        global_batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        objective: str = "causal",
        packing: str = "best_fit",
        split: str = "train",
        version: int | None = None,
        long_documents: str = "split",
        drop_last: bool = True,
        fields: Sequence[str] = FIELDS,
        dtype: str = "int64",
        framework: str | None = None,
        windows_per_batch: int = 8,
        window_tokens: int | None = None,
        prefetch: int = 0,
    ) -> None:
        self.options = LoaderOptions(
            sequence_length=sequence_length,
            global_batch_size=global_batch_size,
            seed=seed,
            rank=rank,
            world_size=world_size,
            objective=objective,
            packing=packing,
            long_documents=long_documents,
            drop_last=drop_last,
            fields=tuple(fields),
            dtype=dtype,
            windows_per_batch=windows_per_batch,
            window_tokens=window_tokens,
            prefetch=prefetch,
        )
        self.dataset = Dataset(os.fspath(out), split=split, version=version)
        self.options.check_dtype(self.dataset.manifest.tokenizer)
        self._windows = load_windows(self.dataset, self.options.pack_settings)
        self._source = RowSource(
            self.dataset,
            self._windows,
            self.options.pack_settings,
            seed=seed,
            windows_per_group=windows_per_batch,
        )
        self._assembler = Assembler(self.dataset, self._source, self.options, framework)
        self._epoch = self._row = 0
        register_with_torch(TokenLoader)
        self._check_steps()

    def __len__(self) -> int:
        """The number of steps of an epoch."""
        steps, rest = divmod(self.num_rows, self.options.global_batch_size)
        return steps if self.options.drop_last else steps + (rest > 0)

    def __iter__(self) -> Iterator[Batch]:
        """The batches from the current row to the epoch's end; the row moves with what is taken."""
        refuse_workers()
        epoch, size = self._epoch, self.options.global_batch_size
        batches = (self._assembler.batch(epoch, row) for row in self._first_rows())
        with contextlib.closing(prefetched(batches, self.options.prefetch)) as made:
            for batch in made:
                # Moved before the batch is out: whoever holds the batch has had its rows.
                self._row = min(batch.first_row + size, self.num_rows)
                yield batch
        self._epoch, self._row = epoch + 1, 0

    def batch(self, step: int) -> Batch:
        """The batch of any step from 0, epochs one after another, without the ones before it."""
        epoch, row = self._place(step)
        return self._assembler.batch(epoch, row)

    def provenance(self, step: int) -> pa.Table:
        """Which document each segment of a step's global batch is from, one row a segment.

        Columns: row (of the global batch), column (where in the row it begins), length (tokens),
        doc_id, token (the first one's place in its document), source (the recipe's input), shard.
        """
        epoch, first = self._place(step)
        end = min(first + self.options.global_batch_size, self.num_rows)
        return describe_rows(self.dataset, self._source, epoch, first, end)

    def pack_report(self) -> PackReport:
        """What packing does to the split: fill, padding, split and cut documents; for printing."""
        return report_packing(self.dataset, self._windows, self.options.pack_settings)

    @property
    def epoch(self) -> int:
        """The epoch of the next row."""
        return self._epoch

    @property
    def step(self) -> int:
        """How many batches of the current epoch have been handed out."""
        return -(-self._row // self.options.global_batch_size)

    @property
    def num_rows(self) -> int:
        """The number of rows of an epoch."""
        return self._source.num_rows

    @property
    def dropped_rows(self) -> int:
        """How many rows at each epoch's end are in no batch."""
        return self.num_rows % self.options.global_batch_size if self.options.drop_last else 0

    @property
    def padding_id(self) -> int:
        """The id that fills up rows."""
        return self._assembler.padding_id

    def state_dict(self) -> dict[str, Any]:
        """The next row that hasn't been handed out, and what it is a row of, as JSON values."""
        return identity(self.dataset, self.options) | {"epoch": self._epoch, "row": self._row}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a state was taken, at any world size and global batch size.

        Raises:
            UsageError: the state is of another dataset or of other settings.
        """
        wanted = identity(self.dataset, self.options)
        self._epoch, self._row = read_cursor(state, wanted, self.num_rows)

    def close(self) -> None:
        """Let go of the shards."""
        self.dataset.close()

    def _first_rows(self) -> range:
        size = self.options.global_batch_size
        end = self.num_rows - size + 1 if self.options.drop_last else self.num_rows
        return range(self._row, end, size)

    def _place(self, step: int) -> tuple[int, int]:
        if not isinstance(step, int) or step < 0:
            raise UsageError(f"step is {step!r}; allowed: an integer from 0")
        epoch, in_epoch = divmod(step, len(self))
        return epoch, in_epoch * self.options.global_batch_size

    def _check_steps(self) -> None:
        if len(self) == 0:
            raise UsageError(
                f"global_batch_size is {self.options.global_batch_size}, but the split "
                f"{self.dataset.split!r} packs to {self.num_rows} rows of "
                f"{self.options.sequence_length} tokens; take a smaller batch or shorter rows"
            )
