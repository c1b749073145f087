"""A language model from a URL: its hash is told, and then held to."""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.errors import UsageError
from penstock.manifest import read_manifest
from pipelines.extras import MissingExtraError
from tests.pipelines import flow
from tests.pipelines.web import serving
from transforms.page.forest import judge_digest

SHIPPED = Path(__file__).parents[3] / "transforms" / "models" / "langid.ftz"
DIGEST = hashlib.sha256(SHIPPED.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A web server that has the shipped model."""
    with serving(SHIPPED.parent) as url:
        yield url


@pytest.fixture
def lines(tmp_path: Path) -> str:
    text = "The mill by the river turns its wheels, and the miller counts the sacks of flour. "
    (tmp_path / "in.jsonl").write_text(json.dumps({"text": text * 5}) + "\n")
    return str(tmp_path / "in.jsonl")


def test_an_engine_that_is_not_installed_is_told_before_any_work(
    lines: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'penstock\[trafilatura\]'"):
        flow.run([lines], tmp_path / "out", "extract.engine=trafilatura")
    assert not (tmp_path / "out").exists()


def test_the_classifier_of_main_text_is_in_the_manifest(lines: str, tmp_path: Path) -> None:
    flow.run([lines], tmp_path / "out")
    told = read_manifest(str(tmp_path / "out"))
    assert told.artefacts["main_text"] == judge_digest()


def test_a_model_is_fetched_and_its_hash_told(server: str, lines: str, tmp_path: Path) -> None:
    url = f"{server}/{SHIPPED.name}"
    summary, _ = flow.run([lines], tmp_path / "out", f"language.model={url}")
    [told] = [notice for notice in summary.run["notices"] if "language.model" in notice]
    assert f"fetched {url}, sha256:{DIGEST}" in told
    assert f"write language.model_hash: sha256:{DIGEST} into the recipe" in told
    told_hash = f"language.model_hash=sha256:{DIGEST}"
    again, _ = flow.run([lines], tmp_path / "again", f"language.model={url}", told_hash)
    assert again.run["notices"] == []
    manifests = [read_manifest(str(tmp_path / name)) for name in ("out", "again")]
    assert manifests[0].artefacts == manifests[1].artefacts


def test_another_file_than_the_hash_names_is_refused(
    server: str, lines: str, tmp_path: Path
) -> None:
    for model in (f"{server}/{SHIPPED.name}", str(SHIPPED)):
        wrong = "sha256:" + "0" * 64
        overrides = f"language.model={model}", f"language.model_hash={wrong}"
        with pytest.raises(UsageError, match=f"is sha256:{DIGEST}, but language.model_hash says"):
            flow.run([lines], tmp_path / "out", *overrides)
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there_is_told(server: str, lines: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"model file http.*/none\.ftz: can't be read"):
        flow.run([lines], tmp_path / "out", f"language.model={server}/none.ftz")
    with pytest.raises(UsageError, match="isn't a fastText model"):
        flow.run([lines], tmp_path / "out", f"language.model={server}/langid.md")


def test_thresholds_of_languages_are_read_from_a_recipe(lines: str, tmp_path: Path) -> None:
    summary, _ = flow.run([lines], tmp_path / "kept", "language.minimum_scores={en: 0.5}")
    assert summary.manifest.counts.kept == 1
    with pytest.raises(UsageError, match="minimum_scores"):
        flow.recipe([lines], tmp_path / "odd", "language.minimum_scores={en: 5}")


@pytest.mark.parametrize("named", ["language.keep=[en, eng]", "language.minimum_scores={eng: 0.9}"])
def test_a_language_that_the_model_does_not_know_is_told(
    named: str, lines: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"language.*: the language model knows no 'eng', .* en"):
        flow.run([lines], tmp_path / "out", named)
    assert not (tmp_path / "out").exists()


def test_undetermined_is_a_language_that_a_recipe_may_name(lines: str, tmp_path: Path) -> None:
    summary, _ = flow.run([lines], tmp_path / "out", "language.keep=[en, und]")
    assert summary.manifest.counts.kept == 1
