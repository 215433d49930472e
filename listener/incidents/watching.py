"""From counters to what is fired: which counters an alert looks at, what each five minutes teach and say, what the calendar does to it. Pure.

Owns `Watch`, which is fed five minutes after five minutes and never looks ahead: the service, `hubbub alerts try` and `hubbub alerts test` are
this code under three clocks. Late numbers mend what is looked back over and wake nobody; so do five minutes that are told later than `FRESH`.
Refuses to count, to keep and to page.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from listener.incidents import hearing
from listener.incidents.hearing import Stream
from listener.incidents.shape import Fired
from listener.model.scales import Severity
from listener.query.clock import zone
from listener.rulebook.alerting import Policy, Watched, WhenPlanned
from listener.rulebook.planned import Expected, Planned
from listener.rulebook.shape import Topic, TopicKind
from listener.spikes import baseline, paging
from listener.spikes.baseline import DAY, Bucket, State, Surprise
from listener.spikes.paging import Alarm, Desk, Kind, Told

STEP = 300
"""Seconds of a bucket."""
FRESH = 1_800
"""Who comes back later than this only learns: what was surprising then is history."""
LEARNED_DAYS = 28
"""How much of what was counted before it was looked at is learned from."""
FURTHEST = 2 * DAY
"""Further back no bucket is looked at one by one."""
RAISED = 1.5
"""How much more surprising it must be while the calendar expects it."""
DEAF = 3_600.0
"""Seconds without a sign of life of any of a network's streams, after which that is told."""
NOT_HEARD = "/not-heard"
"""Behind an alert's key: what it remembers of a stream that is not heard."""

MENTIONS, NEGATIVE, URGENT = "mentions", "negative", "urgent"

_KINDS = {
    Watched.NEGATIVE: (Kind.NEGATIVE, NEGATIVE),
    Watched.VOLUME: (Kind.VOLUME, MENTIONS),
    Watched.NEED: (Kind.NEED, URGENT),
    Watched.RIVAL: (Kind.RIVAL, MENTIONS),
    Watched.SHIFT: (Kind.SHIFT, MENTIONS),
    Watched.SILENCE: (Kind.SILENCE, MENTIONS),
}
_LEAST_MENTIONS = paging.Floors().mentions
_WORSE = tuple(Severity)


class Counter(NamedTuple):
    """One series of numbers."""

    topic: str
    """"": all that concerns the brand."""
    source: str
    """The network; "": all of them together."""
    what: str


class Counted(NamedTuple):
    """What was counted within five minutes for one topic and network."""

    topic: str
    source: str
    at: int
    """Seconds since 1970."""
    history: bool
    """It was brought afterwards."""
    mentions: int
    negative: int
    urgent: int


States = dict[Counter, State]
Key = tuple[str, str, str]
"""Alert, topic, network."""
Desks = dict[Key, Desk]


@dataclass(frozen=True, slots=True)
class Look:
    """One alert on one counter."""

    policy: Policy
    watch: paging.Watch
    counter: Counter

    @property
    def key(self) -> Key:
        """What its desk is found by."""
        return self.policy.key, self.counter.topic, self.counter.source

    @property
    def counters(self) -> tuple[Counter, ...]:
        """What it needs: a share needs the whole beside the part."""
        whole = replace_what(self.counter, MENTIONS)
        return (self.counter,) if self.watch.kind is not Kind.NEGATIVE else (self.counter, whole)


def replace_what(counter: Counter, what: str) -> Counter:
    """Another number of the same topic and network."""
    return Counter(counter.topic, counter.source, what)


def looks(policies: Iterable[Policy], topics: Iterable[Topic], brand: str, networks: Iterable[str]) -> tuple[Look, ...]:
    """What the alerts look at for one brand, by its key. `networks`: on which it is heard, each of which may fall silent.

    The false pages that an alert may have are shared by what it looks at.
    """
    mine = [topic for topic in topics if topic.brand in {"", brand}]
    heard = sorted(set(networks))
    found: list[Look] = []
    for policy in policies:
        if policy.watched is Watched.RULE:
            continue
        places = [(topic, source) for topic in _topics(policy, mine) for source in _sources(policy, heard)]
        found += [look_of(policy, topic, source, len(places)) for topic, source in places]
    return tuple(found)


def look_of(policy: Policy, topic: str, source: str, among: int) -> Look:
    """An alert on one of the `among` counters that it looks at."""
    kind, what = _KINDS[policy.watched]
    floors = paging.Floors(policy.floors.mentions or _LEAST_MENTIONS, policy.floors.share)
    return Look(policy, paging.Watch(kind, policy.false_pages / among, floors), Counter(topic, source, what))


