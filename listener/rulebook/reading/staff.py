"""Teams, people and accounts: who answers for what, and as whom. Owns the meaning of their keys, and that nothing in here reaches anybody."""

from __future__ import annotations

from collections.abc import Iterator

from listener.model import Priority
from listener.private import reaches
from listener.rulebook.nodes import Items, Node, Table, Text
from listener.rulebook.people import Away, OurAccount, Person
from listener.rulebook.reading.keys import KEY, SPAN, TEXT, YES, Key, Keys, Many
from listener.rulebook.reading.planning import FROM, TO
from listener.rulebook.reading.reader import Reader
from listener.rulebook.shape import Team

URGENCIES = tuple(one.name.lower() for one in reversed(Priority))
WITHIN = Keys("times to reply", tuple(Key(name, f"for what is {name}", SPAN) for name in URGENCIES))
TEAM = Keys(
    "a team",
    (
        Key("key", "its name: rules give work to it", KEY, needed=True),
        Key("title", "what is shown; else the key", TEXT),
        Key("hours", "its opening hours: time to reply runs while they are open", KEY),
        Key("reply within", "time to reply by priority, where no rule says how long", WITHIN),
        Key("needs approval", "what its people write goes out when a lead or an admin has approved it", YES),
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
        Key("needs approval", "what they write goes out when a lead or an admin has approved it", YES),
    ),
)
ACCOUNT = Keys(
    "an account",
    (
        Key("handle", "its handle on the network", TEXT, needed=True),
        Key("needs approval", "what is written as it goes out when a lead or an admin has approved it", YES),
    ),
)


def read_team(reader: Reader, node: Node) -> None:
    """A team."""
    found = reader.table(node, TEAM)
    if found is None:
        return
    key = reader.key(found.get("key"), "a team's key")
    title = reader.text(found.get("title"), "title") or key
    hours = reader.refer("hours", found.get("hours"))
    within = _within(reader, found.get("reply within"))
    if reader.once("team", key, found.get("key", node)):
        needs = reader.yes(found.get("needs approval"), "needs approval")
        reader.made.teams.append(Team(key, title, hours, reader.place(node), within, needs))


def _within(reader: Reader, node: Node | None) -> dict[Priority, float]:
    found = None if node is None else reader.table(node, WITHIN)
    spans = {name: reader.span(one, "reply within") for name, one in (found or {}).items()}
    return {Priority[name.upper()]: seconds for name, seconds in spans.items() if seconds is not None}


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
        needs_approval=reader.yes(found.get("needs approval"), "needs approval"),
    )
    if reader.once("person", id_, found.get("id", node)):
        reader.made.people.append(person)


def read_account(reader: Reader, node: Node) -> None:
    """An account of ours."""
    found = reader.table(node, ACCOUNT)
    if found is None:
        return
    handle = reader.text(found.get("handle"), "handle").lstrip("@").lower()
    needs = reader.yes(found.get("needs approval"), "needs approval")
    if handle and reader.once("account", handle, found.get("handle", node)):
        reader.made.accounts.append(OurAccount(handle, needs, reader.place(node)))


def _away(reader: Reader, node: Node) -> Away | None:
    found = reader.table(node, AWAY)
    if found is None:
        return None
    title = reader.text(found.get("title"), "title")
    days = reader.days(found)
    return Away(*days, title) if days else None


def _reaches_somebody(reader: Reader, node: Node) -> bool:
    private = [one for one in _texts(node) if reaches(one.value)]
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
