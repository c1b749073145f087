"""What a machine has, told from files as Linux writes them."""

import importlib
from pathlib import Path

import pytest

from pipelines import machine

MEMINFO = "MemTotal: 8000000 kB\nMemFree: 100000 kB\nMemAvailable: 4000000 kB\n"
FREE = 4_000_000 << 10


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of the system's files, with what Linux says of its memory."""
    (tmp_path / "meminfo").write_text(MEMINFO)
    monkeypatch.setattr(machine, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    return tmp_path


def test_memory_that_the_file_cache_would_give_back_is_free(system: Path) -> None:
    assert machine.available_memory() == FREE


@pytest.mark.parametrize(
    ("limit", "used", "stat", "wanted"),
    [
        ("max", "5", "inactive_file 3", FREE),
        ("1000000000", "300000000", "anon 1\ninactive_file 100000000", 800_000_000),
        ("1000000000", "2000000000", "", 0),
        ("99000000000", "300000000", "inactive_file 0", FREE),
    ],
)
def test_a_container_has_what_its_limit_leaves(
    limit: str, used: str, stat: str, wanted: int, system: Path
) -> None:
    (system / "memory.max").write_text(limit + "\n")
    (system / "memory.current").write_text(used + "\n")
    (system / "memory.stat").write_text(stat + "\n")
    assert machine.available_memory() == wanted


def test_another_system_counts_on_half_of_its_memory(system: Path) -> None:
    (system / "meminfo").unlink()
    assert 0 < machine.available_memory() < 1 << 45


def test_there_is_a_core() -> None:
    assert machine.available_cores() >= 1


def test_kernels_are_compiled_once_a_process_has_kept_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "few_kernels.py").write_text(
        "import numba\n@numba.njit(cache=True)\ndef double(x):\n    return 2 * x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("few_kernels")
    assert not machine.has_compiled(module)
    assert module.double(3) == 6
    assert machine.has_compiled(module)