def _topics(policy: Policy, mine: Sequence[Topic]) -> list[str]:
    kinds = policy.kinds or ({TopicKind.COMPETITOR} if policy.watched is Watched.RIVAL and not policy.topics else ())
    if not kinds and not policy.topics:
        return [""]
    return sorted(topic.key for topic in mine if topic.key in policy.topics or topic.kind in kinds)


def _sources(policy: Policy, heard: Sequence[str]) -> list[str]:
    if policy.sources:
        return sorted(policy.sources)
    return list(heard) if policy.watched is Watched.SILENCE else [""]


def needed(looks: Iterable[Look]) -> frozenset[Counter]:
    """The counters that must be kept for them."""
    return frozenset(counter for look in looks for counter in look.counters)


# Counts ---------------------------------------------------------------------------------------------------------------


class Numbers(Protocol):
    """What the watch reads."""

    def value(self, counter: Counter, at: int, *, on_time: bool = True) -> int | None:
        """How many there were in a bucket; None: nobody knows."""
        ...


class Heard:
    """What was counted and who listened, as numbers a bucket: None where nobody listened. One reading, of one brand."""

    def __init__(self, counted: Iterable[Counted], streams: Sequence[Stream], now: float) -> None:
        self._streams = streams
        self._now = now
        self._live: dict[Counter, dict[int, int]] = {}
        self._late: dict[Counter, dict[int, int]] = {}
        for one in counted:
            sides = self._late if one.history else self._live
            for source in ("", one.source):
                for what, n in ((MENTIONS, one.mentions), (NEGATIVE, one.negative), (URGENT, one.urgent)):
                    side = sides.setdefault(Counter(one.topic, source, what), {})
                    side[one.at] = side.get(one.at, 0) + n
        self._known: dict[tuple[str, int], tuple[bool, bool]] = {}
        self._of: dict[str, tuple[Stream, ...]] = {}
        self._past: dict[Counter, list[int]] = {}

    def value(self, counter: Counter, at: int, *, on_time: bool = True) -> int | None:
        """How many there were in a bucket. That there was nothing is believed when it is looked at as soon as it is over: who looks later does
        not know that everybody listened then, unless a hole was filled.
        """
        heard, late = self._listened(counter.source, at)
        if not heard:
            return self.past(counter, at) if self._before(counter.source, at) else None
        live = self._live.get(counter, {}).get(at)
        if live is None and not late and not on_time:
            return None
        return max(0, (live or 0) + (self._late.get(counter, {}).get(at, 0) if late else 0))

    def past(self, counter: Counter, at: int) -> int | None:
        """The same of a time before anybody listened for it. Only what was brought afterwards is known of that: what lies between two buckets
        of it, at most a day apart.
        """
        if not self._steady(counter, at):
            return None
        return max(0, self._live.get(counter, {}).get(at, 0) + self._late.get(counter, {}).get(at, 0))

    def buckets(self, counter: Counter) -> set[int]:
        """Where anything was counted."""
        return self._live.get(counter, {}).keys() | self._late.get(counter, {}).keys()

    def began(self, counter: Counter) -> tuple[int | None, int | None]:
        """The first bucket in which anything was counted, and the first in which it was heard as it was said."""
        whole = replace_what(counter, MENTIONS)
        return min(self.buckets(whole), default=None), min(self._live.get(whole, ()), default=None)

    def _streams_of(self, source: str) -> tuple[Stream, ...]:
        if source not in self._of:
            self._of[source] = hearing.of_network(self._streams, source)
        return self._of[source]

    def _listened(self, source: str, at: int) -> tuple[bool, bool]:
        if (source, at) not in self._known:
            streams = self._streams_of(source)
            found = hearing.heard(streams, at, at + STEP, self._now), hearing.missed(streams, at, at + STEP)
            self._known[(source, at)] = found
        return self._known[(source, at)]

    def _before(self, source: str, at: int) -> bool:
        began = hearing.born(self._streams_of(source))
        return began is None or at < began

    def _steady(self, counter: Counter, at: int) -> bool:
        whole = replace_what(counter, MENTIONS)
        if whole not in self._past:
            self._past[whole] = sorted(self.buckets(whole))
        past = self._past[whole]
        place = bisect_right(past, at)
        if place and past[place - 1] == at:
            return True
        return 0 < place < len(past) and past[place] - past[place - 1] <= DAY


# The watch ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Alert:
    """That a look has something to say, and its desk as it was before."""

    look: Look
    alarm: Alarm
    before: Desk
    after: Desk
    planned: tuple[str, ...] = ()
    muted_by: str = ""
    raised: bool = False

    def few(self, authors: int) -> bool:
        """Whether too few people said it for it to begin."""
        return (
            self.alarm.told is Told.BEGUN
            and self.alarm.reading.sigmas > 0
            and authors < self.look.policy.floors.authors
        )


