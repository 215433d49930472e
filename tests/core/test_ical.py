"""Calendars of duty: events, repeated, moved and taken out, by the rota's clock; and what is no calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener import rulefiles
from listener.rulebook.ical import BadCalendar, Events, Turns
from listener.rulebook.shape import Rulebook
from listener.rulebook.turns import Timeline, Turn, known
from tests.core.rulebooks import book, problems
from tests.core.test_alerting import STAFF

WHOLE = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//a test//EN
{events}
END:VCALENDAR
"""
WEEKS = """\
BEGIN:VEVENT
UID:1@test
SUMMARY:Mia
DTSTART;TZID=Europe/Berlin:20260323T090000
DTEND;TZID=Europe/Berlin:20260330T090000
RRULE:FREQ=WEEKLY;INTERVAL=2
EXDATE;TZID=Europe/Berlin:20260420T090000
END:VEVENT
BEGIN:VEVENT
UID:2@test
SUMMARY:ben
DTSTART:20260330T090000
DTEND:20260406T090000
END:VEVENT
BEGIN:VEVENT
UID:3@test
SUMMARY:Somebody
 else
DTSTART;VALUE=DATE:20260401
DTEND;VALUE=DATE:20260402
END:VEVENT
BEGIN:VEVENT
UID:4@test
SUMMARY:ola
DTSTART;VALUE=DATE:20260402
DTEND;VALUE=DATE:20260403
END:VEVENT"""
ROTA = "rotas: [{key: duty, zone: Europe/Berlin, ical: duty.ics, layers: [{people: [ola], start: 2026-01-01, hand over: 09:00}]}]\n"


def calendar(events: str = WEEKS) -> str:
    return WHOLE.format(events=events)


def test_turns_go_by_the_rotas_clock_also_when_it_changes_and_the_calendar_covers_the_layers(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(STAFF + ROTA)
    (tmp_path / "duty.ics").write_text(calendar().replace("\n", "\r\n"), newline="")
    rules = rulefiles.load(tmp_path)
    assert isinstance(rules, Rulebook), rules
    assert [one.code for one in rules.warnings] == ["unknown-turns"]
    assert "'Somebodyelse'" in rules.warnings[0].message
    rota = rules.rotas[0]
    # The clock changes on 29 March: nine in Berlin is 08:00 UTC before and 07:00 UTC afterwards.
    changes = {
        datetime(2026, 3, 23, 8, tzinfo=UTC): ("ola", "mia"),
        datetime(2026, 3, 30, 7, tzinfo=UTC): ("mia", "ben"),
        datetime(2026, 4, 1, 22, tzinfo=UTC): ("ben", "ola"),  # a whole day begins at midnight in Berlin
        datetime(2026, 4, 2, 22, tzinfo=UTC): ("ola", "ben"),
        datetime(2026, 4, 6, 7, tzinfo=UTC): ("ben", "mia"),
        datetime(2026, 4, 13, 7, tzinfo=UTC): ("mia", "ola"),
        datetime(2026, 4, 20, 7, tzinfo=UTC): ("ola", "ola"),  # taken out
        datetime(2026, 5, 4, 7, tzinfo=UTC): ("ola", "mia"),
        datetime(2026, 10, 26, 8, tzinfo=UTC): ("mia", "ola"),
    }
    for at, (before, after) in changes.items():
        found = (rota.on_duty(at - timedelta(seconds=1), lambda _: None), rota.on_duty(at, lambda _: None))
        assert found == (before, after), at
    assert rota.everybody == ("ola", "ben", "mia")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it cannot be read"),
        ("BEGIN:VEVENT", "it cannot be read"),
        (calendar(""), "it has no events"),
        (calendar(WEEKS.replace("WEEKLY", "SECONDLY")), "every hour or more often"),
        (calendar(WEEKS.replace("FREQ=WEEKLY", "FREQ=\n HOURLY")), "every hour or more often"),
        (calendar(WEEKS.replace("20260330T", "19000330T")), "begins before 2000"),
        (calendar(WEEKS.replace("DTSTART;VALUE=DATE:20260401", "DTSTART:never")), "it cannot be read"),
        (calendar("BEGIN:VEVENT\nDTSTART:20260330T090000\nEND:VEVENT\n" * 5001), "more than 5,000 events"),
        # What the libraries would be busy with for minutes, for hours or for ever.
        (calendar(WEEKS.replace("FREQ=WEEKLY", "FREQ=DAILY;BYSECOND=0,1,2,3")), "every hour or more often"),
        (calendar(WEEKS.replace("INTERVAL=2", "INTERVAL=0")), "steps of nothing"),
        (calendar(WEEKS.replace("INTERVAL=2", "INTER\n VAL=-1")), "steps of nothing"),
        (calendar(WEEKS.replace("INTERVAL=2", "BYMONTH=2;BYMONTHDAY=30")), "days that never come"),
        (calendar(WEEKS * 201), "more than 200 repeated events"),
        (calendar(WEEKS.replace("EXDATE", "RDATE;VALUE=DATE:" + "20260420," * 5000 + "20260421\nEXDATE")), "5,000 dates"),
        (calendar(WEEKS.replace("DTEND;TZID=Europe/Berlin:2026", "DTEND;TZID=Europe/Berlin:2036")), "longer than 92 days"),
        (calendar(WEEKS.replace("20260330T", "99981231T")), "begins after 2199"),
        (calendar(WEEKS.replace("UID:1", "X-LONG:" + "x" * 4_000_000)), "longer than 4,000,000 characters"),
        (calendar("BEGIN:X\n" * 310_000), "longer than 150,000 lines"),
        (calendar("BEGIN:VTIMEZONE\nTZID:X\nBEGIN:STANDARD\nDTSTART:16010101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\n"
                  "RRULE:FREQ=DAILY\nEND:STANDARD\nEND:VTIMEZONE\n" + WEEKS), "changes its clock"),
    ],
    ids=lambda value: "" if "BEGIN" in value else value,
)  # fmt: skip
def test_what_is_no_calendar_of_turns_is_said_and_never_a_crash(text: str, said: str) -> None:
    with pytest.raises(BadCalendar, match=said):
        Turns.read(text, "UTC")


