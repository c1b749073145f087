"""Open tables of hashes, for what a page holds more than once."""

import numpy as np
from numpy.typing import NDArray

from transforms.kernels import kernel


@kernel
def slots_for(count: int) -> int:
    """Slots of a table for so many values: a power of two, half of them free."""
    slots = 2
    while slots < 2 * count:
        slots *= 2
    return slots


@kernel
def slot_of(seen: NDArray[np.uint64], hashed: np.uint64) -> int:
    """Where a hash stands in the table, or would stand; 0 marks a free slot."""
    mixed = hashed * np.uint64(0x9E3779B97F4A7C15)
    slot = np.int64((mixed >> np.uint64(32)) & np.uint64(len(seen) - 1))
    while seen[slot] != 0 and seen[slot] != hashed:
        slot = (slot + 1) & (len(seen) - 1)
    return int(slot)
