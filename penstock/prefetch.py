"""Batches made ahead by one thread, handed over several at a time.

A hand-over between threads costs as much as a batch, so the thread passes on short lists of them.
It holds at most the batches asked for, ends when the iteration does (also by an error, Ctrl-C or
being forgotten), and its own error comes out where the batch would have.
"""

import threading
from collections.abc import Generator, Iterable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")

HANDOVERS = 4
"""The batches ahead are passed on in about this many lists."""

_WAIT_S = 0.1
"""Beside a library that catches signals itself, as Polars does, Ctrl-C doesn't end a wait."""

_told = threading.local()


def stop_event() -> threading.Event | None:
    """What tells the calling thread to stop, if it's one that makes items ahead."""
    return getattr(_told, "stopped", None)


def prefetched(items: Generator[T, None, None], ahead: int) -> Generator[T, None, None]:
    """The same items; where `ahead` is positive, a thread makes up to that many ahead."""
    return _from_thread(items, ahead) if ahead > 0 else items


def most_alive(ahead: int) -> int:
    """How many items there can be at a time, with one that the caller has and one being made.

    Beside those ahead a list may be half made and another half taken.

    >>> most_alive(0), most_alive(32)
    (2, 50)
    """
    return ahead + 2 * (_list_size(ahead) if ahead else 0) + 2


def _list_size(ahead: int) -> int:
    return max(1, ahead // HANDOVERS)


def _from_thread(items: Iterable[T], ahead: int) -> Generator[T, None, None]:
    channel = _Channel[T](ahead)
    thread = threading.Thread(
        target=channel.send_all, args=(items,), name="penstock-prefetch", daemon=True
    )
    thread.start()
    try:
        while received := channel.receive():
            # Taken off the list, so that nobody but the caller keeps what was handed out.
            received.reverse()
            while received:
                yield received.pop()
    finally:
        channel.stop()
        thread.join()


class _Channel(Generic[T]):
    """Lists on their way from one sender to one receiver, who sends back a token for each."""

    def __init__(self, ahead: int) -> None:
        self._list_size = _list_size(ahead)
        self._lists: SimpleQueue[list[T]] = SimpleQueue()
        self._room: SimpleQueue[None] = SimpleQueue()
        for _ in range(ahead // self._list_size):
            self._room.put(None)
        self._stopped = threading.Event()
        self._error: BaseException | None = None

    def send_all(self, items: Iterable[T]) -> None:
        """Send every item until the end, an error or `stop`; then the empty list."""
        pending: list[T] = []
        _told.stopped = self._stopped
        try:
            for item in items:
                pending.append(item)
                if len(pending) == self._list_size:
                    self._send(pending)
                    pending = []
                if self._stopped.is_set():
                    return
        except BaseException as error:
            self._error = error
        if pending:
            self._send(pending)
        self._lists.put([])

    def receive(self) -> list[T]:
        """The next list; an empty one is the end.

        Raises:
            BaseException: whatever the sender met, once its items are all received.
        """
        items = self._wait()
        if items:
            self._room.put(None)
        elif self._error is not None:
            raise self._error
        return items

    def _wait(self) -> list[T]:
        while True:
            try:
                return self._lists.get(timeout=_WAIT_S)
            except Empty:
                continue

    def stop(self) -> None:
        """Tell the sender to stop after the item that it is making."""
        self._stopped.set()
        self._room.put(None)

    def _send(self, items: list[T]) -> None:
        self._room.get()
        self._lists.put(items)