def test_the_file_is_beside_the_rules_and_addresses_in_it_are_warned_about() -> None:
    assert [one.code for one in problems(STAFF + ROTA)] == ["no-calendar"]
    neither = "rotas: [{key: duty, zone: UTC}]\n"
    assert [one.code for one in problems(neither)] == ["nobody-takes-turns"]
    bad = problems(STAFF + ROTA, **{"duty.ics": "BEGIN:VEVENT"})
    assert [(one.file, one.code) for one in bad] == [("r.yaml", "bad-calendar")]
    guest = calendar(WEEKS.replace("UID:2@test", "UID:2@test\nATTENDEE:mailto:ben@example.org"))
    rules = book(**{"r_yaml": STAFF + ROTA, "duty.ics": guest})
    assert "private" in [one.code for one in rules.warnings]


def test_a_title_may_name_somebody_in_one_of_its_parts_and_what_is_cancelled_is_no_turn() -> None:
    people = [("mia", "Mia Berg"), ("ben", "ben")]
    calls = ["On Call - Mia Berg - Support", "MIA BERG", "mia - ben", "Mia Berg's holiday", "ben", " - ", "Busy"]
    assert known(calls, people) == {calls[0]: "mia", calls[1]: "mia", calls[4]: "ben"}
    away = calendar(WEEKS.replace("UID:2@test", "UID:2@test\nSTATUS:CANCELLED"))
    begin = datetime(2026, 3, 30, tzinfo=UTC)
    found = {one.call for one in Events.read(away).between(begin, begin + timedelta(days=7))}
    assert "ben" not in found
    assert "Mia" in found


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(-1, 8), st.sampled_from("abcx")), max_size=8),
    st.integers(-1, 30),
)
def test_a_timeline_says_of_every_moment_what_the_turns_say(spans: list[tuple[int, int, str]], hour: int) -> None:
    start = datetime(2026, 3, 28, 20, tzinfo=UTC)  # the clock changes in that night
    turns = [Turn(call, start + timedelta(hours=at), start + timedelta(hours=at + long)) for at, long, call in spans]
    moment = start + timedelta(hours=hour)
    covering = [one for one in turns if one.call in "abc" and one.begin <= moment < one.end]
    first = min(covering, key=lambda one: (-one.begin.timestamp(), one.call), default=None)
    found = Timeline.of(turns, "Europe/Berlin", {"a": "ann", "b": "bob", "c": "cem"}).on_duty(moment)
    assert found[:1] == ("" if first is None else first.call)
