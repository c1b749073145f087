"""A thread that fetches what will be read next, and lives only as long as there is something to."""

import threading
from collections import deque
from collections.abc import Callable, Iterable

from penstock.errors import PenstockError


class FetchAhead:
    """Calls `fetch(number, stop)` for the numbers that are wanted, one after another.

    An error is left to whoever reads: it comes up again there, where somebody can see it.
    """

    def __init__(self, fetch: Callable[[int, threading.Event], object]) -> None:
        self._fetch = fetch
        self._numbers: deque[int] = deque()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def want(self, numbers: Iterable[int]) -> None:
        """Fetch these next, and nothing that was wanted before."""
        with self._lock:
            self._numbers = deque(numbers)
            if self._thread is None and self._numbers:
                self._stop.clear()
                self._thread = threading.Thread(
                    target=self._run, name="penstock-fetch", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        """End the thread, in the midst of a shard if need be."""
        with self._lock:
            self._numbers.clear()
            self._stop.set()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while (number := self._next()) is not None:
            try:
                self._fetch(number, self._stop)
            except PenstockError:
                continue

    def _next(self) -> int | None:
        with self._lock:
            if self._numbers and not self._stop.is_set():
                return self._numbers.popleft()
            self._thread = None
            return None
