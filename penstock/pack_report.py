"""What packing does to a dataset: how full its rows are, and what it splits, pads, cuts and saves.

Every window is packed once to count this, at some tens of nanoseconds a document; no token is read.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from penstock import storage
from penstock.best_fit import Int64s
from penstock.dataset import Dataset
from penstock.pack_plot import plot_packing
from penstock.packing import Packed, pack
from penstock.windows import PackSettings, Windows

LENGTH_BINS = 40
FILL_BINS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PackReport:
    """Counts over one epoch of a split.

    `tokens` are delivered as inputs once each, `cut_tokens` never; `split_documents` lie in more
    than one row. `unpacked_rows` is how many rows there would be if none held two documents.
    `masked_pairs` counts the (query, key) pairs of causal attention within segments,
    `unmasked_pairs` those within whole rows.

    `document_tokens` and `segment_tokens` are the tokens in documents, and in pieces of them in
    rows, by length: entry i of those from 2^i to below 2^(i + 1) tokens long. `row_fill` counts
    rows by twentieths of them that are full. `shuffle` is 1 where batches are as mixed as in random
    order (see penstock.shuffle_score), `mix_error` how many rows a mixture's dataset is off after
    an epoch of it; None where there is nothing to measure.
    """

    sequence_length: int
    rows: int
    unpacked_rows: int
    documents: int
    split_documents: int
    tokens: int
    cut_tokens: int
    masked_pairs: int
    unmasked_pairs: int
    document_tokens: tuple[int, ...] = ()
    segment_tokens: tuple[int, ...] = ()
    row_fill: tuple[int, ...] = ()
    shuffle: float | None = None
    mix_error: float | None = None

    @property
    def padding(self) -> int:
        """The places in rows that hold no token."""
        return self.rows * self.sequence_length - self.tokens

    @property
    def fill(self) -> float:
        """The share of places in rows that hold a token."""
        return self.tokens / max(1, self.rows * self.sequence_length)

    @property
    def attention_saved(self) -> float:
        """The share of attention's FLOPs that a document mask saves."""
        return 1 - self.masked_pairs / max(1, self.unmasked_pairs)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the report as one HTML file with its plots, which needs nothing else."""
        storage.write_bytes(os.fspath(path), plot_packing(self).encode())

    def __str__(self) -> str:
        split = self.split_documents / max(1, self.documents)
        fewer = self.unpacked_rows / max(1, self.rows)
        lines = {
            "rows": f"{self.rows:,} of {self.sequence_length:,} tokens, {self.fill:.3%} full",
            "documents": f"{self.documents:,}, of which {self.split_documents:,} ({split:.2%}) "
            "are split",
            "tokens": f"{self.tokens:,} delivered, {self.cut_tokens:,} cut off, "
            f"{self.padding:,} places padded",
            "without packing": f"{self.unpacked_rows:,} rows, {fewer:.2f} times as many",
            "attention": f"{self.attention_saved:.1%} of its FLOPs saved by the document mask",
        }
        if self.shuffle is not None:
            lines["shuffle"] = f"{self.shuffle:.2f}, where 1 is a random order"
        if self.mix_error is not None:
            lines["mixture"] = f"off by at most {self.mix_error:.1f} rows in an epoch"
        return "\n".join(f"{name:<16} {line}" for name, line in lines.items())


def report_packing(
    datasets: Iterable[tuple[Dataset, Windows]],
    settings: PackSettings,
    *,
    shuffle: float | None = None,
    mix_error: float | None = None,
) -> PackReport:
    """Count what packing does to every window of a split, or of several datasets."""
    totals = np.zeros(7, np.int64)
    histograms = np.zeros((2, LENGTH_BINS), np.int64)
    fill = np.zeros(FILL_BINS, np.int64)
    for dataset, windows in datasets:
        for shard, first, end in _places(windows):
            window = _Window.packed(dataset.documents(shard, first, end).lengths, settings)
            totals += window.counts(settings.sequence_length)
            histograms += window.histograms()
            fill += window.fill(settings.sequence_length)
    rows, unpacked, documents, split, tokens, stored, masked = map(int, totals)
    length = settings.sequence_length
    return PackReport(
        sequence_length=length,
        rows=rows,
        unpacked_rows=unpacked,
        documents=documents,
        split_documents=split,
        tokens=tokens,
        cut_tokens=stored - tokens,
        masked_pairs=masked,
        unmasked_pairs=rows * (length * (length + 1) // 2),
        document_tokens=tuple(histograms[0].tolist()),
        segment_tokens=tuple(histograms[1].tolist()),
        row_fill=tuple(fill.tolist()),
        shuffle=shuffle,
        mix_error=mix_error,
    )


def _places(windows: Windows) -> list[tuple[int, int, int]]:
    columns = (windows.shard.tolist(), windows.first_batch.tolist(), windows.end_batch.tolist())
    return list(zip(*columns, strict=True))


@dataclass(frozen=True, slots=True)
class _Window:
    """A window's documents, and the pieces of them in rows, by length."""

    lengths: Int64s
    segments: Int64s
    rows: Packed

    @classmethod
    def packed(cls, lengths: Int64s, settings: PackSettings) -> "_Window":
        """A window of documents so long, packed as the loader packs it."""
        rows = pack(
            settings.places(lengths),
            settings.sequence_length,
            packing=settings.packing,
            long_documents=settings.long_documents,
        )
        rests = lengths[rows.documents] - rows.starts
        return cls(lengths, np.minimum(rows.lengths, rests), rows)

    def counts(self, row_length: int) -> Int64s:
        """Rows, rows without packing, documents, split ones, tokens in rows and stored, pairs."""
        pieces = np.bincount(self.rows.documents, minlength=len(self.lengths))
        return np.array(
            [
                self.rows.num_rows,
                (-(-self.lengths // row_length)).sum(),
                len(self.lengths),
                np.count_nonzero(pieces > 1),
                self.segments.sum(),
                self.lengths.sum(),
                (self.segments * (self.segments + 1) // 2).sum(),
            ],
            np.int64,
        )

    def histograms(self) -> Int64s:
        """The tokens of documents and of segments, by the power of two in their length."""
        return np.stack(
            [
                np.bincount(np.frexp(part)[1] - 1, part, LENGTH_BINS)[:LENGTH_BINS].astype(np.int64)
                for part in (self.lengths, self.segments)
            ]
        )

    def fill(self, row_length: int) -> Int64s:
        """The rows by how many twentieths of them hold tokens."""
        before = np.concatenate([[0], np.cumsum(self.segments)])[self.rows.row_offsets]
        twentieths = np.diff(before) * FILL_BINS // row_length
        return np.bincount(np.minimum(twentieths, FILL_BINS - 1), minlength=FILL_BINS)
