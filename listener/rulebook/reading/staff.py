"""Teams, people and accounts: who answers for what, and as whom. Owns the meaning of their keys, and that nothing in here reaches anybody."""

from __future__ import annotations

from collections.abc import Iterator

from listener.model.problems import Problem
from listener.model.scales import Priority, Severity
from listener.private import reaches
from listener.rulebook.circles import circles
from listener.rulebook.hours import Hours
from listener.rulebook.nodes import Items, Node, Table, Text
from listener.rulebook.people import QUIET_FOR, Away, OurAccount, Person
from listener.rulebook.reading.keys import KEY, SPAN, TEXT, YES, Each, Key, Keys, Many, number, one_of
from listener.rulebook.reading.planning import FROM, OPEN, TO, read_week
from listener.rulebook.reading.reader import Reader
from listener.rulebook.shape import Team

MOST_OPEN = 1_000
URGENCIES = tuple(one.name.lower() for one in reversed(Priority))
WITHIN = Keys("times to reply", tuple(Key(name, f"for what is {name}", SPAN) for name in URGENCIES))
DONE_WITHIN = Keys("times to resolve", tuple(Key(name, f"for what is {name}", SPAN) for name in URGENCIES))
TEAM = Keys(
    "a team",
    (
        Key("key", "its name: rules give work to it", KEY, needed=True),
        Key("title", "what is shown; else the key", TEXT),
        Key("hours", "its opening hours: time to reply runs while they are open", KEY),
        Key("reply within", "time to reply by priority, where no rule says how long", WITHIN),
        Key("resolve within", "time until a conversation is done, by priority", DONE_WITHIN),
        Key("needs approval", "what its people write goes out when a lead or an admin has approved it", YES),
        Key("escalate to", "the team that gets what is overdue and nobody of this one has taken", KEY),
        Key(
            "escalate after", "how long after the due time, or after it was escalated to this team; else at once", SPAN
        ),
        Key("share out", "give what nobody has to those who are there, the least busy first; else no", YES),
        Key("at most", "so many open ones has nobody who is given more by share out", number(1, MOST_OPEN)),
    ),
)
AWAY = Keys("a time away", (FROM, TO, Key("title", "why, for the team", TEXT)))
SEVERITIES = tuple(one.value for one in Severity)
TOLD_BY = Keys(
    "receivers by severity",
    tuple(
        Key(name, f"by which of their receivers they are told of what is {name}; else by all", Many(KEY))
        for name in SEVERITIES
    ),
)
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
        Key(
            "quiet",
            "when no alert wakes them, by their zone, as days with times: {mon-sun: 22:00-07:00}",
            Each(Many(OPEN)),
        ),
        Key("quiet for", "what is kept from them meanwhile; else note and warning", Many(one_of(SEVERITIES))),
        Key("receivers", "by which of those that hubbub.toml gives them they are told", TOLD_BY),
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
    within = _within(reader, found.get("reply within"), WITHIN, "reply within")
    done_within = _within(reader, found.get("resolve within"), DONE_WITHIN, "resolve within")
    to = reader.refer("team", found.get("escalate to"))
    after = reader.span(found.get("escalate after"), "escalate after")
    shares = reader.yes(found.get("share out"), "share out")
    most = reader.number(found.get("at most"), "at most", 1, MOST_OPEN)
    needs = reader.yes(found.get("needs approval"), "needs approval")
    if after is not None and "escalate to" not in found:
        _needs(reader, found["escalate after"], "escalate after", "escalate to")
    if "at most" in found and "share out" not in found:
        _needs(reader, found["at most"], "at most", "share out")
    if reader.once("team", key, found.get("key", node)):
        place = reader.place(found.get("escalate to", node))
        reader.made.teams.append(
            Team(
                key,
                title,
                hours,
                reader.place(node),
                within,
                done_within,
                needs,
                to,
                after or 0.0,
                shares,
                most or None,
            )
        )
        reader.escalates[key] = place


def _needs(reader: Reader, node: Node, name: str, other: str) -> None:
    reader.problem(node, "goes-with", f"{name} says something about {other}, which is not there", f"add {other}: ...")


def check_escalation(reader: Reader) -> None:
    """Once all teams are read: what nobody takes must come to an end somewhere, and nobody should be handed it without a moment for it."""
    to = {team.key: team.escalate_to for team in reader.made.teams if team.escalate_to}
    for ring in circles({key: [other] for key, other in to.items()}):
        key, first = ring[0], reader.escalates[ring[0]]
        way = [key]
        while (following := to[way[-1]]) != key:
            way.append(following)
        message = f"these teams escalate to one another in a circle: {' -> '.join((*way, key))}"
        hint = "take escalate to out of the last of them"
        reader.problems.append(Problem(first.file, first.line, first.column, "escalation-circle", message, hint))
    for team in reader.made.teams:
        if team.escalate_to and team.key in to.values() and not team.escalate_after:
            place = reader.escalates[team.key]
            message = f"what comes to {team.key} by escalation goes on to {team.escalate_to} in the same moment"
            hint = "add escalate after: 30m, so that somebody can take it"
            reader.warnings.append(Problem(place.file, place.line, place.column, "passed-on-at-once", message, hint))


def _within(reader: Reader, node: Node | None, keys: Keys, name: str) -> dict[Priority, float]:
    found = None if node is None else reader.table(node, keys)
    spans = {urgency: reader.span(one, name) for urgency, one in (found or {}).items()}
    return {Priority[urgency.upper()]: seconds for urgency, seconds in spans.items() if seconds is not None}


def read_person(reader: Reader, node: Node) -> None:
    """A person."""
    found = reader.table(node, PERSON)
    if found is None or _reaches_somebody(reader, node):
        return
    id_ = reader.key(found.get("id"), "a person's id")
    name = reader.text(found.get("name"), "name") or id_
    away = [_away(reader, one) for one in reader.items(found.get("away"), "away")]
    zone = reader.zone(found.get("zone")) or "UTC"
    person = Person(
        id=id_,
        name=name,
        teams=reader.refer_all("team", found.get("teams")),
        zone=zone,
        hours=reader.refer("hours", found.get("hours")),
        away=tuple(sorted((one for one in away if one is not None), key=lambda one: (one.first, one.last))),
        place=reader.place(node),
        needs_approval=reader.yes(found.get("needs approval"), "needs approval"),
        quiet=_quiet(reader, found.get("quiet"), zone),
        quiet_for=_quiet_for(reader, found),
        told_by=_told_by(reader, found.get("receivers")),
    )
    if reader.once("person", id_, found.get("id", node)):
        reader.made.people.append(person)


def _quiet(reader: Reader, node: Node | None, zone: str) -> Hours | None:
    return None if node is None else Hours("quiet", "quiet", zone, read_week(reader, node, "quiet"))


def _quiet_for(reader: Reader, found: dict[str, Node]) -> frozenset[Severity]:
    if "quiet for" not in found:
        return QUIET_FOR
    if "quiet" not in found:
        _needs(reader, found["quiet for"], "quiet for", "quiet")
    words = [reader.choice(one, "quiet for", SEVERITIES) for one in reader.items(found["quiet for"], "quiet for")]
    return frozenset(Severity(word) for word in words if word)


def _told_by(reader: Reader, node: Node | None) -> dict[Severity, tuple[str, ...]]:
    found = None if node is None else reader.table(node, TOLD_BY)
    told: dict[Severity, tuple[str, ...]] = {}
    for word, value in (found or {}).items():
        names = [reader.key(one, "a receiver's name") for one in reader.items(value, word)]
        told[Severity(word)] = tuple(name for name in names if name)
    return told


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
