import threading
import weakref
from collections.abc import Generator

import numpy as np
import pytest

from penstock.prefetch import _Channel, prefetched, stop_event


def numbers(count: int, seen: list[int] | None = None) -> Generator[int, None, None]:
    for number in range(count):
        if seen is not None:
            seen.append(number)
        yield number


def failing() -> Generator[int, None, None]:
    yield from range(5)
    raise ValueError("the sixth is broken")


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "penstock-prefetch"]


@pytest.mark.parametrize("ahead", [0, 1, 2, 3, 4, 5, 8, 100])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 100])
def test_items_come_in_order(ahead: int, count: int) -> None:
    assert list(prefetched(numbers(count), ahead)) == list(range(count))
    assert threads() == []


@pytest.mark.parametrize("ahead", [1, 4, 9])
def test_no_more_is_made_than_was_asked_for(ahead: int) -> None:
    seen: list[int] = []
    items = prefetched(numbers(1000, seen), ahead)
    for taken in range(1, 100):
        next(items)
        # Beside those ahead, one list may be half made and one half taken.
        assert len(seen) <= taken + ahead + 2 * max(1, ahead // 4)
    items.close()
    assert threads() == []


@pytest.mark.parametrize("ahead", [0, 1, 3, 50])
def test_an_error_comes_where_the_item_would_have(ahead: int) -> None:
    items = prefetched(failing(), ahead)
    assert [next(items) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="the sixth is broken"):
        next(items)
    assert threads() == []


def test_a_forgotten_iteration_ends_its_thread() -> None:
    items = prefetched(numbers(10**9), 8)
    next(items)
    assert len(threads()) == 1
    del items
    assert threads() == []


def test_only_its_own_thread_is_told_to_stop() -> None:
    items = prefetched((stop_event() for _ in range(9)), 2)
    told = next(items)
    assert told is not None
    assert not told.is_set()
    items.close()
    assert told.is_set()
    assert stop_event() is None


def test_what_was_handed_out_isnt_kept() -> None:
    items = prefetched((np.zeros(1) for _ in range(100)), 16)
    for _ in range(50):
        item = weakref.ref(next(items))
        assert item() is None
    items.close()


def test_it_stops_after_the_item_that_is_being_made() -> None:
    made: list[int] = []
    may_go_on = threading.Semaphore(25)

    def slow() -> Generator[int, None, None]:
        for number in range(10**9):
            may_go_on.acquire()
            made.append(number)
            yield number

    channel = _Channel[int](100)
    sender = threading.Thread(target=channel.send_all, args=(slow(),))
    sender.start()
    assert channel.receive() == list(range(25))
    channel.stop()
    may_go_on.release(25)
    sender.join()
    assert len(made) == 26


def test_an_error_of_the_consumer_ends_the_thread() -> None:
    def consume() -> None:
        for number in prefetched(numbers(10**9), 8):
            if number == 20:
                raise RuntimeError("consumer")

    with pytest.raises(RuntimeError, match="consumer"):
        consume()
    assert threads() == []
