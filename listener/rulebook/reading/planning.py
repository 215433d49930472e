"""Opening hours and the calendar: days and times as a team lead writes them. Owns the meaning of their keys."""

from __future__ import annotations

import re
from datetime import date

from listener.rulebook.hours import DAY as WHOLE_DAY
from listener.rulebook.hours import WEEKDAYS, Closed, Holiday, Hours, Span
from listener.rulebook.nodes import Node, Table, Text
from listener.rulebook.planned import Expected, Planned
from listener.rulebook.reading.keys import DAY, KEY, TEXT, Each, Fragment, Key, Keys, Many, one_of
from listener.rulebook.reading.reader import Reader

OPEN: Fragment = {"type": "string", "pattern": "^(closed|24h|[0-9]{1,2}:[0-9]{2} ?- ?[0-9]{1,2}:[0-9]{2})$"}
FROM = Key("from", "the first day", DAY, needed=True)
TO = Key("to", "the last day, included", DAY, needed=True)
_TIMES = "09:00-17:30, 22:00-02:00 past midnight, 24h, closed, or a list of times"

HOLIDAY = Keys(
    "a holiday",
    (
        Key("day", "which day", DAY, needed=True),
        Key("title", "what it is called", TEXT),
        Key("open", f"when it is open all the same: {_TIMES}; else closed", Many(OPEN)),
    ),
    short=DAY,
)
CLOSED = Keys("a closed time", (FROM, TO, Key("title", "why", TEXT)))
HOURS = Keys(
    "opening hours",
    (
        Key("key", "their name: teams, people and rules use it", KEY, needed=True),
        Key("title", "what is shown; else the key", TEXT),
        Key("zone", "the time zone of the clock on the wall, such as Europe/Berlin", TEXT, needed=True),
        Key("open", f"days (mon, mon-fri, or sat,sun) with their times: {_TIMES}", Each(Many(OPEN)), needed=True),
        Key("holidays", "days that are not like their weekday; closed, unless they say when they are open", Many(HOLIDAY)),
        Key("closed", "longer times when nobody is there", Many(CLOSED)),
    ),
)  # fmt: skip
EXPECTED = tuple(one.value for one in Expected)
PLANNED = Keys(
    "an entry of the calendar",
    (
        Key("key", "its name", KEY, needed=True),
        Key("title", "what is planned", TEXT, needed=True),
        Key("day", "the day, when it is one", DAY),
        Key("from", "else the first day", DAY),
        Key("to", "and the last, included", DAY),
        Key("topics", "what will be talked about; else everything", Many(KEY)),
        Key("expect", "more or less is said than on other days", one_of(EXPECTED)),
        Key("mute", "alerts that keep silent meanwhile", Many(KEY)),
        Key("note", "what whoever answers should know", TEXT),
    ),
)

_SPAN = re.compile(r"([0-9]{1,2}):([0-9]{2}) ?[-–] ?([0-9]{1,2}):([0-9]{2})\Z")


def read_hours(reader: Reader, node: Node) -> None:
    """Opening hours."""
    found = reader.table(node, HOURS)
    if found is None:
        return
    key = reader.key(found.get("key"), "the hours' key")
    title = reader.text(found.get("title"), "title") or key
    zone = reader.zone(found.get("zone"))
    week = read_week(reader, found.get("open"))
    holidays = _holidays(reader, found.get("holidays"))
    closed = [_closed(reader, one) for one in reader.items(found.get("closed"), "closed")]
    if reader.once("hours", key, found.get("key", node)) and zone:
        shut = sorted((one for one in closed if one is not None), key=lambda one: (one.first, one.last))
        reader.made.hours.append(Hours(key, title, zone, week, holidays, tuple(shut), reader.place(node)))


def read_week(reader: Reader, node: Node | None, what: str = "open") -> tuple[tuple[Span, ...], ...]:
    """The times of a week, Monday first."""
    week: list[tuple[Span, ...] | None] = [None] * 7
    for key, value in reader.pairs(node, what):
        spans = read_spans(reader, value)
        for day in _days(reader, key):
            if week[day] is None:
                week[day] = spans
            else:
                reader.problem(key, "repeated-day", f"{WEEKDAYS[day]} stands here twice", "keep one of them")
    if (isinstance(node, Text) and node.empty) or (isinstance(node, Table) and not node.pairs):
        reader.problem(node, "empty-value", f"{what} is empty", f"such as {what}: {{mon-fri: 09:00-17:30}}")
    return tuple(spans or () for spans in week)


