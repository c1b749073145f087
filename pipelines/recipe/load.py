"""A recipe's name or file, the inputs and the `--set` arguments to one checked `TextRecipe`.

Later wins: the file, then `--input` and `--output`, then each `--set` in order.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from pydantic import ValidationError

from penstock.errors import UsageError
from penstock.storage import exists, read_bytes
from pipelines.recipe.messages import describe_errors, did_you_mean, key_name
from pipelines.recipe.model import TextRecipe
from pipelines.recipe.yaml_text import KeyPath, ParsedYaml, parse_scalar, parse_yaml
from pipelines.system_errors import reason
from pipelines.visible import is_text

_KINDS = ("text",)
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeText:
    """A recipe as it was written."""

    origin: str
    text: str

    @property
    def summary(self) -> str:
        """The first sentence of the comment that opens the recipe, without its sources."""
        lines = []
        for line in self.text.splitlines():
            if not line.startswith("#"):
                break
            lines.append(line.removeprefix("#").strip())
        return re.sub(r" \([^)]*\)", "", " ".join(lines)).partition(". ")[0].rstrip(".")


def recipe_names() -> list[str]:
    """The names of the recipes that ship with Penstock, sorted."""
    files = (entry.name for entry in _shipped().iterdir())
    return sorted(name.removesuffix(".yaml") for name in files if name.endswith(".yaml"))


def read_recipe(name_or_path: str) -> RecipeText:
    """The text of a shipped recipe or of a recipe file (any fsspec URL).

    Raises:
        UsageError: there is no such recipe or file, or it isn't UTF-8.
    """
    if name_or_path in recipe_names():
        text = (_shipped() / f"{name_or_path}.yaml").read_text(encoding="utf-8")
        return RecipeText(origin=f"recipe {name_or_path}", text=text)
    if not _looks_like_file(name_or_path):
        names = recipe_names()
        raise UsageError(
            f"recipe {name_or_path!r} is neither a shipped recipe ({', '.join(names)}) nor a file"
            f"{did_you_mean(name_or_path, names)}"
        )
    try:
        return RecipeText(origin=name_or_path, text=read_bytes(name_or_path).decode())
    except UnicodeDecodeError as error:
        raise UsageError(f"{name_or_path}: a recipe is UTF-8 text; {error}") from None
    except (OSError, ValueError, ImportError) as error:
        raise UsageError(
            f"recipe file {name_or_path} can't be read: {reason(error)}; give a file, or the name "
            f"of a shipped recipe: {', '.join(recipe_names())}"
        ) from None


def load_recipe(
    name_or_path: str,
    *,
    inputs: Sequence[str] = (),
    output: str | None = None,
    overrides: Sequence[str] = (),
) -> TextRecipe:
    """The checked recipe of a run.

    Args:
        name_or_path: a shipped recipe's name, or a file.
        inputs: paths, globs or URLs that replace those of the recipe's input; with several inputs
            in the recipe each one is written as `name=GLOB`.
        output: folder of the result.
        overrides: `key.path=value`, the value as in YAML.

    Raises:
        UsageError: one message that names each wrong key, what came and what is allowed.
    """
    for argument in (name_or_path, *inputs, output or "", *overrides):
        if not is_text(argument):
            raise UsageError(f"argument {argument!r}: isn't UTF-8; rename the file, or use a glob")
    written = read_recipe(name_or_path)
    parsed = parse_yaml(written.text, origin=written.origin)
    data = _mapping(parsed, written.origin)
    _check_kind(data, parsed, written.origin)
    _set_inputs(data, inputs)
    if output is not None:
        data["output"] = output
    recipe = _checked(data, overrides, origin=written.origin, lines=parsed.lines)
    _check_places(recipe, written.origin)
    return recipe


def change_recipe(data: Mapping[str, Any], overrides: Sequence[str], *, origin: str) -> TextRecipe:
    """The checked recipe that plain data, such as a manifest's, becomes by overrides.

    Raises:
        UsageError: as `load_recipe`; origin names the data.
    """
    return _checked(dict(data), overrides, origin=origin, lines={})


def _checked(
    data: dict[str, Any], overrides: Sequence[str], *, origin: str, lines: dict[KeyPath, int]
) -> TextRecipe:
    arguments = {_apply(data, override): override for override in overrides}

    def place(path: KeyPath) -> str:
        return _place(path, origin, lines, arguments)

    try:
        return TextRecipe.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        message = describe_errors(error, data=data, model=TextRecipe, place=place)
        raise UsageError(message) from None


def _shipped() -> Traversable:
    return resources.files("pipelines") / "recipes"


def _looks_like_file(name: str) -> bool:
    return "/" in name or os.sep in name or name.endswith(_SUFFIXES) or exists(name)


_DATA_KINDS = {type(None): "nothing", list: "a list", str: "text", bool: "true or false"}


def _mapping(parsed: ParsedYaml, origin: str) -> dict[str, Any]:
    if not isinstance(parsed.data, dict):
        kind = _DATA_KINDS.get(type(parsed.data), "a number")
        raise UsageError(
            f"{origin}: a recipe is a mapping of keys, such as 'kind: text'; got {kind}"
        )
    return dict(parsed.data)


def _check_kind(data: dict[str, Any], parsed: ParsedYaml, origin: str) -> None:
    kind = data.get("kind")
    if kind not in _KINDS:
        line = parsed.lines.get(("kind",))
        where = f"{origin}, line {line}" if line else origin
        got = "missing" if kind is None else repr(kind)
        allowed = ", ".join(_KINDS)
        raise UsageError(
            f"{where}: kind is {got}; allowed: {allowed}{did_you_mean(str(kind), _KINDS)}"
        )


def _check_places(recipe: TextRecipe, origin: str) -> None:
    if not recipe.inputs:
        raise UsageError(
            f"{origin}: nothing to read; give --input with a path, a glob or a URL, or set inputs "
            f"in the recipe"
        )
    if not recipe.output:
        raise UsageError(f"{origin}: nowhere to write; give --output with a folder or a URL")


def _set_inputs(data: dict[str, Any], inputs: Sequence[str]) -> None:
    """Replace the paths of the recipe's inputs; the other options of an input stay."""
    entries = data.get("inputs") or []
    if not inputs or not _are_sections(entries):
        return
    if len(entries) <= 1:
        entry = entries[0] if entries else {"name": "input"}
        data["inputs"] = [entry | {"paths": list(inputs)}]
        return
    names = [str(entry.get("name")) for entry in entries]
    paths: dict[str, list[str]] = {name: [] for name in names}
    for argument in inputs:
        name, equals, pattern = argument.partition("=")
        if not equals or name not in paths:
            raise UsageError(
                f"--input {argument}: the recipe has several inputs, so write NAME=GLOB with one "
                f"of its names: {', '.join(names)}"
            )
        paths[name].append(pattern)
    data["inputs"] = [
        entry | ({"paths": paths[name]} if paths[name] else {})
        for name, entry in zip(names, entries, strict=True)
    ]


