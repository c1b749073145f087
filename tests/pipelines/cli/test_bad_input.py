"""What a person gets for bad input: the status, one message that says what to do, nothing left."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pipelines.cli import main
from pipelines.run import RunSummary
from pipelines.sample.write import sample_files
from tests.pipelines.made_output import some_pages, write_output

PAGE = "The valve opens when the water in the upper gallery stands above the old stone mark. "


class Done(NamedTuple):
    status: int
    out: str
    err: str


Penstock = Callable[..., Done]


@pytest.fixture
def penstock(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Penstock:
    """Runs the command in this process, in an empty folder."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("pipelines.cli.running.supervised", lambda work: work())
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["penstock", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        return Done(int(left.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def page(tmp_path: Path) -> str:
    """A file with one document that a run keeps."""
    (tmp_path / "in.jsonl").write_text(json.dumps({"text": PAGE * 5}) + "\n")
    return "in.jsonl"


def serial(recipe: str, *arguments: str) -> tuple[str, ...]:
    return ("run", recipe, "--engine", "serial", *arguments)


def is_one_mistake(done: Done, message: str) -> bool:
    assert message in done.err
    assert done.err.startswith("penstock: error: ")
    assert "Traceback" not in done.err
    return done.status == 2 and done.out == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lenght: {}", "line 2: unknown key 'lenght'; did you mean 'length'?"),
        ("length:\n  minimum_words: many", 'length.minimum_words is "many": it should be a valid'),
        ("length:\n\tminimum_words: 3", "line 3: not valid YAML: found character '\\t'"),
        ("length:\n\tminimum_words: 3", "indent with spaces, not with tabs"),
        ("seed: 1\nseed: 2", "line 3: not valid YAML: key 'seed' is already set on line 2"),
        ("length: 3", "length is 3: it should be a mapping of keys"),
        ("inputs: in.jsonl", 'inputs is "in.jsonl": it should be a list'),
        ("inputs: [in.jsonl]", 'inputs.0 is "in.jsonl": it should be a mapping of keys'),
        ("inputs: [{path: in.jsonl}]", "unknown key 'inputs.0.path'; did you mean 'paths'?"),
        ("inputs: [{format: jsonl, paths: []}, 7]", "inputs.1 is 7: it should be a mapping"),
    ],
)
@pytest.mark.parametrize("given", [(), ("--input", "in.jsonl")])
def test_a_wrong_recipe(
    penstock: Penstock, page: str, tmp_path: Path, text: str, message: str, given: tuple[str, ...]
) -> None:
    (tmp_path / "mine.yaml").write_text(f"kind: text\n{text}\n")
    done = penstock(*serial("mine.yaml", "--output", "out", *given))
    assert is_one_mistake(done, message)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--input", "absent.jsonl"), "no file matches 'absent.jsonl'"),
        (("--input", "*.warc.gz"), "no file matches '*.warc.gz'; in "),
        (("--input", ""), "inputs.input.paths: got an empty path; name a file, a folder or a glob"),
        (("--input", "folder"), "no file matches 'folder'; that folder has no files of data"),
        (("--input", "nope://a/b"), "URL 'nope://a/b': Protocol not known: nope"),
        (("--output", "nope://a/b"), "URL 'nope://a/b': Protocol not known: nope"),
        (("--output", "in.jsonl/out"), "can't write to "),
        (("--output", "/proc/penstock"), "/proc/penstock/.work (No such file or directory); "),
        (("--set", "work_dir=in.jsonl"), "can't write to "),
        (("--set", "language.model=absent.ftz"), "absent.ftz' (No such file or directory); give"),
        (("--set", "language.model=in.jsonl"), "language.model: "),
        (("--set", "language.keep=[en, no]"), "language.keep: the language model knows no 'no'"),
        (("--set", "language.minimum_scores.eng=0.9"), "language.minimum_scores: the language mod"),
        (("--set", f"length.minimum_words={10**19}"), f"length: minimum_words is {10**19}; no co"),
        (("--output", "out-\udcff"), "argument 'out-\\udcff': isn't UTF-8; rename the file"),
        (("--set", "tokenizer.path=absent.model"), "tokenizer.path: can't read "),
        (("--set", "tokenizer.path=in.jsonl"), "tokenizer.path: "),
        (("--set", "tokenizer.kind=bert"), "it should be 'auto', 'sentencepiece', 'huggingface'"),
        (("--memory", "1MB"), "--memory is 1 MB for 1 workers, 1 MB each; a task needs 64 MB"),
    ],
)
def test_a_wrong_argument(
    penstock: Penstock, page: str, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "folder").mkdir()
    given = (*(() if "--input" in arguments else ("--input", page)),
             *(() if "--output" in arguments else ("--output", "out")))  # fmt: skip
    done = penstock(*serial("quickstart", *given, *arguments))
    assert is_one_mistake(done, message)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "in.jsonl"]


