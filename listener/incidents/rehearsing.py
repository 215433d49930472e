"""Tests of alerts, tried: a series said in words through the watch, under a clock of its own. Pure; the service's own code judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from listener.incidents.shape import Fired
from listener.incidents.watching import (
    MENTIONS,
    NEGATIVE,
    STEP,
    URGENT,
    Counter,
    Watch,
    fired,
    look_of,
)
from listener.model.problems import Problem
from listener.model.scales import Severity
from listener.rulebook.alerting import Policy, Watched
from listener.rulebook.planned import Planned
from listener.rulebook.rehearsal import Rehearsal, Stretch
from listener.spikes.paging import Told

_WORSE = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A test, and what came of it."""

    policy: Policy
    test: Rehearsal
    problem: str
    """What is wrong; "": nothing."""
    told: tuple[Fired, ...] = ()
    """In order."""

    @property
    def good(self) -> bool:
        """It did as it must."""
        return not self.problem


@dataclass(slots=True)
class _Said:
    """The numbers of a test."""

    values: dict[tuple[str, int], int | None] = field(default_factory=dict)

    def value(self, counter: Counter, at: int, *, on_time: bool = True) -> int | None:
        """How many there were in a bucket."""
        return self.values.get((counter.what, at))


def rehearsed(
    policies: Sequence[Policy], calendar: Sequence[Planned], zone: str = "UTC", only: Sequence[str] = ()
) -> Iterator[Rehearsed]:
    """Every test of these alerts."""
    for policy in policies:
        if not only or policy.key in only:
            for test in policy.tests:
                yield _tried(policy, test, calendar, zone)


def problem_of(tried: Rehearsed) -> Problem:
    """A test that did not come out, at its place."""
    place = tried.test.place
    message = f"alert {tried.policy.key}: {tried.problem}"
    return Problem(place.file, place.line, place.column, "alert-test", message, "hubbub alerts test says why")


def _tried(policy: Policy, test: Rehearsal, calendar: Sequence[Planned], zone: str) -> Rehearsed:
    if policy.watched is Watched.RULE:
        return Rehearsed(policy, test, "what rules hand to it is tested by the rules' examples")
    look = look_of(policy, "", "", among=max(1, len(policy.topics)) * max(1, len(policy.sources)))
    watch = Watch((look,), zone, calendar)
    said, places = _Said(), dict[int, int]()
    last = at = int(test.begin.timestamp()) // STEP * STEP
    told: list[Fired] = []
    for place, stretch in enumerate(test.stretches):
        last = at
        for values in _buckets(stretch):
            places[at] = place
            for what, seen in values.items():
                said.values[(what, at)] = seen
            for counter in watch.cold():
                watch.learn_nothing(counter)
            for alert in watch.take(at, said):
                authors = _authors(
                    test, said, places, look.counter, range(at + STEP - alert.alarm.reading.seconds, at + STEP, STEP)
                )
                if alert.few(authors):
                    watch.refuse(alert)
                    continue
                end = datetime.fromtimestamp(at + STEP, UTC)
                told.append(fired(0, alert, None, end, authors))
            at += STEP
    return Rehearsed(policy, test, _problem(test, told, datetime.fromtimestamp(last, UTC)), tuple(told))


def _authors(test: Rehearsal, said: _Said, places: Mapping[int, int], counter: Counter, span: Sequence[int]) -> int:
    """How many people said what is counted: in each stretch at most as many as it names."""
    seen = [0] * len(test.stretches)
    for at in span:
        if at in places:
            seen[places[at]] += said.value(counter, at) or 0
    return sum(
        n if stretch.people is None else min(n, stretch.people) for n, stretch in zip(seen, test.stretches, strict=True)
    )


def _buckets(stretch: Stretch) -> Iterator[dict[str, int | None]]:
    """Evenly: what is heard in a day is spread over its five minutes, to the last one."""
    sums = dict.fromkeys((MENTIONS, NEGATIVE, URGENT), 0)
    for number in range(1, stretch.seconds // STEP + 1):
        if stretch.per_day is None:
            yield dict.fromkeys(sums)
            continue
        shares = {MENTIONS: 1.0, NEGATIVE: stretch.negative, URGENT: stretch.urgent}
        now = {what: int(stretch.per_day * share * number * STEP / 86_400 + 1e-9) for what, share in shares.items()}
        yield {what: now[what] - sums[what] for what in sums}
        sums = now


def _problem(test: Rehearsal, told: Sequence[Fired], last: datetime) -> str:
    pages = [one for one in told if one.told is not Told.OVER and not one.muted_by]
    early = [one for one in pages if one.at <= last]
    if early:
        return f"it pages at {early[0].at:%a %H:%M}, before the last time of the series begins"
    if test.within is None:
        return f"it must page nobody, and does after {_long(pages[0].at, last)}" if pages else ""
    muted = [one for one in told if one.muted_by]
    if not pages:
        return f"it must page, and keeps silent: {muted[0].muted_by}" if muted else "it must page, and does not"
    if (pages[0].at - last).total_seconds() > test.within:
        return f"it must page within {test.within // 60} min, and does after {_long(pages[0].at, last)}"
    if test.severity:
        worst = max((one.severity for one in pages), key=_WORSE.index)
        if _WORSE.index(worst) < _WORSE.index(Severity(test.severity)):
            return f"it must be {test.severity}, and is {worst.value} at most"
    return ""


def _long(at: datetime, since: datetime) -> str:
    return f"{int((at - since).total_seconds()) // 60} min"
