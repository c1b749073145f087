"""How the loader stands under torch's DataLoader, without torch being needed or imported.

DataLoader asks `isinstance(dataset, IterableDataset)` and takes anything else for a list of
samples. The class is registered as a virtual subclass once torch is in the process anyway.
"""

import sys

from penstock.errors import UsageError


def register_with_torch(loader_class: type) -> None:
    """Make the class an IterableDataset in torch's eyes, if torch has been imported."""
    data = sys.modules.get("torch.utils.data")
    if data is not None:
        data.IterableDataset.register(loader_class)


def refuse_workers() -> None:
    """Raise in a DataLoader's worker process, where each would deliver every batch again.

    Raises:
        UsageError: this is such a process.
    """
    data = sys.modules.get("torch.utils.data")
    worker = data.get_worker_info() if data is not None else None
    if worker is not None:
        raise UsageError(
            f"num_workers is {worker.num_workers}; allowed: 0, since every worker process would "
            "deliver all batches again; for batches ahead of time give TokenLoader prefetch=16"
        )
