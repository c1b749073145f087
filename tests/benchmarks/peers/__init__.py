"""Other tools, each in an environment of its own outside the repository, pinned by a file here."""

import hashlib
import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).parent


def cache_folder() -> Path:
    """Where environments are kept: $PENSTOCK_BENCH_CACHE or ~/.cache/penstock-bench."""
    default = Path.home() / ".cache" / "penstock-bench"
    return Path(os.environ.get("PENSTOCK_BENCH_CACHE", default))


def interpreter(name: str) -> Path:
    """The Python of the peer's environment, which is made when its pins have changed."""
    pins = HERE / f"{name}.txt"
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()[:16]
    environment = cache_folder() / name
    stamp, python = environment / digest, environment / "bin" / "python"
    if not stamp.exists():
        print(f"installing {name} into {environment}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        pip: list[str | Path] = [
            python,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "-qq",
        ]
        subprocess.run([*pip, "-r", pins], check=True)
        stamp.touch()
    return python


def importable(name: str, module: str) -> bool:
    """Make a peer's module importable here, for peers that are timed in this process.

    Its environment's packages come after this one's, so that everyone uses the same NumPy. Where
    the environment can't be made the reason is printed, so that no row of a table is missed.
    """
    try:
        python = interpreter(name)
    except subprocess.CalledProcessError as error:
        print(f"LEFT OUT: {module}, which couldn't be installed: {error}")
        return False
    folder = sysconfig.get_path("purelib", vars={"base": str(python.parent.parent)})
    sys.path.append(folder)
    found = importlib.util.find_spec(module) is not None
    if not found:
        print(f"LEFT OUT: {module}, which isn't in {folder}")
    return found


def version(name: str, package: str) -> str:
    """The pinned version of a package in a peer's environment."""
    for line in (HERE / f"{name}.txt").read_text().splitlines():
        pinned, _, number = line.partition("==")
        if pinned.lower() == package.lower():
            return number
    raise KeyError(package)
