"""What a training script meets: a slim install, its own module names, signals."""

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.penstock.datasets import make_dataset, random_documents

ROOT = Path(__file__).parents[2]
BASE = ["pyarrow", "numpy", "numba", "llvmlite", "fsspec", "xxhash"]

TRAIN = """
from penstock import TokenLoader
loader = TokenLoader({out!r}, sequence_length=32, global_batch_size=2, seed=0, prefetch=4)
for batch in loader:
    pass
print(type(batch.input_ids).__module__, tuple(batch["input_ids"].shape), loader.epoch)
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("dataset"))
    make_dataset(path, random_documents([30] * 100))
    return path


def run(
    code: str, folder: Path, *, path: str = "", options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(folder), path, str(ROOT)]))}
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)


def test_the_base_packages_are_enough(out: str, tmp_path: Path) -> None:
    """Without site-packages but for links to the packages of the base install."""
    links = tmp_path / "site"
    links.mkdir()
    for name in BASE:
        origin = importlib.util.find_spec(name)
        assert origin is not None
        assert origin.origin is not None
        package = Path(origin.origin).parent
        for found in [package, *package.parent.glob(f"{name}.libs")]:
            (links / found.name).symlink_to(found)
    code = "import importlib.util as u; assert not u.find_spec('torch')\n" + TRAIN.format(out=out)
    done = run(code, tmp_path, path=str(links), options=("-S",))
    assert (done.stdout, done.stderr) == ("numpy (2, 32) 1\n", "")


def test_the_users_own_modules_are_left_alone(out: str, tmp_path: Path) -> None:
    for name in ["transforms", "schemas", "pipelines"]:
        (tmp_path / f"{name}.py").write_text(f"raise ImportError('{name} of the user')")
    assert run(TRAIN.format(out=out), tmp_path).stdout.endswith("(2, 32) 1\n")


def test_importing_is_light_and_has_no_effects(tmp_path: Path) -> None:
    code = (
        "import sys, threading, penstock;"
        "print(sorted(set(sys.modules) & {'torch', 'pandas', 'dask', 'polars'}),"
        "threading.active_count())"
    )
    assert run(code, tmp_path).stdout == "[] 1\n"
    assert list(tmp_path.iterdir()) == []


def test_a_place_for_compiled_kernels_isnt_needed(tmp_path: Path) -> None:
    """As in a container with a read-only file system, where Numba finds nowhere to cache."""
    code = (
        "import numba.core.caching as caching;"
        "(vars(caching).get('CacheImpl') or caching._CacheImpl)._locator_classes = [];"
        "from penstock.packing import count_rows;"
        "print(count_rows([5, 3, 11], 8))"
    )
    assert run(code, tmp_path).stdout == "3\n"


INTERRUPTED = """
import os, sys, threading, time
from penstock import TokenLoader
from tests.penstock.datasets import make_dataset, random_documents
out = {out!r}
if out.startswith("memory"):
    make_dataset(out, random_documents([30] * 2000), shards=40)
loader = TokenLoader(out, sequence_length=32, global_batch_size=2, seed=0, prefetch=4,
                     framework="numpy", window_tokens=500, cache_dir={cache!r}, cache_bytes=40_000)
try:
    while True:
        for batch in loader:
            print("ready", flush=True)
            time.sleep(0.01)
except KeyboardInterrupt:
    names = [t.name for t in threading.enumerate()]
    shared = "/dev/shm" in open("/proc/self/maps").read()
    print("left", names, shared, loader.state_dict()["row"] == batch.first_row + 2, flush=True)
"""


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_an_interrupt_leaves_no_thread_and_a_true_state(
    out: str, tmp_path: Path, kind: str
) -> None:
    env = os.environ | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path)}
    out = out if kind == "local" else "memory://interrupted/out"
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", INTERRUPTED.format(out=out, cache=str(cache))]
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        assert it.stdout.readline() == "ready\n"
        it.send_signal(signal.SIGINT)
        output = it.stdout.read()
        assert it.wait(timeout=30) == 0
    assert output.splitlines()[-1] == "left ['MainThread'] False True"
    assert cache.exists() == (kind == "remote")
    assert not list(cache.glob("*.fetching"))
