"""The deployment files are well-formed, and each command in them is one that the program takes."""

import re
import shlex
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
