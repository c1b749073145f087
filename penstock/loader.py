"""Packed training batches at memory speed: exact, seekable, and the same for any world size.

Every batch is a pure function of (dataset version, settings, seed, epoch, step): nothing is
replayed to find it, and the whole state is the number of the next row. No worker processes, shared
memory or barriers: one kernel reads the mapped shards and writes the batch, in this thread or, with
`prefetch`, in one that releases the GIL. A batch of 8 rows of 2,048 takes about 20 us of one core;
a process's first batch a second longer (Numba starts), the first ever some more (it compiles).
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from penstock.assemble import padding_id
from penstock.batches import FIELDS, Batch
from penstock.course import Course, EpochCourse, MixtureCourse, check_skips, check_step, check_steps
from penstock.dataset import Dataset
from penstock.delivery import Delivery
from penstock.errors import UsageError
from penstock.explain import Explanation, explain_rows
from penstock.handoff import open_handoff
from penstock.mixture import MixtureReport, MixtureSource, report_mixture
from penstock.options import LoaderOptions, name_of_dtype, names_of_fields
from penstock.pack_report import PackReport, report_packing
from penstock.schedule import Schedule, as_schedule
from penstock.shuffle_score import worst_shuffle
from penstock.sources import open_source
from penstock.subset import Entry, Path, Subset
from penstock.torch_protocol import refuse_workers, register_with_torch


class TokenLoader:
    """Batches of packed documents from the dataset at `out`, for one data-parallel rank.

    Iterating yields the rest of the current epoch, then stops; iterating again yields the next one.
    After `load_state_dict` it goes on where the state was taken. It needs no DataLoader around it,
    but `torch.utils.data.DataLoader(loader, batch_size=None)` works, and gives the same.

    Args:
        out: the dataset's folder, a path or any fsspec URL; a penstock.Subset of its documents; or
            a mixture, a dict of name -> (either of them, weight or penstock.Schedule). A mixture's
            shares are of rows, and exact to one row in every aligned window of them.
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
        dtype: of input_ids, labels and position_ids: int64, int32, uint16 or uint32, as a name or
            a type. In an unsigned type the label -100 wraps around (65,436 in uint16).
        framework: "torch" or "numpy"; by default torch where it is installed.
        device: "cpu", or "cuda" (or "cuda:1" …, or a torch.device): batches arrive on the GPU,
            copied beside its work.
        windows_per_batch: how many stretches of the dataset a batch draws from.
        window_tokens: the length of a stretch; by default 4 Mi tokens, or 64 rows if that's more.
        prefetch: how many batches a thread makes ahead; 0 makes them when they're asked for.
        skip: steps, or ranges of them, that iterating leaves out; the others stay what they are.
        pad_documents_to: each document takes up a multiple of so many places, for context
            parallelism over cp ranks 2 * cp; the batch then has true_cu_seqlens, too.
        balance_ranks: deal a batch's rows out so that the sum of the squares of their documents'
            lengths, what attention costs, is about the same for every rank.
        cache_dir: where the shards of a remote dataset are kept, by default in the user's cache
            folder; all processes of a node share it.
        cache_bytes: the room for them, 32 GiB by default; 0 reads every window over the network.

    Raises:
        UsageError: an option is out of range, or there is no such dataset, version or split.
        DataError: a shard is missing or isn't what the manifest says.
    """

    def __init__(
        self,
        out: Path | Subset | Mapping[str, Entry],
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
        dtype: Any = "int64",
        framework: str | None = None,
        device: Any = None,
        windows_per_batch: int = 8,
        window_tokens: int | None = None,
        prefetch: int = 0,
        skip: Iterable[int | range] = (),
        pad_documents_to: int = 1,
        balance_ranks: bool = False,
        cache_dir: str | os.PathLike[str] | None = None,
        cache_bytes: int = 32 << 30,
    ) -> None:
        arguments = {name: value for name, value in locals().items() if name != "self"}
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
            fields=names_of_fields(fields),
            dtype=name_of_dtype(dtype),
            windows_per_batch=windows_per_batch,
            window_tokens=window_tokens,
            prefetch=prefetch,
            pad_documents_to=pad_documents_to,
            balance_ranks=balance_ranks,
            cache_dir=None if cache_dir is None else os.fspath(cache_dir),
            cache_bytes=cache_bytes,
        )
        self._parts, self._source = open_source(out, self.options, split=split, version=version)
        if isinstance(self._source, MixtureSource):
            self._course: Course = MixtureCourse(self._source, self.options)
        else:
            self._course = EpochCourse(self._parts[""], self.options)
        handoff = open_handoff(
            self.datasets, self._source, self.options, framework=framework, device=device
        )
        skips = check_skips(skip)
        self._delivery = Delivery(
            self._course,
            handoff,
            self.datasets,
            self.options,
            end=self._source.end,
            skips=skips,
        )
        self._arguments = arguments | {"fields": self.options.fields, "skip": skips}
        register_with_torch(TokenLoader)
        check_steps(len(self), self.num_rows, self.options)

    def __len__(self) -> int:
        """The number of steps of an epoch."""
        return self._course.steps

    def __iter__(self) -> Iterator[Batch]:
        """The batches from the current row to the epoch's end; the row moves with what is taken.

        Iterating anew, `load_state_dict` and `close` end an iteration that is under way: asked for
        one more batch it raises UsageError.
        """
        refuse_workers()
        return self._delivery.batches()

    def batch(self, step: int) -> Batch:
        """The batch of any step from 0, epochs one after another, without the ones before it."""
        return self._delivery.single(check_step(step))

    def provenance(self, step: int) -> pa.Table:
        """Which document each segment of a step's global batch is from, one row a segment.

        Columns: row (of the global batch, before balance_ranks deals it out), column (where in the
        row it begins), length (tokens), doc_id, token (the first one's place in its document),
        source (the recipe's input), shard; of a mixture also dataset (its name).
        """
        epoch, first = self._course.place(check_step(step))
        return self._course.provenance(epoch, first, first + self.options.global_batch_size)

    def explain(self, step: int) -> Explanation:
        """What a step is made of and how each document begins; for printing.

        Raises:
            DataError: the dataset's documents can't be read.
        """
        epoch, first = self._course.place(check_step(step))
        end = min(first + self.options.global_batch_size, self._source.end)
        pieces = self._source.pieces(epoch, first, end)
        outs = [dataset.out for dataset in self.datasets]
        provenance = self._course.provenance(epoch, first, end)
        return explain_rows(provenance, pieces, outs, step=step, epoch=step // len(self))

    def mixture_report(self, step: int | None = None) -> MixtureReport:
        """How the rows before a step, by default the next one, were shared; for printing.

        Raises:
            UsageError: the loader reads one dataset, not a mixture.
        """
        rows = self._course.row if step is None else self._course.place(check_step(step))[1]
        return report_mixture(self._mixture(), rows, self.options.sequence_length)

    def amend_mixture(self, weights: Mapping[str, float | Schedule], *, step: int) -> None:
        """Share the rows from a step on by other weights; the ones before it stay as they were.

        Raises:
            UsageError: batches from that step on were made already, or it isn't a mixture.
        """
        source, (_, row) = self._mixture(), self._course.place(check_step(step))
        if not isinstance(weights, Mapping):
            raise UsageError(f"weights is {weights!r:.80}; allowed: a dict of name -> weight")
        schedules = {name: as_schedule(weight, name=name) for name, weight in weights.items()}
        with self._delivery.paused() as made:
            if row < made:
                first = -(-made // self.options.global_batch_size)
                raise UsageError(
                    f"step is {step}, whose batch has been made already; allowed: from {first} on"
                )
            source.amend(row, schedules)

    def pack_report(self) -> PackReport:
        """What packing does to the split: fill, padding, split and cut documents; for printing."""
        parts = list(self._parts.values())
        is_mixture = isinstance(self._source, MixtureSource)
        return report_packing(
            [(part.dataset, part.windows) for part in parts],
            self.options.pack_settings,
            shuffle=worst_shuffle(parts, self.options.global_batch_size),
            mix_error=self.mixture_report(len(self)).mix_error if is_mixture else None,
        )

    @property
    def datasets(self) -> list[Dataset]:
        """The datasets, one or those of a mixture by name."""
        return [part.dataset for part in self._parts.values()]

    @property
    def dataset(self) -> Dataset:
        """The first or only dataset."""
        return self.datasets[0]

    @property
    def epoch(self) -> int:
        """The epoch of the next row; a mixture's is as many steps as its datasets have rows for."""
        return self._course.epoch

    @property
    def step(self) -> int:
        """How many batches of the current epoch, of a mixture in all, have been handed out."""
        return -(-self._course.row // self.options.global_batch_size)

    @property
    def num_rows(self) -> int:
        """The number of rows of an epoch; a mixture's has as many as its datasets together."""
        return self._source.num_rows

    @property
    def dropped_rows(self) -> int:
        """How many rows at each epoch's end are in no batch."""
        return self._course.dropped_rows

    @property
    def padding_id(self) -> int:
        """The id that fills up rows."""
        return padding_id(self.dataset.manifest.tokenizer)

    def state_dict(self) -> dict[str, Any]:
        """The next row that hasn't been handed out, and what it is a row of, as JSON values."""
        return self._course.state()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a state was taken, at any world size and global batch size.

        Raises:
            UsageError: the state is of another dataset or of other settings.
        """
        self._course.load(state)
        self._delivery.end()

    def close(self) -> None:
        """End an iteration under way, and let go of the shards."""
        self._delivery.end()
        for dataset in self.datasets:
            dataset.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickled loader is its arguments and its state: a copy opens the dataset itself."""
        return _reopen, (self._arguments, self.state_dict())

    def _mixture(self) -> MixtureSource:
        if not isinstance(self._source, MixtureSource):
            raise UsageError("the loader reads one dataset; allowed: a mixture, which is a dict")
        return self._source


def _reopen(arguments: dict[str, Any], state: dict[str, Any]) -> TokenLoader:
    loader = TokenLoader(**arguments)
    loader.load_state_dict(state)
    return loader
