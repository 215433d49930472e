"""Alerts, routes, rotas and chains: every name known, every turn by the clock on the wall, nobody waited for in vain."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.model.scales import Severity
from listener.rulebook.alerting import Layer, Notified, Policy, Step, Watched, WhenPlanned, routes_of
from listener.rulebook.check import check
from tests.core.rulebooks import PLAIN, book, problems

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

STAFF = """\
people: [{id: mia}, {id: ben}, {id: ola, teams: [care]}]
teams: [{key: care}]
topics: [{key: acme, kind: brand, query: acme}]
hours: [{key: night, zone: Europe/Berlin, open: {mon-sun: 22:00-06:00}}]
"""
ALERTING = """\
alerts:
  - key: angry
    title: Many are angry
    owner: care
    kind: negative
    scope: {topics: [acme], kinds: [brand], sources: [bluesky]}
    false pages: 0.5
    floors: {mentions: 10, authors: 5, share: 0.3}
    severity: critical
    quiet: mute
    routes: [page]
  - {key: handed, owner: care, kind: rule}
routes:
  - key: page
    match: {alerts: [angry], kinds: [negative], severities: [critical], topics: [acme]}
    rank: 5
    receivers: [ops-room]
    chain: wake
  - {key: all, receivers: [mail]}
rotas:
  - key: support
    zone: Europe/Berlin
    layers:
      - {people: [mia, ben], start: 2026-11-23, hand over: mon 09:00}
      - {people: [ola], start: 2026-11-24, hand over: 12:00, hours: night}
    overrides:
      - {from: 2026-12-24T18:00, to: 2026-12-25, person: ola}
      - {from: 2026-12-01, to: 2026-12-02, person: ben}
chains:
  - key: wake
    steps:
      - {rota: support, wait: 15m}
      - {person: mia, wait: 1h}
      - {team: care}
