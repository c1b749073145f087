"""Where a loader's rows come from: one dataset, or a mixture of several."""

from collections.abc import Mapping
from typing import Any

from penstock.errors import UsageError
from penstock.mixture import MixtureSource
from penstock.options import LoaderOptions
from penstock.parts import Part, open_part
from penstock.rows import RowSource
from penstock.subset import as_subset, read_mixture


def open_source(
    value: Any, options: LoaderOptions, *, split: str, version: int | None
) -> tuple[dict[str, Part], RowSource | MixtureSource]:
    """The opened datasets by name (one alone has none), and the rows that they give.

    Raises:
        UsageError, DataError: see `open_part` and `_open_parts`.
    """
    if not isinstance(value, Mapping):
        part = open_part(as_subset(value, split=split, version=version), options)
        return {"": part}, part.source
    datasets, schedules = read_mixture(value)
    parts = _open_parts(datasets, options, split=split, version=version)
    source = MixtureSource(parts, schedules, row_tokens=options.sequence_length, seed=options.seed)
    return parts, source


def _open_parts(
    datasets: Mapping[str, Any], options: LoaderOptions, *, split: str, version: int | None
) -> dict[str, Part]:
    """Open the datasets of a mixture, whose tokens must mean the same.

    Raises:
        UsageError: one can't be opened, packs to no rows, or was made with another tokenizer.
        DataError: a shard is missing or isn't what the manifest says.
    """
    parts = {
        name: open_part(as_subset(value, split=split, version=version), options)
        for name, value in datasets.items()
    }
    first_name, first = next(iter(parts.items()))
    wanted = first.dataset.manifest.tokenizer
    for name, part in parts.items():
        found = part.dataset.manifest.tokenizer
        if (found.digest, found.token_type) != (wanted.digest, wanted.token_type):
            raise UsageError(
                f"the mixture's {name!r} has {found.token_type} tokens of the tokenizer "
                f"{found.digest}, but {first_name!r} {wanted.token_type} of {wanted.digest}; "
                "allowed: datasets of one tokenizer and token type"
            )
        if part.source.num_rows == 0:
            raise UsageError(f"the mixture's {name!r} packs to 0 rows; leave it out")
    return parts
