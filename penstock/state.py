"""A loader's state: the next row, and what it is a row of.

A row means something only together with the dataset and the settings that made the rows, so a state
names them all, and one of another dataset or of other settings is refused. World size, global
batch size and prefetching aren't among them: they don't change the rows, only who gets them when.
"""

from collections.abc import Mapping
from typing import Any

from penstock.dataset import Dataset
from penstock.errors import UsageError
from penstock.options import LoaderOptions

STATE_FORMAT = 1


def identity(dataset: Dataset, options: LoaderOptions) -> dict[str, Any]:
    """Everything that decides which tokens are in which row, as plain JSON values."""
    settings = options.pack_settings
    return {
        "state_format": STATE_FORMAT,
        "dataset": dataset.fingerprint,
        "version": dataset.manifest.version,
        "split": dataset.split,
        "sequence_length": settings.sequence_length,
        "packing": str(settings.packing),
        "long_documents": str(settings.long_documents),
        "window_tokens": settings.window_tokens,
        "windows_per_batch": options.windows_per_batch,
        "seed": options.seed,
        "objective": options.objective,
    }


def read_cursor(
    state: Mapping[str, Any], wanted: Mapping[str, Any], num_rows: int
) -> tuple[int, int]:
    """The epoch and row of a state.

    Raises:
        UsageError: the state is of another dataset or of other settings, or is no state at all.
    """
    missing = [name for name in (*wanted, "epoch", "row") if name not in state]
    if missing:
        raise UsageError(f"the loader's state lacks {missing}; it has {sorted(state)}")
    different = [
        f"{name} is {state[name]!r} in the state and {value!r} here"
        for name, value in wanted.items()
        if state[name] != value and not _same_data(name, state, wanted)
    ]
    if different:
        raise UsageError(
            "the loader's state belongs to something else: "
            + "; ".join(different)
            + "; open the loader as it was, or begin without the state"
        )
    epoch, row = state["epoch"], state["row"]
    if type(epoch) is not int or type(row) is not int or epoch < 0 or not 0 <= row <= num_rows:
        raise UsageError(f"epoch is {epoch!r} and row {row!r}; allowed: from 0, row to {num_rows}")
    return epoch, row


def _same_data(name: str, state: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Another version with exactly the same shards and deletions in the split is no difference."""
    return name == "version" and state["dataset"] == wanted["dataset"]
