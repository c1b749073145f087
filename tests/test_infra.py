"""The deployment files are well-formed, and each command in them is one that the program takes."""

import contextlib
import itertools
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from pipelines.cli import app
from pipelines.recipe.model import TextRecipe

INFRA = Path(__file__).parents[1] / "infra"
MANIFESTS = sorted(INFRA.glob("kubernetes/*.yaml"))
CONTINUED = re.compile(r"\\\n\s*")


def documents() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        if path.name != "recipe.yaml":
            yield from yaml.safe_load_all(path.read_text())


def penstock_commands() -> Iterator[list[str]]:
    """The arguments of every `penstock` command in the folder's documentation and manifests."""
    for path in (INFRA / "README.md", INFRA / "kubernetes" / "run.yaml"):
        for line in CONTINUED.sub(" ", path.read_text()).splitlines():
            found = re.match(
                r"\s*(?:exec |[A-Z_]+=\S+\s+|podman run .*?)*penstock(?:\S*) (\w+ .*)", line
            )
            if found and "podman build" not in line:
                yield shlex.split(found.group(1))


def containers(document: dict[str, Any]) -> list[dict[str, Any]]:
    spec = document.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    found: list[dict[str, Any]] = spec.get("template", {}).get("spec", {}).get("containers", [])
    return found


def test_every_manifest_says_what_it_is() -> None:
    found = list(documents())
    assert {document["kind"] for document in found} >= {"Deployment", "Service", "CronJob"}
    assert all(document["apiVersion"] for document in found)


def test_the_kustomization_lists_every_manifest() -> None:
    listed = yaml.safe_load((INFRA / "kubernetes" / "kustomization.yaml").read_text())
    files = set(listed["resources"]) | set(listed["configMapGenerator"][0]["files"])
    assert files == {path.name for path in MANIFESTS} - {"kustomization.yaml"}


def test_all_containers_run_the_one_image_with_a_memory_limit() -> None:
    found = [container for document in documents() for container in containers(document)]
    assert len(found) == 3
    assert {container["image"] for container in found} == {"penstock"}
    assert all(container["resources"]["limits"]["memory"] for container in found)


def test_selectors_match_the_labels_of_their_pods() -> None:
    for document in documents():
        if document["kind"] == "Deployment":
            spec = document["spec"]
            assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]


def test_the_scheduled_recipe_is_a_recipe() -> None:
    text = yaml.safe_load((INFRA / "kubernetes" / "recipe.yaml").read_text())
    assert TextRecipe.model_validate(text).kind == "text"


@pytest.mark.parametrize("arguments", list(penstock_commands()), ids=" ".join)
def test_every_command_is_one_that_the_program_takes(arguments: list[str]) -> None:
    command = typer.main.get_command(app).commands[arguments[0]]  # type: ignore[attr-defined]
    context = command.make_context(arguments[0], arguments[1:])
    assert context.params


def test_the_commands_are_found() -> None:
    assert [arguments[0] for arguments in penstock_commands()].count("run") == 4


@contextlib.contextmanager
def process(command: list[str], says: str) -> Iterator[None]:
    """A process of the cluster, from the line in which it says that it's ready to its end."""
    program = Path(sys.executable).with_name(command[0])
    # The image has the program installed; a checkout needn't.
    environment = os.environ | {"PYTHONPATH": str(INFRA.parent)}
    started = subprocess.Popen(
        [program, *command[1:]],
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert started.stderr is not None
        lines = iter(started.stderr.readline, "")
        seen = list(itertools.takewhile(lambda line: says not in line, lines))
        assert started.poll() is None, "".join(seen)
        threading.Thread(target=started.stderr.read, daemon=True).start()
        yield
    finally:
        started.terminate()
        started.wait()


def dask_commands(address: str, scratch: Path) -> list[list[str]]:
    """The commands of the manifests' scheduler and worker, for two workers on this machine."""
    here = {"0.0.0.0": "127.0.0.1", "8786": address.rpartition(":")[2], "4": "2"}
    here |= {"tcp://dask-scheduler:8786": address, "/scratch": str(scratch)}
    found = [container for document in documents() for container in containers(document)]
    commands = [container["command"] for container in found if container["command"][0] == "dask"]
    return [[here.get(word, word) for word in command] for command in commands]


def test_a_run_uses_the_cluster_that_the_manifests_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    scheduler, worker = dask_commands(address, tmp_path / "scratch")
    texts = [" ".join(f"word{(n * k) % 97}" for k in range(1, 80)) for n in range(40)]
    lines = [json.dumps({"id": str(n), "text": text}) for n, text in enumerate(texts)]
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines[name == "b" :: 2]))
    run = ["run", "quickstart", "--input", str(tmp_path / "*.jsonl"), "--workers", "2"]
    run += ["--output", str(tmp_path / "out"), "--set", "language.minimum_score=0"]
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", *run]
    with process(scheduler, "Scheduler at"), process(worker, "Starting established connection"):
        environment = os.environ | {"DASK_SCHEDULER_ADDRESS": address}
        done = subprocess.run(
            command, env=environment, cwd=INFRA.parent, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    executors = json.loads((tmp_path / "out" / "run.json").read_text())["executors"]
    assert executors
    assert all(name.startswith("worker tcp://127.0.0.1:") for name in executors)
