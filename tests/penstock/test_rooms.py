"""Memory that is used again: never while anything sees it, and no more of it than was asked for."""

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from penstock.rooms import Pool
from tests.penstock.datasets import make_dataset, random_documents
from tests.penstock.test_loader import lengths_of, open_loader

torch = pytest.importorskip("torch")

SHAPE = (3, 2, 5)
INT64 = np.dtype(np.int64)


def pool_of(most: int = 4, most_bytes: int = 1 << 20) -> Pool:
    return Pool(most=most, most_bytes=most_bytes)


def address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def test_a_block_is_used_again_when_it_is_let_go() -> None:
    pool = pool_of()
    first = pool.block(SHAPE, INT64)
    assert (first.shape, first.dtype, type(first)) == (SHAPE, INT64, np.ndarray)
    place = address(first)
    assert address(pool.block(SHAPE, INT64)) != place
    del first
    assert address(pool.block(SHAPE, INT64)) == place


HOLDERS: dict[str, Callable[[Any], Any]] = {
    "the block": lambda block: block,
    "a plane": lambda block: block[1],
    "a view of a view": lambda block: block[1][:, 2:4][1:].T,
    "a view in another type": lambda block: block[0].view(np.uint8).reshape(-1),
    "an iterator": lambda block: iter(block[2]),
    "a memory view": lambda block: memoryview(block[1])[1:],
    "frombuffer": lambda block: np.frombuffer(block, np.int64),
    "ctypes": lambda block: np.ctypeslib.as_ctypes(block[0]),
    "a tensor": lambda block: torch.from_numpy(block[1]),
    "a view of a tensor": lambda block: torch.from_numpy(block[1])[1:].view(-1)[2:],
    "a detached tensor": lambda block: torch.from_numpy(block[1]).detach(),
    "a tensor's storage": lambda block: torch.from_numpy(block[1]).untyped_storage(),
    "an array of a tensor": lambda block: torch.from_numpy(block[1]).numpy(),
    "DLPack": lambda block: torch.from_dlpack(block[1]),
    "DLPack of a tensor": lambda block: np.from_dlpack(torch.from_numpy(block[1])),
    "a DLPack capsule": lambda block: block[1].__dlpack__(),
    "what autograd saved": lambda block: (
        torch.ones(2, 5, dtype=torch.float64, requires_grad=True)
        * torch.from_numpy(block[1]).view(torch.float64)
    ),
    "a cycle": lambda block: _cycle(block[1]),
}


def _cycle(held: Any) -> weakref.ref[Any]:
    class Node:
        def __init__(self) -> None:
            self.me, self.held = self, held

    return weakref.ref(Node())


@pytest.mark.parametrize("name", HOLDERS)
def test_a_block_that_something_holds_is_left_alone(name: str) -> None:
    gc.disable()
    try:
        pool = pool_of()
        block = pool.block(SHAPE, INT64)
        place = address(block)
        holder = HOLDERS[name](block)
        del block
        others = [pool.block(SHAPE, INT64) for _ in range(6)]
        assert place not in [address(other) for other in others]
        del holder, others
    finally:
        gc.enable()
    gc.collect()
    assert place in [address(block) for block in [pool.block(SHAPE, INT64) for _ in range(4)]]


@pytest.mark.parametrize(("most", "most_bytes", "kept"), [(3, 1 << 20, 3), (9, 600, 2), (9, 9, 0)])
def test_no_more_is_kept_than_was_asked_for(most: int, most_bytes: int, kept: int) -> None:
    pool = pool_of(most, most_bytes)
    for _ in range(2):
        blocks = [pool.block(SHAPE, INT64) for _ in range(8)]
        assert len({address(block) for block in blocks}) == 8
        memories = [weakref.ref(block.base) for block in blocks]
        del blocks
        assert sum(memory() is not None for memory in memories) == kept
    del pool
    assert all(memory() is None for memory in memories)


def test_where_views_hold_something_else_nothing_is_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if NumPy took a view's base from the array that owns the memory."""
    monkeypatch.setattr("penstock.rooms._Memory", np.ndarray)
    pool = pool_of()
    view = pool.block(SHAPE, INT64)[0]
    blocks = [pool.block(SHAPE, INT64) for _ in range(9)]
    assert address(view) not in [address(block) for block in blocks]


def test_threads_never_get_the_same_block() -> None:
    pool = pool_of(3)
    wrong: list[str] = []

    def work(number: int) -> None:
        for _ in range(2000):
            block = pool.block(SHAPE, INT64)
            block[:] = number
            if not (block == number).all():
                wrong.append(f"another thread wrote into the block of {number}")

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("rooms"))
    make_dataset(path, random_documents(lengths_of(300)), rows_per_batch=11, tokens_per_batch=300)
    return path


def parts_of(batch: Any) -> Iterator[tuple[Any, Any]]:
    """Something that a script might keep of a batch, and a copy of it."""
    for name in ("input_ids", "labels", "position_ids", "cu_seqlens"):
        kept = batch[name][..., 1:]
        yield kept, kept.copy() if isinstance(kept, np.ndarray) else kept.clone()


@pytest.mark.parametrize("framework", ["numpy", "torch"])
@pytest.mark.parametrize("prefetch", [0, 1, 9])
def test_what_is_kept_of_batches_stays(out: str, framework: str, prefetch: int) -> None:
    """Every third batch is kept, of the others one view of one field; the loader is closed."""
    loader = open_loader(out, framework=framework, prefetch=prefetch)
    kept: list[Any] = []
    for _ in range(3):
        for step, batch in enumerate(loader):
            parts = list(parts_of(batch))
            kept += parts if step % 3 == 0 else [parts[step % 4]]
            del batch, parts
    loader.close()
    del loader
    gc.collect()
    assert all(np.array_equal(part, copy) for part, copy in kept)


def test_what_torchs_dataloader_hands_on_stays(out: str) -> None:
    loader = torch.utils.data.DataLoader(
        open_loader(out, framework="torch", prefetch=3), batch_size=None
    )
    kept = [
        (batch["labels"][1:], batch["labels"][1:].clone()) for _ in range(2) for batch in loader
    ]
    assert all(torch.equal(part, copy) for part, copy in kept)


def test_what_another_thread_works_on_stays(out: str) -> None:
    """Batches go to a slower thread, which looks at them twice, and drops them there."""
    wanted = [batch.digest() for batch in open_loader(out)]
    todo: list[Any] = []
    found: list[str] = []
    there = threading.Semaphore(0)

    def work() -> None:
        for _ in wanted:
            there.acquire()
            batch = todo.pop(0)
            first = batch.digest()
            sum(range(20_000))
            found.append(first if batch.digest() == first else "overwritten")
            del batch

    worker = threading.Thread(target=work)
    worker.start()
    for batch in open_loader(out, prefetch=5):
        todo.append(batch)
        del batch
        there.release()
    worker.join()
    assert found == wanted


def test_single_batches_and_iterating_dont_share_memory(out: str) -> None:
    loader, wanted = open_loader(out, prefetch=4), open_loader(out)
    for step, batch in enumerate(loader):
        other = loader.batch(step + 1) if step + 1 < len(loader) else batch
        assert batch.digest() == wanted.batch(step).digest()
        assert other is batch or other.digest() == wanted.batch(step + 1).digest()


def test_a_loader_uses_few_blocks(out: str) -> None:
    for prefetch, most in ((0, 2), (8, 14)):
        loader = open_loader(out, prefetch=prefetch)
        places = {address(batch.input_ids) for _ in range(4) for batch in loader}
        assert len(places) <= most < len(loader)
