"""The page about the language, run: every example, every field and value, every code of a problem. A page that drifts is worse than none."""

from __future__ import annotations

import ast
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from listener.query import cut, near, parse, regexes, rows, terms, words
from listener.query.explain import explain
from listener.query.fields import FIELDS, Sort, Use
from listener.query.match import match
from listener.query.meanings import about_value
from listener.query.names import Names
from listener.query.rows import Row, read_row
from listener.rulebook.parse import parse as parse_rules
from listener.rulebook.shape import Rulebook

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "query.md").read_text("utf-8")
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def tables() -> dict[str, list[list[str]]]:
    """The rows of all tables by their header; a cell as it is written."""
    found: dict[str, list[list[str]]] = {}
    header = ""
    for line in PAGE.splitlines():
        if not line.startswith("|"):
            header = ""
        elif not header:
            header = line.strip("| ")
        elif not line.startswith("|---"):
            found.setdefault(header, []).append([cell.strip() for cell in line[1:-1].split("|")])
    return found


TABLES = tables()
EXAMPLES = [row for header, rows in TABLES.items() if header == "query | finds | does not find" for row in rows]
CODES = TABLES["code | example | what is wrong"]


def names() -> Names:
    """What the page itself defines, and two that are broken on purpose."""
    (text,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    files = {name: (ROOT / "rules" / name).read_text("utf-8") for name in ("topics.yaml", "teams.yaml")}
    book = parse_rules({**files, "page.yaml": text})
    assert isinstance(book, Rulebook), [str(one) for one in book]
    broken = {"hen": "query:egg", "egg": "query:hen"}
    return Names({**book.names.lists, "empty": ()}, {**book.names.queries, **broken})


NAMES = names()


def code(cell: str) -> str:
    """What stands between back quotes."""
    (inside,) = re.findall(r"`([^`]*)`", cell)
    return str(inside)


def messages(cell: str) -> list[str]:
    return [one.strip() for one in cell.split("<br>")]


def row_of(message: str) -> Row:
    known = json.loads(code(message)) if message.startswith("`{") else {"text": message}
    row = read_row(json.dumps({"id": "1", **known}).encode(), 1, NOW, me="lea")
    assert isinstance(row, Row), str(row)
    assert not row.unknown, row.unknown
    return row


@pytest.mark.parametrize(("query", "finds", "not_found"), EXAMPLES, ids=[row[0] for row in EXAMPLES])
def test_every_example_finds_what_the_page_says(query: str, finds: str, not_found: str) -> None:
    parsed = parse.parse(code(query), names=NAMES)
    assert parsed.tree is not None, [str(one) for one in parsed.problems]
    for cell, expected in ((finds, True), (not_found, False)):
        for message in messages(cell):
            subject = row_of(message).subject
            assert match(parsed.tree, subject, NOW).hit is expected, message
            assert explain(parsed.tree, subject, NOW).true is expected, message


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 100
    assert PAGE.count("| query | finds | does not find |") == len(re.findall(r"^\| query \|", PAGE, re.MULTILINE))


def shown(uses: frozenset[Use]) -> str:
    return "all" if uses == frozenset(Use) else ", ".join(use.value for use in Use if use in uses)


def test_every_field_is_told_as_it_is() -> None:
    told = TABLES["field | asks | example | sort | who may ask"]
    assert told == [
        [
            f"`{fact.name}`",
            fact.about,
            f"`{fact.name}:{fact.example}`",
            f"{fact.sort.value}{', number' if fact.numbers else ''}",
            shown(fact.uses),
        ]
        for fact in FIELDS.values()
    ]


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_the_example_of_every_field_is_right(name: str) -> None:
    fact = FIELDS[name]
    for use in Use:
        codes = [one.code for one in parse.parse(f"word {name}:{fact.example}", use).problems]
        assert codes == ([] if use in fact.uses else ["field-not-here"])


def test_every_value_is_told_as_it_is() -> None:
    told = {code(row[0]): row[1:] for row in TABLES["value | means | who may ask"]}
    kinds = FIELDS["kind"].values
    listed = {
        name: set(re.findall(r"`([^`]*)`", values.split(";")[0]))
        for name, values in re.findall(r"^- `(\w+)`: (.*)$", PAGE, re.MULTILINE)
    }
    for fact in FIELDS.values():
        if fact.name in listed:
            assert listed[fact.name] == fact.values
            continue
        for value in fact.values - kinds:
            asking = frozenset(use for use in fact.uses if value in fact.values_for(use))
            assert told.pop(f"{fact.name}:{value}") == [about_value(fact.name, value), shown(asking)]
    assert not told


def test_every_key_of_a_row_is_told_and_its_example_is_read() -> None:
    told = TABLES["key of a row | holds | example | is found by"]
    assert sorted(key for row in told for key in re.findall(r"`(\w+)`", row[0])) == sorted(rows._KEYS)
    for keys, _, example, query in told:
        assert any(f'"{key}"' in example for key in re.findall(r"`(\w+)`", keys))
        tree = parse.parse(code(query)).tree
        assert tree is not None
        assert match(tree, row_of(example).subject, NOW).hit, query


def test_every_sort_of_value_is_told() -> None:
    assert [row[0] for row in TABLES["sort | how"]] == [sort.value for sort in Sort]


# Problems and warnings -----------------------------------------------------------------------------------------------

TELLS = {"problem": 1, "warn": 1, "_warn": 1, "tell": 1, "Problem": 3}
"""Whoever tells something, and the place of the code among its arguments."""
MADE = {
    "f'bad-{what}'": ("bad-hashtag", "bad-handle", "bad-cashtag"),
    "f'unknown-{sort}'": ("unknown-list", "unknown-query"),
    "circle.code": ("circular-name",),
}
"""Codes that are put together, or passed on."""


def codes_of(rooms: list[Path]) -> set[str]:
    """Every code that these modules tell."""
    found: set[str] = set()
    for room in rooms:
        for call in ast.walk(ast.parse(room.read_text("utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            place = TELLS.get(name)
            if place is None or len(call.args) <= place or room.name == "told.py":
                continue
            argument = call.args[place]
            if isinstance(argument, ast.Constant):
                found.add(str(argument.value))
            elif ast.unparse(argument) != "code":  # passed on
                found.update(MADE[ast.unparse(argument)])
    return found


def test_every_code_is_told() -> None:
    rooms = sorted((ROOT / "listener" / "query").glob("*.py"))
    of_rows = codes_of([room for room in rooms if room.name == "rows.py"])
    of_queries = codes_of([room for room in rooms if room.name != "rows.py"])
    assert [code(row[0]) for row in CODES] == sorted(of_queries)
    assert {code(row[0]) for row in TABLES["code | what is wrong"]} == of_rows


@pytest.mark.parametrize(
    ("told", "example"), [row[:2] for row in CODES if row[1]], ids=[row[0] for row in CODES if row[1]]
)
def test_every_example_of_a_mistake_is_told(told: str, example: str) -> None:
    use = Use.TOPIC if example.startswith("topic:") else Use.VIEW
    parsed = parse.parse(code(example), use, names=NAMES)
    assert code(told) in {one.code for one in (*parsed.problems, *parsed.warnings)}
    if parsed.problems:
        assert {code(told)} == {one.code for one in parsed.problems}, "an example shows one problem"


def test_the_limits_are_those_of_the_code() -> None:
    limits = [
        f"{parse.MAX_LENGTH:,} characters",
        f"{parse.MAX_TERMS:,} terms",
        f"({parse.MAX_SIZE:,} with all names",
        f"{parse.MAX_DEPTH} brackets",
        f"{cut.MAX_REGEXES} regular expressions",
        f"{regexes.MAX_PATTERN} characters",
        f"{words.MAX_TEXT:,} characters",
        f"{near.MOST:,} places",
    ]
    (told,) = re.findall(r"^## Limits\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    said = " ".join(told.split())
    assert [limit for limit in limits if limit not in said] == []
    assert (terms.MIN_LETTERS, terms.MIN_STEM, terms.MAX_STARS) == (3, 2, 3), "as the page says in words"
