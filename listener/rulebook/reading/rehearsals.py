"""Tests beside an alert: a series said in words, and what must come of it. Owns the meaning of their keys."""

from __future__ import annotations

from datetime import UTC

from listener.model.scales import Severity
from listener.rulebook.nodes import Node
from listener.rulebook.reading.keys import MOMENT, TEXT, Fragment, Key, Keys, Many, one_of
from listener.rulebook.reading.reader import Reader
from listener.rulebook.rehearsal import BEGIN, LONGEST, Rehearsal, stretch_of

PAGES: Fragment = {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": "^(yes|no|[0-9]{1,6} ?(m|min|h|d))$"}]}

REHEARSAL = Keys(
    "a test of an alert",
    (
        Key("title", "what it shows", TEXT),
        Key("series", "what is heard, one time after the other: 3 days of 10/h with 20 % negative; also of nothing, unheard, "
            "with 10 % urgent, by 3 people", Many(TEXT), needed=True),
        Key("pages", "no; or yes, or so soon (30m), counted from the beginning of the last time on. Never before it", PAGES, needed=True),
        Key("severity", "at least so bad", one_of([one.value for one in Severity])),
        Key("from", "when it begins, for what the calendar says; else on a Monday", MOMENT),
    ),
)  # fmt: skip


def read_rehearsals(reader: Reader, node: Node | None) -> tuple[Rehearsal, ...]:
    """The tests of an alert; what is wrong with one is told."""
    read = [_rehearsal(reader, one) for one in reader.items(node, "tests")]
    return tuple(one for one in read if one is not None)


def _rehearsal(reader: Reader, node: Node) -> Rehearsal | None:
    found = reader.table(node, REHEARSAL)
    if found is None:
        return None
    stretches = []
    for text, one in reader.texts(found.get("series"), "series"):
        stretch = stretch_of(text)
        if stretch is None:
            hint = (
                "such as 3 days of 10/h with 20 % negative; or 30m of nothing; or 2 h unheard; in steps of five minutes"
            )
            reader.problem(one, "bad-series", f"{text[:80]!r} says no time with what is heard in it", hint)
        else:
            stretches.append(stretch)
    if sum(one.seconds for one in stretches) > LONGEST:
        reader.problem(
            found["series"], "too-long", "a test is at most 60 days long", "what is usual is learned in days"
        )
        return None
    severity = reader.choice(found.get("severity"), "severity", [one.value for one in Severity])
    begin = reader.moment(found.get("from"), "from")
    within = _within(reader, found.get("pages"), stretches[-1].seconds if stretches else 0)
    if not stretches or "pages" not in found:
        return None
    title = reader.text(found.get("title"), "title")
    begin = BEGIN if begin is None else begin.astimezone(UTC)
    return Rehearsal(title, tuple(stretches), within, severity, begin, reader.place(node))


def _within(reader: Reader, node: Node | None, last: int) -> int | None:
    text = reader.text(node, "pages")
    if text in {"no", "false"} or not text:
        return None
    if text in {"yes", "true"}:
        return last
    return int(reader.span(node, "pages") or 0)
