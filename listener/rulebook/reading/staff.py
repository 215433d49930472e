"""Teams: who answers for what. Owns the meaning of their keys."""

from __future__ import annotations

from listener.rulebook.nodes import Node
from listener.rulebook.reading.keys import KEY, TEXT, Key, Keys
from listener.rulebook.reading.reader import Reader
from listener.rulebook.shape import Team

TEAM = Keys(
    "a team",
    (
        Key("key", "its name: rules give work to it", KEY, needed=True),
        Key("title", "what is shown; else the key", TEXT),
        Key("hours", "its opening hours: time to reply runs while they are open", KEY),
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
    if reader.once("team", key, found.get("key", node)):
        reader.made.teams.append(Team(key, title, hours, reader.place(node)))
