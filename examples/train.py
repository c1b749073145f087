"""Trains a small transformer from a dataset's shards: `python train.py OUT --steps 300`.

Documents don't see each other: attention is masked by the batch's cu_seqlens, positions restart in
each document, and the loss is over labels that count. Every step prints its loss to the last bit;
with --checkpoint the run can be killed at any moment and goes on, with the same losses, when the
same command is given again (on a GPU the last bits depend on its kernels).

On a GPU it trains in bf16 with FlexAttention over the same segments, and batches arrive there while
the model works; at the end it tells in which share of the time the model's stream had to wait for
them. --trace FILE keeps a profile of a few steps, for chrome://tracing or ui.perfetto.dev, and
tells for how much of the copies' time kernels ran beside them.
"""

import argparse
import functools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from training_clock import GpuClock, HostClock, describe_trace, profiled

from penstock import Batch, TokenLoader
from penstock.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A model's size."""

    width: int
    heads: int
    layers: int


SHAPES = {
    "tiny": Shape(width=64, heads=4, layers=2),
    "125m": Shape(width=768, heads=12, layers=12),
}


def segment_numbers(batch: Batch) -> Tensor:
    """The number of each token's segment, in the shape of the batch's rows."""
    ends = batch.cu_seqlens[1:]
    places = torch.arange(batch.input_ids.numel(), dtype=ends.dtype, device=ends.device)
    numbers = torch.searchsorted(ends, places, right=True, out_int32=True)
    return numbers.view_as(batch.input_ids)


