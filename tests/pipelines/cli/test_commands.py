import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from pipelines.cli import main
from tests.pipelines.made_output import Page, doc_id, some_pages, write_output


class Done(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def penstock(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Runs the command in this process."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["penstock", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        return Done(int(left.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_output(tmp_path_factory.mktemp("out"), some_pages(200))


def test_alone_it_shows_its_commands(penstock) -> None:  # type: ignore[no-untyped-def]
    done = penstock()
    assert done.status == 0
    for command in ("sample", "run", "report", "explain", "whatif", "clusters", "verify", "train",
                    "recipe", "doctor"):  # fmt: skip
        assert command in done.out
    assert penstock("--help").out == done.out


@pytest.mark.parametrize("width", ["60", "80"])
def test_help_is_whole_at_any_width(  # type: ignore[no-untyped-def]
    penstock, monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    for arguments in ((), ("run",), ("sample",), ("train",), ("train", "tokenizer"), ("recipe",)):
        text = penstock(*arguments, "--help").out
        assert max(map(len, text.splitlines())) <= int(width)
        assert "…" not in text
        assert "<bool>" not in text
        if width == "80":
            assert not re.search(r"[a-z,]\.\.\.$", text, re.MULTILINE)


def test_version(penstock) -> None:  # type: ignore[no-untyped-def]
    done = penstock("--version")
    assert done.status == 0
    assert done.out.startswith("penstock ")


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("run",), ("run", "quickstart", "--engine", "spark"), ("run", "--workers", "0"),
     ("explain", "OUT")],
)  # fmt: skip
def test_wrong_usage_is_status_2(penstock, arguments: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    done = penstock(*arguments)
    assert done.status == 2
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "quikstart"), "did you mean 'quickstart'?"),
        (("run", "quickstart"), "nothing to read; give --input"),
        (("run", "quickstart", "--input", "x"), "nowhere to write; give --output"),
        (("run", "quickstart", "--memory", "lots"), "--memory is 'lots': a size is a number with"),
        (("run", "quickstart", "--input", "a", "b"), "a glob needs quotes"),
        (("run", "quickstart", "--engine", "serial", "--scheduler", "x"), "--scheduler is for"),
        (("run", "quickstart", "--set", "sede=1"), "unknown key 'sede'; did you mean 'seed'?"),
        (("recipe", "show", "absent.yaml"), "recipe file absent.yaml can't be read"),
        (("report", "nowhere"), "no run output at nowhere"),
        (("explain", "nowhere", "abcd"), "no run output at nowhere"),
        (("clusters", "nowhere"), "no run output at nowhere"),
        (("verify", "nowhere"), "no dataset at nowhere"),
        (("train", "language", "absent.jsonl", "--output", "x"), "absent.jsonl: there is no such"),
    ],
)
def test_a_mistake_is_one_message_and_status_2(  # type: ignore[no-untyped-def]
    penstock, arguments: tuple[str, ...], message: str
) -> None:
    done = penstock(*arguments)
    assert done.status == 2
    assert done.out == ""
    assert message in done.err
    assert done.err.startswith("penstock: error: ")
    assert len(done.err.splitlines()) == 1


def test_with_json_logs_a_mistake_is_an_object_on_a_line(penstock) -> None:  # type: ignore[no-untyped-def]
    done = penstock("run", "quikstart", "--log-json")
    assert done.status == 2
    said = json.loads(done.err)
    assert said["event"] == "error"
    assert "did you mean 'quickstart'?" in said["message"]


