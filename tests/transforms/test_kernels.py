import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from transforms.kernels import kernel

USER = """
from transforms.kernels import kernel
from limits import LIMIT, limited

@kernel
def limit(value: int) -> int:
    return min(limited(value), LIMIT)

print(limit(1_000), sum(limit.stats.cache_hits.values()))
"""

LIMITS = """
from transforms.kernels import kernel

LIMIT = {limit}

@kernel
def limited(value: int) -> int:
    return _twice(value)

@kernel
def _twice(value: int) -> int:
    return value * {factor}
"""


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


def test_a_kernel_that_is_kept_is_compiled_anew_when_what_it_takes_from_elsewhere_changes(
    tmp_path: Path,
) -> None:
    (tmp_path / "user.py").write_text(USER)
    printed = []
    for limit, factor in [(7, 2), (7, 2), (9_000, 2), (9_000, 3), (9_000, 3)]:
        (tmp_path / "limits.py").write_text(LIMITS.format(limit=limit, factor=factor))
        call = [sys.executable, "-B", "-c", "import user"]
        environment = {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}
        done = subprocess.run(call, env=environment, capture_output=True, text=True, check=True)
        printed.append(done.stdout.strip())
    assert printed == ["7 0", "7 1", "2000 0", "3000 0", "3000 1"]


NAMES = """
import sys
from transforms import kernels

for name in sys.argv[1:]:
    __import__(name)
functions = [value for name in sys.argv[1:] for value in vars(sys.modules[name]).values()]
print(*sorted({f._cache._impl.filename_base for f in functions if hasattr(f, "py_func")}))
"""


def test_kernels_are_kept_under_the_same_names_in_whatever_order_modules_are_imported() -> None:
    modules = ["heuristics.c4", "heuristics.english_plain", "page.blocks", "page.facts", "markup"]
    call = [sys.executable, "-c", NAMES, *(f"transforms.{name}" for name in modules)]
    runs = [call, call[:3] + call[:2:-1]]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    names = {
        subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout
        for run in runs
    }
    assert len(names) == 1
    assert "c4._judge" in names.pop()
