import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

import penstock

CALLER = """
from penstock.kernel import kernel
from called import twice

@kernel
def result(value: int) -> int:
    return twice(value)

print(result(100), sum(result.stats.cache_hits.values()))
"""

CALLED = """
from penstock.kernel import kernel

@kernel
def twice(value: int) -> int:
    return _times(value)

@kernel
def _times(value: int) -> int:
    return value * {factor}
"""


def test_a_kernel_that_is_kept_is_compiled_anew_when_one_that_it_calls_changes(
    tmp_path: Path,
) -> None:
    (tmp_path / "caller.py").write_text(CALLER)
    printed = []
    for factor in (2, 2, 3):
        (tmp_path / "called.py").write_text(CALLED.format(factor=factor))
        call = [sys.executable, "-B", "-c", "import caller"]
        environment = {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}
        done = subprocess.run(call, env=environment, capture_output=True, text=True, check=True)
        printed.append(done.stdout.strip())
    assert printed == ["200 0", "200 1", "300 0"]


@pytest.mark.parametrize("name", [module.name for module in iter_modules(penstock.__path__)])
def test_kernels_take_constants_of_their_own_file_only(name: str) -> None:
    module = import_module(f"penstock.{name}")
    tree = ast.parse(Path(str(module.__file__)).read_text())
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported = {alias.asname or alias.name for node in froms for alias in node.names}
    kernels = [value for value in vars(module).values() if isinstance(value, Dispatcher)]
    used = {
        n for k in kernels if k.__module__ == module.__name__ for n in k.py_func.__code__.co_names
    }
    constants = int | float | bytes | str | tuple | np.ndarray
    assert [n for n in used & imported if isinstance(getattr(module, n), constants)] == []
