"""Alert policies, routes, rotas and chains. Owns the meaning of their keys."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from listener.model.problems import Problem
from listener.model.scales import Severity
from listener.query.clock import zone as zone_named
from listener.rulebook.alerting import (
    Chain,
    Floors,
    Layer,
    Notified,
    Override,
    Policy,
    Rota,
    Route,
    Step,
    Watched,
    WhenPlanned,
)
from listener.rulebook.hours import DAY as WHOLE_DAY
from listener.rulebook.hours import WEEKDAYS
from listener.rulebook.ical import SUFFIX, BadCalendar, Turns
from listener.rulebook.nodes import Node
from listener.rulebook.reading.keys import (
    DAY,
    KEY,
    MOMENT,
    SHORT_SPAN,
    TEXT,
    Fragment,
    Key,
    Keys,
    Many,
    number,
    one_of,
)
from listener.rulebook.reading.listening import KINDS
from listener.rulebook.reading.reader import Reader
from listener.rulebook.reading.rehearsals import REHEARSAL, read_rehearsals
from listener.rulebook.turns import known

WATCHED = tuple(one.value for one in Watched)
SEVERITIES = tuple(one.value for one in Severity)
PLANNED = tuple(one.value for one in WhenPlanned)
HAND_OVER: Fragment = {"type": "string", "pattern": "^((mon|tue|wed|thu|fri|sat|sun) )?[0-9]{1,2}:[0-9]{2}$"}
DECIMAL: Fragment = {"type": "number"}

SCOPE = Keys(
    "an alert's scope",
    (
        Key("topics", "what was heard by one of these topics", Many(KEY)),
        Key("kinds", "what was heard by a topic of one of these kinds", Many(one_of(KINDS))),
        Key("sources", "only from these networks; else from all", Many(TEXT)),
    ),
)
FLOORS = Keys(
    "floors",
    (
        Key("mentions", "not below so many messages", number(1, 1_000_000)),
        Key("authors", "not below so many different authors", number(1, 1_000_000)),
        Key("share", "not below this share, 0 to 1, of the messages looked at", DECIMAL),
    ),
)
ALERT = Keys(
    "an alert",
    (
        Key("key", "its name: rules, routes and the calendar use it", KEY, needed=True),
        Key("title", "what is shown; else the key", TEXT),
        Key("owner", "who answers for the alert itself", TEXT, needed=True),
        Key("kind", "what it looks at: " + ", ".join(WATCHED), one_of(WATCHED), needed=True),
        Key("scope", "which messages it looks at; else all, and for kind rule what rules hand to it", SCOPE),
        Key("false pages", "so many false ones a month are accepted, 0.1 to 31; else 1", DECIMAL),
        Key("floors", "below these it keeps silent, however surprising it is", FLOORS),
        Key("severity", "how bad it is; else warning", one_of(SEVERITIES)),
        Key("quiet", "what the calendar does to it: mute, or raise what it takes", one_of(PLANNED)),
        Key("routes", "the routes that it takes; else those that match it", Many(KEY)),
        Key("recover", "so long it must be over before its incident is resolved by itself; else 15m", SHORT_SPAN),
        Key("cool down", "so long after that the same tells nobody anew, unless it is worse; else it does", SHORT_SPAN),
        Key("tests", "what must page and what must not, in figures", Many(REHEARSAL)),
    ),
)
MATCH = Keys(
    "match",
    (
        Key("alerts", "these alerts", Many(KEY)),
        Key("kinds", "alerts that look at these", Many(one_of(WATCHED))),
        Key("severities", "alerts that are so bad", Many(one_of(SEVERITIES))),
        Key("topics", "alerts whose scope names one of these topics", Many(KEY)),
    ),
)
ROUTE = Keys(
    "a route",
    (
        Key("key", "its name: alerts use it", KEY, needed=True),
        Key("title", "what is shown; else the key", TEXT),
        Key("match", "which alerts go this way; else all", MATCH),
        Key("rank", "the route of the highest rank is taken, then the one that says most", number(-1000, 1000)),
        Key("receivers", "where they go, by the names in hubbub.toml", Many(KEY)),
        Key("chain", "the people who are told, one after the other", KEY),
        Key("wait", "so long nobody is told, so that what belongs together is told together; else 30s", SHORT_SPAN),
        Key("interval", "so long lies between two pages that it is worse; else 5m", SHORT_SPAN),
        Key(
            "repeat", "so long after its last step the chain begins anew, when nobody has answered; else 4h", SHORT_SPAN
        ),
        Key(
            "again after",
            "after so long whoever acknowledged it is asked, when it is not resolved; else 1h",
            SHORT_SPAN,
        ),
    ),
)
LAYER = Keys(
    "a layer",
    (
        Key("people", "who take turns, in this order", Many(KEY), needed=True),
        Key("start", "the day on which the first one begins", DAY, needed=True),
        Key("hand over", "when the next one begins: a time for every day, or mon 09:00 for every week", HAND_OVER, True),
        Key("hours", "it counts only while these opening hours are open", KEY),
    ),
)  # fmt: skip
OVERRIDE = Keys(
    "an override",
    (
        Key("from", "when it begins, such as 2026-12-24 or 2026-12-24T18:00, by the rota's zone", MOMENT, needed=True),
        Key("to", "when it is over", MOMENT, needed=True),
        Key("person", "who is on duty instead", KEY, needed=True),
    ),
)
ROTA = Keys(
    "a rota",
    (
        Key("key", "its name: chains use it", KEY, needed=True),
        Key("title", "what is shown; else the key", TEXT),
        Key("zone", "the time zone of its times, such as Europe/Berlin", TEXT, needed=True),
        Key("layers", "people who take turns; a later layer covers those before it", Many(LAYER)),
        Key(
            "ical",
            "a calendar beside this file, such as duty.ics, whose events name who is on duty; it covers the layers",
            TEXT,
        ),
        Key(
            "calendar",
            "a calendar at an address, by its name in hubbub.toml, whose events name who is on duty; it covers the layers",
            KEY,
        ),
        Key("overrides", "somebody else for a time", Many(OVERRIDE)),
    ),
)
STEP = Keys(
    "a step",
    (
        Key("rota", "tell whoever is on duty", KEY),
        Key("person", "tell this person", KEY),
        Key("team", "tell this team", KEY),
        Key("wait", "so long for an answer before the next step; not for the last", SHORT_SPAN),
    ),
)
CHAIN = Keys(
    "a chain",
    (
        Key("key", "its name: routes use it", KEY, needed=True),
        Key("title", "what is shown; else the key", TEXT),
        Key("steps", "who is told, one after the other until somebody answers", Many(STEP), needed=True),
    ),
)

_HAND_OVER = re.compile(rf"(?:({'|'.join(WEEKDAYS)}) )?([0-9]{{1,2}}):([0-9]{{2}})\Z")


def read_alert(reader: Reader, node: Node) -> None:
    """An alert policy."""
    found = reader.table(node, ALERT)
    if found is None:
        return
    key = reader.key(found.get("key"), "an alert's key")
    title = reader.text(found.get("title"), "title") or key
    owner = reader.text(found.get("owner"), "owner")
    watched = reader.choice(found.get("kind"), "kind", WATCHED)
    scope = reader.table(found["scope"], SCOPE) or {} if "scope" in found else {}
    kinds = [reader.choice(one, "kind", KINDS) for one in reader.items(scope.get("kinds"), "kinds")]
    severity = reader.choice(found.get("severity"), "severity", SEVERITIES)
    quiet = reader.choice(found.get("quiet"), "quiet", PLANNED)
    policy = Policy(
        key=key,
        title=title,
        owner=owner,
        watched=Watched(watched or "rule"),
        topics=reader.refer_all("topic", scope.get("topics")),
        kinds=frozenset(kind for kind in kinds if kind),
        sources=frozenset(value for value, _ in reader.texts(scope.get("sources"), "source")),
        false_pages=reader.decimal(found.get("false pages"), "false pages", 0.1, 31.0) or 1.0,
        floors=_floors(reader, found.get("floors")),
        severity=Severity(severity) if severity else Severity.WARNING,
        quiet=WhenPlanned(quiet) if quiet else None,
        routes=reader.refer_all("route", found.get("routes")),
        tests=read_rehearsals(reader, found.get("tests")),
        place=reader.place(node),
        recover=_seconds(reader, found.get("recover"), "recover", 900.0),
        cool_down=_seconds(reader, found.get("cool down"), "cool down", 0.0),
    )
    if watched == Watched.RULE and "scope" in found:
        hint = "take scope out; the rules' own scopes say it"
        reader.problem(found["scope"], "scope-of-rules", "what rules hand to it has no scope of its own", hint)
    if reader.once("alert", key, found.get("key", node)):
        reader.made.alerts.append(policy)


def _seconds(reader: Reader, node: Node | None, what: str, otherwise: float) -> float:
    """A span that may be short, from a second on."""
    found = reader.span(node, what, low=1)
    return otherwise if found is None else found


def _floors(reader: Reader, node: Node | None) -> Floors:
    found = None if node is None else reader.table(node, FLOORS)
    if found is None:
        return Floors()
    return Floors(
        mentions=reader.number(found.get("mentions"), "mentions", 1, 1_000_000),
        authors=reader.number(found.get("authors"), "authors", 1, 1_000_000),
        share=reader.decimal(found.get("share"), "share", 0.0, 1.0) or 0.0,
    )


def read_route(reader: Reader, node: Node) -> None:
    """A route."""
    found = reader.table(node, ROUTE)
    if found is None:
        return
    key = reader.key(found.get("key"), "a route's key")
    title = reader.text(found.get("title"), "title") or key
    match = reader.table(found["match"], MATCH) or {} if "match" in found else {}
    watched = [reader.choice(one, "kind", WATCHED) for one in reader.items(match.get("kinds"), "kinds")]
    bad = [reader.choice(one, "severity", SEVERITIES) for one in reader.items(match.get("severities"), "severities")]
    receivers = [reader.key(one, "a receiver's name") for one in reader.items(found.get("receivers"), "receivers")]
    if not {"receivers", "chain"} & set(found):
        reader.problem(node, "leads-nowhere", "this route leads to nobody", "add receivers: [...] or chain: ...")
    route = Route(
        key=key,
        title=title,
        alerts=reader.refer_all("alert", match.get("alerts")),
        watched=frozenset(Watched(one) for one in watched if one),
        severities=frozenset(Severity(one) for one in bad if one),
        topics=reader.refer_all("topic", match.get("topics")),
        rank=reader.number(found.get("rank"), "rank", -1000, 1000),
        receivers=frozenset(one for one in receivers if one),
        chain=reader.refer("chain", found.get("chain")),
        place=reader.place(node),
        wait=_seconds(reader, found.get("wait"), "wait", 30.0),
        interval=_seconds(reader, found.get("interval"), "interval", 300.0),
        repeat=_seconds(reader, found.get("repeat"), "repeat", 4 * 3600.0),
        again_after=_seconds(reader, found.get("again after"), "again after", 3600.0),
    )
    if reader.once("route", key, found.get("key", node)):
        reader.made.routes.append(route)


def read_rota(reader: Reader, node: Node) -> None:
    """A rota."""
    found = reader.table(node, ROTA)
    if found is None:
        return
    key = reader.key(found.get("key"), "a rota's key")
    title = reader.text(found.get("title"), "title") or key
    zone = reader.zone(found.get("zone"))
    layers = [_layer(reader, one) for one in reader.items(found.get("layers"), "layers")]
    if "layers" in found and not layers:
        reader.problem(found["layers"], "empty-value", "layers is empty", "write at least one layer")
    overrides = _overrides(reader, found.get("overrides"), zone or "UTC")
    good = tuple(layer for layer in layers if layer is not None)
    turns = _turns(reader, None if "calendar" in found else found.get("ical"), zone or "UTC")
    calendar = reader.key(found["calendar"], "a calendar's name") if "calendar" in found else ""
    if {"ical", "calendar"} <= set(found):
        message = "a rota has one calendar: a file beside it, or one at an address"
        reader.problem(found["calendar"], "one-of-both", message, "keep ical or calendar")
    if not {"layers", "ical", "calendar"} & set(found):
        hint = "add layers: [...], ical: duty.ics, or calendar: name-in-hubbub.toml"
        reader.problem(node, "nobody-takes-turns", "this rota has nobody", hint)
    if reader.once("rota", key, found.get("key", node)) and zone and (good or calendar or turns is not None):
        said = found["ical"] if turns is not None else found["calendar"] if calendar else node
        reader.made.rotas.append(Rota(key, title, zone, good, overrides, reader.place(said), turns, calendar))


def _turns(reader: Reader, node: Node | None, zone: str) -> Turns | None:
    written = reader.text(node, "ical")
    if not written or node is None:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(reader.file), written))
    if path not in reader.beside:
        hint = f"put {written} beside this file" if written.endswith(SUFFIX) else f"a file that ends in {SUFFIX}"
        if reader.complete:
            reader.problem(node, "no-calendar", f"there is no calendar {path[:100]!r}", hint)
        return None
    text = reader.beside[path]
    if "mailto:" in text.lower():
        hint = "rule files are read by many and kept in the database: export it without guests"
        reader.warn(node, "private", f"{path} holds e-mail addresses", hint)
    try:
        return Turns.read(text, zone)
    except BadCalendar as bad:
        reader.problem(node, "bad-calendar", f"{path}: {bad}", "save it anew from the calendar program")
        return None


def name_turns(reader: Reader) -> None:
    """Once all people are read: whom the events of calendars name. What names nobody is told, and counts for nothing."""
    people = [(one.id, one.name) for one in reader.made.people]
    for which, rota in enumerate(reader.made.rotas):
        if not isinstance(rota.turns, Turns):
            continue
        calls = rota.turns.calls()
        found = known(calls, people)
        reader.made.rotas[which] = replace(rota, turns=replace(rota.turns, people=found))
        if strange := [call for call in calls if call not in found]:
            shown = ", ".join(repr(one[:40]) for one in strange[:5])
            message = f"rota {rota.key}: events of its calendar name nobody under people: {shown}"
            hint = "an event's title is a person's id or name; what names nobody counts for nothing"
            place = rota.place
            reader.warnings.append(Problem(place.file, place.line, place.column, "unknown-turns", message, hint))


def _layer(reader: Reader, node: Node) -> Layer | None:
    found = reader.table(node, LAYER)
    if found is None:
        return None
    people = tuple(name for one in reader.items(found.get("people"), "people") if (name := reader.refer("person", one)))
    if "people" in found and not reader.items(found["people"], "people"):
        reader.problem(found["people"], "empty-value", "people is empty", "write at least one person")
    start = reader.day(found.get("start"), "start")
    hours = reader.refer("hours", found.get("hours"))
    written = reader.text(found.get("hand over"), "hand over")
    if not written or start is None:
        return None
    when = _HAND_OVER.match(written)
    if when is None or (minute := int(when.group(2)) * 60 + int(when.group(3))) >= WHOLE_DAY or int(when.group(3)) > 59:
        message = f"{written!r} is not a time to hand over"
        reader.problem(found["hand over"], "bad-hours", message, "such as 09:00 for every day, or mon 09:00")
        return None
    weekday = WEEKDAYS.index(when.group(1)) if when.group(1) else None
    if weekday is not None and start.weekday() != weekday:
        meant = start + timedelta(days=(weekday - start.weekday()) % 7)
        message = f"{start} is a {WEEKDAYS[start.weekday()]}, and turns begin on a {WEEKDAYS[weekday]}"
        reader.problem(found["start"], "start-is-another-day", message, f"such as {meant}")
        return None
    return Layer(people, start, minute, weekday, hours, reader.place(found["hand over"])) if people else None


def _overrides(reader: Reader, node: Node | None, zone: str) -> tuple[Override, ...]:
    made: list[Override] = []
    for one in reader.items(node, "overrides"):
        found = reader.table(one, OVERRIDE)
        if found is None:
            continue
        person = reader.refer("person", found.get("person"))
        times = [reader.moment(found.get(name), name, zone_named(zone)) for name in ("from", "to")]
        begin, end = (None if at is None else at.astimezone(UTC) for at in times)
        if begin is None or end is None:
            continue
        if end <= begin:
            reader.problem(found["to"], "backwards", "this ends before it begins", "swap from and to")
            continue
        override = Override(begin, end, person)
        over = next((other for other in made if other.begin < end and begin < other.end), None)
        if over is not None:
            message = (
                f"this overlaps the override by {over.person}, {_said(over.begin, zone)} to {_said(over.end, zone)}"
            )
            reader.problem(one, "overlap", message, "only one can be on duty instead")
        made.append(override)
    return tuple(sorted(made, key=lambda override: override.begin))


def _said(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(zone_named(zone)):%Y-%m-%d %H:%M}"


def read_chain(reader: Reader, node: Node) -> None:
    """A chain of people who are told."""
    found = reader.table(node, CHAIN)
    if found is None:
        return
    key = reader.key(found.get("key"), "a chain's key")
    title = reader.text(found.get("title"), "title") or key
    nodes = reader.items(found.get("steps"), "steps")
    if "steps" in found and not nodes:
        reader.problem(found["steps"], "empty-value", "steps is empty", "write at least one step")
    steps = [_step(reader, one, last=one is nodes[-1]) for one in nodes]
    if reader.once("chain", key, found.get("key", node)):
        good = tuple(step for step in steps if step is not None)
        reader.made.chains.append(Chain(key, title, good, reader.place(node)))


def _step(reader: Reader, node: Node, *, last: bool) -> Step | None:
    found = reader.table(node, STEP)
    if found is None:
        return None
    told = [one for one in Notified if one.value in found]
    names = [reader.refer(one.value, found[one.value]) for one in told]
    wait = reader.span(found.get("wait"), "wait", low=1)
    if len(told) != 1:
        reader.problem(node, "one-of-both", "a step tells one of rota, person and team", "such as rota: support")
        return None
    if last and "wait" in found:
        message = "the chain ends here, and whoever did not answer is waited for"
        reader.problem(found["wait"], "no-end", message, "add a step behind it that tells somebody, or take wait out")
    elif not last and "wait" not in found:
        reader.problem(node, "missing-key", "a step with another behind it needs wait", "add wait: 15m")
    return Step(told[0], names[0], wait or 0.0) if names[0] else None
