"""Batches made ahead by one thread, handed over several at a time.

A hand-over between threads costs as much as a batch, so the thread passes on short lists of them.
It holds at most the batches asked for, ends when the iteration does (also by an error, Ctrl-C or
being forgotten), and its own error comes out where the batch would have.
"""

import threading
from collections import deque
from collections.abc import Generator, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

HANDOVERS = 4
"""The batches ahead are passed on in about this many lists."""


def prefetched(items: Generator[T, None, None], ahead: int) -> Generator[T, None, None]:
    """The same items; where `ahead` is positive, a thread makes up to that many ahead."""
    return _from_thread(items, ahead) if ahead > 0 else items


def _from_thread(items: Iterable[T], ahead: int) -> Generator[T, None, None]:
    channel = _Channel[T](ahead)
    thread = threading.Thread(
        target=channel.send_all, args=(items,), name="penstock-prefetch", daemon=True
    )
    thread.start()
    try:
        while received := channel.receive():
            yield from received
    finally:
        channel.stop()
        thread.join()


class _Channel(Generic[T]):
    """A bounded queue of lists between one sender and one receiver."""

    def __init__(self, ahead: int) -> None:
        self._list_size = max(1, ahead // HANDOVERS)
        self._most_lists = max(1, ahead // self._list_size)
        self._lists: deque[list[T]] = deque()
        self._condition = threading.Condition()
        self._ended = self._stopped = False
        self._error: BaseException | None = None

    def send_all(self, items: Iterable[T]) -> None:
        """Send every item until the end, an error or `stop`."""
        pending: list[T] = []
        try:
            for item in items:
                pending.append(item)
                if len(pending) == self._list_size:
                    if not self._send(pending):
                        return
                    pending = []
        except BaseException as error:
            self._error = error
        self._send(pending)
        with self._condition:
            self._ended = True
            self._condition.notify_all()

    def receive(self) -> list[T]:
        """The next list; an empty one is the end.

        Raises:
            BaseException: whatever the sender met, once its items are all received.
        """
        with self._condition:
            while not self._lists and not self._ended:
                self._condition.wait()
            if self._lists:
                self._condition.notify_all()
                return self._lists.popleft()
        if self._error is not None:
            raise self._error
        return []

    def stop(self) -> None:
        """Tell the sender to stop after the item that it is making."""
        with self._condition:
            self._stopped = True
            self._condition.notify_all()

    def _send(self, items: list[T]) -> bool:
        with self._condition:
            while len(self._lists) >= self._most_lists and not self._stopped:
                self._condition.wait()
            if items and not self._stopped:
                self._lists.append(items)
                self._condition.notify_all()
            return not self._stopped