def test_an_output_that_is_a_file(penstock: Penstock, page: str, tmp_path: Path) -> None:
    done = penstock(*serial("quickstart", "--input", page, "--output", page))
    assert is_one_mistake(done, f"{page} is a file; choose a folder")
    assert len((tmp_path / page).read_text().splitlines()) == 1


def test_an_output_with_files_of_another_kind(
    penstock: Penstock, page: str, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    done = penstock(*serial("quickstart", "--input", page, "--output", "out"))
    assert is_one_mistake(done, "holds files that aren't a dataset's, such as ")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_a_dry_run_looks_at_the_output(penstock: Penstock, page: str, tmp_path: Path) -> None:
    command = serial("quickstart", "--input", page, "--output", "out")
    assert "\noutput out: new\n" in penstock(*command, "--dry-run").out
    assert not (tmp_path / "out").exists()
    assert penstock(*command).status == 0
    done = penstock(*command, "--dry-run")
    assert "\noutput out: finished before, nothing to do\n" in done.out
    done = penstock(*command, "--set", "seed=1", "--dry-run")
    assert is_one_mistake(done, "holds a dataset of another recipe (seed is 0 there and 1 here)")
    done = penstock(*serial("quickstart", "--input", page, "--output", page), "--dry-run")
    assert is_one_mistake(done, f"{page} is a file; choose a folder")


def test_a_work_dir_may_hold_what_is_not_the_runs(
    penstock: Penstock, page: str, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "thesis.txt").write_text("mine")
    done = penstock(
        *serial("quickstart", "--input", page, "--output", "out", "--set", "work_dir=work")
    )
    assert done.status == 0, done.err
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["thesis.txt"]


def test_the_output_as_work_dir_loses_nothing(
    penstock: Penstock, page: str, tmp_path: Path
) -> None:
    command = serial("quickstart", "--input", page, "--output", "out", "--set", "work_dir=out")
    done = penstock(*command)
    assert done.status == 0, done.err
    assert penstock("verify", "out").out.endswith("verified\n")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the inputs hold no records; nothing was written"),
        (b"\n\n", "the inputs hold no records; nothing was written"),
        (
            b'{"text": 3}\n{"text"\nxx\n{"txt": "a"}\n',
            "none of 4 records is kept (2 failed by read/json, 2 failed by read/text_field)",
        ),
        (
            b'{"txt": "a"}\n',
            "/in.jsonl at 0: text_field: no field 'text'; there are 'txt'\nsee that",
        ),
        (
            b'{"text": "Too short."}\n',
            "/in.jsonl at 0: minimum_characters, it has 10, allowed is at least 150\nloosen",
        ),
        (
            b'{"text": "This text is too short."}\n',
            "none of 1 records is kept (1 dropped by length/minimum_char",
        ),
    ],
)
def test_inputs_with_nothing_to_keep(
    penstock: Penstock, tmp_path: Path, data: bytes, message: str
) -> None:
    (tmp_path / "in.jsonl").write_bytes(data)
    done = penstock(*serial("quickstart", "--input", "in.jsonl", "--output", "out"))
    assert done.status == 1
    assert message in done.err
    assert "nothing was written" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_crawl_without_pages_says_what_it_has(penstock: Penstock, tmp_path: Path) -> None:
    record = b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n"
    (tmp_path / "a.warc").write_bytes(record * 2)
    done = penstock(*serial("quickstart", "--input", "a.warc", "--output", "out"))
    assert "the inputs hold no records, only 2 warcinfo; nothing was written" in done.err


