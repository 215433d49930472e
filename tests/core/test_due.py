"""When an answer is due: by the hours of the team that answers, never before it was said, and said in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.assess import assess
from listener.model.heard import Author, Hearing, Key, Mention
from listener.model.judged import Assessment, Context
from listener.model.kinds import Kind, Via
from listener.model.scales import Priority
from listener.rulebook.hours import Hours
from listener.rulebook.shape import Rulebook
from tests.core.rulebooks import PLAIN, book, problems
from tests.core.test_hours import LENGTH, open_minutes, weeks

RULES = """\
hours:
  - {key: support, title: Support, zone: Europe/Berlin, open: {mon-fri: 09:00-17:00}}
  - {key: never, title: Never, zone: Europe/Berlin, open: {mon: closed}}
teams:
  - {key: care, hours: support, reply within: {urgent: 30m, high: 2h}}
  - {key: ops, reply within: {normal: 8h}}
  - {key: ghosts, hours: never}
rules:
  - {id: down, title: Down, owner: x, scope: {addressed: yes}, when: down, then: {reply within: 2h, team: care}}
  - {id: slow, title: Slow, owner: x, scope: {addressed: yes}, when: slow, then: {reply within: 1h, team: ops, priority: urgent}, rank: 1}
  - {id: late, title: Late, owner: x, scope: {addressed: yes}, when: late, then: {reply within: 4h, priority: high}}
  - {id: gone, title: Gone, owner: x, scope: {addressed: yes}, when: gone, then: {reply within: 1h, team: ghosts}}
  - {id: bill, title: Bill, owner: x, scope: {addressed: yes}, when: bill, then: {team: care, priority: high}}
  - {id: fire, title: Fire, owner: x, scope: {addressed: yes}, when: fire, then: {priority: urgent}}
  - {id: hello, title: Hello, owner: x, scope: {addressed: yes}, when: hello, then: {team: ops}}
  - {id: bye, title: Bye, owner: x, scope: {addressed: yes}, when: bye, then: {close: yes}}
  - {id: tried, title: Tried, owner: x, scope: {addressed: yes}, when: tried, status: experimental, then: {reply within: 1m, team: care}, rank: 9}
