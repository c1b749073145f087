"""Batches on a device: a ring of buffers on one that copies as late as it may, and CUDA itself."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock import TokenLoader, UsageError
from penstock.handoff import SLOTS, narrowest_dtype
from tests.penstock.datasets import make_dataset, random_documents
from tests.penstock.test_loader import lengths_of, open_loader

torch = pytest.importorskip("torch")

SMALL = {"rows_per_batch": 11, "tokens_per_batch": 300}
HAS_CUDA = torch.cuda.is_available()


class LateTicket:
    def __init__(self, device: "LateDevice", number: int) -> None:
        self.device = device
        self.number = number

    def wait_until_read(self) -> None:
        self.device.catch_up(self.number)


class LateDevice:
    """A device in the host's memory that reads a buffer only when somebody waits for it.

    So a buffer that is written before its copy ended is sure to give a wrong batch. Its work is
    done in order, as on a stream.
    """

    def __init__(self) -> None:
        self.pending: list[Callable[[], None]] = []
        self.done = 0
        self.allocated = 0
        self.lock = threading.Lock()

    def host_tensor(self, shape: tuple[int, ...], dtype: str) -> Any:
        self.allocated += 1
        return torch.empty(shape, dtype=getattr(torch, dtype))

    def upload(self, tensors: list[Any], finish: Callable[[list[Any]], list[Any]]) -> Any:
        found: list[Any] = []
        with self.lock:
            self.pending.append(lambda: found.extend(finish([t.clone() for t in tensors])))
            return found, LateTicket(self, len(self.pending))

    def catch_up(self, number: int) -> None:
        with self.lock:
            while self.done < number:
                self.pending[self.done]()
                self.done += 1

    def hand_over(self, _tensors: list[Any], ticket: LateTicket) -> None:
        self.catch_up(ticket.number)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> LateDevice:
    """The device that a loader in this test gets, whatever it asks for."""
    late = LateDevice()
    monkeypatch.setattr("penstock.handoff.open_device", lambda name, _framework: name and late)
    return late


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("device"))
    make_dataset(path, random_documents(lengths_of(200)), **SMALL)
    return path


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Ids on both sides of 32,768 and of 65,536, and one that is the uint16 label."""
    path = str(tmp_path_factory.mktemp("wide"))
    documents = [[3 + n, 32_768 + n, 65_436, 65_536 + n, 99_000 + n] for n in range(200)]
    make_dataset(path, documents, vocabulary_size=100_000, token_type="uint32", **SMALL)
    return path


def same(found: Any, wanted: Any) -> bool:
    assert list(found) == list(wanted)
    return all(
        value == wanted[name]
        if isinstance(value, int)
        else value.dtype == wanted[name].dtype and torch.equal(value.cpu(), wanted[name])
        for name, value in found.items()
    )


@pytest.mark.parametrize("prefetch", [0, 1, 3, 9])
@pytest.mark.parametrize("dtype", ["int64", "int32", "uint16", "uint32"])
def test_no_buffer_is_written_before_its_copy_ended(
    out: str, device: LateDevice, dtype: str, prefetch: int
) -> None:
    loader = open_loader(out, framework=None, device="cuda", dtype=dtype, prefetch=prefetch)
    wanted = open_loader(out, framework="torch", dtype=dtype)
    kept = list(loader)
    assert len(kept) == len(wanted) > 4 * SLOTS
    assert all(same(batch, wanted.batch(step)) for step, batch in enumerate(kept))
    assert device.allocated <= 3 * SLOTS


def test_a_ring_that_doesnt_wait_is_found_out(
    out: str, device: LateDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LateTicket, "wait_until_read", lambda _self: None)
    loader = open_loader(out, framework=None, device="cuda", prefetch=9)
    wanted = open_loader(out, framework="torch")
    assert not all(same(batch, wanted.batch(step)) for step, batch in enumerate(loader))


