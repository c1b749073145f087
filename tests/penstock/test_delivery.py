"""One cursor, one iteration: what ends one, and what then becomes of it."""

import copy
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from penstock import TokenLoader, UsageError
from tests.penstock.datasets import make_dataset, random_documents
from tests.penstock.test_loader import open_loader, plain

OVER = "this iteration is over: the loader was iterated anew, given a state or closed"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("dataset"))
    make_dataset(path, random_documents([30] * 200), rows_per_batch=11, tokens_per_batch=300)
    return path


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("penstock")]


def steps(batches: Iterator[Any], count: int) -> list[int]:
    """The steps of the next batches of an epoch of batches of 4 rows."""
    return [next(batches).first_row // 4 for _ in range(count)]


@pytest.mark.parametrize("prefetch", [0, 3])
def test_a_newer_iteration_ends_the_one_before(out: str, prefetch: int) -> None:
    loader = open_loader(out, prefetch=prefetch)
    older, newer = iter(loader), iter(loader)
    assert steps(older, 2) == [0, 1]
    assert steps(newer, 2) == [2, 3]
    assert len(threads()) == (prefetch > 0)
    with pytest.raises(UsageError, match=OVER):
        next(older)
    assert loader.step == 4
    assert steps(newer, 1) == [4]
    newer.close()  # type: ignore[attr-defined]
    assert threads() == []


@pytest.mark.parametrize("prefetch", [0, 3])
def test_a_state_loaded_midway_is_gone_to(out: str, prefetch: int) -> None:
    loader = open_loader(out, prefetch=prefetch)
    batches = iter(loader)
    assert steps(batches, 2) == [0, 1]
    state = loader.state_dict()
    assert steps(batches, 3) == [2, 3, 4]
    with pytest.raises(UsageError, match="belongs to something else"):
        loader.load_state_dict(state | {"seed": 8})
    assert steps(batches, 1) == [5]
    loader.load_state_dict(state)
    assert threads() == []
    with pytest.raises(UsageError, match=OVER):
        next(batches)
    assert loader.state_dict() == state
    assert steps(iter(loader), 2) == [2, 3]


def test_a_state_of_earlier_lets_a_mixture_be_changed_there(out: str) -> None:
    loader = open_loader({"a": (out, 1), "b": (out, 1)}, prefetch=3)
    start = loader.state_dict()
    batches = iter(loader)
    steps(batches, 5)
    loader.load_state_dict(start)
    loader.amend_mixture({"a": 1, "b": 0}, step=1)
    assert loader.mixture_report(9).datasets[1].rows == 2


@pytest.mark.parametrize("prefetch", [0, 3])
def test_closing_ends_the_iteration_and_its_thread(out: str, prefetch: int) -> None:
    loader = open_loader(out, prefetch=prefetch)
    batches = iter(loader)
    steps(batches, 2)
    loader.close()
    assert threads() == []
    with pytest.raises(UsageError, match=OVER):
        next(batches)
    assert steps(iter(loader), 2) == [2, 3]


class SlowFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """Files in memory that are read slowly; reading the fifth block of shards interrupts."""

    protocol = "slow"
    blocks = 0

    def cat_file(self, path: str, *args: Any, **options: Any) -> bytes:
        if "/shards/" in path:
            SlowFileSystem.blocks += 1
            time.sleep(0.005)
            if SlowFileSystem.blocks == 5:
                # As a terminal's Ctrl-C comes: to the thread that waits, and not to this one.
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return bytes(super().cat_file(path, *args, **options))

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.split("://")[-1].strip("/")


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TokenLoader:
    """A loader whose first batch takes some hundred blocks."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("penstock.shard_cache.BLOCK_BYTES", 256)
    fsspec.register_implementation("slow", SlowFileSystem, clobber=True)
    make_dataset("slow://interrupted", random_documents([30] * 400), shards=1)
    loader = open_loader("slow://interrupted", prefetch=2)
    SlowFileSystem.blocks = 0
    return loader


def test_an_interrupt_doesnt_wait_for_the_rest_of_a_shard(slow: TokenLoader) -> None:
    with pytest.raises(KeyboardInterrupt):
        next(iter(slow))
    assert SlowFileSystem.blocks < slow.dataset.shards[0].bytes // 256 // 2
    assert threads() == []
    assert slow.batch(0).first_row == 0


def test_a_signals_handler_may_close_a_loader_that_is_at_work(slow: TokenLoader) -> None:
    before = signal.signal(signal.SIGINT, lambda *_: slow.close())
    try:
        with pytest.raises(UsageError, match=OVER):
            next(iter(slow))
    finally:
        signal.signal(signal.SIGINT, before)
    assert slow.step == 0
    assert threads() == []


@pytest.mark.parametrize("kind", ["one", "mixture"])
def test_a_pickled_loader_goes_on_elsewhere(out: str, kind: str) -> None:
    source: Any = out if kind == "one" else {"a": (out, 2), "b": (out, 1)}
    loader = open_loader(
        source, skip=iter([3]), fields=iter(["input_ids", "labels"]), dtype="uint16", prefetch=2
    )
    batches = iter(loader)
    for _ in range(3):
        next(batches)
    if kind == "mixture":
        loader.amend_mixture({"a": 0, "b": 1}, step=9)
    copied: TokenLoader = pickle.loads(pickle.dumps(loader))
    rest = [plain(batch) for batch in batches]
    assert [plain(batch) for batch in copied] == rest
    assert plain(copy.deepcopy(loader).batch(7)) == plain(loader.batch(7))
