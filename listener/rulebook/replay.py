"""History judged again: the same mentions in the order they were heard, by an old rulebook and by a new one, and what would differ.

Owns the driver and the differences. Pure: records, judges and topics are handed in; refuses to read history, to keep progress, and to print.
The promise: what was judged live is judged the same here, by the same rulebook, over the same records in the same order.

Not everything of the past is known: a text that is gone is counted as gone, never as one that did not match; what no topic heard was never
stored, so a wider topic finds nothing new; and a count whose window begins before the first record that was read may be too low.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from listener.model.heard import Hearing, Mention
from listener.model.judged import Assessment, Context, Tick, Window
from listener.model.kinds import Via
from listener.model.scales import Priority
from listener.query.clock import zone
from listener.rulebook.hours import Hours
from listener.rulebook.shape import Rulebook
from listener.rulebook.subject import Topics, heard_anew, model_named
from listener.rulebook.tally import LATE, Tally
from listener.rulebook.tally import reach as reach_of

K = TypeVar("K")
V = TypeVar("V", "Fired", "Paged")

EXAMPLES = 5
"""Mentions that are named for each rule and way in which it differs."""
DIFFERENCES = 10_000
"""Differing mentions that are kept one by one; all are counted."""
NIGHT = (22, 7)
"""From this hour to that one it is night, where no opening hours are given."""

_SPARE = timedelta(minutes=5)
"""How far a network's clock may run ahead: a message may be heard so long before its own time."""
_LATE = timedelta(seconds=LATE)
_BEGINNING = datetime.min.replace(tzinfo=UTC)


class Judges(Protocol):
    """What `listener.assess.Judge` is."""

    @property
    def judges_ours(self) -> bool:
        """Whether any rule looks at posts of our own."""
        ...

    def __call__(self, mention: Mention, hearings: Sequence[Hearing], context: Context) -> Assessment:
        """What is thought of a mention."""
        ...

    def ticks(self, mention: Mention, hearings: Sequence[Hearing], context: Context) -> tuple[Tick, ...]:
        """Which counting rules count it."""
        ...


@dataclass(frozen=True, slots=True)
class Record:
    """One mention of one brand's history, as it stood when it was judged."""

    id: int
    brand_id: int
    brand: str
    mention: Mention
    hearings: tuple[Hearing, ...]
    context: Context
    said_at: datetime
    """Its sorting time."""
    judged_at: datetime
    text_gone: bool = False
    lang: str = ""
    """As it was found then,"""
    tone: str = ""
    """by the methods of tone then, by their name."""


@dataclass(slots=True)
class Side:
    """One rulebook at work over history. Keeps the counts, so every side judges each record once, in order."""

    rulebook: Rulebook
    judges: Callable[[Callable[[], datetime]], Judges]
    """The judge that asks this clock."""
    topics: Callable[[str, Callable[[], datetime]], Topics]
    """The ear for a brand's topics that asks this clock."""
    since: datetime
    """When the first record was heard that it is told of."""
    fell_short: bool = False
    """Whether what was judged last was counted over a window that begins before that."""
    _now: datetime | None = None
    _judge: Judges = field(init=False, repr=False)
    _ears: dict[str, Topics] = field(default_factory=dict, repr=False)
    _tallies: dict[int, Tally] = field(default_factory=dict, repr=False)
    _newest: datetime = _BEGINNING

    def __post_init__(self) -> None:
        self._judge = self.judges(self._clock)

    def _clock(self) -> datetime:
        assert self._now is not None, "nothing is judged yet"  # noqa: S101
        return self._now

    def judge(self, record: Record) -> Assessment | None:
        """What this rulebook thinks of a record; None: nobody would have heard it. The next one must have been heard later."""
        self.fell_short = False
        hearings = self._heard(record)
        if not hearings:
            return None
        counts = self._counted(record, hearings)
        return self._judge(record.mention, hearings, replace(record.context, counts=counts))

    def count(self, record: Record) -> None:
        """Let the counts know a record without judging it: what came before the part of history that is asked for."""
        if hearings := self._heard(record):
            self._counted(record, hearings)

    def _heard(self, record: Record) -> tuple[Hearing, ...]:
        self._now = record.judged_at
        ear = self._ears.get(record.brand)
        if ear is None:
            ear = self._ears[record.brand] = self.topics(record.brand, self._clock)
        hearings = heard_anew(record.hearings, record.brand_id, lambda: ear(record.mention, record.context.accounts))
        ours = any(one.via is Via.OWN for one in hearings)
        return () if ours and not self._judge.judges_ours else hearings

    def _counted(self, record: Record, hearings: Sequence[Hearing]) -> Mapping[str, Window]:
        ticks = self._judge.ticks(record.mention, hearings, replace(record.context, counts={}))
        tally = self._tallies.get(record.brand_id)
        if tally is None:
            tally = self._tallies[record.brand_id] = Tally(self.rulebook.rules)
        at = record.said_at
        self._newest = max(self._newest, at)
        self.fell_short = any(at - timedelta(seconds=tally.reaches[one.rule]) < self.since for one in ticks if one.hit)
        self.fell_short |= bool(ticks) and at < self._newest - _LATE
        tally.put(ticks, at)
        return tally.counts(ticks, at)


