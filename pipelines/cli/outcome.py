"""What an error becomes: one message on standard error and an exit status.

0 done, 2 a mistake in the recipe or the arguments, 1 anything else, 130 interrupted. The traceback
is for `--debug`.
"""

import errno
import json
import re
import sys
import time
import traceback
from collections.abc import Callable
from contextvars import ContextVar

from penstock.errors import PenstockError, UsageError
from pipelines.extras import extra_of, pip_line

DONE, FAILED, MISTAKE, INTERRUPTED = 0, 1, 2, 130

debug: ContextVar[bool] = ContextVar("debug", default=False)
"""Whether errors come with their traceback."""

log_json: ContextVar[bool] = ContextVar("log_json", default=False)
"""Whether what the program says is one JSON object a line."""


class InterruptedRunError(Exception):
    """Ctrl-C; Typer gives KeyboardInterrupt another exit status in some of its versions."""


def status_of(work: Callable[[], None]) -> int:
    """Do the work; its exit status, after its error has been told."""
    try:
        work()
    except (KeyboardInterrupt, InterruptedRunError):
        return INTERRUPTED
    except Exception as error:
        if debug.get():
            traceback.print_exc()
        say(_message(error), event="error")
        return MISTAKE if isinstance(error, UsageError) else FAILED
    return DONE


def say(message: str, *, event: str = "notice") -> None:
    """Print a message of the program itself on standard error."""
    if log_json.get():
        line = json.dumps({"event": event, "time": time.time(), "message": message})
    else:
        line = f"penstock: {'error: ' if event == 'error' else ''}{message}"
    print(line, file=sys.stderr, flush=True)


def _of_the_system(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "no space left on the disk; free some and run again"
    if error.filename is None or error.strerror is None:
        return str(error)
    # A file gets its name when it's whole; until then it has one that says nothing to a person.
    return f"{_PARTIAL.sub('', str(error.filename))}: {error.strerror}"


_PARTIAL = re.compile(r"\.[0-9a-f]{12}\.partial$")


def _message(error: Exception) -> str:
    if isinstance(error, PenstockError):
        return str(error)
    if isinstance(error, OSError):
        return _of_the_system(error)
    if isinstance(error, ImportError):
        # fsspec raises a plain ImportError that names the package only in its text.
        module = error.name or ("s3fs" if "s3fs" in str(error) else "")
        extra = extra_of(module)
        return f"{error}" + (f"; bring it with: {pip_line(extra)}" if extra else "")
    if type(error).__name__ == "NoCredentialsError":
        return (
            "no credentials for S3; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
            "AWS_PROFILE, or FSSPEC_S3_ANON=true for a public bucket"
        )
    hint = "" if debug.get() else " (run again with --debug to see where)"
    return f"{type(error).__name__}: {error}{hint}"
