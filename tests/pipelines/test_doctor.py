from importlib import metadata

import pytest

from pipelines import doctor
from pipelines.doctor import Finding, examine


def about(subject: str, findings: list[Finding]) -> Finding:
    return next(finding for finding in findings if finding.subject == subject)


def with_packages(monkeypatch: pytest.MonkeyPatch, **versions: str | None) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name not in versions:
            return real(name)
        if versions[name] is None:
            raise metadata.PackageNotFoundError(name)
        return str(versions[name])

    monkeypatch.setattr(doctor.metadata, "version", version)


def test_this_environment_can_run() -> None:
    findings = examine()
    assert not [f for f in findings if f.level == "problem"]
    assert about("pyarrow", findings).message == metadata.version("pyarrow")
    assert about("cores", findings).message.endswith("for this process")


def test_a_missing_extra_comes_with_its_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        doctor, "missing_modules", lambda extra: ["no_such_module"] if extra == "dask" else []
    )
    finding = about("extra [dask]", examine())
    assert finding.level == "notice"
    assert finding.message == (
        "without no_such_module; bring it with: pip install 'penstock[dask]'"
    )


def test_the_overwriting_package_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    with_packages(monkeypatch, **{"fasttext-predict": "0.9.2", "fasttext": "0.9.3"})
    finding = about("fasttext", examine())
    assert finding.level == "problem"
    assert "pip uninstall fasttext-predict" in finding.message


def test_two_packages_with_one_module_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    with_packages(monkeypatch, **{"fasttext-numpy2": "0.10.4", "fasttext": "0.9.3"})
    assert about("fasttext", examine()).message.startswith("fasttext and fasttext-numpy2 write")


def test_storage_is_tried_and_left_clean(tmp_path: object) -> None:
    finding = about("storage", examine(storage_url=str(tmp_path)))
    assert finding.level == "fine"
    assert not list(tmp_path.iterdir())  # type: ignore[attr-defined]


def test_storage_that_can_not_be_written_is_a_problem() -> None:
    finding = about("storage", examine(storage_url="/proc/nowhere"))
    assert finding.message == "/proc/nowhere: No such file or directory"
    assert finding.level == "problem"
    assert "/proc/nowhere" in finding.message
