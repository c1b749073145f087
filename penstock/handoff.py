"""How batches get from where they are made to who asked for them: by the host's memory, or a GPU's.

For a GPU a batch is written into one of a few page-locked buffers, in the narrowest type that holds
its ids: a quarter of the bytes of int64. The copy starts at once, on a stream of its own, and the
ids are widened there. A buffer is written again only when its last copy has been read. So the host
neither waits for a copy nor for a kernel, but for the oldest of the buffers, if that.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from penstock.assemble import Assembler
from penstock.batches import Batch
from penstock.dataset import Dataset
from penstock.devices import Device, Ticket, open_device
from penstock.fill import ignored_label
from penstock.options import LoaderOptions
from penstock.prefetch import most_alive
from penstock.rooms import Int32s, Pool
from penstock.rows import Source

SLOTS = 4
POOL_BYTES = 1 << 30
"""The most memory that a loader keeps for the batches to come, beside that of batches in use."""


class Handoff(Protocol):
    """Makes batches in one thread and delivers them in another, or in the same."""

    def make(self, epoch: int, first_row: int) -> Any:
        """The batch that begins with a row of an epoch, not yet fit for use."""
        ...

    def deliver(self, made: Any) -> Batch:
        """That batch, ready for the caller's thread."""
        ...


class HostHandoff:
    """Batches in the host's memory, which are ready when they're made."""

    def __init__(self, assembler: Assembler, *, prefetch: int) -> None:
        pool = Pool(most=most_alive(prefetch), most_bytes=POOL_BYTES)
        self.make = partial(assembler.batch, room=pool)

    def deliver(self, made: Batch) -> Batch:
        """The batch itself."""
        return made


@dataclass(frozen=True, slots=True)
class _Sent:
    batch: Batch
    tensors: list[Any]
    ticket: Ticket


class _Slot:
    """Buffers of one batch in page-locked memory, which grow to what they have to hold."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._block: Any = None
        self._ends: list[Any] = [None, None]
        self.ticket: Ticket | None = None

    def block(self, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """(planes, rows, row length), with anything in it."""
        if self._block is None:
            self._block = self._device.host_tensor(shape, dtype.name)
        view: npt.NDArray[Any] = self._block.numpy()
        return view

    def ends(self, index: int, size: int) -> Int32s:
        """An array of segment ends, with anything in it."""
        if self._ends[index] is None or len(self._ends[index]) < size:
            self._ends[index] = self._device.host_tensor((2 * size,), "int32")
        view: Int32s = self._ends[index].numpy()[:size]
        return view

    def tensors(self, batch: Batch) -> list[Any]:
        """What is to be copied: the block, then the ends that the batch has."""
        ends = (batch.cu_seqlens, batch.true_cu_seqlens)
        pairs = zip(self._ends, ends, strict=True)
        return [self._block, *(held[: len(end)] for held, end in pairs if end is not None)]


class DeviceHandoff:
    """Batches on a device, by way of a ring of buffers."""

    def __init__(self, assembler: Assembler, device: Device, options: LoaderOptions) -> None:
        self._assembler = assembler
        self._device = device
        self._finish = partial(
            _finish, planes=assembler.planes, narrow=str(assembler.dtype), wide=options.dtype
        )
        self._slots = [_Slot(device) for _ in range(SLOTS)]
        self._next = 0
        self._lock = threading.Lock()

    def make(self, epoch: int, first_row: int) -> _Sent:
        """Write a batch into the next buffer and begin to copy it."""
        with self._lock:
            slot = self._slots[self._next]
            self._next = (self._next + 1) % SLOTS
            if slot.ticket is not None:
                slot.ticket.wait_until_read()
            batch = self._assembler.batch(epoch, first_row, slot)
            tensors, slot.ticket = self._device.upload(slot.tensors(batch), self._finish)
            return _Sent(batch, tensors, slot.ticket)

    def deliver(self, made: _Sent) -> Batch:
        """The batch with its tensors on the device, in the order of the caller's stream."""
        self._device.hand_over(made.tensors, made.ticket)
        batch, (block, *ends) = made.batch, made.tensors
        for name, plane in self._assembler.planes.items():
            setattr(batch, name, block[plane])
        if batch.cu_seqlens is not None:
            batch.cu_seqlens = ends[0]
        if batch.true_cu_seqlens is not None:
            batch.true_cu_seqlens = ends[1]
        return batch


def narrowest_dtype(options: LoaderOptions, vocabulary_size: int) -> str:
    """The type in which ids travel: an unsigned one if the wanted one is signed and wider."""
    largest = max(vocabulary_size - 1, options.sequence_length - 1)
    if options.dtype in ("int64", "int32") and largest < ignored_label("uint16"):
        return "uint16"
    return "uint32" if options.dtype == "int64" else options.dtype


def _finish(tensors: list[Any], *, planes: dict[str, int], narrow: str, wide: str) -> list[Any]:
    """The block's ids in the wanted type, on the device; labels without a target are -100 again."""
    block, *ends = tensors
    if narrow == wide:
        return tensors
    import torch

    bits = 8 * np.dtype(narrow).itemsize
    # Arithmetic on unsigned types is missing from some devices; a signed view and a mask aren't.
    widened = block.view(getattr(torch, f"int{bits}")).to(getattr(torch, wide))
    if bits < 8 * np.dtype(wide).itemsize:
        widened &= (1 << bits) - 1
        if "labels" in planes:
            labels = widened[planes["labels"]]
            labels.masked_fill_(labels == ignored_label(narrow), ignored_label(wide))
    return [widened, *ends]


def open_handoff(
    datasets: Sequence[Dataset],
    source: Source,
    options: LoaderOptions,
    *,
    framework: str | None,
    device: Any,
) -> Handoff:
    """The way of a loader's batches, in arrays of the framework or on the device.

    Raises:
        UsageError: there is no such framework or device.
    """
    target = open_device(device, framework)
    if target is None:
        assembler = Assembler(datasets, source, options, framework=framework, dtype=options.dtype)
        return HostHandoff(assembler, prefetch=options.prefetch)
    narrow = narrowest_dtype(options, datasets[0].manifest.tokenizer.vocabulary_size)
    assembler = Assembler(datasets, source, options, framework="numpy", dtype=narrow)
    return DeviceHandoff(assembler, target, options)
