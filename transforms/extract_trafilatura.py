"""Main text by trafilatura, in a process of its own: it can hang, and grows by 1 MB a page.

Each page has a deadline; a process that misses it is killed, and the page fails with `timeout`.
After some pages the process is replaced by a fresh one, which gives its memory back. The trade-off:
a deadline is the one thing here that depends on the machine's speed, so it should be generous.

Cost (2-core AMD EPYC): 25 ms for a page of 150 kB; starting a process 1 s.
"""

import functools
import os
import subprocess
import sys
import threading

from transforms.extract_options import ExtractOptions
from transforms.markup import RefusedPageError
from transforms.trafilatura_child import OK, read_message, write_message

_CODE = "from transforms.trafilatura_child import serve; serve(comments={comments})"
_START_S = 60.0


class TrafilaturaError(RuntimeError):
    """trafilatura couldn't read a page; the message says why."""


def trafilatura_text(page: str, options: ExtractOptions) -> str:
    """The main text of a page, by this process's own child.

    Raises:
        RefusedPageError: it took longer than allowed.
        TrafilaturaError: trafilatura raised, or its process died.
    """
    return _child(options.comments, options.page_timeout_s, options.pages_per_process).text(page)


@functools.lru_cache(maxsize=1)
def _child(comments: bool, timeout_s: float, pages_per_process: int) -> "Trafilatura":
    return Trafilatura(comments=comments, timeout_s=timeout_s, pages_per_process=pages_per_process)


class Trafilatura:
    """A process that reads pages with trafilatura, and its successors."""

    def __init__(self, *, comments: bool, timeout_s: float, pages_per_process: int) -> None:
        self._code = _CODE.format(comments=comments)
        self._timeout_s = timeout_s
        self._pages_per_process = pages_per_process
        self._process: subprocess.Popen[bytes] | None = None
        self._pages = 0
        self._lock = threading.Lock()

    def text(self, page: str) -> str:
        """The main text of a page.

        Raises:
            RefusedPageError: it took longer than allowed.
            TrafilaturaError: trafilatura raised, or its process died.
        """
        with self._lock:
            if self._pages >= self._pages_per_process:
                self.close()
            if self._process is None:
                self._ask(None, _START_S)
            self._pages += 1
            answer = self._ask(page.encode("utf-8", "replace"), self._timeout_s)
        if answer[:1] != OK:
            raise TrafilaturaError(answer[1:].decode())
        return answer[1:].decode()

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process, self._pages = self._process, None, 0
        if process is not None:
            process.kill()
            process.communicate()

    def _ask(self, page: bytes | None, timeout_s: float) -> bytes:
        """The process's answer to a page; to none, its greeting when it has started."""
        process = self._process = self._process or self._start()
        deadline = _Deadline(process, timeout_s)
        try:
            answer = _exchange(process, page)
        finally:
            deadline.timer.cancel()
        if answer is None:
            self.close()
            if deadline.is_missed:
                raise RefusedPageError(f"timeout: trafilatura took longer than {timeout_s:g} s")
            raise TrafilaturaError(f"its process ended with status {process.returncode}")
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        paths = os.pathsep.join(filter(None, sys.path))
        return subprocess.Popen(
            [sys.executable, "-c", self._code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths},
        )


class _Deadline:
    """Kills a process when its time is up."""

    def __init__(self, process: subprocess.Popen[bytes], timeout_s: float) -> None:
        self.is_missed = False
        self._process = process
        self.timer = threading.Timer(timeout_s, self._miss)
        self.timer.start()

    def _miss(self) -> None:
        self.is_missed = True
        self._process.kill()


def _exchange(process: subprocess.Popen[bytes], page: bytes | None) -> bytes | None:
    """The next message of a process, after it got a page; None when it has ended."""
    if process.stdin is None or process.stdout is None:
        return None
    try:
        if page is not None:
            write_message(process.stdin, page)
        return read_message(process.stdout)
    except BrokenPipeError:
        return None
