"""The driver on small plans of every kind of stage, held to plain Python."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock import storage
from penstock.errors import DataError, PenstockError, UsageError
from pipelines.driver import Driver
from pipelines.engines.serial import SerialEngine
from pipelines.events import Event, StageEnd, StageStart, TaskEnd
from pipelines.plan import Exchange, Fit, Map, RepeatUntil, Results, Stage, StageResult
from pipelines.streams import SAMPLE_STREAM
from pipelines.task import Item, Settings, Task, TaskContext, TaskResult, execute, marker_url
from schemas.tokens import SAMPLE

BUCKETS = 3


@pytest.fixture
def work() -> str:
    return f"memory://driver-{uuid.uuid4().hex}"


def bring_through(
    plan: Sequence[Stage], work: str, *, fan_in: int = 1000, **recipe: Any
) -> tuple[dict[str, StageResult], list[Event]]:
    """The plan's results and events."""
    events: list[Event] = []
    driver = Driver(
        work_dir=work,
        recipe=recipe,
        code_version="1",
        engine=SerialEngine(settings=Settings(engine="serial", memory_bytes=1 << 20)),
        on_event=events.append,
        fan_in=fan_in,
    )
    return driver.run(plan), events


def ran(events: list[Event]) -> list[str]:
    """The stage of each task that was run, in order."""
    return [event.stage for event in events if isinstance(event, TaskEnd)]


def send(context: TaskContext, numbers: Sequence[int], buckets: int = BUCKETS) -> None:
    """Send numbers to the bucket of their remainder."""
    writer = context.emit(SAMPLE_STREAM)
    for number in numbers:
        row = {"key": number, "doc_id": number.to_bytes(16, "big"), "text": str(number)}
        writer.add(
            pa.RecordBatch.from_pylist([row], SAMPLE), np.array([number % buckets], np.uint32)
        )


def received(context: TaskContext, bucket: int) -> list[int]:
    return [
        key for batch in context.read(SAMPLE_STREAM, bucket) for key in batch["key"].to_pylist()
    ]


def send_all(context: TaskContext, item: Item) -> None:
    send(context, item["numbers"])


def add_up(context: TaskContext, item: Item) -> None:
    numbers = received(context, item["bucket"])
    assert numbers == sorted(numbers)
    context.counters.update({str(number): count for number, count in Counter(numbers).items()})


def spread(pieces: Sequence[Sequence[int]]) -> Map:
    items = [{"numbers": list(numbers)} for numbers in pieces]
    return Map(
        name="spread",
        function=send_all,
        items=lambda _: items,
        emits=lambda _: {SAMPLE_STREAM.name: BUCKETS},
    )


COUNT = Exchange(name="count", function=add_up, of=(("spread", SAMPLE_STREAM),))