"""


def changed(old: str, new: str) -> str:
    assert ALERTING.count(old) == 1, old
    return ALERTING.replace(old, new)


def test_whole_alerting() -> None:
    rules = book(r_yaml=ALERTING, s_yaml=STAFF)
    angry, handed = rules.alerts
    assert (angry.title, angry.owner, angry.watched, angry.severity) == (
        "Many are angry",
        "care",
        Watched.NEGATIVE,
        Severity.CRITICAL,
    )
    assert (angry.topics, angry.kinds, angry.sources) == ({"acme"}, {"brand"}, {"bluesky"})
    assert (angry.false_pages, angry.quiet, angry.routes) == (0.5, WhenPlanned.MUTE, {"page"})
    assert (angry.floors.mentions, angry.floors.authors, angry.floors.share) == (10, 5, 0.3)
    assert (handed.title, handed.false_pages, handed.severity, handed.quiet) == ("handed", 1.0, Severity.WARNING, None)
    everything, page = rules.routes
    assert (everything.receivers, everything.chain, page.chain, page.rank) == ({"mail"}, "", "wake", 5)
    assert rules.chains[0].steps == (
        Step(Notified.ROTA, "support", 900.0),
        Step(Notified.PERSON, "mia", 3600.0),
        Step(Notified.TEAM, "care"),
    )
    assert [one.person for one in rules.rotas[0].overrides] == ["ben", "ola"]  # in time


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        (changed("kind: negative", "kind: negativ"), (5, 11, "unknown-value"), "did you mean negative?"),
        (changed("    owner: care\n", ""), (2, 5, "missing-key"), "add owner: ..."),
        (changed("scope: {topics: [acme]", "scope: {topics: [acne]"), (6, 22, "unknown-topic"), "mean acme?"),
        (changed("[brand]", "[brnd]"), (6, 37, "unknown-value"), "did you mean brand?"),
        (changed("false pages: 0.5", "false pages: 50"), (7, 18, "wrong-type"), "such as 0.25"),
        (changed("share: 0.3", "share: 30"), (8, 47, "wrong-type"), "such as 0.25"),
        (changed("severity: critical", "severity: page"), (9, 15, "unknown-value"), "critical"),
        (changed("quiet: mute", "quiet: night"), (10, 12, "unknown-value"), "mute"),
        (changed("routes: [page]", "routes: [pages]"), (11, 14, "unknown-route"), "did you mean page?"),
        (changed("kind: rule}", "kind: rule, scope: {}}"), (12, 51, "scope-of-rules"), "take scope out"),
        (changed("key: handed", "key: angry"), (12, 11, "repeated-id"), "at r.yaml:2:10"),
        (changed("alerts: [angry]", "alerts: [anger]"), (15, 22, "unknown-alert"), "did you mean angry?"),
        (changed("receivers: [mail]", "rank: 1"), (19, 5, "leads-nowhere"), "add receivers: [...] or chain: ..."),
        (changed("[ops-room]", "[ops@acme.example]"), (17, 17, "bad-key"), "small letters"),
        (changed("chain: wake", "chain: wakes"), (18, 12, "unknown-chain"), "did you mean wake?"),
        (changed("zone: Europe/Berlin", "zone: Berlin"), (22, 11, "unknown-zone"), "did you mean Europe/Berlin?"),
        (changed("[mia, ben]", "[mia, bene]"), (24, 24, "unknown-person"), "did you mean ben?"),
        (changed("[mia, ben]", "[]"), (24, 18, "empty-value"), "at least one person"),
        (changed("mon 09:00", "mo 09:00"), (24, 60, "bad-hours"), "mon 09:00"),
        (changed("mon 09:00", "mon 24:00"), (24, 60, "bad-hours"), "mon 09:00"),
        (changed("start: 2026-11-23", "start: 2026-11-25"), (24, 37, "start-is-another-day"), "such as 2026-11-30"),
        (changed("hours: night", "hours: nights"), (25, 69, "unknown-hours"), "did you mean night?"),
        (changed("to: 2026-12-25,", "to: 2026-12-23,"), (27, 38, "backwards"), "swap from and to"),
        (changed("from: 2026-12-01,", "from: 0001-12-01,"), (28, 16, "bad-time"), "such as 2026"),
        (changed("to: 2026-12-02", "to: 2026-12-24T18:01"), (28, 9, "overlap"), "only one can be on duty"),
        (changed("person: ola", "person: olaf"), (27, 58, "unknown-person"), "did you mean ola?"),
        (changed("{rota: support,", "{rota: suport,"), (32, 16, "unknown-rota"), "did you mean support?"),
        (changed("{rota: support,", "{rota: support, team: care,"), (32, 9, "one-of-both"), "such as rota: support"),
        (changed(", wait: 15m", ""), (32, 9, "missing-key"), "add wait: 15m"),
        (changed("{team: care}", "{team: care, wait: 5m}"), (34, 28, "no-end"), "add a step behind it"),
        (changed("\n      - {rota: support, wait: 15m}\n      - {person: mia, wait: 1h}\n      - {team: care}", " []"),
         (31, 12, "empty-value"), "at least one step"),
    ],
)  # fmt: skip
def test_one_mistake_one_place(text: str, place: tuple[int, int, str], hint: str) -> None:
    found = problems(text, s_yaml=STAFF)
    assert [(one.line, one.column, one.code) for one in found] == [place]
    assert hint in found[0].hint


def test_overlapping_overrides_say_with_whom() -> None:
    [told] = problems(changed("to: 2026-12-02", "to: 2026-12-24T18:01"), s_yaml=STAFF)
    assert told.message == "this overlaps the override by ola, 2026-12-24 18:00 to 2026-12-25 00:00"


@pytest.mark.parametrize(
    ("at", "person"),
    [
        ("2026-11-23T08:59", ""),  # before the first turn
        ("2026-11-23T09:00", "mia"),
        ("2026-11-30T08:59", "mia"),
        ("2026-11-30T09:00", "ben"),
        ("2026-12-07T09:00", "mia"),
        ("2026-11-24T11:59", "mia"),
        ("2026-11-24T22:00", "ola"),  # the night layer covers the day's
        ("2026-11-25T05:59", "ola"),
        ("2026-11-25T06:00", "mia"),
        ("2026-11-23T23:00", "mia"),  # the night layer has not begun
        ("2026-12-01T23:00", "ben"),  # an override covers all layers
        ("2026-12-02T00:00", "ola"),
        ("2026-12-24T17:59", "mia"),
        ("2026-12-24T18:00", "ola"),
    ],
)
def test_who_is_on_duty(at: str, person: str) -> None:
    rules = book(r_yaml=ALERTING, s_yaml=STAFF)
    moment = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    assert rules.rotas[0].on_duty(moment, rules.hours_named) == person
    assert rules.rotas[0].on_duty(moment.astimezone(UTC), rules.hours_named) == person


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(0, 95).map(lambda quarter: quarter * 15),
    st.booleans(),
    st.sampled_from([date(2027, 3, 22), date(2027, 10, 25), date(2026, 6, 1)]),
    st.sampled_from(["Europe/Berlin", "Africa/Cairo", "UTC"]),
    st.integers(-1, 10),
    st.integers(-180, 180),
)
def test_turns_are_taken_by_the_clock_on_the_wall(
    people: int, minute: int, weekly: bool, start: date, zone: str, turns: int, off: int
) -> None:
    layer = Layer(tuple(map(str, range(people))), start, minute, start.weekday() if weekly else None)
    near = datetime(start.year, start.month, start.day, tzinfo=ZoneInfo(zone)) + timedelta(
        days=turns * (7 if weekly else 1)
    )
    moment = near.astimezone(UTC) + timedelta(minutes=minute + off)
    # Walk from the first day on and count how often the time of handing over was seen.
    seen, latest = 0, datetime.min
    day = datetime(start.year, start.month, start.day)
    walked = datetime(start.year, start.month, start.day, tzinfo=UTC) - timedelta(hours=15)
    while walked <= moment:
        latest = max(latest, walked.astimezone(ZoneInfo(zone)).replace(tzinfo=None))
        while latest >= day + timedelta(days=seen * (7 if weekly else 1), minutes=minute):
            seen += 1
        walked += timedelta(minutes=1) if moment - walked < timedelta(hours=2) else timedelta(minutes=15)
    assert layer.turn(moment, zone) == (str((seen - 1) % people) if seen else "")


def test_a_hand_over_in_an_hour_that_does_not_exist_is_warned_about() -> None:
    text = changed("start: 2026-11-24, hand over: 12:00", "start: 2026-11-24, hand over: 02:30")
    told = check(book(r_yaml=text, s_yaml=STAFF), PLAIN, NOW).warnings
    assert [(one.line, one.column, one.code) for one in told] == [(25, 55, "hour-does-not-exist")]
    assert told[0].message == "rota support: 02:30 does not exist in Europe/Berlin on 2027-03-28, sun"
    assert (
        check(book(r_yaml=text.replace("hand over: 02:30", "hand over: tue 02:30"), s_yaml=STAFF), PLAIN, NOW).warnings
        == ()
    )


ROUTES = """\
routes:
  - {key: a, receivers: [x]}
  - {key: b, match: {kinds: [volume]}, receivers: [x]}
  - {key: c, match: {severities: [warning]}, receivers: [x]}
  - {key: d, match: {kinds: [need], severities: [warning]}, receivers: [x]}
  - {key: e, match: {kinds: [shift]}, rank: 9, receivers: [x]}
  - {key: f, match: {kinds: [shift], severities: [warning]}, receivers: [x]}
  - {key: g, match: {topics: [acme]}, rank: 1, receivers: [x]}
"""


@pytest.mark.parametrize(
    ("policy", "keys"),
    [
        (Policy("p", "P", "o", Watched.RIVAL, severity=Severity.NOTE), "a"),
        (Policy("p", "P", "o", Watched.RIVAL), "c"),
        (Policy("p", "P", "o", Watched.VOLUME), "bc"),  # they say as much, so both
        (Policy("p", "P", "o", Watched.NEED), "d"),
        (Policy("p", "P", "o", Watched.SHIFT), "e"),
        (Policy("p", "P", "o", Watched.VOLUME, topics=frozenset({"acme"})), "g"),
        (Policy("p", "P", "o", Watched.VOLUME, routes=frozenset({"f", "a"})), "af"),
    ],
)
def test_the_heaviest_routes_are_taken_in_whatever_order_they_stand(policy: Policy, keys: str) -> None:
    routes = list(book(r_yaml=ROUTES, s_yaml=STAFF).routes)
    for seed in range(5):
        random.Random(seed).shuffle(routes)
        assert "".join(route.key for route in routes_of(policy, routes)) == keys
