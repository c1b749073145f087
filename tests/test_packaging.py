"""What the wheel holds, and that the base install alone is enough for a trainer.

A fresh environment gets the base install without any extra; what runs there stands in a folder
with modules of its own named like ours, as a training script's folder may have.
"""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("penstock", "schemas", "transforms", "pipelines")
EXTRAS = ("apache_beam", "dask", "distributed", "torch", "fasttext", "s3fs", "sentencepiece")

pytestmark = pytest.mark.timeout(600)


def run(
    command: Sequence[str | Path], *, cwd: Path = ROOT, expect: int = 0
) -> subprocess.CompletedProcess[str]:
    """The finished process; whatever it printed is shown where its status isn't the expected."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    result = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == expect, f"{command}\n{result.stdout}\n{result.stderr}"
    return result


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    run([*build, str(ROOT)])
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def base_install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment with the base install alone."""
    environment = tmp_path_factory.mktemp("base") / "venv"
    run([sys.executable, "-m", "venv", str(environment)])
    commands = environment / "bin"
    pip: list[str | Path] = [
        commands / "python",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "-qq",
    ]
    run([*pip, "-c", ROOT / "constraints.txt", wheel])
    return commands


@pytest.fixture
def crowded_folder(tmp_path: Path) -> Path:
    """A folder whose own modules are named like our packages, and refuse to be imported."""
    folder = tmp_path / "training"
    folder.mkdir()
    for name in ("schemas", "transforms", "pipelines"):
        (folder / f"{name}.py").write_text(f"raise RuntimeError('the trainer’s own {name}.py')\n")
    return folder


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset, made in the full environment."""
    folder = tmp_path_factory.mktemp("dataset")
    penstock = [
        sys.executable,
        "-c",
        "import sys; from pipelines.cli import main; sys.exit(main())",
    ]
    run([*penstock, "sample", str(folder / "crawl")])
    source = ["--input", str(folder / "crawl" / "*.warc.gz"), "--output", str(folder / "out")]
    run([*penstock, "run", "quickstart", *source, "--engine", "serial"])
    return folder / "out"


def test_the_wheel_holds_the_packages_whole_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        (metadata,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        licences = [n for n in archive.namelist() if "/licenses/LICENSE" in n]
        description = archive.read(metadata).decode()
    here = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == here
    assert licences
    assert "License-Expression: Apache-2.0" in description


@pytest.mark.parametrize(
    "pattern",
    [
        "pipelines/recipes/*.yaml",
        "pipelines/sample/texts/en/*.txt",
        "pipelines/sample/templates/*.html",
        "transforms/models/langid.*",
        "transforms/models/*.model",
        "penstock/py.typed",
    ],
)
def test_the_wheel_holds_what_a_run_reads(wheel: Path, pattern: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert any(Path(name).match(pattern) for name in archive.namelist())


def test_the_base_install_has_no_extra(base_install: Path) -> None:
    find = "import importlib.util as u; print([n for n in {!r} if u.find_spec(n)])"
    result = run([base_install / "python", "-c", find.format(EXTRAS)])
    assert result.stdout == "[]\n"


def test_the_loader_reads_beside_modules_named_like_ours(
    base_install: Path, crowded_folder: Path, dataset: Path
) -> None:
    code = f"""
from penstock import TokenLoader
import json, sys
loader = TokenLoader({str(dataset)!r}, sequence_length=256, global_batch_size=2, seed=0)
batch = next(iter(loader))
ours = [n for n in sys.modules if n.split(".")[0] in ("schemas", "transforms", "pipelines")]
heavy = [n for n in {(*EXTRAS, "polars", "pydantic")!r} if n in sys.modules]
print(json.dumps([list(batch["input_ids"].shape), ours, heavy]))
"""
    (crowded_folder / "train.py").write_text(code)
    for command in (["-c", code], ["train.py"]):
        result = run([base_install / "python", *command], cwd=crowded_folder)
        assert json.loads(result.stdout) == [[2, 256], [], []]


def test_verify_and_report_work_in_the_base_install(
    base_install: Path, crowded_folder: Path, dataset: Path
) -> None:
    report = dataset / "report.html"
    report.unlink()
    run([base_install / "penstock", "verify", str(dataset)], cwd=crowded_folder)
    run([base_install / "penstock", "report", str(dataset)], cwd=crowded_folder)
    assert report.stat().st_size > 0


def test_a_run_names_the_pip_line_that_brings_its_extra(
    base_install: Path, crowded_folder: Path, tmp_path: Path
) -> None:
    pages = tmp_path / "pages.jsonl"
    pages.write_text('{"text": "one page", "url": "https://example.org/"}\n')
    arguments = ["--input", str(pages), "--output", str(tmp_path / "out"), "--engine", "serial"]
    command: list[str | Path] = [base_install / "penstock", "run", "quickstart", *arguments]
    result = run(command, cwd=crowded_folder, expect=1)
    assert "pip install 'penstock[text]'" in result.stderr
    assert "Traceback" not in result.stderr
