"""Devices that batches are copied to: what the ring of buffers needs of one, and CUDA's.

On CUDA a copy from page-locked memory runs on a stream of its own, beside the model's kernels. Two
events tell when the buffer has been read, so that it may be written again, and when the tensors may
be used; nobody on the host waits for the second, the consumer's stream does. The tensors are told
that the consumer's stream uses them (record_stream), or the allocator would hand their memory to
the next copy too early.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from penstock.errors import UsageError


class Ticket(Protocol):
    """A copy under way."""

    def wait_until_read(self) -> None:
        """Return when the host's buffers have been read."""
        ...


class Device(Protocol):
    """Where tensors go, without the host waiting for them."""

    def host_tensor(self, shape: tuple[int, ...], dtype: str) -> Any:
        """A tensor in host memory that can be copied from while others work."""
        ...

    def upload(
        self, tensors: list[Any], finish: Callable[[list[Any]], list[Any]]
    ) -> tuple[list[Any], Ticket]:
        """Begin to copy tensors and to do something with the copies there; what comes of it."""
        ...

    def hand_over(self, tensors: list[Any], ticket: Any) -> None:
        """Make uploaded tensors ready for what the caller's thread does next on the device."""
        ...


@dataclass(frozen=True, slots=True)
class CudaTicket:
    """CUDA events behind the copies and behind what was done with them."""

    copied: Any
    ready: Any

    def wait_until_read(self) -> None:
        """Return when the host's buffers have been read."""
        self.copied.synchronize()


class CudaDevice:
    """A GPU of torch's, with a stream for copies.

    Raises:
        UsageError: torch isn't installed, or sees no such GPU.
    """

    def __init__(self, name: str) -> None:
        self._torch = torch = _torch(name)
        device = torch.device(name)
        if not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count():
            raise UsageError(
                f"device is {name!r}, but torch sees {torch.cuda.device_count()} GPUs here; "
                "allowed: 'cpu', or install torch for this machine's CUDA driver"
            )
        index = torch.cuda.current_device() if device.index is None else device.index
        self._device = torch.device("cuda", index)
        self._stream = torch.cuda.Stream(self._device)

    def host_tensor(self, shape: tuple[int, ...], dtype: str) -> Any:
        """A page-locked tensor."""
        return self._torch.empty(shape, dtype=getattr(self._torch, dtype), pin_memory=True)

    def upload(
        self, tensors: list[Any], finish: Callable[[list[Any]], list[Any]]
    ) -> tuple[list[Any], CudaTicket]:
        """Begin to copy tensors and to do something with the copies, on the copies' stream."""
        cuda = self._torch.cuda
        with cuda.device(self._device), cuda.stream(self._stream):
            copies = [tensor.to(self._device, non_blocking=True) for tensor in tensors]
            # Blocking: who waits for a buffer sleeps, and takes no core from the model's thread.
            copied = cuda.Event(blocking=True)
            copied.record(self._stream)
            finished = finish(copies)
            ready = cuda.Event()
            ready.record(self._stream)
        return finished, CudaTicket(copied, ready)

    def hand_over(self, tensors: list[Any], ticket: CudaTicket) -> None:
        """Have the caller's stream wait for the tensors, and the allocator know that it does."""
        current = self._torch.cuda.current_stream(self._device)
        current.wait_event(ticket.ready)
        for tensor in tensors:
            tensor.record_stream(current)


def open_device(device: Any, framework: str | None) -> Device | None:
    """The device of this name (or torch.device), or None where batches stay in the host's memory.

    Raises:
        UsageError: it isn't one, it isn't there, or the framework can't use it.
    """
    name = "cpu" if device is None else str(device)
    if name == "cpu":
        return None
    if name.partition(":")[0] != "cuda":
        raise UsageError(f"device is {device!r}; allowed: 'cpu', 'cuda' or 'cuda:0' and so on")
    if framework == "numpy":
        raise UsageError(f"device is {name!r} with framework 'numpy'; allowed: 'cpu'")
    return CudaDevice(name)


def _torch(name: str) -> Any:
    try:
        import torch

        torch.device(name)
    except ImportError as error:
        raise UsageError(
            f"device is {name!r}, which needs torch; run: pip install penstock[torch]"
        ) from error
    except RuntimeError as error:
        raise UsageError(f"device is {name!r}; allowed: 'cpu', 'cuda' or 'cuda:0'") from error
    return torch
