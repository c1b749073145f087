"""A loader's state: the next row, and what it is a row of.

A row means something only together with the dataset and the settings that made the rows, so a state
names them all, and one of another dataset or of other settings is refused. World size, global
batch size and prefetching aren't among them: they don't change the rows, only who gets them when.

Of a mixture only the past counts: weights may be others from the state's row on, and a dataset that
hasn't given a row yet may be another one.
"""

from collections.abc import Mapping
from typing import Any

from penstock.dataset import Dataset
from penstock.errors import UsageError
from penstock.mixture import ENDLESS, MixtureSource
from penstock.options import LoaderOptions

STATE_FORMAT = 1


def identity(dataset: Dataset, options: LoaderOptions) -> dict[str, Any]:
    """Everything that decides which tokens are in which row, as plain JSON values."""
    return {"state_format": STATE_FORMAT} | _data_identity(dataset) | _settings(options)


def mixture_identity(source: MixtureSource, options: LoaderOptions) -> dict[str, Any]:
    """The same for a mixture: its datasets, and the plans of their weights."""
    datasets = {name: _data_identity(part.dataset) for name, part in source.parts.items()}
    known = {"state_format": STATE_FORMAT, "datasets": datasets, "mixture": source.to_json()}
    return known | _settings(options)


def read_cursor(
    state: Mapping[str, Any], wanted: Mapping[str, Any], num_rows: int
) -> tuple[int, int]:
    """The epoch and row of a state.

    Raises:
        UsageError: the state is of another dataset or of other settings, or is no state at all.
    """
    _check_names(state, wanted)
    _refuse(_differences(state, wanted))
    return _cursor(state, num_rows)


def read_mixture_cursor(
    state: Mapping[str, Any], source: MixtureSource, options: LoaderOptions
) -> int:
    """The row of a mixture's state; the source takes over the state's amendments.

    Raises:
        UsageError: the rows before it would be other ones here, or it is no mixture's state.
    """
    wanted = mixture_identity(source, options)
    _check_names(state, wanted)
    _refuse(_differences(state, {"state_format": STATE_FORMAT} | _settings(options)))
    epoch, row = _cursor(state, ENDLESS)
    _refuse([f"epoch is {epoch} in the state and always 0 of a mixture"] if epoch else [])
    try:
        plans = source.continued(state["mixture"], row)
        known = {str(name): dict(found) for name, found in state["datasets"].items()}
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise UsageError(
            f"the mixture in the loader's state can't be read ({error}); allowed: what "
            "state_dict() of a loader of a mixture gave"
        ) from error
    for name in source.used(plans, row):
        differences = _differences(known.get(name, {}), wanted["datasets"][name])
        _refuse([f"of {name!r} {line}" for line in differences])
    source.plan(plans)
    return row


def _data_identity(dataset: Dataset) -> dict[str, Any]:
    return {
        "dataset": dataset.fingerprint,
        "version": dataset.manifest.version,
        "split": dataset.split,
        "selection": dataset.selection.name if dataset.selection else "",
    }


def _settings(options: LoaderOptions) -> dict[str, Any]:
    settings = options.pack_settings
    return {
        "sequence_length": settings.sequence_length,
        "packing": str(settings.packing),
        "long_documents": str(settings.long_documents),
        "window_tokens": settings.window_tokens,
        "pad_documents_to": settings.multiple,
        "windows_per_batch": options.windows_per_batch,
        "seed": options.seed,
        "objective": options.objective,
    }


def _check_names(state: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    kind = "a mixture" if "mixture" in wanted else "one dataset"
    allowed = f"allowed: what state_dict() of a loader of {kind} gave"
    if not isinstance(state, Mapping):
        raise UsageError(f"the loader's state is {state!r:.80}; {allowed}")
    missing = [name for name in (*wanted, "epoch", "row") if name not in state]
    if missing:
        raise UsageError(f"the loader's state lacks {missing}; it has {sorted(state)}; {allowed}")


def _differences(state: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    return [
        f"{name} is {state.get(name)!r} in the state and {value!r} here"
        for name, value in wanted.items()
        if state.get(name) != value and not _same_data(name, state, wanted)
    ]


def _refuse(differences: list[str]) -> None:
    if differences:
        raise UsageError(
            "the loader's state belongs to something else: "
            + "; ".join(differences)
            + "; open the loader as it was (an older version with version=…), or begin without the "
            "state"
        )


def _cursor(state: Mapping[str, Any], num_rows: int) -> tuple[int, int]:
    epoch, row = state["epoch"], state["row"]
    if type(epoch) is not int or type(row) is not int or epoch < 0 or not 0 <= row <= num_rows:
        raise UsageError(
            f"the loader's state has epoch {epoch!r} and row {row!r}; allowed: integers from 0, "
            f"the row up to {num_rows}"
        )
    return epoch, row


def _same_data(name: str, state: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Another version with exactly the same shards and deletions in the split is no difference."""
    return name == "version" and state.get("dataset") == wanted["dataset"]
