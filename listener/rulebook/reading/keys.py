"""What may stand in a rule file: keys with what they are for, as data. Owns these declarations' shapes; the reader checks files by them,
and the JSON Schema for editors is made of them, so that neither can know a key that the other does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Fragment = Mapping[str, Any]
"""A piece of JSON Schema for one value. Editors read YAML 1.2 with numbers and booleans; the reader takes every scalar as it was written."""

KEY: Fragment = {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"}
TEXT: Fragment = {"type": ["string", "number", "boolean"]}
QUERY: Fragment = {"type": ["string", "number"]}
YES: Fragment = {"enum": ["yes", "no", True, False]}
SPAN: Fragment = {"type": "string", "pattern": "^[0-9]{1,6} ?(m|min|h|d)$"}
SHORT_SPAN: Fragment = {"type": "string", "pattern": "^[0-9]{1,6} ?(s|m|min|h|d)$"}
DAY: Fragment = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
MOMENT: Fragment = {"type": "string"}
TAG: Fragment = {"type": ["string", "number"]}


def number(low: int, high: int) -> Fragment:
    """A whole number."""
    return {"type": "integer", "minimum": low, "maximum": high}


def one_of(values: Iterable[str]) -> Fragment:
    """One of some words."""
    return {"enum": list(values)}


@dataclass(frozen=True, slots=True)
class Many:
    """A list of them; one alone may stand without brackets."""

    of: Fragment | Keys


@dataclass(frozen=True, slots=True)
class Each:
    """A table whose keys are anybody's, such as networks or days; every value is one of these."""

    of: Fragment | Keys | Many


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table, what it is for in one sentence, and what may stand behind it."""

    name: str
    says: str
    value: Fragment | Keys | Many | Each
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Keys:
    """One sort of table: 'a rule', with its keys in the order in which they are told."""

    what: str
    keys: tuple[Key, ...]
    short: Fragment | None = None
    """What may stand instead of the table where that says it all."""

    @property
    def names(self) -> tuple[str, ...]:
        """Its keys' names."""
        return tuple(key.name for key in self.keys)

    @property
    def needed(self) -> tuple[str, ...]:
        """Those without which it says nothing."""
        return tuple(key.name for key in self.keys if key.needed)

    def under(self, name: str) -> str:
        """The key of this table under which there is a table with a key of this name; "" when there is none."""
        return next((key.name for key in self.keys if (inner := _table_of(key)) and name in inner.names), "")


def homes(keys: Keys) -> dict[str, tuple[str, ...]]:
    """Every name of a key in a table and all tables under it, with what those are."""
    found: dict[str, dict[str, None]] = {}
    waiting = [keys]
    for table in waiting:
        for key in table.keys:
            found.setdefault(key.name, {})[table.what] = None
            if (inner := _table_of(key)) is not None and inner not in waiting:
                waiting.append(inner)
    return {name: tuple(whats) for name, whats in found.items()}


def _table_of(key: Key) -> Keys | None:
    value = key.value
    while isinstance(value, Many | Each):
        value = value.of
    return value if isinstance(value, Keys) else None