def reach(*rulebooks: Rulebook) -> timedelta:
    """How far before its beginning history must be read, for the counts to be right from the first record on, and of late ones too."""
    spans = [reach_of(rule.count) for book in rulebooks for rule in book.rules if rule.count is not None]
    return timedelta(seconds=max(spans)) + _LATE + _SPARE if spans else timedelta(0)


# What differs --------------------------------------------------------------------------------------------------------


class Due(StrEnum):
    """What becomes of the time by which an answer is due."""

    EARLIER = "earlier"
    LATER = "later"
    NEW = "new"
    NONE = "none"
    """There was one, and would be none."""


class Turn(StrEnum):
    """Whether it would be heard at all."""

    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Diff:
    """What the new rulebook would do otherwise with one mention. None and empty: the same as the old one."""

    id: int
    brand: str
    said_at: datetime
    fires: tuple[str, ...] = ()
    """Ids of the rules that fire only by the new rulebook,"""
    stops: tuple[str, ...] = ()
    """and only by the old one."""
    due: Due | None = None
    priority: int = 0
    """By how many steps it rises; negative: it falls."""
    opens: bool | None = None
    """It would become a conversation, or (False) no longer by itself."""
    closes: bool | None = None
    snoozes: bool | None = None
    hides: bool | None = None
    tags: tuple[str, ...] = ()
    """+tag and -tag."""
    routes: tuple[str, ...] = ()
    """What would have another value of team, assign and reply."""
    heard: Turn | None = None
    """Whether the topics would hear it anew, or no longer."""


def differs(record: Record, old: Assessment | None, new: Assessment | None) -> Diff | None:
    """The difference between two assessments of one mention; None: there is none that anybody would notice."""
    if old is None and new is None:
        return None
    nothing = Diff(record.id, record.brand, record.said_at)
    if old is None or new is None:
        nothing = replace(nothing, heard=Turn.NEW if old is None else Turn.GONE)
    before, after = _rules(old), _rules(new)
    made = replace(
        nothing,
        fires=tuple(sorted(after - before)),
        stops=tuple(sorted(before - after)),
        due=_due(old.due_at if old else None, new.due_at if new else None),
        priority=int(new.priority) - int(old.priority) if old and new else 0,
        opens=_turned(old is not None and old.opens, new is not None and new.opens),
        closes=_turned(old is not None and old.closes, new is not None and new.closes),
        snoozes=_turned(old is not None and old.snooze is not None, new is not None and new.snooze is not None),
        hides=_turned(old is not None and old.hide, new is not None and new.hide),
        tags=_moved(set(old.tags) if old else set(), set(new.tags) if new else set()),
        routes=_routes(old, new),
    )
    return None if made == Diff(record.id, record.brand, record.said_at) else made


def _rules(made: Assessment | None) -> frozenset[str]:
    return frozenset() if made is None else frozenset(flag.rule for flag in made.flags)


def _due(old: datetime | None, new: datetime | None) -> Due | None:
    if old == new:
        return None
    if old is None:
        return Due.NEW
    if new is None:
        return Due.NONE
    return Due.EARLIER if new < old else Due.LATER


def _turned(old: bool, new: bool) -> bool | None:
    return None if old == new else new


def _moved(old: set[str], new: set[str]) -> tuple[str, ...]:
    return (*(f"+{one}" for one in sorted(new - old)), *(f"-{one}" for one in sorted(old - new)))


