"""Timing of code that runs in this process, and the lengths that the loader's benchmarks share."""

import time
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

Int32s = npt.NDArray[np.int32]


def lognormal_lengths(count: int, longest: int, seed: int = 0) -> Int32s:
    """Document lengths with a mean near 690 tokens, clipped to 8 .. `longest`, as int32."""
    lengths = np.exp(np.random.default_rng(seed).normal(np.log(450), 0.95, count))
    return np.clip(lengths, 8, longest).astype(np.int32)


def take_turns(
    contenders: Mapping[str, Callable[[], object]], *, rounds: int
) -> dict[str, list[float]]:
    """CPU seconds of this process for each call of each contender, who take turns.

    Everyone goes once before the first round, so that compiling and first touches don't count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            start = time.process_time()
            run()
            if number:
                seconds[name].append(time.process_time() - start)
    return seconds
