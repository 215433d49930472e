"""A beginning for each sort of thing in a rule file: what it needs is filled in, all else is a comment, each with what it is for.

Made of the keys that the reader checks by; what stands here is only what no declaration can know: words that make sense as a beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from listener.rulebook.reading import SECTIONS
from listener.rulebook.reading.keys import Each, Fragment, Key, Keys, Many

SORTS: Mapping[str, str] = {
    section.keys.what.removeprefix("a ").removeprefix("an ").partition(" of ")[0].replace(" ", "-"): name
    for name, section in SECTIONS.items()
}
"""What one thing of a section is called ('rule') to the section ('rules')."""


def section_of(sort: str) -> str | None:
    """The section of a sort of thing, by its name or the last word of it ('reply'), or by the section's own name."""
    if sort in SECTIONS:
        return sort
    return SORTS.get(sort) or next((name for one, name in SORTS.items() if one.endswith(f"-{sort}")), None)


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
    ("people", "name"): "What is shown",
    ("hours", "zone"): "Europe/Berlin",
    ("hours", "open"): "{mon-fri: 09:00-17:30}",
    ("replies", "text"): "Thanks for telling us, {author}. We are looking into it.",
    ("macros", "does"): "{priority: high, tags: [<id>]}",
    ("alerts", "owner"): "who answers for this alert",
    ("alerts", "kind"): "negative",
    ("routes", "receivers"): "[my-receiver]",
    ("rotas", "zone"): "Europe/Berlin",
    ("rotas", "layers"): "[{people: [<person>], start: 2026-01-05, hand over: mon 09:00}]",
    ("chains", "steps"): "[{team: <team>}]",
    ("calendar", "title"): "What is planned",
    ("calendar", "day"): "2030-12-31",
    ("style", "voice"): "[How we sound, in a sentence]",
    ("need", "title"): "the reason that people read",
    ("need", "when"): "'\"words to find\"'",
    ("need", "weight"): "0.3",
    ("need", "why"): "the reason of the weight",
    ("need", "tests"): '{must: ["here are words to find"], must not: ["here is nothing of it"]}',
    ("lexicon", "lang"): "en",
    ("lexicon", "words"): "{craptacular: -3}",
    ("lexicon", "tests"): "[{text: this app is so craptacular today, tone: negative}]",
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
    ("people", "teams"): "[<team>]",
    ("people", "zone"): "Europe/Berlin",
    ("people", "hours"): "<hours>",
    ("people", "quiet"): "{mon-fri: 22:00-07:00}",
    ("replies", "on"): "{bluesky: a shorter text}",
    ("replies", "lang"): "en",
    ("replies", "tags"): "[<id>]",
    ("replies", "team"): "<team>",
    ("macros", "shortcut"): "7",
    ("lexicon", "remove"): "[crisis]",
    ("need", "on"): "yes",
    ("need", "lang"): "en",
    ("need", "complaint"): "yes",
    ("alerts", "scope"): "{kinds: [brand]}",
    ("alerts", "floors"): "{mentions: 20, authors: 10}",
    ("alerts", "routes"): "[<route>]",
    ("alerts", "tests"): "[{series: [5 days of 20/h with 20 % negative, 1 h of 90/h with 80 % negative], pages: 30m}]",
    ("routes", "match"): "{severities: [critical]}",
    ("routes", "rank"): "10",
    ("routes", "chain"): "<chain>",
    ("rotas", "overrides"): "[{from: 2026-12-24, to: 2026-12-27, person: <person>}]",
    ("style", "wanted"): "[{word: at once, because: it promises something}]",
    ("style", "banned"): "[{word: unfortunately, use: what we can do}]",
    ("style", "emoji"): "few:2",
    ("style", "links"): "[example.com]",
    ("style", "languages"): "[en]",
    ("style", "tone"): "not negative",
    ("calendar", "topics"): "[<topic>]",
    ("calendar", "mute"): "[<alert>]",
}
"""What stands behind a key that is a comment."""

_NAMED = ("rule", "team", "hours", "person", "route", "chain", "alert", "topic")
"""Sorts of things that may be pointed at."""

_BESIDE: Mapping[str, str] = {"person": "people:\n  - id: my-person\n", "team": "teams:\n  - key: my-team\n"}
"""What is pointed at from the beginning, where there is none of it yet."""


def template(section: str, name: str, known: Mapping[str, str]) -> str:
    """The beginning of one thing of a section, named so. `known`: for a sort of thing ('rule', 'team') one that the rulebook has."""
    one = SECTIONS[section]
    names = {"id": name} | {sort: known.get(sort, f"my-{sort}") for sort in _NAMED}
    body = list(_lines(one.keys, (section,), names))
    first = -1 if one.once else next(place for place, line in enumerate(body) if not line.startswith("#"))
    item = [
        f"  - {line}" if place == first else f"  {line}" if one.once or place < first else f"    {line}"
        for place, line in enumerate(body)
    ]
    filled = [value for path, value in _FILLED.items() if path[0] == section]
    beside = [
        text for sort, text in _BESIDE.items() if sort not in known and any(f"<{sort}>" in value for value in filled)
    ]
    return "\n".join([f"# {one.says}", f"{section}:", *item, *beside, ""]).rstrip("\n") + "\n"


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
        return names["id"] if len(path) == 2 and key.name in ("id", "key", "handle") else _any(key.value)
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