"""
BOOK = book(r_yaml=RULES)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


FRIDAY = berlin("2026-11-27 16:30")
MONDAY = berlin("2026-11-30 10:30")


def judged(
    text: str, said: datetime | None = FRIDAY, *, now: datetime = FRIDAY, rules: Rulebook = BOOK, history: bool = False
) -> Assessment:
    mention = Mention(
        Key("bsky", "1"), "bluesky", Author("bsky", "did:1", "mira.example"), text, Kind.POST, b"", langs=("en",), network_at=said
    )  # fmt: skip
    context = Context("main", addresses=True, history=history)
    return assess(mention, (Hearing(1, Via.MENTION, account_id=7),), context, rules, PLAIN, now)


def reasons(made: Assessment) -> list[str]:
    return [said for one in made.because for said in one.get("then", ()) if said.startswith("due")]


@settings(max_examples=40, deadline=None)
@given(weeks(), st.lists(st.tuples(st.integers(1440, 3 * 1440), st.integers(1, 900)), min_size=1, max_size=6))
def test_it_is_due_when_so_many_open_minutes_have_passed(
    made_for: tuple[Hours, date], asked: list[tuple[int, int]]
) -> None:
    hours, middle = made_for
    since = datetime.combine(middle - timedelta(days=2), time(), UTC)
    open_ = open_minutes(hours, since)
    for start, minutes in asked:
        care, (down, *_) = replace(BOOK.teams[0], hours="x"), (rule for rule in BOOK.rules if rule.id == "down")
        rule = replace(down, then=replace(down.then, reply_within=minutes * 60.0))
        rules = replace(BOOK, hours=(hours,), teams=(care,), rules=(rule,))
        said = since + timedelta(minutes=start)
        found = judged("down", said, now=said + timedelta(minutes=7), rules=rules)
        assert found.reply_within == minutes * 60
        assert found.due_at is not None
        assert found.due_at >= said + timedelta(minutes=minutes)
        passed = 0
        for minute in range(start, LENGTH):
            if passed == minutes:
                assert found.due_at == since + timedelta(minutes=minute)
                assert len(reasons(found)) == 1
                break
            passed += open_[minute]


@pytest.mark.parametrize(
    ("said", "due"),
    [
        (FRIDAY, MONDAY),
        (berlin("2026-11-28 12:00"), berlin("2026-11-30 11:00")),
        (berlin("2026-11-26 09:30"), berlin("2026-11-26 11:30")),
        # Over the weekends on which the clocks change.
        (berlin("2027-03-26 16:30"), berlin("2027-03-29 10:30")),
        (berlin("2027-10-29 16:30"), berlin("2027-11-01 10:30")),
    ],
)
def test_a_weekend_does_not_count(said: datetime, due: datetime) -> None:
    found = judged("down", said, now=said + timedelta(minutes=1))
    assert (found.reply_within, found.due_at) == (7200, due)
    assert reasons(found) == ["due in 2 opening hours of support"]


def test_the_team_that_answers_has_the_hours_whichever_rule_wants_the_answer() -> None:
    later = FRIDAY + timedelta(hours=1)
    assert judged("late").due_at == FRIDAY + timedelta(hours=4), "no team"
    assert (judged("slow").due_at, reasons(judged("slow"))) == (later, []), "a team that is always there"
    assert judged("late down").due_at == MONDAY, "the shorter of both, by the hours of care"
    assert judged("slow down").due_at == later, "the rank gives it to ops"
    assert judged("gone").due_at == later, "better too early than never"
    found = judged("slow down tried")
    assert (found.due_at, reasons(found)) == (later, []), "what is tried out changes nothing"


@pytest.mark.parametrize("said", [None, FRIDAY + timedelta(days=400)])
def test_open_time_is_never_counted_from_the_future(said: datetime | None) -> None:
    assert judged("down", said).due_at == MONDAY


@pytest.mark.parametrize("text", ["down", "late"])
def test_a_hostile_time_long_ago_is_over_and_breaks_nothing(text: str) -> None:
    found = judged(text, datetime(1, 1, 1, tzinfo=UTC))
    assert found.due_at is not None
    assert found.due_at < FRIDAY


@pytest.mark.parametrize("text", ["down", "bill", "hello"])
def test_history_has_no_clock_whatever_the_hours(text: str) -> None:
    found = judged(text, history=True)
    assert (found.due_at, reasons(found)) == (None, [])
    assert found.reply_within == judged(text).reply_within


def test_a_team_has_times_of_its_own_where_no_rule_says_how_long() -> None:
    found = judged("bill")
    assert (found.priority, found.reply_within, found.due_at) == (Priority.HIGH, 7200, MONDAY)
    assert reasons(found) == ["due in 2 opening hours of support, as care has it for high"]
    assert found.because[0]["rule"] == "bill"
    assert judged("bill fire").due_at == berlin("2026-11-27 17:00")
    hello = judged("hello")
    assert (hello.due_at, reasons(hello)) == (FRIDAY + timedelta(hours=8), ["due in 8h, as ops has it for normal"])
    assert reasons(judged("hello tried")) == reasons(hello), "what is tried out gives no team"
    assert judged("hello fire").due_at is None, "ops has nothing for urgent"
    assert judged("fire").due_at is None, "no team"
    assert judged("bill late").due_at == berlin("2026-11-30 12:30"), "a rule says how long"
    closed = judged("hello bye")
    assert (closed.closes, closed.due_at, closed.reply_within) == (True, None, None)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("high: 2h", "hihg: 2h", "unknown-key"),
        ("high: 2h", "high: soon", "bad-duration"),
        ("high: 2h", "high: 0m", "bad-duration"),
        ("{urgent: 30m, high: 2h}", "2h", "wrong-type"),
    ],
)
def test_a_mistake_in_a_teams_times_is_told_at_its_place(old: str, new: str, code: str) -> None:
    (found,) = problems(RULES.replace(old, new))
    assert (found.code, found.line) == (code, 5)


def test_a_team_says_how_long_a_conversation_may_stay_open_in_its_hours() -> None:
    teams = tuple(replace(team, resolve_within={Priority.HIGH: 7200.0, Priority.NORMAL: 60.0}) for team in BOOK.teams)
    rules = replace(BOOK, teams=teams)
    found = judged("bill", rules=rules)
    assert found.resolve_by == MONDAY
    assert "done in 2 opening hours of support, as care has it for high" in found.because[0]["then"]
    assert judged("bill", rules=rules, history=True).resolve_by is None
    assert judged("hello bye", rules=rules).resolve_by is None, "a rule closes it"
    assert judged("fire", rules=rules).resolve_by is None, "no team"
    assert judged("hello", rules=rules).resolve_by == FRIDAY + timedelta(minutes=1), "a team that is always there"
