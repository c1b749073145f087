"""Typed reading of a JSON object, with errors that say which field, what came, what is allowed."""

from collections.abc import Mapping
from typing import Any

from penstock.errors import DataError


class Fields:
    """One JSON object whose fields are taken one by one; what nobody took is refused."""

    def __init__(self, value: Any, *, where: str, prefix: str = "") -> None:
        self.where = where
        self._prefix = prefix
        if not isinstance(value, dict):
            raise DataError(
                f"{where}: {prefix.rstrip('.') or 'the file'} is {value!r:.80}; allowed: an object"
            )
        self._values: dict[str, Any] = value
        self._taken: set[str] = set()

    def names(self) -> list[str]:
        """All names in the object, sorted."""
        return sorted(self._values)

    def integer(self, name: str, *, minimum: int = 0) -> int:
        """An integer of at least `minimum`."""
        value = self._take(name)
        if type(value) is not int or value < minimum:
            raise self._wrong(name, value, f"an integer of at least {minimum}")
        return value

    def optional_integer(self, name: str) -> int | None:
        """An integer of at least 0, or null."""
        return None if self._take(name) is None else self.integer(name)

    def string(self, name: str) -> str:
        """A string."""
        value = self._take(name)
        if not isinstance(value, str):
            raise self._wrong(name, value, "a string")
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """One of the allowed strings."""
        value = self.string(name)
        if value not in allowed:
            raise self._wrong(name, value, " or ".join(allowed))
        return value

    def hex_digest(self, name: str) -> str:
        """A 128-bit digest as 32 lower-case hexadecimal digits."""
        value = self.string(name)
        if len(value) != 32 or set(value) - set("0123456789abcdef"):
            raise self._wrong(name, value, "32 lower-case hexadecimal digits")
        return value

    def strings(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        value = self._list(name)
        if not all(isinstance(item, str) for item in value):
            raise self._wrong(name, value, "a list of strings")
        return tuple(value)

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object whose fields are free."""
        value = self._take(name)
        if not isinstance(value, dict):
            raise self._wrong(name, value, "an object")
        return value

    def strings_by_name(self, name: str) -> dict[str, str]:
        """An object of strings."""
        section = self.section(name)
        return {key: section.string(key) for key in section.names()}

    def integers(self) -> dict[str, int]:
        """This object's fields, all of them integers of at least 0."""
        return {name: self.integer(name) for name in self.names()}

    def section(self, name: str) -> "Fields":
        """A nested object."""
        return Fields(self._take(name), where=self.where, prefix=self._prefix + name + ".")

    def sections(self, name: str) -> list["Fields"]:
        """A list of nested objects."""
        return [
            Fields(item, where=self.where, prefix=f"{self._prefix}{name}[{index}].")
            for index, item in enumerate(self._list(name))
        ]

    def refuse_others(self) -> None:
        """Raise if the object has fields that weren't taken."""
        for name in sorted(set(self._values) - self._taken):
            raise DataError(
                f"{self.where}: {self._prefix}{name} is unknown; allowed: {sorted(self._taken)}"
            )

    def _take(self, name: str) -> Any:
        if name not in self._values:
            raise DataError(
                f"{self.where}: {self._prefix}{name} is missing; the fields are {self.names()}"
            )
        self._taken.add(name)
        return self._values[name]

    def _list(self, name: str) -> list[Any]:
        value = self._take(name)
        if not isinstance(value, list):
            raise self._wrong(name, value, "a list")
        return value

    def _wrong(self, name: str, value: Any, allowed: str) -> DataError:
        return DataError(f"{self.where}: {self._prefix}{name} is {value!r:.80}; allowed: {allowed}")
