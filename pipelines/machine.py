"""What this machine has: the processors and the memory that a run may use by default."""

import os
from pathlib import Path
from types import ModuleType

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def available_cores() -> int:
    """The processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_memory() -> int:
    """Bytes of memory that programs can have now, within the container's limit if there is one.

    What the system holds of files it would give back, so that counts as free.
    """
    free = _from_meminfo() or _physical_memory() // 2
    limit = _read_text(_CGROUP / "memory.max")
    if not limit.isdigit():
        return free
    used = int(_read_text(_CGROUP / "memory.current") or 0)
    stat = dict(line.split() for line in _read_text(_CGROUP / "memory.stat").splitlines())
    return min(free, max(int(limit) - used + int(stat.get("inactive_file", 0)), 0))


def has_compiled(module: ModuleType) -> bool:
    """Whether an earlier process of this machine has compiled and kept a kernel of the module."""
    kernels = [value for value in vars(module).values() if hasattr(value, "py_func")]
    name = module.__name__.rpartition(".")[2]
    return any(
        found
        for folder in {Path(kernel.stats.cache_path) for kernel in kernels}
        for found in folder.glob(f"{name}.*.nbi")
    )


def _from_meminfo() -> int:
    """Linux's own estimate; 0 where there is none."""
    for line in _read_text(_MEMINFO).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return 0


def _physical_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _read_text(path: Path) -> str:
    """The stripped text of a file of the system, empty where it can't be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
