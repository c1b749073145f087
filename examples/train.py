"""Trains a small transformer from a dataset's shards: `python train.py OUT --steps 300`.

Documents don't see each other: attention is masked by the batch's cu_seqlens, positions restart in
each document, and the loss is over labels that count. Every step prints its loss to the last bit;
with --checkpoint the run can be killed at any moment and goes on, with the same losses, when the
same command is given again. On a GPU it trains in bf16 with FlexAttention over the same segments,
and batches arrive there while the model works.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from penstock import Batch, TokenLoader


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
    places = torch.arange(batch.input_ids.numel(), device=batch.input_ids.device)
    numbers = torch.searchsorted(batch.cu_seqlens[1:].contiguous(), places, right=True)
    return numbers.view_as(batch.input_ids)


class DenseAttention:
    """Masked attention row by row: simple, and the same to the last bit wherever it runs."""

    def __init__(self, batch: Batch) -> None:
        numbers = segment_numbers(batch)
        self._mask = (numbers[:, None, :, None] == numbers[:, None, None, :]).tril()

    def __call__(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attention of (rows, heads, length, width of a head)."""
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=self._mask)


class FlexAttention:
    """FlexAttention over the flattened rows: blocks between two documents aren't computed."""

    _flex: Any = None

    def __init__(self, batch: Batch) -> None:
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention

        if FlexAttention._flex is None:
            FlexAttention._flex = staticmethod(torch.compile(flex_attention, dynamic=False))
        numbers = segment_numbers(batch).flatten()

        def visible(_row: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
            return (numbers[query] == numbers[key]) & (query >= key)

        size = len(numbers)
        self._mask = create_block_mask(visible, None, None, size, size, device=str(numbers.device))

    def __call__(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attention of (rows, heads, length, width of a head)."""
        rows, heads, length, width = query.shape

        def flat(part: Tensor) -> Tensor:
            return part.transpose(0, 1).reshape(1, heads, rows * length, width)

        mixed = self._flex(flat(query), flat(key), flat(value), block_mask=self._mask)
        return mixed.reshape(heads, rows, length, width).transpose(0, 1)  # type: ignore[no-any-return]


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
        self.waited_s = 0.0
        self.step = 0

    def batches(self) -> Iterator[Batch]:
        """Batches without end; the time spent waiting for them is added up."""
        while True:
            batches = iter(self.loader)
            while True:
                started = time.perf_counter()
                batch = next(batches, None)
                self.waited_s += time.perf_counter() - started
                if batch is None:
                    break
                yield batch

    def learn(self, batch: Batch) -> float:
        """Take one step; its loss."""
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device == "cuda"):
            loss = self.model(batch)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.step += 1
        return float(loss.item())

    def save(self, path: Path) -> None:
        """Write a checkpoint that appears whole."""
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
    warm_up, started, tokens = training.step + min(10, options.steps // 2), 0.0, 0
    for batch in training.batches():
        if training.step >= options.steps:
            break
        if training.step == warm_up:
            started, training.waited_s, tokens = time.perf_counter(), 0.0, 0
        loss = training.learn(batch)
        tokens += batch.input_ids.numel()
        print(json.dumps({"step": training.step, "loss": loss, "bits": loss.hex()}), flush=True)
        if options.checkpoint and training.step % options.every == 0:
            training.save(options.checkpoint)
    if tokens and started:
        seconds = time.perf_counter() - started
        share = training.waited_s / seconds
        print(f"{tokens / seconds:,.0f} tokens/s on {training.device}, {share:.2%} of it waiting")


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
    train(parser.parse_args())


if __name__ == "__main__":
    main()
