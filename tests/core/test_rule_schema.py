"""The schema that editors use says the same of rule files as the reader, as far as one value can show it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from listener.rulebook.reading import FILE, SECTIONS
from listener.rulebook.reading.keys import Each, Keys, Many
from listener.rulebook.schema import schema
from tests.core.rulebooks import book, problems
from tests.core.test_rulebook import SHIPPED, changed

VALIDATOR = Draft202012Validator(schema())


def as_an_editor_reads(text: str) -> Any:
    """YAML 1.2 with its numbers and booleans; a day stays the word that it is."""
    return undated(YAML(typ="safe", pure=True).load(text))


def undated(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: undated(one) for key, one in value.items()}
    if isinstance(value, list):
        return list(map(undated, value))
    return value.isoformat() if isinstance(value, date) else value


def underlined(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(as_an_editor_reads(text))]


def all_keys(keys: Keys, seen: set[int]) -> Iterator[Keys]:
    if id(keys) in seen:
        return
    seen.add(id(keys))
    yield keys
    for key in keys.keys:
        value: Any = key.value
        while isinstance(value, Many | Each):
            value = value.of
        if isinstance(value, Keys):
            yield from all_keys(value, seen)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())
    assert schema() == schema()


def test_every_key_that_the_reader_knows_is_in_it_with_what_it_is_for() -> None:
    told = schema()
    tables = [told, *told["$defs"].values()]
    sorts = list(all_keys(FILE, set()))
    assert len(sorts) == len(tables)
    for keys in sorts:
        (table,) = [
            one
            for one in tables
            if one["properties"].keys() == set(keys.names) and one.get("title") in (keys.what, "Rules of Hubbub")
        ]
        assert {name: fact["description"] for name, fact in table["properties"].items()} == {
            key.name: key.says for key in keys.keys
        }
        assert table.get("required", []) == list(keys.needed)
        assert table["additionalProperties"] is False
    assert set(told["properties"]) == set(SECTIONS)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.name)
def test_nothing_is_underlined_in_the_shipped_files(path: Path) -> None:
    assert underlined(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("owner: ops", "ower: ops"),
        ("    owner: ops\n", ""),
        ("owner: ops", "owner:"),
        ("owner: ops", "owner: [ops]"),
        ("{addressed: yes}", "{addressed: maybe}"),
        ("{addressed: yes}", "{adressed: yes}"),
        ("{addressed: yes}", "{kinds: [brnd]}"),
        ("down OR outage", "[down]"),
        ("down OR outage", ""),
        ("priority: high", "priority: hgh"),
        ("1h", "1 hour"),
        ("1h", "30"),
        ("open: yes", "open: 1"),
        ("id: outage", "id: Out age"),
        ('fires: ["it is down"]', "fires: [{txt: down}]"),
        ('fires: ["it is down"]', "fires: [{text: down, links: many}]"),
        ('fires: ["it is down"]', "fires: {text: down}"),
        ("rules:", "ruls:"),
        ("id: outage", "id: outage\n    rank: 1.5"),
        ("id: outage", "id: outage\n    status: stabel"),
        ("id: outage", "id: outage\n    count: {mentions: 1, within: 1h}"),
        ("id: outage", "id: outage\n    count: {mentions: 3, within: 1 week}"),
        ("id: outage", "id: outage\n    unless: [No Key]"),
    ],
)
def test_a_mistake_that_one_value_shows_is_underlined_and_a_problem(old: str, new: str) -> None:
    assert underlined(changed(old, new))
    assert problems(changed(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tags: [outage]", "tags: outage"),
        ("tags: [outage]", "tags: []"),
        ('fires: ["it is down"]', "fires: it is down"),
        ('fires: ["it is down"]', "fires: [{text: down, before: [down, {text: it is down, ago: 5m}]}]"),
        ("title: Service outage", "title: 500"),
        ("open: yes", "open: true"),
        ("teams:\n  - {key: ops, title: Operations}\n", "teams: [{key: ops}]\nexceptions:\n"),
        ("1h", "1 h"),
        ("id: outage", "id: outage\n    count: {ratio: 0.3, of at least: 20, within: 1h, per: author}"),
    ],
)
def test_what_the_reader_takes_is_not_underlined(old: str, new: str) -> None:
    text = changed(old, new)
    assert book(r_yaml=text)
    assert underlined(text) == []
