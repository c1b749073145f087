"""The loader's laws on datasets of any shape, and in a real training run."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import TokenLoader
from penstock.deletions import write_deletions
from penstock.packing import Packing
from tests.penstock.datasets import doc_id, make_dataset, random_documents
from tests.penstock.oracle import expected_batch
from tests.penstock.test_loader import plain


@st.composite
def shapes(draw: st.DrawFn) -> dict[str, Any]:
    """A dataset's shape and a loader's settings, small enough for plain Python to follow."""
    lengths = draw(st.lists(st.integers(0, 30) | st.integers(0, 90), min_size=1, max_size=40))
    lengths[0] = max(1, lengths[0])
    number = st.integers(0, len(lengths) - 1)
    world_size = draw(st.sampled_from([1, 2, 3]))
    return {
        "lengths": lengths,
        "deleted": draw(st.sets(number, max_size=3)) - {0},
        "shards": draw(st.integers(1, min(4, len(lengths)))),
        "rows_per_batch": draw(st.integers(1, 9)),
        "tokens_per_batch": draw(st.integers(1, 200)),
        "world_size": world_size,
        "options": {
            "sequence_length": draw(st.integers(1, 40)),
            "global_batch_size": world_size * draw(st.integers(1, 3)),
            "seed": draw(st.integers(0, 2**40)),
            "packing": draw(st.sampled_from([str(packing) for packing in Packing])),
            "windows_per_batch": draw(st.integers(1, 5)),
            "window_tokens": draw(st.integers(1, 300)),
            "drop_last": False,
            "framework": "numpy",
        },
    }


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shape=shapes())
def test_every_rank_gets_what_the_documents_say(
    tmp_path_factory: pytest.TempPathFactory, shape: dict[str, Any]
) -> None:
    out = str(tmp_path_factory.mktemp("law"))
    documents = random_documents(shape["lengths"])
    gone = np.array([doc_id(number) for number in sorted(shape["deleted"])], "S16")
    make_dataset(
        out,
        documents,
        shards=shape["shards"],
        deletions=(write_deletions(out, 1, gone),) if len(gone) else (),
        rows_per_batch=shape["rows_per_batch"],
        tokens_per_batch=shape["tokens_per_batch"],
    )
    world_size, options = shape["world_size"], shape["options"]
    ranks = [TokenLoader(out, **options, rank=r, world_size=world_size) for r in range(world_size)]
    length, share = options["sequence_length"], options["global_batch_size"] // world_size
    found: Counter[tuple[bytes, int]] = Counter()
    for step in range(len(ranks[0])):
        table = ranks[0].provenance(step)
        whole = expected_batch(table, documents, rows=range(world_size * share), length=length)
        for rank, loader in enumerate(ranks):
            rows = range(rank * share, (rank + 1) * share)
            batch = plain(loader.batch(step))
            assert batch.pop("global_num_label_tokens") == whole.num_label_tokens
            wanted = expected_batch(table, documents, rows=rows, length=length)
            assert batch == {name: getattr(wanted, name) for name in batch}
        for line in table.to_pylist():
            tokens = range(line["token"], line["token"] + line["length"])
            found.update((line["doc_id"], token) for token in tokens)
    kept = [n for n in range(len(documents)) if n not in shape["deleted"]]
    assert found == Counter((doc_id(n), token) for n in kept for token in range(len(documents[n])))


def build_model(torch: Any) -> Any:
    """A transformer of one layer, with the attention mask that cu_seqlens says."""
    nn = torch.nn

    class Model(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.places = nn.Embedding(64, 32), nn.Embedding(48, 32)
            self.mixing, self.output = nn.Linear(32, 96), nn.Linear(32, 64)

        def forward(
            self, *, input_ids: Any, labels: Any, position_ids: Any, cu_seqlens: Any, **_: Any
        ) -> Any:
            hidden = self.tokens(input_ids) + self.places(position_ids)
            ends = cu_seqlens[1:].contiguous()
            flat = torch.arange(input_ids.numel()).view_as(input_ids)
            segments = torch.searchsorted(ends, flat, right=True)
            same = segments[:, :, None] == segments[:, None, :]
            query, key, value = self.mixing(hidden).chunk(3, dim=-1)
            mixed = nn.functional.scaled_dot_product_attention(
                query, key, value, attn_mask=same.tril()
            )
            logits = self.output(hidden + mixed)
            return nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())

    torch.manual_seed(0)
    return Model()


def padded(batch: Any) -> Any:
    """The batch as if each row held one document, its first one, and padding."""
    ends = batch.cu_seqlens.tolist()
    labels = batch.labels.clone()
    for row in range(len(labels)):
        stop = next(end for end in ends if end > row * 48) - row * 48
        labels[row, stop:] = -100
    return dict(batch) | {"labels": labels}


def test_with_padding_it_takes_more_steps(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    lengths = np.random.default_rng(0).integers(2, 30, 400)
    documents = [[int(3 + (s * 7 + i) % 60) for i in range(n)] for s, n in enumerate(lengths)]
    make_dataset(str(tmp_path), documents, vocabulary_size=64)
    packed_steps = steps_to_learn(torch, str(tmp_path), lambda batch: batch)
    padded_steps = steps_to_learn(torch, str(tmp_path), padded)
    assert packed_steps < 0.8 * padded_steps


def steps_to_learn(torch: Any, out: str, change: Any) -> int:
    """How many steps it takes until the loss is below a half."""
    model = build_model(torch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    loader = TokenLoader(out, sequence_length=48, global_batch_size=2, seed=1)
    for step in range(1000):
        loss = model(**change(loader.batch(step)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss.item() < 0.5:
            return step
    raise AssertionError("the model doesn't learn")


def train(torch: Any, out: str, checkpoint: Path, *, start: int, stop: int) -> list[float]:
    """Losses of the steps from `start` to `stop`, going on from the checkpoint if it isn't new."""
    model = build_model(torch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    loader = TokenLoader(out, sequence_length=48, global_batch_size=4, seed=1, prefetch=3)
    if start:
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        loader.load_state_dict(saved["loader"])
    losses: list[float] = []
    while True:
        for batch in loader:
            loss = model(**batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if start + len(losses) == stop:
                parts = {"model": model, "optimizer": optimizer, "loader": loader}
                torch.save({name: part.state_dict() for name, part in parts.items()}, checkpoint)
                return losses


def test_a_model_learns_and_a_resumed_run_repeats_it_to_the_last_bit(tmp_path: Path) -> None:
    """Documents count upwards from anywhere: a model that sees no neighbours soon knows how."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 60, 120)
    documents = [[int(3 + (s + i) % 60) for i in range(n)] for s, n in enumerate(lengths)]
    make_dataset(str(tmp_path), documents, vocabulary_size=64)
    whole = train(torch, str(tmp_path), tmp_path / "whole.pt", start=0, stop=120)
    # More than one epoch, so that the cut falls into a later one.
    first = train(torch, str(tmp_path), tmp_path / "cut.pt", start=0, stop=47)
    second = train(torch, str(tmp_path), tmp_path / "cut.pt", start=47, stop=120)
    assert first + second == whole
    assert whole[0] > 3.5
    assert np.mean(whole[-10:]) < 0.5
