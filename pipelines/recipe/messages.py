"""What a person reads when a recipe is wrong: the key, what came, what is allowed, a near spelling.

pydantic knows what is wrong and where; this turns its locations, which name union members too, into
the path that the person wrote, and adds the line of the file or the argument it came from.
"""

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from pipelines.recipe.yaml_text import KeyPath

_OF_KEY = "[key]"
"""What pydantic puts into the place of a mapping's key that isn't one of its choices."""

_SHOWN_PROBLEMS = 5
_SHOWN_VALUE = 80
_YAML_WORDS = {
    "an object": "a mapping of keys",
    "a valid array": "a list",
    "a valid boolean": "true or false",
}
"""What pydantic names as in JSON, as people who write YAML name it."""


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """A hint that names the nearest allowed word, or an empty string.

    >>> did_you_mean("seeed", ["seed", "shards"])
    "; did you mean 'seed'?"
    """
    near = difflib.get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def describe_errors(
    error: ValidationError,
    *,
    data: Any,
    model: type[BaseModel],
    place: Callable[[KeyPath], str],
) -> str:
    """One message for all problems of a recipe; place says where a key was written."""
    problems = list(dict.fromkeys(_problem(item, data, model, place) for item in error.errors()))
    shown = problems[:_SHOWN_PROBLEMS]
    if len(problems) > len(shown):
        shown.append(f"and {len(problems) - len(shown)} more")
    return "\n".join(shown)


def key_name(path: KeyPath) -> str:
    """A key's path as `--set` takes it.

    >>> key_name(("inputs", 0, "paths"))
    'inputs.0.paths'
    """
    return ".".join(str(part) for part in path)


def fields_at(model: Any, path: KeyPath) -> list[str]:
    """The keys that the section at a path may have, or an empty list where it isn't a section."""
    models = list(_models(model))
    for part in path:
        fields = [m.model_fields[str(part)] for m in models if part in m.model_fields]
        # A part that is no field is a place in a list, or a key such as a language.
        models = [found for f in fields for found in _models(f.annotation)] if fields else models
    return sorted({name for m in models for name in m.model_fields})


def _problem(
    item: Mapping[str, Any], data: Any, model: type[BaseModel], place: Callable[[KeyPath], str]
) -> str:
    path = _written_path(tuple(part for part in item["loc"] if part != _OF_KEY), data)
    where, name = place(path), key_name(path)
    if _OF_KEY in item["loc"]:
        return f"{where}unknown key {name!r}{_near_value(item)} (allowed here: {_expected(item)})"
    if item["type"] == "extra_forbidden":
        allowed = fields_at(model, path[:-1])
        hint = did_you_mean(str(path[-1]), allowed)
        return f"{where}unknown key {name!r}{hint} (allowed here: {', '.join(allowed)})"
    if item["type"] == "missing":
        return f"{where}{name} is missing: {item['msg'][0].lower()}{item['msg'][1:]}"
    reason = _reason(item)
    if not path:
        return f"{where}{reason}"
    if isinstance(item["input"], dict) and item["type"] == "value_error":
        # A section whose keys don't go together: its text would hide what is wrong.
        return f"{where}{name}: {reason}"
    return f"{where}{name} is {_shown(item['input'])}: {reason}{_near_value(item)}"


def _reason(item: Mapping[str, Any]) -> str:
    message = str(item["msg"])
    for prefix in ("Value error, ", "Assertion failed, "):
        message = message.removeprefix(prefix)
    before, should_be, wanted = message.partition("Input should be ")
    if should_be and not before:
        return f"it should be {_YAML_WORDS.get(wanted, wanted)}"
    return message


def _expected(item: Mapping[str, Any]) -> str:
    return str(item.get("ctx", {}).get("expected", "")).replace("'", "").replace(" or ", ", ")


def _near_value(item: Mapping[str, Any]) -> str:
    choices = _expected(item).split(", ") if item["type"] in ("literal_error", "enum") else []
    return did_you_mean(str(item["input"]), choices)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_VALUE else text[: _SHOWN_VALUE - 1] + "…"


def _written_path(location: tuple[str | int, ...], data: Any) -> KeyPath:
    """The part of pydantic's location that the person wrote: union tags aren't in the data."""
    path: list[str | int] = []
    for number, part in enumerate(location):
        if _holds(data, part):
            path, data = [*path, part], data[part]
        elif number == len(location) - 1 and isinstance(data, dict):
            path.append(part)
    return tuple(path)


def _holds(data: Any, part: str | int) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The option models inside an annotation such as `tuple[Model, ...]` or `Model | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType, Annotated, Mapping, tuple, list):
        for part in get_args(annotation):
            yield from _models(part)
