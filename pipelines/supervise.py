"""A run under supervision: Ctrl-C ends it within seconds, whatever its processes are doing.

A Python signal handler runs only when the interpreter gets to it, which a long C call (parsing,
training a tokenizer) can put off for minutes. So the work is done in a child process that leads a
process group of its own, with all workers in it, and this process does nothing but wait. Asked to
stop, it lets the child close in an orderly way for a moment and then kills the whole group: tasks
are idempotent and files appear whole, so that costs no more than the tasks in flight.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

INTERRUPTED = 130
GRACE_S = 1.0
"""How long the child may close in an orderly way."""

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.02


def supervised(work: Callable[[], int]) -> int:
    """The exit status of `work`, done in a child process; 130 when it was interrupted.

    It is negative, the number of the signal, when the child was killed by someone else.
    """
    if not hasattr(os, "fork"):
        return work()
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _be_child(work, parent)
    return _wait(child)


def _be_child(work: Callable[[], int], parent: int) -> None:
    """Do the work and leave with its status; never returns."""
    os.setpgid(0, 0)
    die_with(parent)
    status = 1
    try:
        status = work()
    except KeyboardInterrupt:
        status = INTERRUPTED
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def die_with(parent: int) -> None:
    """Have the kernel end this process when its parent is gone, where it can."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _wait(child: int) -> int:
    """Wait for the child, pass interruptions on, and leave none of its group behind."""
    # The child may not have got to it yet, and a signal to its group must not go astray.
    with contextlib.suppress(OSError):
        os.setpgid(child, child)
    interrupted_at: list[float] = []

    def stop(_number: int, _frame: FrameType | None) -> None:
        if not interrupted_at:
            interrupted_at.append(time.monotonic())
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGINT)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        status = _reap(child, interrupted_at)
    finally:
        _kill_group(child)
        for number, handler in before.items():
            signal.signal(number, handler)
    return INTERRUPTED if interrupted_at else status


def _reap(child: int, interrupted_at: list[float]) -> int:
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if interrupted_at and time.monotonic() - interrupted_at[0] > GRACE_S:
            _kill_group(child)
        time.sleep(_POLL_S)


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