def _routes(old: Assessment | None, new: Assessment | None) -> tuple[str, ...]:
    pairs = {
        "team": (old.team if old else "", new.team if new else ""),
        "assign": (old.assign if old else "", new.assign if new else ""),
        "reply": (old.reply if old else "", new.reply if new else ""),
    }
    return tuple(name for name, (before, after) in pairs.items() if before != after)


# The sums ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fired:
    """One rule by both rulebooks. Experimental: how many of them change nothing."""

    before: int = 0
    after: int = 0
    newly: int = 0
    gone: int = 0
    experimental_before: int = 0
    experimental_after: int = 0
    newly_on: tuple[int, ...] = ()
    gone_on: tuple[int, ...] = ()
    """Ids of the first mentions."""

    def __add__(self, other: Fired) -> Fired:
        return Fired(
            self.before + other.before, self.after + other.after, self.newly + other.newly, self.gone + other.gone,
            self.experimental_before + other.experimental_before, self.experimental_after + other.experimental_after,
            (*self.newly_on, *other.newly_on)[:EXAMPLES], (*self.gone_on, *other.gone_on)[:EXAMPLES],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Paged:
    """How often somebody would have been called in one hour of the day: alert policies told, and urgent messages."""

    alerts_before: int = 0
    alerts_after: int = 0
    urgent_before: int = 0
    urgent_after: int = 0

    def __add__(self, other: Paged) -> Paged:
        return Paged(
            self.alerts_before + other.alerts_before, self.alerts_after + other.alerts_after,
            self.urgent_before + other.urgent_before, self.urgent_after + other.urgent_after,
        )  # fmt: skip


NOBODY = Paged()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a part of history came to. Parts add up to the whole, in heard order."""

    judged: int = 0
    """Mentions that at least one of the rulebooks heard and judged."""
    text_gone: int = 0
    """Never judged: nobody knows any more what they said."""
    unheard: int = 0
    """That no topic of either rulebook hears any more."""
    short_counts: int = 0
    """Judged with a count whose window begins before what was read."""
    differing: int = 0
    rules: Mapping[str, Fired] = field(default_factory=dict)
    changes: Mapping[str, int] = field(default_factory=dict)
    """How many mentions would be due earlier, open, and so on: each word once per mention."""
    by_hour: Mapping[int, Paged] = field(default_factory=dict)
    """By the hour of the day in the brand's zone."""
    night: Paged = NOBODY
    diffs: tuple[Diff, ...] = ()
    """The first of them that differ."""
    unlearned: int = 0
    """Judged while something spoke that was learned and is forgotten since: what it said of their need cannot be said again."""
    otherwise_scored: int = 0
    """Judged while another model found the tone of their language than does now, or none did, or while one did."""

    @property
    def same(self) -> bool:
        """Nothing would differ."""
        return not self.differing

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.judged + other.judged,
            self.text_gone + other.text_gone,
            self.unheard + other.unheard,
            self.short_counts + other.short_counts,
            self.differing + other.differing,
            _summed(self.rules, other.rules),
            dict(Counter(self.changes) + Counter(other.changes)),
            _summed(self.by_hour, other.by_hour),
            self.night + other.night,
            (*self.diffs, *other.diffs)[:DIFFERENCES],
            self.unlearned + other.unlearned,
            self.otherwise_scored + other.otherwise_scored,
        )


def _summed(one: Mapping[K, V], other: Mapping[K, V]) -> dict[K, V]:
    made = dict(one)
    for key, value in other.items():
        made[key] = made[key] + value if key in made else value
    return made


@dataclass(frozen=True, slots=True)
class Nights:
    """When it is night for whom."""

    zones: Mapping[str, str]
    """By a brand's key."""
    hours: Hours | None = None
    """Where given, it is night whenever they are closed."""

    def hour_of(self, record: Record) -> tuple[int, bool]:
        """The hour of the day at which a record was judged, and whether it was night."""
        name = self.hours.zone if self.hours is not None else self.zones.get(record.brand, "UTC")
        hour = record.judged_at.astimezone(zone(name)).hour
        if self.hours is not None:
            return hour, not self.hours.open_at(record.judged_at)
        begin, end = NIGHT
        return hour, hour >= begin or hour < end


