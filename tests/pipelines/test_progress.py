import io
import json
import re

import pytest
from rich.console import Console

from pipelines.events import Event, Notice, StageEnd, StageStart, TaskEnd
from pipelines.progress import Bars, JsonLines, Lines, progress


def start(time: float, *, done: int = 0, total: int = 4, stage: str = "curate") -> StageStart:
    return StageStart(
        time=time, stage=stage, tasks_total=total, tasks_done=done, stages_total=9, stage_number=1
    )


def task(time: float, *, records: int = 100) -> TaskEnd:
    return TaskEnd(
        time=time, stage="curate", task="t", engine="serial", executor="e", process=1, seconds=1.0,
        cpu_seconds=1.0, spilled_bytes=0, peak_memory_bytes=0,
        counters={"records_read": records, "bytes_read": 2_000_000},
    )  # fmt: skip


def end(time: float, seconds: float = 4.0) -> StageEnd:
    return StageEnd(time=time, stage="curate", seconds=seconds)


def lines(*events: Event) -> list[str]:
    stream = io.StringIO()
    with Lines(stream) as on_event:
        for event in events:
            on_event(event)
    return stream.getvalue().splitlines()


def test_a_stage_is_a_line_with_its_rate() -> None:
    assert lines(start(0), task(1), task(2), task(3), task(4), end(4)) == [
        "curate: 4 of 4 tasks in 4.0 s, 100 records/s, 2 MB/s"
    ]


def test_a_long_stage_says_now_and_then_how_far_it_is() -> None:
    written = lines(start(0, total=9), *[task(3.0 * i) for i in range(1, 9)], end(27))
    assert written[0] == "curate: 4 of 9 tasks, 33 records/s, 667 kB/s"
    assert len(written) == 3


def test_tasks_of_an_earlier_run_count_for_the_total_and_not_for_the_rate() -> None:
    assert lines(start(0, done=3), task(2), end(2, 2.0)) == [
        "curate: 4 of 4 tasks in 2.0 s, 50 records/s, 1 MB/s"
    ]


def test_a_stage_that_redoes_a_task_keeps_its_rate() -> None:
    written = lines(start(0, total=1), task(2), start(2, done=1, total=2), task(4), end(4))
    assert written == ["curate: 2 of 2 tasks in 4.0 s, 50 records/s, 1 MB/s"]


def test_a_notice_is_said_at_once() -> None:
    assert lines(Notice(time=1, stage="curate", message="one gzip member can't be split")) == [
        "curate: one gzip member can't be split"
    ]


def test_json_lines_hold_every_event() -> None:
    stream = io.StringIO()
    with JsonLines(stream) as on_event:
        for event in (start(0), task(1), end(4)):
            on_event(event)
    written = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in written] == ["stage-start", "task-end", "stage-end"]
    assert written[1]["counters"] == {"records_read": 100, "bytes_read": 2_000_000}


def test_bars_show_the_stage_its_tasks_and_its_rate() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120)
    with Bars(console) as on_event:
        for event in (start(0), task(1), task(2)):
            on_event(event)
        on_event(Notice(time=2, stage="curate", message="[bold]as it is[/bold]"))
        on_event(task(3))
        on_event(end(4))
    shown = stream.getvalue()
    assert shown.index("starting") < shown.index("curate") > shown.rindex("starting")
    assert "3/4" in shown
    assert "100 records/s" in shown
    assert "[bold]as it is[/bold]" in shown


def test_what_is_written_suits_where_it_goes() -> None:
    assert isinstance(progress(stream=io.StringIO()), Lines)
    assert isinstance(progress(stream=io.StringIO(), log_json=True), JsonLines)


def test_a_stage_of_an_earlier_run_says_so_to_the_end() -> None:
    stream = io.StringIO()
    with Bars(Console(file=stream, force_terminal=True, width=100)) as on_event:
        on_event(start(0, done=4))
        on_event(end(0, 0.0))
    assert "done before" in stream.getvalue().rpartition("✓")[2]


def test_bars_are_drawn_with_the_letters_that_a_terminal_has() -> None:
    stream = io.BytesIO()
    text = io.TextIOWrapper(stream, encoding="ascii", errors="strict", write_through=True)
    with Bars(Console(file=text, force_terminal=True, width=80)) as on_event:
        for event in (start(0), *map(task, range(1, 5)), end(4)):
            on_event(event)
    assert b"4/4" in stream.getvalue()


@pytest.mark.parametrize(("width", "rate"), [(41, False), (60, False), (70, True), (80, True)])
def test_bars_fit_a_narrow_terminal(width: int, rate: bool) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width, no_color=True)
    with Bars(console) as on_event:
        for event in (start(0, stage="components-in-memory"), start(0), *map(task, range(1, 5))):
            on_event(event)
        on_event(end(4))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    frame = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "\n", plain).split("\n")
    (last,) = [line for line in frame if "4/4" in line][-1:]
    assert "…" not in last
    assert last.rstrip().endswith(" s")
    assert ("records/s" in last) is rate
    assert max(map(len, frame)) <= width
    assert any(re.match(r".* 1/9 components-in-memory .*0/4", line) for line in frame)