@pytest.mark.parametrize("name", ["a.warc.gz", "a.arc", "a.parquet", "a.jsonl.zst", "a.wet.gz"])
def test_noise_with_the_name_of_a_format(penstock: Penstock, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(bytes(range(128, 256)) * 3)
    done = penstock(*serial("quickstart", "--input", name, "--output", "out"))
    assert done.status == 1
    assert "none of " in done.err
    assert "failed by read/" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--engine", "dask", "--scheduler", "nowhere"), "no scheduler answers at 'nowhere'"),
        (("--engine", "beam", "--", "--runner=Nonsense"), "Unexpected pipeline runner: Nonsense"),
        (
            ("--engine", "beam", "--", "--direct_num_wokers=2"),
            "Beam has no option --direct_num_wokers; did you mean 'direct_num_workers'?",
        ),
    ],
)
def test_an_engine_that_can_not_begin_leaves_nothing(
    penstock: Penstock, page: str, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    pytest.importorskip("distributed" if "dask" in arguments else "apache_beam")
    done = penstock("run", "quickstart", "--input", page, "--output", "out", *arguments)
    assert is_one_mistake(done, message)
    assert not (tmp_path / "out").exists()


def test_an_engine_that_can_not_begin_keeps_what_was_done(
    penstock: Penstock, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    command = ("--input", page, "--output", "out")

    def stop(*_: object) -> RunSummary:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.text.finish.finish_piece", stop)
        assert penstock(*serial("quickstart", *command)).status == 130
    before = sorted((tmp_path / "out" / ".work").rglob("*.done.json"))
    assert before
    penstock("run", "quickstart", *command, "--engine", "dask", "--scheduler", "nowhere")
    assert sorted((tmp_path / "out" / ".work").rglob("*.done.json")) == before
    assert penstock(*serial("quickstart", *command)).status == 0


def test_sample_needs_a_folder(penstock: Penstock) -> None:
    assert is_one_mistake(penstock("sample", ""), "sample: DIR is empty; name the folder to write")


def test_usage_is_the_commands(penstock: Penstock) -> None:
    assert "Usage: penstock run" in penstock("run", "--help").out


@pytest.mark.parametrize("command", ["report", "explain", "clusters", "whatif"])
def test_a_damaged_table(penstock: Penstock, tmp_path: Path, command: str) -> None:
    out = Path(write_output(tmp_path / "out", some_pages(20)))
    for path in (out / "ledger").iterdir():
        path.write_bytes(path.read_bytes()[:200])
    rest = {"explain": ("abcd",), "whatif": ("--set", "length.minimum_words=1")}
    done = penstock(command, str(out), *rest.get(command, ()))
    assert done.status == 1
    assert done.err.startswith(f"penstock: error: {out}/ledger is damaged (")
    assert done.err.endswith("); restore it or run again\n")


def test_what_if_needs_the_signals(penstock: Penstock, tmp_path: Path) -> None:
    out = write_output(tmp_path / "out", some_pages(20))
    shutil.rmtree(Path(out, "signals"))
    done = penstock("whatif", out, "--set", "length.minimum_words=1")
    assert is_one_mistake(done, "it has no signals/*.parquet")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte, where this process may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small disk can't be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_and_the_run_after_it(
    penstock: Penstock, small_disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.warc.gz").write_bytes(next(iter(sample_files(seed=0).values())))
    command = serial("quickstart", "--input", "a.warc.gz", "--output", str(small_disk / "out"))
    done = penstock(*command)
    assert done.status == 1
    assert "no space left on the disk" in done.err
    assert "Traceback" not in done.err
    assert not (small_disk / "out" / "manifest.json").exists()
    assert not list(small_disk.rglob("*.partial"))
    larger = ["mount", "-o", "remount,size=64m", str(small_disk)]
    subprocess.run(larger, check=True, capture_output=True)
    assert penstock(*command).status == 0
    assert penstock("verify", str(small_disk / "out")).status == 0


def test_a_sample_on_a_full_disk(penstock: Penstock, small_disk: Path) -> None:
    done = penstock("sample", str(small_disk / "crawl"))
    assert done == (1, "", "penstock: error: no space left on the disk; free some and run again\n")
    assert not any(path.is_file() for path in small_disk.rglob("*"))


def test_s3_without_credentials_says_where_to_put_them(tmp_path: Path) -> None:
    pytest.importorskip("s3fs")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    # A process of its own, since file systems that have no credentials are kept for the next URL.
    program = "import sys, pipelines.cli; sys.exit(pipelines.cli.main())"
    command = serial("quickstart", "--input", "s3://bucket/*.warc.gz", "--output", "out")
    done = subprocess.run(
        [sys.executable, "-c", program, *command],
        env=kept | {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("penstock: error: no credentials for S3; set AWS_ACCESS_KEY_ID")


@pytest.mark.parametrize("place", ["in.jsonl/new", "/proc/penstock"])
def test_a_sample_that_can_not_be_written_is_a_mistake(
    penstock: Penstock, page: str, place: str
) -> None:
    done = penstock("sample", place)
    assert is_one_mistake(done, f"sample: {place}: can't write there (N")
    assert "choose another place" in done.err


def test_a_sample_is_not_written_over_a_file(penstock: Penstock, page: str, tmp_path: Path) -> None:
    before = (tmp_path / page).read_bytes()
    assert is_one_mistake(penstock("sample", page), f"sample: {page} is a file, and was left")
    assert (tmp_path / page).read_bytes() == before


def test_a_model_that_can_not_be_written_is_a_mistake(penstock: Penstock, tmp_path: Path) -> None:
    # Words of many letters, so that there is something to learn.
    text = " ".join(chr(97 + n % 26) * (n % 5 + 1) + chr(97 + n // 26) for n in range(676))
    (tmp_path / "in.jsonl").write_text(json.dumps({"text": text}) + "\n")
    command = ("train", "tokenizer", "in.jsonl", "--vocabulary-size", "300", "--output")
    assert penstock(*command, "t.model").status == 0
    done = penstock(*command, "/proc/t.model")
    assert is_one_mistake(done, "--output /proc/t.model: can't write there (No such file")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.yaml", "recipe file absent.yaml can't be read: No such file or directory; give"),
        ("folder", "recipe file folder can't be read: Is a directory; give a file, or the name of"),
        ("words.yaml", "a recipe is a mapping of keys, such as 'kind: text'; got text"),
    ],
)
def test_a_recipe_that_is_none(penstock: Penstock, tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "words.yaml").write_text("only words\n")
    done = penstock("run", name)
    assert is_one_mistake(done, message)
    assert "Errno" not in done.err


def test_a_file_name_that_is_no_text(penstock: Penstock, tmp_path: Path) -> None:
    name = tmp_path / "caf\udce9.jsonl"
    try:
        name.write_text(json.dumps({"text": PAGE * 5}) + "\n")
    except OSError:
        pytest.skip("this file system has names of letters only")
    done = penstock(*serial("quickstart", "--input", "*.jsonl", "--output", "out"))
    assert is_one_mistake(done, "caf\\udce9.jsonl' isn't UTF-8, so the ledger couldn't hold it")
    assert not (tmp_path / "out").exists()
