"""The JSON Schema of a rule file, for editors that complete and underline: made of the same keys that the reader checks by.

It sees what one value can show: keys, types, words of a closed list. Refuses what needs more than that, such as whether a query can be
read, whether a name is defined, whether an example fires: `check` sees those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from listener.rulebook.reading import FILE
from listener.rulebook.reading.keys import Each, Fragment, Keys, Many

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of one rule file."""
    made = _Schema()
    whole = made.table(FILE)
    names = sorted(made.tables)
    return {
        "$schema": DIALECT,
        "title": "Rules of Hubbub",
        "description": "What is listened for, and what a message means for the team. hubbub rules check sees more than this.",
        **whole,
        "type": ["object", "null"],
        "$defs": {name: made.tables[name] for name in names},
    }


class _Schema:
    """The tables met so far, each under a name of its own."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Any]] = {}
        self._names: dict[int, str] = {}

    def table(self, keys: Keys) -> dict[str, Any]:
        """One sort of table, without what may stand in its place."""
        told: dict[str, Any] = {
            "type": "object",
            "properties": {key.name: self._value(key.value) | {"description": key.says} for key in keys.keys},
            "additionalProperties": False,
        }
        return told | ({"required": list(keys.needed)} if keys.needed else {})

    def _value(self, value: Fragment | Keys | Many | Each) -> dict[str, Any]:
        match value:
            case Keys():
                return self._either(value.short, self._named(value))
            case Many(of=of):
                one = self._value(of)
                several = {"type": "array", "items": one}
                # A table alone is no list: only what is one word can stand without brackets.
                alone = of.short if isinstance(of, Keys) else one
                return self._either(alone, several, {"type": "null"})
            case Each(of=of):
                return {"type": ["object", "null"], "additionalProperties": self._value(of)}
            case _:
                return dict(value)

    @staticmethod
    def _either(*choices: Mapping[str, Any] | None) -> dict[str, Any]:
        kept = [dict(choice) for choice in choices if choice is not None]
        return kept[0] if len(kept) == 1 else {"anyOf": kept}

    def _named(self, keys: Keys) -> dict[str, Any]:
        """A pointer to a sort of table; it is made when it is met first."""
        if id(keys) not in self._names:
            plain = keys.what.removeprefix("a ").removeprefix("an ").replace(" ", "-")
            name = plain
            while name in self._names.values():
                name += "-"
            self._names[id(keys)] = name
            self.tables[name] = {"title": keys.what} | self.table(keys)
        return {"$ref": f"#/$defs/{self._names[id(keys)]}"}