def test_any_other_error_is_status_1_and_debug_shows_where(  # type: ignore[no-untyped-def]
    penstock, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> str:
        raise RuntimeError("out of luck")

    monkeypatch.setattr("pipelines.report.write_report", fail)
    done = penstock("report", out)
    assert done.status == 1
    assert done.err == (
        "penstock: error: RuntimeError: out of luck (run again with --debug to see where)\n"
    )
    done = penstock("report", out, "--debug")
    assert done.status == 1
    assert "Traceback" in done.err
    assert done.err.endswith("penstock: error: RuntimeError: out of luck\n")


def test_an_interruption_is_status_130(  # type: ignore[no-untyped-def]
    penstock, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipelines.report.write_report", interrupt)
    assert penstock("report", out) == (130, "", "penstock: interrupted\n")


def test_sample_says_what_it_wrote_and_what_comes_next(penstock, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = penstock("sample", str(tmp_path / "s"))
    assert done.status == 0
    assert f"penstock run quickstart --input '{tmp_path}/s/*.warc.gz'" in done.out
    assert list((tmp_path / "s").glob("*.warc.gz"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    assert penstock("sample", str(tmp_path / "other")).status == 2


def test_report_says_where_it_is(penstock, out: str) -> None:  # type: ignore[no-untyped-def]
    done = penstock("report", out)
    assert done == (0, f"{out}/report.html\n", "")
    assert Path(out, "report.html").read_text().startswith("<!DOCTYPE html>")


def test_explain_tells_the_story_or_gives_json(penstock, out: str) -> None:  # type: ignore[no-untyped-def]
    dropped = next(page for page in some_pages(200) if page.rule == "near_duplicate")
    done = penstock("explain", out, str(dropped.url))
    assert done.status == 0
    assert "DROPPED" in done.out
    assert "dedup: near_duplicate, it has 9 of 14 bands, allowed is at most 0 bands" in done.out
    assert doc_id(dropped.twin or 0).hex() in done.out
    [plain] = json.loads(penstock("explain", out, str(dropped.url), "--json").out)
    assert plain["twin"]["verdict"] == "kept"


def test_a_url_can_not_move_the_cursor(penstock, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    pages = [Page(number=1, url="http://x/\x1b[2J\u202eevil", words=100, cluster_size=2)]
    out = write_output(tmp_path, pages)
    for arguments in (("explain", out, doc_id(1).hex()), ("clusters", out)):
        done = penstock(*arguments)
        assert "\x1b[2J" not in done.out
        assert "\u202e" not in done.out
        assert "<U+001B>[2J<U+202E>evil" in done.out


def test_clusters_are_a_table_or_json(penstock, out: str) -> None:  # type: ignore[no-untyped-def]
    done = penstock("clusters", out, "--top", "1")
    assert "near_duplicate" in done.out
    [cluster] = json.loads(penstock("clusters", out, "--top", "1", "--json").out)
    assert cluster["size"] == 1 + sum(cluster["rules"].values())


def test_whatif_says_what_would_change(penstock, out: str) -> None:  # type: ignore[no-untyped-def]
    done = penstock("whatif", out, "--set", "length.minimum_words=1")
    assert done.status == 0
    assert "fail minimum_words" in done.out
    assert "kept documents would go" in done.out
    found = json.loads(penstock("whatif", out, "--set", "length.minimum_words=1", "--json").out)
    assert found["after"]["passing"] > found["before"]["passing"]
    assert penstock("whatif", out, "--set", "dedup.exact=no").status == 2


def test_recipes_are_listed_shown_and_described(penstock) -> None:  # type: ignore[no-untyped-def]
    assert "quickstart  " in penstock("recipe", "list").out
    assert "kind: text" in penstock("recipe", "show", "quickstart").out
    schema = json.loads(penstock("recipe", "schema").out)
    assert schema["properties"]["seed"]["default"] == 0
    sections = [schema, *schema["$defs"].values()]
    options = [option for section in sections for option in section.get("properties", {}).items()]
    # An option that is a section of its own is described there.
    unsaid = [name for name, option in options if not {"description", "$ref"} & option.keys()]
    assert unsaid == []


def test_doctor_looks_at_the_machine(penstock) -> None:  # type: ignore[no-untyped-def]
    done = penstock("doctor")
    assert "extra [text]" in done.out
    assert "cores" in done.out