@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_wide_vocabularies_travel_as_uint32(wide: str, device: LateDevice, dtype: str) -> None:
    loader = open_loader(wide, framework=None, device="cuda", dtype=dtype)
    wanted = open_loader(wide, framework="torch", dtype=dtype)
    assert all(same(batch, wanted.batch(step)) for step, batch in enumerate(loader))
    assert narrowest_dtype(loader.options, 100_000) == ("uint32" if dtype == "int64" else "int32")
    assert narrowest_dtype(loader.options, 65_436) == "uint16"
    assert narrowest_dtype(loader.options, 65_437) != "uint16"


@pytest.mark.parametrize(
    "changes",
    [
        {"fields": ["input_ids"]},
        {"fields": ["input_ids", "cu_seqlens"], "pad_documents_to": 8},
        {"pad_documents_to": 4, "prefetch": 2},
        {"drop_last": False, "rank": 1, "world_size": 2, "balance_ranks": True},
    ],
)
def test_every_kind_of_batch_arrives(out: str, device: LateDevice, changes: dict[str, Any]) -> None:
    loader = open_loader(out, framework=None, device="cuda", **changes)
    wanted = open_loader(out, framework="torch", **changes)
    for step, batch in enumerate(loader):
        assert same(batch, wanted.batch(step))
        assert batch.digest() == wanted.batch(step).digest()
    assert same(loader.batch(7), wanted.batch(7))


def test_a_mixture_arrives_and_resumes(out: str, wide: str, device: LateDevice) -> None:
    entries = {"a": (out, 1), "b": (out, 1)}
    loader = open_loader(entries, framework=None, device="cuda", prefetch=2)
    wanted = open_loader(entries, framework="torch")
    iterator = iter(loader)
    for step in range(9):
        assert same(next(iterator), wanted.batch(step))
    state = loader.state_dict()
    iterator.close()  # type: ignore[attr-defined]
    again = open_loader(entries, framework=None, device="cuda", prefetch=2)
    again.load_state_dict(state)
    assert same(next(iter(again)), wanted.batch(9))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"device": "tpu"}, "device is 'tpu'; allowed: 'cpu', 'cuda' or 'cuda:0'"),
        ({"device": 0}, "device is 0; allowed: 'cpu', 'cuda'"),
        ({"device": "cuda:one"}, "device is 'cuda:one'; allowed: 'cpu', 'cuda'"),
        ({"device": "cuda:99"}, r"device is 'cuda:99', but torch sees \d+ GPUs here"),
        ({"device": "cuda", "framework": "numpy"}, "device is 'cuda' with framework 'numpy'"),
    ],
)
def test_wrong_devices_are_named(out: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_loader(out, **({"framework": None} | changes))


def test_the_cpu_is_a_device(out: str) -> None:
    batch = open_loader(out, framework=None, device="cpu").batch(0)
    assert same(batch, open_loader(out, framework="torch").batch(0))
    arrays = open_loader(out, device="cpu").batch(0)
    assert isinstance(arrays.input_ids, np.ndarray)


@pytest.mark.skipif(not HAS_CUDA, reason="torch sees no CUDA device here")
@pytest.mark.parametrize("prefetch", [0, 8])
def test_batches_arrive_on_a_busy_gpu(tmp_path: Path, prefetch: int) -> None:
    make_dataset(str(tmp_path), random_documents(lengths_of(3000)), shards=1)
    options: dict[str, Any] = {"sequence_length": 512, "global_batch_size": 8, "seed": 0}
    loader = TokenLoader(str(tmp_path), **options, device="cuda", prefetch=prefetch)
    wanted = TokenLoader(str(tmp_path), **options, framework="torch")
    work = torch.randn(2048, 2048, device="cuda")
    kept = []
    for batch in loader:
        # Keeps the consumer's stream busy, so that copies overtake it.
        work = (work @ work).clamp(-1, 1)
        kept.append((batch, batch.input_ids.clone(), batch.labels.clone()))
    for step, (batch, input_ids, labels) in enumerate(kept):
        assert batch.input_ids.is_cuda
        assert same(batch, wanted.batch(step))
        assert torch.equal(input_ids.cpu(), wanted.batch(step).input_ids)
        assert torch.equal(labels.cpu(), wanted.batch(step).labels)
