"""Teams and people: who answers for what. Owns the meaning of their keys, and that nothing in here reaches anybody."""

from __future__ import annotations

import re
from collections.abc import Iterator

from listener.rulebook.nodes import Items, Node, Table, Text
from listener.rulebook.people import Away, Person
from listener.rulebook.reading.keys import KEY, TEXT, Key, Keys, Many
from listener.rulebook.reading.planning import FROM, TO
from listener.rulebook.reading.reader import Reader
from listener.rulebook.shape import Team

TEAM = Keys(
    "a team",
    (
        Key("key", "its name: rules give work to it", KEY, needed=True),
        Key("title", "what is shown; else the key", TEXT),
        Key("hours", "its opening hours: when somebody of it is there", KEY),
    ),
)
AWAY = Keys("a time away", (FROM, TO, Key("title", "why, for the team", TEXT)))
PERSON = Keys(
    "a person",
    (
        Key("id", "the name with which they log in: rules give work to it", KEY, needed=True),
        Key("name", "what is shown; else the id", TEXT),
        Key("teams", "the teams that they are in", Many(KEY)),
        Key("zone", "their time zone, such as Europe/Berlin; else UTC", TEXT),
        Key("hours", "their own opening hours; else those of their teams", KEY),
        Key("away", "days on which they do not work", Many(AWAY)),
    ),
)

_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_PHONE = re.compile(r"(?:tel:)?[+(0][0-9 ()./-]{6,}", re.IGNORECASE)


def read_team(reader: Reader, node: Node) -> None:
    """A team."""
    found = reader.table(node, TEAM)
    if found is None:
        return
    key = reader.key(found.get("key"), "a team's key")
    title = reader.text(found.get("title"), "title") or key
    hours = reader.refer("hours", found.get("hours"))
    if reader.once("team", key, found.get("key", node)):
        reader.made.teams.append(Team(key, title, hours, reader.place(node)))


def read_person(reader: Reader, node: Node) -> None:
    """A person."""
    found = reader.table(node, PERSON)
    if found is None or _reaches_somebody(reader, node):
        return
    id_ = reader.key(found.get("id"), "a person's id")
    name = reader.text(found.get("name"), "name") or id_
    away = [_away(reader, one) for one in reader.items(found.get("away"), "away")]
    person = Person(
        id=id_,
        name=name,
        teams=reader.refer_all("team", found.get("teams")),
        zone=reader.zone(found.get("zone")) or "UTC",
        hours=reader.refer("hours", found.get("hours")),
        away=tuple(sorted((one for one in away if one is not None), key=lambda one: (one.first, one.last))),
        place=reader.place(node),
    )
    if reader.once("person", id_, found.get("id", node)):
        reader.made.people.append(person)


def _away(reader: Reader, node: Node) -> Away | None:
    found = reader.table(node, AWAY)
    if found is None:
        return None
    title = reader.text(found.get("title"), "title")
    days = reader.days(found)
    return Away(*days, title) if days else None


def _reaches_somebody(reader: Reader, node: Node) -> bool:
    private = [one for one in _texts(node) if _ADDRESS.search(one.value) or _PHONE.fullmatch(one.value.strip())]
    for one in private:
        hint = "rule files are read by many: addresses and numbers belong in hubbub.toml"
        reader.problem(one, "private", "this looks like an address or a phone number", hint)
    return bool(private)


def _texts(node: Node) -> Iterator[Text]:
    if isinstance(node, Text):
        yield node
    elif isinstance(node, Items):
        for one in node.items:
            yield from _texts(one)
    elif isinstance(node, Table):
        for _, value in node.pairs:
            yield from _texts(value)
