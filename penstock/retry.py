"""Trying again what object storage refuses now and then: with growing pauses, and not for ever."""

import time
from collections.abc import Callable
from typing import TypeVar

from penstock import storage
from penstock.errors import DataError, PenstockError

T = TypeVar("T")

_FINAL = (
    FileNotFoundError,
    PermissionError,
    NotADirectoryError,
    IsADirectoryError,
    PenstockError,
)
"""What doesn't get better by waiting."""

ATTEMPTS = 6
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 8.0


def with_retries(
    function: Callable[[], T],
    *,
    what: str,
    attempts: int = ATTEMPTS,
    pause: Callable[[float], object] = time.sleep,
) -> T:
    """What the function returns, called again after an error of storage.

    A missing file and a refused one are raised at once. The pauses double from a quarter of a
    second to eight seconds. Every other exception counts, since each storage library has its own.

    Raises:
        FileNotFoundError, PermissionError: as the function raised it.
        DataError: the last of all attempts failed, too.
    """
    for attempt in range(1, attempts):
        try:
            return function()
        except _FINAL:
            raise
        except Exception:
            pause(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempt - 1)))
    try:
        return function()
    except _FINAL:
        raise
    except Exception as error:
        raise DataError(
            f"{what} can't be read: {attempts} attempts failed, the last with "
            f"{type(error).__name__}: {error}; check the storage, then go on from the state"
        ) from error


def patiently(url: str, function: Callable[[], T]) -> T:
    """What the function returns that reads at the URL; with attempts if that isn't this machine.

    Raises:
        DataError: all attempts failed.
    """
    return function() if storage.is_local(url) else with_retries(function, what=url)
