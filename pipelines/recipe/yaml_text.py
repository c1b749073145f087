"""Recipe text to plain data, with the line of every key for error messages.

YAML 1.1 turns `no` (Norwegian) into false, `1:30` into 90 and `2024-01-01` into a date, and takes
the last of two equal keys. A recipe must not change its meaning like that, so scalars follow the
core schema of YAML 1.2 (true, false, null, numbers, strings) and an equal key is an error.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import yaml

from penstock.errors import UsageError

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedYaml:
    """Plain data, and the line (from 1) of each key and list item by its path."""

    data: Any
    lines: dict[KeyPath, int] = field(default_factory=dict)


class _CoreSchemaLoader(yaml.SafeLoader):
    """Safe loader with the scalars of YAML 1.2, unique keys and no aliases."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own class attribute)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The node, unless it is an alias: a few of them can stand for gigabytes."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "a recipe has no aliases (*name)", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping, in which a key that is written twice is an error and not the last one."""
        seen: dict[object, int] = {}
        for key_node, _ in node.value:
            key, mark = key_node.value, key_node.start_mark
            if isinstance(key_node, yaml.ScalarNode) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} is already set on line {seen[key]}", mark
                )
            seen[str(key)] = mark.line + 1
        return super().construct_mapping(node, deep=deep)


def _resolve(tag: str, pattern: str, first: str) -> None:
    _CoreSchemaLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), list(first)
    )


_resolve("bool", "true|True|TRUE|false|False|FALSE", "tTfF")
_resolve("null", "~|null|Null|NULL", "~nN")
_CoreSchemaLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^$"), [""])
_resolve("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789")
_DIGITS = r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?"
_resolve("float", _DIGITS + r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+.0123456789")


def parse_yaml(text: str, *, origin: str) -> ParsedYaml:
    """The data of a YAML document, and where its keys stand; origin names it in messages.

    Raises:
        UsageError: the text isn't YAML, sets a key twice, or asks for a Python object.
    """
    try:
        loader = _CoreSchemaLoader(text)
        node = loader.get_single_node()
        data = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        raise UsageError(f"{origin}{_place(error)}: not valid YAML: {_problem(error)}") from None
    return ParsedYaml(data=data, lines={} if node is None else _lines(node, ()))


def parse_scalar(text: str, *, origin: str) -> Any:
    """The value of a `--set key=value` argument, read as a recipe would read it."""
    return parse_yaml(text, origin=origin).data


def _lines(node: yaml.Node, path: KeyPath) -> dict[KeyPath, int]:
    lines: dict[KeyPath, int] = {path: node.start_mark.line + 1}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines |= _lines(value, (*path, str(key.value)))
            lines[(*path, str(key.value))] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            lines |= _lines(item, (*path, number))
    return lines


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return f", line {mark.line + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or str(error)
    return f"{problem}; indent with spaces, not with tabs" if "'\\t'" in problem else problem
