"""The shipped recipes with heuristics, from the sample crawl to ledger, signals and questions."""

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from penstock.errors import UsageError
from pipelines.explain import explain
from pipelines.recipe import load_recipe
from pipelines.run import run_text
from pipelines.sample import write_sample
from pipelines.whatif import what_if
from transforms.heuristics.columns import REFINED_LINES, REMOVED_LINES
from transforms.heuristics.dialects import Dialect, bounds_of


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return list(write_sample(str(tmp_path_factory.mktemp("crawl") / "sample")).warc_files)


@pytest.fixture(scope="module")
def fineweb(crawl: list[str], tmp_path_factory: pytest.TempPathFactory) -> str:
    out = str(tmp_path_factory.mktemp("fineweb") / "out")
    run_text(load_recipe("fineweb", inputs=crawl, output=out, overrides=()), engine="serial")
    return out


def table(out: str, name: str) -> ds.Dataset:
    return ds.dataset(f"{out}/{name}", format="parquet")


def test_fineweb_drops_by_its_dialects_and_says_why(fineweb: str) -> None:
    dropped = table(fineweb, "ledger").to_table(filter=pc.field("verdict") == "dropped")
    stages = set(dropped["stage"].to_pylist())
    assert {"language", "gopher@datatrove", "dedup"} <= stages
    heuristics = dropped.filter(pc.match_substring(dropped["stage"], "@")).to_pylist()
    ratios = [row for row in heuristics if row["rule"].startswith(("top_", "duplicate_"))]
    assert ratios
    for row in ratios:
        ratio, terms = row["value"].rstrip(")").split(" (")
        count, over = map(int, terms.split(" of "))
        assert float(ratio) == pytest.approx(count / over, abs=1e-4)
        assert count / over > float(row["threshold"].removeprefix("at most "))


def test_signals_hold_every_count_and_documents_what_the_lines_left(fineweb: str) -> None:
    signals, documents = (
        table(fineweb, "signals").to_table(),
        table(fineweb, "documents").to_table(),
    )
    assert set(REMOVED_LINES) <= set(signals.schema.names)
    columns = ["doc_id", "lines_kept", "kept_full_lines", "failing"]
    texts = documents.select(["doc_id", "text"])
    kept = signals.select(columns).join(texts, "doc_id", join_type="inner").to_pylist()
    assert kept
    for row in kept:
        assert len(row["text"].split("\n")) == row["lines_kept"]
        assert row["failing"] == 0
        assert row["kept_full_lines"] == row["lines_kept"]


def test_another_threshold_is_tried_from_the_signals(fineweb: str) -> None:
    rule = "heuristics.thresholds.gopher@datatrove"
    same = what_if(fineweb, [f"{rule}.minimum_words=50"])
    assert (same.gained, same.lost) == (0, 0)
    off = [
        f"heuristics.thresholds.{dialect.value}.{bound.name}=null"
        for dialect in (Dialect.GOPHER_DATATROVE, Dialect.C4_FINEWEB, Dialect.FINEWEB_CODE)
        for bound in bounds_of(dialect)
    ]
    looser = what_if(fineweb, off)
    assert looser.gained > 0
    assert looser.lost == 0
    none = what_if(fineweb, [f"{rule}.minimum_words=90000"])
    assert none.after.passing == 0
    with pytest.raises(UsageError, match=r"heuristics\.dialects"):
        what_if(fineweb, ["heuristics.dialects=[gopher@datatrove]"])


def test_explain_names_each_failing_rule_with_its_ratio(fineweb: str) -> None:
    wanted = pc.field("stage") == "gopher@datatrove"
    row = table(fineweb, "ledger").to_table(filter=wanted).slice(0, 1).to_pylist()[0]
    told = explain(fineweb, row["doc_id"].hex())[0]
    stages = {rule["stage"] for rule in told.failing}
    assert "gopher@datatrove" in stages
    assert all(" of " in rule["value"] for rule in told.failing if rule["over"])


def test_dclm_takes_lines_out_before_duplicates_are_sought(
    crawl: list[str], tmp_path: Path
) -> None:
    out = str(tmp_path / "out")
    run_text(load_recipe("dclm", inputs=crawl, output=out, overrides=()), engine="serial")
    signals = table(out, "signals").to_table()
    assert set(REFINED_LINES) <= set(signals.schema.names)
    reasons = table(out, "ledger").to_table()["stage"].to_pylist()
    assert {"dclm@code", "dedup"} <= set(reasons)


def test_mistakes_in_the_section_are_told_before_any_work(tmp_path: Path) -> None:
    for override, message in (
        ("heuristics.dialects=[gopher@paper, gopher@google]", "gopher@google"),
        ("heuristics.dialects=[c4@tfds, c4@datatrove]", "both take lines out"),
        ("heuristics.dialects=[gopher@paper, gopher@paper]", "named twice"),
        ("heuristics.thresholds={gopher@paper: {minimum_words: 1}}", "not in dialects"),
        ("heuristics.dialects=[gopher@paper, gopher@datatrove, gopher@dolma]", "can have 64"),
    ):
        with pytest.raises(UsageError, match=message):
            load_recipe("quickstart", inputs=["in"], output=str(tmp_path), overrides=[override])
