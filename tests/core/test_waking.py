"""Whom an alert would have woken: their own clocks, quiet hours that keep it or let it through, and the plain night of who has none."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from listener.incidents.escalation import TOLD_ALL_THE_SAME, Staffed
from listener.incidents.waking import Waking, by_person, everybody_reached, waking
from listener.model.scales import Severity
from listener.rulebook.shape import Rulebook
from tests.core.rulebooks import book

RULES = """\
alerts: [{key: mood, owner: care, kind: negative}]
people:
  - {id: mia, zone: Europe/Berlin, quiet: {mon-sun: 22:00-07:00}}
  - {id: tom, zone: America/New_York}
routes: [{key: all, receivers: [room], chain: duty, wait: 1m}]
chains: [{key: duty, steps: [{person: mia, wait: 10m}, {person: tom}]}]
"""


@pytest.fixture
def rules() -> Rulebook:
    return book(a_yaml=RULES)


def at(
    rules: Rulebook, when: str, severity: Severity = Severity.WARNING, staff: Staffed | None = None, over: str = ""
) -> Waking:
    began, end = (datetime.fromisoformat(one) if one else None for one in (when, over))
    assert began is not None
    return waking(staff or everybody_reached(rules), rules.alerts[0], severity, "", "", began, end, "UTC")


def told(one: Waking) -> list[tuple[str, str, bool, str, bool]]:
    return [(who.person, f"{who.at:%H:%M}", who.quiet, who.why, who.night) for who in one.woken]


def test_each_is_told_by_their_own_clock_and_quiet_hours_keep_it_or_let_the_worst_through(rules: Rulebook) -> None:
    day = at(rules, "2026-11-02T12:00Z")
    assert (told(day), day.kept, day.receivers, day.night) == (
        [("mia", "13:01", False, "", False)],
        (),
        ("room",),
        False,
    )
    kept = at(rules, "2026-11-02T01:00Z")  # mia sleeps; for tom it is evening
    assert told(kept) == [("tom", "20:01", False, "", False)]
    assert [(one.person, f"{one.at:%H:%M}", one.why) for one in kept.kept] == [("mia", "02:01", "quiet until 07:00")]
    assert not kept.night
    through = at(rules, "2026-11-02T01:00Z", Severity.CRITICAL)
    assert (told(through), through.night) == ([("mia", "02:01", True, "critical passes them", True)], True)
    plain = at(rules, "2026-11-02T05:00Z")  # midnight in New York, and tom says nothing of his nights
    assert (told(plain), plain.night) == ([("tom", "00:01", False, "", True)], True)
    assert by_person([day, kept, through, plain]) == {"mia": (2, 1, 2), "tom": (2, 1, 0)}


def test_when_all_are_quiet_somebody_is_woken_all_the_same_and_an_alert_that_is_over_wakes_nobody(
    rules: Rulebook,
) -> None:
    alone = replace(everybody_reached(rules), reach={"mia": ("phone",)}, receivers=frozenset({"phone", "room"}))
    woken = at(rules, "2026-11-02T01:00Z", staff=alone)
    assert told(woken) == [("mia", "02:01", True, TOLD_ALL_THE_SAME, True)]
    assert (woken.kept, woken.night) == ((), True)
    nobody = at(rules, "2026-11-02T01:00Z", over="2026-11-02T01:01Z")
    assert (nobody.tells, nobody.night) == (False, False)
    lost = at(rules, "2026-11-02T01:00Z", staff=replace(alone, reach={}, receivers=frozenset({"other"})))
    assert (lost.woken, lost.receivers, lost.undelivered, lost.night) == ((), (), True, True)
    channel = at(rules, "2026-11-02T01:00Z", staff=replace(alone, reach={}))
    assert (channel.woken, channel.receivers, channel.night) == ((), ("room",), True)
