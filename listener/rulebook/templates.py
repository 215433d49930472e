"""A beginning for each sort of thing in a rule file: what it needs is filled in, all else is a comment, each with what it is for.

Made of the keys that the reader checks by; what stands here is only what no declaration can know: words that make sense as a beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from listener.rulebook.reading import SECTIONS
from listener.rulebook.reading.keys import Each, Fragment, Key, Keys, Many

SORTS: Mapping[str, str] = {
    section.keys.what.removeprefix("a ").removeprefix("an ").replace(" ", "-"): name
    for name, section in SECTIONS.items()
}
"""What one thing of a section is called ('rule') to the section ('rules')."""

Path = tuple[str, ...]
"""A section, and the keys that lead to a value in it."""

_FILLED: Mapping[Path, str] = {
    ("lists", "words"): '[a word, several words, "#tag"]',
    ("queries", "query"): '\'("first words" OR "other words") AND NOT "what is not meant"\'',
    ("topics", "title"): "What is shown",
    ("topics", "kind"): "brand",
    ("topics", "query"): '\'"<id>" AND NOT "what is not meant"\'',
    ("rules", "title"): "What is shown when it fires",
    ("rules", "owner"): "who answers for this rule",
    ("rules", "scope", "addressed"): "yes",
    ("rules", "when"): '\'"words to find" AND NOT "what is not meant"\'',
    ("rules", "then", "tags"): "[<id>]",
    ("rules", "examples", "fires"): '["here are words to find"]',
    ("rules", "examples", "silent"): '["here is nothing of it"]',
    ("exceptions", "rule"): "[<rule>]",
    ("exceptions", "when"): "'\"what is not meant by it\"'",
    ("exceptions", "reason"): "why, for whoever reads it later",
    ("exceptions", "examples"): '["this is what is not meant by it"]',
    ("teams", "title"): "What is shown",
}
"""What stands there from the beginning, as YAML. <id> is the thing's own name; <rule>, <team> are names of things that there are already."""

_OFFERED: Mapping[Path, str] = {
    ("topics", "sources"): "[bluesky]",
    ("topics", "names"): "[<id>]",
    ("rules", "status"): "experimental",
    ("rules", "scope", "kinds"): "[brand]",
    ("rules", "count"): "{mentions: 5, within: 1h}",
    ("rules", "hours"): "{outside: <hours>}",
    ("rules", "then", "priority"): "high",
    ("rules", "then", "team"): "<team>",
    ("rules", "rank"): "10",
    ("rules", "unless"): "[<rule>]",
    ("exceptions", "authors"): '["@somebody.example"]',
    ("exceptions", "until"): "2030-12-31",
    ("teams", "hours"): "<hours>",
}
"""What stands behind a key that is a comment."""


def template(section: str, name: str, known: Mapping[str, str]) -> str:
    """The beginning of one thing of a section, named so. `known`: for a sort of thing ('rule', 'team') one that the rulebook has."""
    keys = SECTIONS[section].keys
    names = {"id": name} | {sort: known.get(sort, f"my-{sort}") for sort in ("rule", "team", "hours")}
    body = list(_lines(keys, (section,), names))
    first = next(place for place, line in enumerate(body) if not line.startswith("#"))
    item = [
        f"  - {line}" if place == first else f"  {line}" if place < first else f"    {line}"
        for place, line in enumerate(body)
    ]
    return "\n".join([f"# {SECTIONS[section].says}", f"{section}:", *item, ""])


def _lines(keys: Keys, path: Path, names: Mapping[str, str]) -> Iterator[str]:
    """A table's keys, each behind what it is for."""
    for key in keys.keys:
        here = (*path, key.name)
        inside = isinstance(key.value, Keys) and any(other[: len(here)] == here and other != here for other in _FILLED)
        yield f"# {key.says}"
        if inside and isinstance(key.value, Keys):
            yield f"{key.name}:"
            yield from (f"  {line}" for line in _lines(key.value, here, names))
        elif key.needed or here in _FILLED:
            yield f"{key.name}: {_said(key, here, names)}"
        else:
            yield f"#{key.name}: {_said(key, here, names)}"


def _said(key: Key, path: Path, names: Mapping[str, str]) -> str:
    said = _FILLED.get(path) or _OFFERED.get(path)
    if said is None:
        return names["id"] if len(path) == 2 and key.name in ("id", "key") else _any(key.value)
    for sort, name in names.items():
        said = said.replace(f"<{sort}>", name)
    return said


def _any(value: Fragment | Keys | Many | Each) -> str:
    """Something that may stand there, by its declaration alone."""
    match value:
        case Keys():
            inside = ", ".join(f"{key.name}: {_any(key.value)}" for key in value.keys if key.needed)
            return f"{{{inside}}}"
        case Many(of=of):
            return f"[{_any(of)}]"
        case Each(of=of):
            return f"{{name: {_any(of)}}}"
    return _word(value)


def _word(fragment: Fragment) -> str:
    choices: list[Any] = list(fragment.get("enum", ()))
    if choices:
        return str(choices[0])
    if fragment.get("type") in ("integer", "number"):
        return str(fragment.get("minimum", 1))
    pattern = str(fragment.get("pattern", ""))
    if "m|min|h|d" in pattern:
        return "2h"
    if "{4}-" in pattern:
        return "2030-12-31"
    return "my-name" if pattern.startswith("^[a-z0-9]") else "some words"