@dataclass(slots=True)
class Watch:
    """What is remembered for one brand, and what is done to it with every bucket."""

    looks: Sequence[Look]
    zone: str = "UTC"
    calendar: Sequence[Planned] = ()
    states: States = field(default_factory=dict)
    desks: Desks = field(default_factory=dict)

    def cold(self) -> list[Counter]:
        """Counters of which nothing is learned yet."""
        return sorted(needed(self.looks) - self.states.keys())

    def learn(self, counter: Counter, heard: Heard, until: int) -> None:
        """What was counted before anybody looked, up to the bucket that begins at `until`; nobody is told."""
        state = baseline.new(STEP)
        first, live = heard.began(counter)
        begin = until if first is None else max(first, until - LEARNED_DAYS * DAY)
        for at in range(min(begin, until), until + STEP, STEP):
            read = heard.value if live is not None and at >= live else heard.past
            state, _ = baseline.step(state, Bucket(at, read(counter, at)))
        self.states[counter] = state

    def learn_nothing(self, counter: Counter) -> None:
        """There is no past."""
        self.states[counter] = baseline.new(STEP)

    def mend(self, heard: Heard) -> None:
        """Late numbers into their places: answers, edits, what came late and what a gap's filling brought. Nobody is told."""
        for counter, state in self.states.items():
            if state.at is None:
                continue
            first = state.at - STEP * (len(state.counts) - 1)
            unknown = {first + STEP * i for i, seen in enumerate(state.counts) if seen is None}
            for at in sorted(unknown | {b for b in heard.buckets(counter) if first <= b <= state.at}):
                value = heard.value(counter, at, on_time=False)
                if value is not None and value != state.counts[(at - first) // STEP]:
                    state, _ = baseline.step(state, Bucket(at, value))
            self.states[counter] = state

    def reached(self, last: int) -> int:
        """The bucket up to which all counters were taken; `last` where there are none."""
        return max(
            min((state.at for state in self.states.values() if state.at is not None), default=last), last - FURTHEST
        )

    def behind(self, last: int) -> range:
        """The buckets that are to be taken, up to the one that begins at `last`."""
        return range(self.reached(last) + STEP, last + STEP, STEP)

    def unknown(self) -> set[int]:
        """Buckets of the last day that are not known of every counter."""
        found: set[int] = set()
        for state in self.states.values():
            if state.at is not None and None in state.counts:
                first = state.at - STEP * (len(state.counts) - 1)
                found.update(first + STEP * i for i, seen in enumerate(state.counts) if seen is None)
        return found

    def take(self, at: int, heard: Numbers, *, speak: bool = True, on_time: bool = True) -> list[Alert]:
        """One bucket; what is worth telling of it. Not `speak`: it is only learned from. Not `on_time`: it was over long before."""
        said: dict[Counter, Surprise] = {}
        for counter, state in self.states.items():
            if state.at is None or state.at < at:
                self.states[counter], said[counter] = baseline.step(
                    state, Bucket(at, heard.value(counter, at, on_time=on_time))
                )
        if not speak:
            return []
        told = []
        for look in self.looks:
            surprise = said.get(look.counter)
            if surprise is None:
                continue
            desk = self.desks.get(look.key, Desk())
            whole = said.get(replace_what(look.counter, MENTIONS))
            after, alarm = paging.decide(desk, look.watch, surprise, whole)
            if after != desk:
                self.desks[look.key] = after
            if alarm is None:
                continue
            alert = self._planned(Alert(look, alarm, desk, after))
            if alert.raised and alarm.told is Told.BEGUN and alarm.size < RAISED:
                self.refuse(alert)
            else:
                told.append(alert)
        return told

    def refuse(self, alert: Alert) -> None:
        """It is not told after all: the next bucket asks again."""
        self.desks[alert.look.key] = replace(alert.before, now=alert.after.now)

    def not_heard(self, streams: Sequence[Stream], at: int, now: float) -> list[tuple[Look, Told, int, Stream | None]]:
        """Networks none of whose streams shows a sign of life, for the alerts that look at silence: begun, or over."""
        told: list[tuple[Look, Told, int, Stream | None]] = []
        for look in self.looks:
            if look.watch.kind is not Kind.SILENCE or not look.counter.source:
                continue
            key = (look.policy.key + NOT_HEARD, look.counter.topic, look.counter.source)
            desk = self.desks.get(key, Desk())
            dead = hearing.deaf(hearing.of_network(streams, look.counter.source), now, DEAF)
            if dead is not None and desk.since is None:
                self.desks[key] = Desk(since=int(dead.beat), told=at)
                told.append((look, Told.BEGUN, int(dead.beat), dead))
            elif dead is None and desk.since is not None:
                self.desks[key] = Desk()
                told.append((look, Told.OVER, desk.since, None))
        return told

    def forget(self) -> None:
        """What nobody looks at any more."""
        keys = {look.key for look in self.looks}
        keys |= {(look.policy.key + NOT_HEARD, look.counter.topic, look.counter.source) for look in self.looks}
        self.desks = {key: desk for key, desk in self.desks.items() if key in keys}
        wanted = needed(self.looks)
        self.states = {counter: state for counter, state in self.states.items() if counter in wanted}

    def _planned(self, alert: Alert) -> Alert:
        policy, alarm = alert.look.policy, alert.alarm
        day = datetime.fromtimestamp(alarm.at, UTC).astimezone(zone(self.zone)).date()
        topic = alert.look.counter.topic
        there = [one for one in self.calendar if one.on(day) and (not one.topics or not topic or topic in one.topics)]
        wanted = Expected.LESS if alarm.reading.sigmas < 0 else Expected.MORE
        expected = [one for one in there if one.expect is wanted]
        muting = [one for one in there if policy.key in one.mute]
        if policy.quiet is WhenPlanned.MUTE:
            muting += [one for one in expected if one not in muting]
        why = "" if not muting else "planned: " + ", ".join(one.title for one in muting)
        raised = policy.quiet is WhenPlanned.RAISE and bool(expected)
        return replace(alert, planned=tuple(one.title for one in there), muted_by=why, raised=raised)


def span_of(alarm: Alarm) -> tuple[datetime, datetime]:
    """From when to when what surprises most was said; the end is not included."""
    end = alarm.at + STEP
    return datetime.fromtimestamp(end - alarm.reading.seconds, UTC), datetime.fromtimestamp(end, UTC)


def fired(brand_id: int, alert: Alert, state: State | None, now: datetime, authors: int | None = None) -> Fired:
    """The alert as it is handed to incidents, with its arithmetic."""
    alarm, look = alert.alarm, alert.look
    return Fired(
        brand_id=brand_id,
        policy=look.policy.key,
        watched=look.policy.watched,
        told=alarm.told,
        severity=severity(look.policy, alarm),
        at=now,
        since=datetime.fromtimestamp(alarm.since, UTC),
        topic=look.counter.topic,
        source=look.counter.source,
        evidence=_evidence(alert, state, authors),
        muted_by=alert.muted_by,
    )


def severity(policy: Policy, alarm: Alarm) -> Severity:
    """As bad as size and persistence make it; of an alert that the rules call a note one less, of a critical one one more."""
    measured = _WORSE.index(alarm.severity) + _WORSE.index(policy.severity) - 1
    return _WORSE[max(0, min(measured, len(_WORSE) - 1))]


def _evidence(alert: Alert, state: State | None, authors: int | None) -> Mapping[str, Any]:
    alarm = alert.alarm
    reading = alarm.reading
    low, high = alarm.usual
    found: dict[str, Any] = {
        "why": alarm.why(),
        "seen": reading.seen,
        "expected": round(reading.expected, 1),
        "low": round(low, 1),
        "high": round(high, 1),
        "seconds": reading.seconds,
        "size": round(alarm.size, 2),
        "sigmas": round(reading.sigmas, 2),
        "bits": round(reading.bits, 1),
        "known": round(reading.known, 3),
        "counter": alert.look.counter.what,
    }
    if alarm.share is not None:
        share = alarm.share
        found |= {"part": share.part, "whole": share.whole, "share": round(share.expected, 3)}
    if authors is not None:
        found["authors"] = authors
    if alert.planned:
        found["planned"] = list(alert.planned)
    if state is not None and state.at is not None:
        found |= {
            "curve": list(state.counts),
            "curve_expected": [round(one, 1) for one in state.expected],
            "curve_at": state.at - STEP * (len(state.counts) - 1),
            "curve_step": STEP,
        }
    return found


def fired_deaf(brand_id: int, look: Look, told: Told, since: int, stream: Stream | None, now: datetime) -> Fired:
    """That a network is not heard, or is again, as it is handed to incidents. What people paused is a note."""
    why = f"{look.counter.source} is heard again"
    bad = look.policy.severity
    whose: dict[str, Any] = {}
    if stream is not None:
        since_when = datetime.fromtimestamp(since, UTC)
        paused = stream.state == "paused"
        state = {
            "paused": "people paused it",
            "stopped": "it is stopped, and a person must help",
            "waiting": "it waits for its network",
        }
        because = state.get(stream.state, "it shows no sign of life")
        why = f"silence: nothing is heard of {look.counter.source} since {since_when:%Y-%m-%d %H:%M} UTC: {because} ({stream.key})"
        bad = Severity.NOTE if paused else bad
        whose = {"stream": stream.key, "state": stream.state}
    return Fired(
        brand_id, look.policy.key, look.policy.watched, told, bad, now, datetime.fromtimestamp(since, UTC),
        look.counter.topic, look.counter.source, {"why": why, "known": 0.0, "counter": look.counter.what, **whose},
    )  # fmt: skip