def _are_sections(entries: Any) -> bool:
    return isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)


def _apply(data: dict[str, Any], override: str) -> KeyPath:
    """Set one `key.path=value` in the data; the path that was set."""
    key, equals, text = override.partition("=")
    path: KeyPath = tuple(int(part) if part.isdigit() else part for part in key.strip().split("."))
    if not equals or "" in path:
        raise UsageError(f"--set {override}: write it as key.path=value, such as seed=7")
    value = parse_scalar(text, origin=f"--set {override}")
    holder: Any = data
    for depth, part in enumerate(path[:-1]):
        holder = _step(holder, path[: depth + 1], part, override)
    _check_item(holder, path, override)
    holder[path[-1]] = value
    return path


def _step(holder: Any, path: KeyPath, part: str | int, override: str) -> Any:
    """The section or list item below holder, made where it is absent, as a copy of its own."""
    _check_item(holder, path, override)
    if isinstance(holder, dict) and holder.get(part) is None:
        holder[part] = {}
    below = holder[part]
    if not isinstance(below, dict | list):
        raise UsageError(f"--set {override}: {key_name(path)} is a value, it has no keys below it")
    holder[part] = type(below)(below)
    return holder[part]


def _check_item(holder: Any, path: KeyPath, override: str) -> None:
    if isinstance(holder, list) and not (isinstance(path[-1], int) and path[-1] < len(holder)):
        raise UsageError(
            f"--set {override}: {key_name(path[:-1])} is a list of {len(holder)}; write the number "
            f"of an item, from 0"
        )


def _place(
    path: KeyPath, origin: str, lines: dict[KeyPath, int], arguments: dict[KeyPath, str]
) -> str:
    """Where the value at a path was written, as the beginning of a message."""
    below = [written for key, written in arguments.items() if key[: len(path)] == path]
    if path and below and path not in lines:
        return f"--set {below[-1]}: "
    for length in range(len(path), 0, -1):
        if path[:length] in arguments:
            return f"--set {arguments[path[:length]]}: "
        if path[:length] in lines:
            return f"{origin}, line {lines[path[:length]]}: "
    return f"{origin}: "