@settings(max_examples=15)
@given(
    pieces=st.lists(st.lists(st.integers(0, 9), max_size=9), min_size=1, max_size=9),
    fan_in=st.integers(2, 10),
)
def test_an_exchange_of_any_shape_gives_each_row_once(pieces: list[list[int]], fan_in: int) -> None:
    work = f"memory://driver-{uuid.uuid4().hex}"
    results, events = bring_through([spread(pieces), COUNT], work, fan_in=fan_in)
    wanted = Counter(str(number) for piece in pieces for number in piece)
    assert results["count"].counters == wanted
    assert len(results["count"].tasks) == BUCKETS
    merged = len(pieces) > fan_in
    assert ran(events).count("spread-merge-sample") == (-(-len(pieces) // fan_in) if merged else 0)
    storage.remove_tree(work)


def halve(context: TaskContext, item: Item) -> None:
    numbers = received(context, item["bucket"])
    context.counters["above_one"] = sum(number > 1 for number in numbers)
    context.counters["sum"] = sum(numbers)
    send(context, [max(number // 2, 1) for number in numbers])


def rounds(most: int) -> RepeatUntil:
    def body(number: int, _: Results) -> list[Map | Exchange]:
        before = "spread" if number == 1 else "halved"
        return [
            Exchange(
                name=f"halve-{number}",
                function=halve,
                of=((before, SAMPLE_STREAM),),
                emits=lambda _: {SAMPLE_STREAM.name: BUCKETS},
            )
        ]

    return RepeatUntil(name="halved", body=body, counter="above_one", most_rounds=most)


def test_stages_are_repeated_until_their_counter_is_zero(work: str) -> None:
    after = Exchange(name="count", function=add_up, of=(("halved", SAMPLE_STREAM),))
    results, events = bring_through([spread([[9, 3], [1, 20]]), rounds(100), after], work)
    # 20 needs four halvings to be 1, and a fifth round sees that nothing is left.
    assert [stage for stage in dict.fromkeys(ran(events)) if "halve-" in stage] == [
        f"halve-{number}" for number in range(1, 6)
    ]
    assert results["count"].counters == {"1": 4}
    assert results["halved"] is results["halve-5"]
    assert {e.stages_total for e in events if isinstance(e, StageStart)} == {3}


def test_rounds_that_never_end_are_an_error(work: str) -> None:
    with pytest.raises(DataError, match="stage 'halved': 1 above_one left after 2 rounds"):
        bring_through([spread([[64]]), rounds(2)], work)


def least(context: TaskContext, item: Item) -> None:
    send(context, sorted(item["numbers"])[:2], buckets=1)


def artefact(context: TaskContext, item: Item) -> None:
    found = received(context, item["bucket"])[: context.spec.options["sample"]]
    storage.write_bytes(context.file("model"), ",".join(map(str, found)).encode())


def use(context: TaskContext, item: Item) -> None:
    (model,) = context.spec.inputs["model.model"]
    context.value["seen"] = storage.read_bytes(model).decode() + item["name"]


def test_a_fit_sees_a_sample_in_order_and_later_stages_its_artefact(work: str) -> None:
    items = [{"numbers": [5, 8, 2]}, {"numbers": [9, 1]}, {"numbers": []}]
    fit = Fit(
        name="model",
        sample=least,
        fit=artefact,
        stream=SAMPLE_STREAM,
        items=lambda _: items,
        sections=("sample",),
    )
    used = Map(
        name="use",
        function=use,
        items=lambda _: [{"name": "a"}, {"name": "b"}],
        reads=("model.model",),
    )
    results, _ = bring_through([fit, used], work, sample=3)
    assert [task.value["seen"] for task in results["use"].tasks] == ["1,2,5a", "1,2,5b"]


def note(context: TaskContext, item: Item) -> None:
    context.value["start"] = item["start"]
    storage.write_bytes(context.file("note"), str(item["start"]).encode())


def settle(items: Sequence[Item], tasks: Sequence[TaskResult]) -> list[Item]:
    """Each start is to be one more than the one before; one item is corrected at a time."""
    starts = [task.value["start"] for task in tasks]
    for place in range(1, len(items)):
        if starts[place] != starts[place - 1] + 1:
            right = {"start": starts[place - 1] + 1}
            return [*items[:place], right, *items[place + 1 :]]
    return list(items)


def test_items_that_are_settled_anew_are_run_again_and_no_others(work: str) -> None:
    plan = [
        Map(
            name="notes",
            function=note,
            items=lambda _: [{"start": start} for start in (1, 2, 7, 4, 9)],
            settle=settle,
        )
    ]
    results, events = bring_through(plan, work)
    assert [item["start"] for item in results["notes"].items] == [1, 2, 3, 4, 5]
    assert [storage.read_bytes(url) for url in results["notes"].files("note")] == [
        str(start).encode() for start in (1, 2, 3, 4, 5)
    ]
    assert len(ran(events)) == 5 + 2
    again, events = bring_through(plan, work)
    assert not ran(events)
    assert again == results


def test_what_is_finished_is_not_run_again(work: str) -> None:
    plan = [spread([[1], [2], [3]]), COUNT]
    first, events = bring_through(plan, work)
    assert len(ran(events)) == 3 + BUCKETS
    storage.remove_tree(marker_url(first["spread"].folder, first["spread"].tasks[1].task))
    second, events = bring_through(plan, work)
    assert ran(events) == ["spread"]
    starts = {e.stage: (e.tasks_done, e.tasks_total) for e in events if isinstance(e, StageStart)}
    assert starts == {"spread": (2, 3), "count": (3, 3)}
    ends = {event.stage: event.counters for event in events if isinstance(event, StageEnd)}
    assert ends["count"] == {"1": 1, "2": 1, "3": 1}
    assert second["count"] == first["count"]


def test_another_input_is_other_work(work: str) -> None:
    bring_through([spread([[1], [2]]), COUNT], work)
    results, events = bring_through([spread([[1], [5]]), COUNT], work)
    # The piece that both have is done; all buckets are of other pieces.
    assert ran(events) == ["spread", "count", "count", "count"]
    assert results["count"].counters == {"1": 1, "5": 1}


def test_only_stages_that_read_a_section_depend_on_it(work: str) -> None:
    one = Map(name="one", function=note, items=lambda _: [{"start": 1}], sections=("a",))
    two = Map(name="two", function=note, items=lambda _: [{"start": 1}], sections=("b",))
    after = Map(name="after", function=note, items=lambda _: [{"start": 1}], reads=("one.note",))
    plan = [one, two, after]
    bring_through(plan, work, a=1, b=1, c=1)
    assert ran(bring_through(plan, work, a=1, b=1, c=2)[1]) == []
    assert ran(bring_through(plan, work, a=1, b=2, c=1)[1]) == ["two"]
    assert ran(bring_through(plan, work, a=2, b=1, c=1)[1]) == ["one", "after"]


def test_streams_of_unlike_buckets_are_refused(work: str) -> None:
    other = Map(
        name="other",
        function=least,
        items=lambda _: [{"numbers": []}],
        emits=lambda _: {SAMPLE_STREAM.name: 1},
    )
    both = (("spread", SAMPLE_STREAM), ("other", SAMPLE_STREAM))
    plan = [spread([[1]]), other, Exchange(name="count", function=add_up, of=both)]
    with pytest.raises(ValueError, match=r"'count' reads streams of \[1, 3\] buckets"):
        bring_through(plan, work)


def fail(context: TaskContext, item: Item) -> None:
    raise {"key": KeyError("x"), "usage": UsageError("a mistake"), "disk": OSError(28, "full")}[
        item["kind"]
    ]


@pytest.mark.parametrize(
    ("kind", "type_", "message"),
    [
        ("key", PenstockError, r"stage broken, task 000000-\w+: KeyError: 'x'"),
        ("usage", UsageError, "^a mistake$"),
        ("disk", PenstockError, "stage broken: no space left on the disk .* run again"),
    ],
)
def test_an_error_says_where_it_was(
    kind: str, type_: type[Exception], message: str, work: str
) -> None:
    plan = [Map(name="broken", function=fail, items=lambda _: [{"kind": kind}])]
    with pytest.raises(type_, match=message):
        bring_through(plan, work)
    assert not [url for url in storage.list_files(work) if url.endswith(".done.json")]


def test_a_task_that_is_committed_is_not_run_in_another_place(work: str) -> None:
    results, _ = bring_through([spread([[1]])], work)
    (done,) = results["spread"].tasks
    task = Task(
        spec_url=f"{results['spread'].folder}/stage.json",
        name=done.task,
        function=fail,
        item={"kind": "key"},
    )
    assert execute(task, Settings(engine="serial", memory_bytes=1), "elsewhere") == done


def counters(results: Mapping[str, StageResult]) -> dict[str, Counter[str]]:
    return {name: result.counters for name, result in results.items()}


def test_results_do_not_depend_on_where_the_work_is(work: str, tmp_path: Any) -> None:
    plan = [spread([[4, 9], [9]]), rounds(9), COUNT]
    remote, _ = bring_through(plan, work)
    local, _ = bring_through(plan, str(tmp_path))
    assert counters(remote) == counters(local)
