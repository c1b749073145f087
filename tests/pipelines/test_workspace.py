"""Whose output it is, what a run may remove, and what it says of an output that isn't its own."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from penstock import storage
from penstock.errors import UsageError
from penstock.manifest import read_manifest
from pipelines.pieces import list_inputs
from pipelines.run import RunSummary, run_text
from pipelines.workspace import Workspace
from tests.pipelines import flow

KEEP_ALL = "language.minimum_score=0"


@pytest.fixture
def lines(tmp_path: Path) -> str:
    """Forty documents, and a line that is none."""
    text = "Document {0} of forty tells of weirs, dams and the mills on river {0}. "
    rows = [json.dumps({"text": text.format(number) * 9}) for number in range(40)]
    (tmp_path / "in.jsonl").write_text("\n".join([*rows, "not JSON {"]))
    return str(tmp_path / "in.jsonl")


def run(lines: str, output: Path, *overrides: str, retry_failed: bool = False) -> RunSummary:
    recipe = flow.recipe([lines], output, KEEP_ALL, *overrides)
    return run_text(recipe, engine="serial", retry_failed=retry_failed)


def workspace(lines: str, output: Path, *overrides: str) -> Workspace:
    recipe = flow.recipe([lines], output, KEEP_ALL, *overrides)
    return Workspace(recipe, list_inputs(recipe.inputs))


def times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_retry_makes_a_dataset_with_failures_anew_to_the_same_bytes(
    lines: str, tmp_path: Path
) -> None:
    assert run(lines, tmp_path / "out").manifest.counts.failed == 1
    before = flow.content(tmp_path / "out")
    assert not run(lines, tmp_path / "out", retry_failed=True).already_done
    assert flow.content(tmp_path / "out") == before
    assert not (tmp_path / "out" / ".work").exists()


def test_a_retry_that_was_stopped_at_once_leaves_a_run_to_continue(
    lines: str, tmp_path: Path
) -> None:
    run(lines, tmp_path / "out")
    before = flow.content(tmp_path / "out")
    mine = workspace(lines, tmp_path / "out")
    mine.open()
    mine.forget_failed()
    assert not run(lines, tmp_path / "out").already_done
    assert flow.content(tmp_path / "out") == before


def test_a_retry_leaves_a_dataset_without_failures_as_it_is(lines: str, tmp_path: Path) -> None:
    Path(lines).write_text(Path(lines).read_text().rpartition("\n")[0])
    run(lines, tmp_path / "out")
    before = times(tmp_path / "out")
    assert run(lines, tmp_path / "out", retry_failed=True).already_done
    assert times(tmp_path / "out") == before


def test_a_retry_never_touches_the_dataset_of_another_recipe(lines: str, tmp_path: Path) -> None:
    run(lines, tmp_path / "out")
    before = times(tmp_path / "out")
    with pytest.raises(UsageError, match="holds a dataset of another recipe"):
        run(lines, tmp_path / "out", "seed=1", retry_failed=True)
    assert times(tmp_path / "out") == before


def test_a_retry_forgets_failed_pieces_and_all_that_was_made_of_them(
    lines: str, tmp_path: Path
) -> None:
    mine = workspace(lines, tmp_path / "out", f"work_dir={tmp_path}/scratch")
    mine.open()
    markers = {
        "curate-0123/0.done.json": b'{"counters": {"failed/read/storage": 1}}',
        "curate-0123/0.curated": b"",
        "curate-0123/1.done.json": b'{"counters": {"records": 1}}',
        "curate-merge-hashes-89/0.done.json": b"{}",
        "match-4567/0.done.json": b"{}",
    }
    for name, content in markers.items():
        storage.write_bytes(storage.join(mine.work, name), content)
    mine.forget_failed()
    left = [url.removeprefix(mine.work + "/") for url in storage.list_files(mine.work)]
    assert left == ["begun.json", "curate-0123/0.curated", "curate-0123/1.done.json"]
    mine.forget_failed()
    assert [url.removeprefix(mine.work + "/") for url in storage.list_files(mine.work)] == left


def test_a_work_folder_that_holds_other_things_keeps_them(lines: str, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "thesis.txt").write_text("mine")
    run(lines, tmp_path / "out", f"work_dir={scratch}")
    assert [path.name for path in scratch.iterdir()] == ["thesis.txt"]
    assert (tmp_path / "out" / "manifest.json").exists()


def test_two_runs_share_a_work_folder(lines: str, tmp_path: Path) -> None:
    one, two = (
        workspace(lines, tmp_path / name, f"work_dir={tmp_path}/scratch") for name in ("a", "b")
    )
    assert one.work != two.work
    one.open()
    two.open()
    one.close()
    assert storage.list_files(two.work)


def test_what_a_run_killed_at_its_end_left_is_removed(lines: str, tmp_path: Path) -> None:
    run(lines, tmp_path / "out")
    (tmp_path / "out" / ".work").mkdir()
    (tmp_path / "out" / ".work" / "begun.json").write_text("{}")
    assert run(lines, tmp_path / "out").already_done
    assert not (tmp_path / "out" / ".work").exists()


def test_other_fields_of_the_same_files_are_another_input(lines: str, tmp_path: Path) -> None:
    run(lines, tmp_path / "out")
    recipe = flow.recipe([lines], tmp_path / "out", KEEP_ALL)
    (entry,) = recipe.inputs
    other = recipe.model_copy(update={"inputs": (entry.model_copy(update={"id_field": "text"}),)})
    with pytest.raises(UsageError, match="holds a dataset from other input files"):
        run_text(other, engine="serial")


def test_an_unfinished_run_of_another_recipe_is_refused(lines: str, tmp_path: Path) -> None:
    workspace(lines, tmp_path / "out").open()
    with pytest.raises(UsageError, match=r"an unfinished run of another recipe \(seed is 0 there"):
        workspace(lines, tmp_path / "out", "seed=1").open()


def test_a_folder_with_files_of_others_is_refused_and_left(lines: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"files that aren't a dataset's, such as .*notes\.txt"):
        run(lines, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["notes.txt"]


def test_an_output_that_cannot_be_written_is_a_mistake(lines: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"output .*/file/out: can't write to"):
        run(lines, tmp_path / "file" / "out")


def test_a_protocol_that_nobody_knows_is_a_mistake(lines: str, tmp_path: Path) -> None:
    recipe = flow.recipe([lines], tmp_path / "out", KEEP_ALL)
    for other in (
        recipe.model_copy(update={"output": "nowhere://out"}),
        flow.recipe(["nowhere://in"], tmp_path / "out", KEEP_ALL),
    ):
        with pytest.raises(UsageError, match="Protocol not known: nowhere"):
            run_text(other, engine="serial")


def test_a_run_that_keeps_nothing_leaves_nothing(lines: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"none of 41 records is kept \(.*dropped by length"):
        run(lines, tmp_path / "out", "length.minimum_words=100000")
    assert not (tmp_path / "out").exists()


def test_only_files_of_the_last_shape_are_left(lines: str, tmp_path: Path) -> None:
    run(lines, tmp_path / "out")
    stray = tmp_path / "out" / "documents" / "part-000007.parquet"
    stray.write_bytes(b"of an attempt with more pieces")
    assert run(lines, tmp_path / "out", retry_failed=True).manifest == read_manifest(
        str(tmp_path / "out")
    )
    assert not stray.exists()


def test_the_ledger_is_cut_by_its_size(lines: str, tmp_path: Path) -> None:
    run(lines, tmp_path / "out", "exchange.bucket_bytes=2kB")
    ledger = sorted((tmp_path / "out" / "ledger").iterdir())
    # 41 rows of some 200 bytes.
    assert [path.name for path in ledger] == [f"part-{n:05d}.parquet" for n in range(5)]
    ids = [doc_id for path in ledger for doc_id in pq.read_table(path)["doc_id"].to_pylist()]
    assert len(ids) == 41
    assert ids == sorted(ids)


def test_a_run_does_not_go_on_over_a_file_that_changed(lines: str, tmp_path: Path) -> None:
    workspace(lines, tmp_path / "out").open()
    workspace(lines, tmp_path / "out").open()
    content = Path(lines).read_bytes()
    Path(lines).write_bytes(content.replace(b"weirs", b"locks"))
    with pytest.raises(UsageError, match="an unfinished run from other input files"):
        workspace(lines, tmp_path / "out").open()


@pytest.mark.parametrize("engine", ["beam", "dask"])
def test_a_retry_whose_engine_cannot_start_leaves_the_dataset(
    engine: str, lines: str, tmp_path: Path
) -> None:
    run(lines, tmp_path / "out")
    before = times(tmp_path / "out")
    recipe = flow.recipe([lines], tmp_path / "out", KEEP_ALL)
    wrong = {"beam": {"beam_options": ["--runner=Nobody"]}, "dask": {"scheduler": "nowhere"}}
    with pytest.raises(UsageError, match=f"--engine {engine}"):
        run_text(recipe, engine=engine, retry_failed=True, **wrong[engine])  # type: ignore[arg-type]
    assert {path: when for path, when in times(tmp_path / "out").items() if path.is_file()} == {
        path: when for path, when in before.items() if path.is_file()
    }
    assert run(lines, tmp_path / "out").already_done


def test_a_retry_that_ends_in_a_mistake_later_can_be_run_again(lines: str, tmp_path: Path) -> None:
    run(lines, tmp_path / "out")
    mine = workspace(lines, tmp_path / "out")
    mine.open()
    mine.forget_failed()
    mine.discard_unused()
    assert not run(lines, tmp_path / "out").already_done


def test_an_output_of_other_files_names_one_of_them(lines: str, tmp_path: Path) -> None:
    run(lines, tmp_path / "out")
    (tmp_path / "more.jsonl").write_text('{"text": "more"}')
    with pytest.raises(UsageError, match=rf"files \({tmp_path}/more.jsonl was not read there\);"):
        run_text(flow.recipe([lines, str(tmp_path / "more.jsonl")], tmp_path / "out", KEEP_ALL))
    with pytest.raises(UsageError, match=rf"files \({lines} was read there\); choose"):
        run(str(tmp_path / "more.jsonl"), tmp_path / "out")
    Path(lines).write_text(Path(lines).read_text() + "\n")
    with pytest.raises(UsageError, match=r"files \(their sizes, or how they are read, differ\)"):
        run(lines, tmp_path / "out")


def test_two_runs_are_not_at_work_in_one_output(lines: str, tmp_path: Path) -> None:
    mine = workspace(lines, tmp_path / "out")
    mine.open()
    (tmp_path / "out" / "of-mine.partial").touch()
    with mine.alone():
        with pytest.raises(UsageError, match=r"out: another run is at work there; wait until"):
            run(lines, tmp_path / "out")
        assert not run(lines, tmp_path / "another").already_done
        (tmp_path / "out" / "written-now.partial").touch()
    assert not run(lines, tmp_path / "out").already_done
    assert not list((tmp_path / "out").rglob("*.partial"))


def test_an_output_within_the_input_folder_is_no_input(lines: str, tmp_path: Path) -> None:
    output = tmp_path / "out"
    recipe = flow.recipe([str(tmp_path)], output, KEEP_ALL)
    mine = Workspace(recipe, list_inputs(recipe.inputs, outside=str(output)))
    mine.open()
    storage.write_bytes(storage.join(mine.work, "curate-01", "0.curated"), b"begun")
    assert run_text(recipe, engine="serial").manifest.counts.records == 41
    assert run_text(recipe, engine="serial").already_done
