"""Objectives: what turns packed tokens into inputs and labels.

Packing, order, seeking and hand-off know segments only; an objective is the kernel that writes
them into a batch, with the signature of `fill_causal`, which reads the segments' tokens where the
shards are mapped. Masked, infilling and chat objectives join here: another kernel, and what it
draws at random keyed by the document's address in the dataset, never by order. A row's number of
labels is counted where rows are laid out (penstock.rows), since a rank must know the other ranks'.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.fill import fill_causal


@dataclass(frozen=True, slots=True)
class Objective:
    """A way to train: its name, and the kernel that fills rows for it."""

    name: str
    fill: Callable[..., tuple[int, int, int, int]]


_ALL = (Objective("causal", fill_causal),)

OBJECTIVES: Mapping[str, Objective] = {objective.name: objective for objective in _ALL}
"""The objectives by name; "causal" is next-token prediction."""


def objective_names() -> tuple[str, ...]:
    """What `objective` may be."""
    return tuple(OBJECTIVES)


def fill_of(name: str) -> Any:
    """The kernel of an objective."""
    return OBJECTIVES[name].fill
