from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest

from transforms.kernels import kernel


def double(value: np.uint64) -> np.uint64:
    return value * np.uint64(2)


def test_a_kernel_computes_what_its_function_says_and_wraps() -> None:
    compiled = kernel(double)
    assert compiled(np.uint64(21)) == 42
    assert compiled(np.uint64(2**63 + 1)) == 2


def test_a_kernel_works_where_nothing_can_be_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    njit: Callable[..., Any] = numba.njit

    def refuse_cache(**options: bool) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**options)

    monkeypatch.setattr(numba, "njit", refuse_cache)
    assert kernel(double)(np.uint64(4)) == 8