class DenseAttention:
    """Masked attention row by row: simple, and the same to the last bit wherever it runs."""

    def __init__(self, batch: Batch) -> None:
        numbers = segment_numbers(batch)
        self._mask = (numbers[:, None, :, None] == numbers[:, None, None, :]).tril()

    def __call__(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attention of (rows, heads, length, width of a head)."""
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=self._mask)


@functools.cache
def compiled_flex() -> tuple[Any, Any]:
    """Compiled `create_block_mask` and `flex_attention`: neither makes (length, length) tensors.

    Each step's mask is another function of the same code, so neither is compiled again.
    """
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    return torch.compile(create_block_mask), torch.compile(flex_attention, dynamic=False)


class FlexAttention:
    """FlexAttention row by row: blocks between two documents aren't computed."""

    def __init__(self, batch: Batch) -> None:
        create_block_mask, self._attend = compiled_flex()
        numbers = segment_numbers(batch)
        rows, length = numbers.shape

        def visible(row: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
            return (numbers[row, query] == numbers[row, key]) & (query >= key)

        device = str(numbers.device)
        self._mask = create_block_mask(visible, rows, None, length, length, device=device)

    def __call__(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attention of (rows, heads, length, width of a head)."""
        return self._attend(query, key, value, block_mask=self._mask)  # type: ignore[no-any-return]


class Layer(nn.Module):
    """Attention and a perceptron, each on normalized input and added to it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.heads = shape.heads
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.mixing, self.joining = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.perceptron = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, hidden: Tensor, attention: Any) -> Tensor:
        """The next hidden state of (rows, length, width)."""
        mixing = self.mixing(self.norms[0](hidden)).unflatten(-1, (3, self.heads, -1))
        query, key, value = (part.transpose(1, 2) for part in mixing.unbind(2))
        hidden = hidden + self.joining(attention(query, key, value).transpose(1, 2).flatten(2))
        return hidden + self.perceptron(self.norms[1](hidden))  # type: ignore[no-any-return]


class Model(nn.Module):
    """A decoder with learned positions, whose output layer is its embedding."""

    def __init__(self, shape: Shape, *, vocabulary_size: int, sequence_length: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary_size, shape.width)
        self.places = nn.Embedding(sequence_length, shape.width)
        for table in (self.tokens, self.places):
            nn.init.normal_(table.weight, std=0.02)
        self.layers = nn.ModuleList([Layer(shape) for _ in range(shape.layers)])
        self.norm = nn.LayerNorm(shape.width)

    def forward(self, batch: Batch) -> Tensor:
        """The mean loss over the global batch's labels, this rank's part of it."""
        attention = (FlexAttention if batch.input_ids.is_cuda else DenseAttention)(batch)
        hidden = self.tokens(batch.input_ids) + self.places(batch.position_ids)
        for layer in self.layers:
            hidden = layer(hidden, attention)
        logits = functional.linear(self.norm(hidden), self.tokens.weight)
        flat, labels = logits.flatten(0, 1).float(), batch.labels.flatten()
        return functional.cross_entropy(flat, labels, reduction="sum") / (
            batch.global_num_label_tokens
        )


class Training:
    """A model, its optimizer and its loader: what a checkpoint holds."""

    def __init__(self, options: argparse.Namespace) -> None:
        torch.manual_seed(options.seed)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.loader = TokenLoader(
            options.out,
            sequence_length=options.sequence_length,
            global_batch_size=options.batch_size,
            seed=options.seed,
            device=device,
            framework="torch",
            prefetch=8,
        )
        self.model = Model(
            SHAPES[options.model],
            vocabulary_size=self.loader.dataset.manifest.tokenizer.vocabulary_size,
            sequence_length=options.sequence_length,
        ).to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=options.learning_rate)
        self.device = device
        self.clock = (GpuClock if device == "cuda" else HostClock)()
        self.step = 0
        self._untold: Tensor | None = None

    def batches(self, steps: int) -> Iterator[Batch]:
        """The batches until so many steps are done; the clock is told what waiting they cost."""
        batches = iter(self.loader)
        while self.step < steps:
            self.clock.step_ends()
            batch = next(batches, None)
            if batch is None:
                batches = iter(self.loader)
                batch = next(batches)
            self.clock.step_begins()
            yield batch
        self.clock.step_ends()

    def learn(self, batch: Batch) -> None:
        """Take one step, then tell the loss of the one before: the host stays ahead of a GPU."""
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device == "cuda"):
            loss = self.model(batch)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.tell()
        self.step += 1
        self._untold = loss.detach()

    def tell(self) -> None:
        """Print the loss of the last step, unless it was printed already."""
        if self._untold is not None:
            loss = float(self._untold.item())
            print(json.dumps({"step": self.step, "loss": loss, "bits": loss.hex()}), flush=True)
        self._untold = None

    def save(self, path: Path) -> None:
        """Write a checkpoint that appears whole, of a step whose loss is told."""
        self.tell()
        saved = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "loader": self.loader.state_dict(),
            "step": self.step,
        }
        partial = path.with_name(path.name + ".partial")
        torch.save(saved, partial)
        os.replace(partial, path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint."""
        saved = torch.load(path, map_location=self.device)
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.loader.load_state_dict(saved["loader"])
        self.step = saved["step"]


def train(options: argparse.Namespace) -> None:
    """Print the loss of each step, and at the end how fast it was."""
    training = Training(options)
    if options.checkpoint and options.checkpoint.exists():
        training.load(options.checkpoint)
    report = training.loader.pack_report()
    packed, padded = (-(-n // options.batch_size) for n in (report.rows, report.unpacked_rows))
    print(f"an epoch takes {packed} steps; {padded} if each row were padded behind one document")
    steps = max(0, options.steps - training.step)
    skipped = min(10, steps // 2)
    with profiled(options.trace, skipped) as step_ended:
        for batch in training.batches(options.steps):
            training.learn(batch)
            step_ended()
            if options.checkpoint and training.step % options.every == 0:
                training.save(options.checkpoint)
    training.tell()
    if steps:
        tokens = (steps - skipped) * batch.input_ids.numel()
        print(training.clock.report(skipped, tokens, training.device))
    if options.trace:
        print(describe_trace(options.trace))


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", help="a dataset's folder")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--sequence-length", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", choices=sorted(SHAPES), default="tiny")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--every", type=int, default=20, help="steps between two checkpoints")
    parser.add_argument("--trace", type=Path, help="where to put a profile of three steps")
    try:
        train(parser.parse_args())
    except UsageError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
