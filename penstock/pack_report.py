"""What packing does to a dataset: how full its rows are, and what it splits, pads, cuts and saves.

Every window is packed once to count this, at some tens of nanoseconds a document; no token is read.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penstock.dataset import Dataset
from penstock.packing import pack
from penstock.windows import PackSettings, Windows


@dataclass(frozen=True, slots=True, kw_only=True)
class PackReport:
    """Counts over one epoch of a split.

    `tokens` are delivered as inputs once each, `cut_tokens` never; `split_documents` lie in more
    than one row. `unpacked_rows` is how many rows there would be if none held two documents.
    `masked_pairs` counts the (query, key) pairs of causal attention within segments,
    `unmasked_pairs` those within whole rows.
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

    @property
    def padding(self) -> int:
        """The places in rows that hold no token."""
        return self.rows * self.sequence_length - self.tokens

    @property
    def fill(self) -> float:
        """The share of places in rows that hold a token."""
        return self.tokens / max(1, self.rows * self.sequence_length)

    def __str__(self) -> str:
        split = self.split_documents / max(1, self.documents)
        fewer = self.unpacked_rows / max(1, self.rows)
        pairs = self.masked_pairs / max(1, self.unmasked_pairs)
        lines = {
            "rows": f"{self.rows:,} of {self.sequence_length:,} tokens, {self.fill:.3%} full",
            "documents": f"{self.documents:,}, {self.split_documents:,} ({split:.2%}) over rows",
            "tokens": f"{self.tokens:,} delivered, {self.cut_tokens:,} cut off, "
            f"{self.padding:,} places padded",
            "without packing": f"{self.unpacked_rows:,} rows, {fewer:.2f} times as many",
            "attention": f"{pairs:.1%} of the pairs that rows without a document mask would have",
        }
        return "\n".join(f"{name:<16} {line}" for name, line in lines.items())


def report_packing(
    datasets: Iterable[tuple[Dataset, Windows]], settings: PackSettings
) -> PackReport:
    """Count what packing does to every window of a split, or of several datasets."""
    totals = np.zeros(7, np.int64)
    for dataset, windows in datasets:
        for place in _places(windows):
            totals += _count_window(dataset, settings, *place)
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
    )


def _places(windows: Windows) -> list[tuple[int, int, int]]:
    columns = (windows.shard.tolist(), windows.first_batch.tolist(), windows.end_batch.tolist())
    return list(zip(*columns, strict=True))


def _count_window(
    dataset: Dataset, settings: PackSettings, shard: int, first: int, end: int
) -> npt.NDArray[np.int64]:
    """Rows, rows without packing, documents, split ones, tokens in rows and stored, pairs."""
    lengths = dataset.documents(shard, first, end).lengths
    packed = pack(
        settings.places(lengths),
        settings.sequence_length,
        packing=settings.packing,
        long_documents=settings.long_documents,
    )
    rests = lengths[packed.documents] - packed.starts
    segments = np.minimum(packed.lengths, rests)
    pieces = np.bincount(packed.documents, minlength=len(lengths))
    return np.array(
        [
            packed.num_rows,
            (-(-lengths // settings.sequence_length)).sum(),
            len(lengths),
            np.count_nonzero(pieces > 1),
            segments.sum(),
            lengths.sum(),
            (segments * (segments + 1) // 2).sum(),
        ],
        np.int64,
    )
