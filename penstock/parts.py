"""One dataset of a loader, opened: its shards, its windows, its rows."""

import os
from dataclasses import dataclass

from penstock import storage
from penstock.dataset import Dataset
from penstock.options import LoaderOptions
from penstock.rows import RowSource
from penstock.selection import load_selection
from penstock.subset import Subset
from penstock.windows import Windows, load_windows


@dataclass(frozen=True, slots=True)
class Part:
    """One dataset with its windows and its rows."""

    dataset: Dataset
    windows: Windows
    source: RowSource


def open_part(subset: Subset, options: LoaderOptions) -> Part:
    """Open a dataset for a loader's options.

    Raises:
        UsageError: there is no such dataset, version or split.
        DataError: a shard is missing or isn't what the manifest says.
    """
    # Shards are opened when they're needed, by when the program may be in another folder.
    out, conditions = storage.absolute(os.fspath(subset.out)), subset.conditions
    dataset = Dataset(
        out,
        split="train" if subset.split is None else subset.split,
        version=subset.version,
        selection=load_selection(out, conditions) if conditions else None,
        cache=options.cache,
    )
    options.check_dtype(dataset.manifest.tokenizer)
    windows = load_windows(dataset, options.pack_settings)
    source = RowSource(
        dataset,
        windows,
        options.pack_settings,
        seed=options.seed,
        windows_per_group=options.windows_per_batch,
    )
    return Part(dataset, windows, source)