def replay(
    records: Iterable[Record], old: Side, new: Side, nights: Nights, models: Collection[str] = (), tone: str = ""
) -> Outcome:
    """Judge records, in heard order, by both sides; what came of them. The sides must have counted what came before. `models`: what they
    have at hand of what was learned, by version; `tone`: the name of their methods of tone.
    """
    sums = _Sums()
    for record in records:
        if record.text_gone:
            sums.text_gone += 1
            continue
        before, after = old.judge(record), new.judge(record)
        if before is None and after is None:
            sums.unheard += 1
            continue
        sums.judged += 1
        sums.unlearned += record.context.model != "" and record.context.model not in models
        sums.otherwise += model_named(record.lang, record.tone) != model_named(record.lang, tone)
        sums.short += old.fell_short or new.fell_short
        sums.rules(record, before, after)
        if not record.context.history:
            sums.pages(*nights.hour_of(record), before, after)
        if (diff := differs(record, before, after)) is not None:
            sums.differs(diff)
    return sums.outcome()


@dataclass(slots=True)
class _Sums:
    """An outcome in the making."""

    judged: int = 0
    text_gone: int = 0
    unheard: int = 0
    short: int = 0
    unlearned: int = 0
    otherwise: int = 0
    differing: int = 0
    fired: dict[str, Fired] = field(default_factory=dict)
    changes: Counter[str] = field(default_factory=Counter)
    by_hour: dict[int, Paged] = field(default_factory=dict)
    night: Paged = NOBODY
    diffs: list[Diff] = field(default_factory=list)

    def rules(self, record: Record, old: Assessment | None, new: Assessment | None) -> None:
        before = {flag.rule: flag.shadow for flag in old.flags} if old else {}
        after = {flag.rule: flag.shadow for flag in new.flags} if new else {}
        for rule in before.keys() | after.keys():
            was, is_ = rule in before, rule in after
            one = Fired(
                was, is_, is_ and not was, was and not is_, before.get(rule, False), after.get(rule, False),
                (record.id,) if not was else (), (record.id,) if not is_ else (),
            )  # fmt: skip
            self.fired[rule] = self.fired.get(rule, Fired()) + one

    def pages(self, hour: int, night: bool, old: Assessment | None, new: Assessment | None) -> None:
        one = Paged(
            len(old.alerts) if old else 0,
            len(new.alerts) if new else 0,
            int(old is not None and old.priority is Priority.URGENT),
            int(new is not None and new.priority is Priority.URGENT),
        )
        if one != NOBODY:
            self.by_hour[hour] = self.by_hour.get(hour, NOBODY) + one
            self.night += one if night else NOBODY

    def differs(self, diff: Diff) -> None:
        self.differing += 1
        self.changes.update(words_of(diff))
        if len(self.diffs) < DIFFERENCES:
            self.diffs.append(diff)

    def outcome(self) -> Outcome:
        return Outcome(
            self.judged, self.text_gone, self.unheard, self.short, self.differing, self.fired, dict(self.changes),
            self.by_hour, self.night, tuple(self.diffs), self.unlearned, self.otherwise,
        )  # fmt: skip


def words_of(diff: Diff) -> Iterator[str]:
    """What happens to a mention, in the words that sums are kept under."""
    if diff.heard is not None:
        yield "heard anew" if diff.heard is Turn.NEW else "no longer heard"
    if diff.fires:
        yield "a rule newly fires"
    if diff.stops:
        yield "a rule stops firing"
    if diff.due is not None:
        yield _DUE[diff.due]
    if diff.priority:
        yield "more urgent" if diff.priority > 0 else "less urgent"
    for name in ("opens", "closes", "snoozes", "hides"):
        turned = getattr(diff, name)
        if turned is not None:
            yield _TURNS[name][not turned]
    if diff.tags:
        yield "other tags"
    for name in diff.routes:
        yield f"another {_ROUTES[name]}"


_DUE = {Due.EARLIER: "due earlier", Due.LATER: "due later", Due.NEW: "newly due", Due.NONE: "no longer due"}
_TURNS = {
    "opens": ("opens", "no longer opens by itself"),
    "closes": ("closed at once", "no longer closed at once"),
    "snoozes": ("snoozed", "no longer snoozed"),
    "hides": ("asked to be hidden", "no longer asked to be hidden"),
}
_ROUTES = {"team": "team", "assign": "person", "reply": "saved reply"}