def _days(reader: Reader, key: Text) -> list[int]:
    """The weekdays that a key names, as numbers."""
    days: list[int] = []
    for part in key.value.lower().split(","):
        names = [name.strip() for name in part.split("-")]
        if len(names) > 2 or not set(names) <= set(WEEKDAYS):
            hint = f"one of {', '.join(WEEKDAYS)}, or several: mon-fri, or sat,sun"
            reader.problem(key, "unknown-day", f"{part.strip()!r} is no day of the week", hint)
            return []
        first, last = WEEKDAYS.index(names[0]), WEEKDAYS.index(names[-1])
        days += [(first + number) % 7 for number in range((last - first) % 7 + 1)]
    return days


def read_spans(reader: Reader, node: Node | None) -> tuple[Span, ...]:
    """Times of one day, in order; none for `closed`."""
    spans: list[Span] = []
    for value, one in reader.texts(node, "open"):
        if value == "closed":
            if len(reader.items(node, "open")) > 1:
                reader.problem(one, "bad-hours", "closed cannot stand beside other times", "take one of them out")
            continue
        span = Span(0, WHOLE_DAY, reader.place(one)) if value == "24h" else _span(reader, value, one)
        if span is None:
            continue
        over = next((other for other in spans if other.begin < span.end and span.begin < other.end), None)
        if over is not None:
            reader.problem(one, "overlap", f"{span} overlaps {over} of the same day", "make one of the two")
        spans.append(span)
    return tuple(sorted(spans, key=lambda span: span.begin))


def _span(reader: Reader, value: str, node: Node) -> Span | None:
    written = _SPAN.match(value)
    if written is None:
        reader.problem(node, "bad-hours", f"{value!r} is not a time of opening", _TIMES)
        return None
    hour, minute, end_hour, end_minute = map(int, written.groups())
    begin, end = hour * 60 + minute, end_hour * 60 + end_minute
    if minute > 59 or end_minute > 59 or begin >= WHOLE_DAY or end > WHOLE_DAY:
        reader.problem(node, "bad-hours", f"{value!r} is beyond the clock", "from 00:00 to 24:00")
        return None
    if begin == end:
        reader.problem(node, "bad-hours", f"{value!r} begins when it ends", "write 24h for the whole day")
        return None
    return Span(begin, end if end > begin else end + WHOLE_DAY, reader.place(node))


def _holidays(reader: Reader, node: Node | None) -> tuple[Holiday, ...]:
    found: dict[date, Holiday] = {}
    for one in reader.items(node, "holidays"):
        at: Node | None = one
        title = ""
        spans: tuple[Span, ...] = ()
        if not isinstance(one, Text):
            table = reader.table(one, HOLIDAY)
            if table is None:
                continue
            at, title = table.get("day"), reader.text(table.get("title"), "title")
            spans = read_spans(reader, table.get("open"))
        day = reader.day(at, "day")
        if day is None or at is None:
            continue
        if day in found:
            reader.problem(at, "repeated-day", f"{day} stands here twice", "keep one of them")
        found[day] = Holiday(day, title, spans)
    return tuple(sorted(found.values(), key=lambda holiday: holiday.day))


def _closed(reader: Reader, node: Node) -> Closed | None:
    found = reader.table(node, CLOSED)
    if found is None:
        return None
    title = reader.text(found.get("title"), "title")
    days = reader.days(found)
    return Closed(*days, title) if days else None


def read_planned(reader: Reader, node: Node) -> None:
    """An entry of the calendar."""
    found = reader.table(node, PLANNED)
    if found is None:
        return
    key = reader.key(found.get("key"), "an entry's key")
    title = reader.text(found.get("title"), "title")
    days = _planned_days(reader, node, found)
    expect = reader.choice(found.get("expect"), "expect", EXPECTED)
    topics = reader.refer_all("topic", found.get("topics"))
    mute = reader.refer_all("alert", found.get("mute"))
    note = reader.text(found.get("note"), "note")
    if reader.once("calendar entry", key, found.get("key", node)) and days:
        planned = Planned(
            key, title, *days, topics, Expected(expect) if expect else None, mute, note, reader.place(node)
        )
        reader.made.calendar.append(planned)


def _planned_days(reader: Reader, node: Node, found: dict[str, Node]) -> tuple[date, date] | None:
    written = {"day", "from", "to"} & set(found)
    if written not in ({"day"}, {"from", "to"}):
        reader.problem(node, "one-of-both", "an entry has a day, or from and to", "such as day: 2026-12-24")
        return None
    if "day" not in found:
        return reader.days(found)
    day = reader.day(found["day"], "day")
    return (day, day) if day else None
