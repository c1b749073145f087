"""What the loader is to torch; skipped where torch isn't installed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock import TokenLoader
from tests.penstock.datasets import make_dataset, random_documents
from tests.penstock.test_loader import open_loader

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("dataset"))
    make_dataset(path, random_documents([30] * 100))
    return path


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint16", "uint32"])
def test_tensors_hold_what_arrays_hold(out: str, dtype: str) -> None:
    arrays = open_loader(out, dtype=dtype).batch(1)
    tensors = open_loader(out, dtype=dtype, framework=None).batch(1)
    assert list(arrays) == list(tensors)
    for name in ["input_ids", "labels", "position_ids"]:
        assert tensors[name].dtype == getattr(torch, dtype)
        assert tensors[name].is_contiguous()
    assert tensors.cu_seqlens.dtype == torch.int32
    assert type(tensors.max_seqlen) is int
    assert type(tensors.num_label_tokens) is int
    for name, array in arrays.items():
        assert np.array_equal(array, np.asarray(tensors[name]))


def test_types_and_devices_may_be_torchs_own(out: str) -> None:
    loader = open_loader(out, framework=None, dtype=torch.int32, device=torch.device("cpu"))
    assert loader.batch(0).labels.dtype == torch.int32


def test_each_array_may_be_moved(out: str) -> None:
    """As accelerate and Lightning do it: a mapping of the same class, made from a dict."""
    batch = open_loader(out, framework="torch").batch(0)
    moved = type(batch)({k: v.to("meta") if torch.is_tensor(v) else v for k, v in batch.items()})
    assert moved.labels.is_meta
    assert list(moved) == list(batch)


def test_batches_own_their_memory(out: str) -> None:
    loader = open_loader(out, framework="torch", prefetch=4)
    kept = list(loader)
    assert all(torch.equal(kept[i].input_ids, loader.batch(i).input_ids) for i in range(len(kept)))
    kept[0].labels.zero_()
    assert loader.batch(0).labels.any()


def test_a_model_takes_a_batch(out: str) -> None:
    def model(*, input_ids: Any, labels: Any, cu_seqlens: Any, **rest: Any) -> Any:
        assert cu_seqlens[-1] == input_ids.numel()
        logits = torch.nn.functional.one_hot(input_ids, 5000).float()
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())

    assert model(**open_loader(out, framework="torch").batch(0)) > 0


def test_it_works_under_torchs_dataloader(out: str) -> None:
    plain, wrapped = (open_loader(out, framework="torch") for _ in range(2))
    loader = torch.utils.data.DataLoader(wrapped, batch_size=None)
    for _ in range(2):
        pairs = zip(plain, loader, strict=True)
        assert all(torch.equal(one["labels"], other.labels) for one, other in pairs)
    assert wrapped.epoch == 2
    assert len(loader) == len(plain)


@pytest.mark.parametrize("kind", ["one", "mixture"])
@pytest.mark.parametrize("taken", [0, 5, 11])
def test_torchdatas_stateful_protocol_resumes_it(out: str, kind: str, taken: int) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader
    source: Any = out if kind == "one" else {"a": (out, 2), "b": (out, 1)}

    def opened() -> Any:
        return stateful(open_loader(source, framework="torch", prefetch=3), batch_size=None)

    whole = [batch["input_ids"].tolist() for batch in opened()]
    first = opened()
    iterator = iter(first)
    head = [next(iterator)["input_ids"].tolist() for _ in range(taken)]
    state = first.state_dict()
    second = opened()
    second.load_state_dict(state)
    rest = [batch["input_ids"].tolist() for batch in second]
    assert head == whole[:taken]
    assert head + rest == whole
    assert second.dataset.epoch == 1


def test_worker_processes_are_refused(out: str) -> None:
    loader = torch.utils.data.DataLoader(open_loader(out), batch_size=None, num_workers=2)
    with pytest.raises(Exception, match=r"num_workers is 2; allowed: 0"):
        next(iter(loader))


def test_ranks_may_be_taken_from_torch(tmp_path: Path, out: str) -> None:
    """A rank of a real process group, as a training script passes it."""
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        rank, world_size = torch.distributed.get_rank(), torch.distributed.get_world_size()
        loader = TokenLoader(
            out, sequence_length=32, global_batch_size=2, seed=0, rank=rank, world_size=world_size
        )
        assert loader.batch(0).input_ids.shape == (2, 32)
    finally:
        torch.distributed.destroy_process_group()
