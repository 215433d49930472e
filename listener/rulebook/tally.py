"""What counting rules have counted: messages, authors or a share, within a window that slides with time.

Owns which messages count for which group, windows, and for how long a count has been what its rule asks for. Pure, in memory: whoever keeps
ticks puts them in again, in the order in which they were heard. Refuses to fire a rule.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import product

from listener.model.heard import Mention
from listener.model.judged import Tick, Window
from listener.query.index import Index
from listener.query.subject import Subject
from listener.query.tree import Field, walk
from listener.rulebook.shape import Count, Counted, Group, Rule, Rulebook
from listener.rulebook.subject import MOOD, Heard, exception_for, in_scope

LATE = 86_400.0
"""Seconds by which a message may come after a younger one, and still be counted with its own."""
LONGEST_GROUP = 200
"""Characters. Ids of a network may be longer; such a group goes by its hash."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = -(10**18)


# What a message counts for -------------------------------------------------------------------------------------------


def sign_of(rule: Rule) -> str:
    """A short hash of what a rule counts and apart for what; "" where it counts nothing.

    How many it asks for, in what time, and for how long is no part of it: what was counted stays counted. So are the exceptions, which
    come and go by the day.
    """
    if rule.count is None:
        return ""
    scope = rule.scope
    counts = (
        scope.addressed,
        sorted(scope.topics),
        sorted(kind.value for kind in scope.kinds),
        scope.everything,
        sorted(scope.brands),
        scope.ours,
        _is_ratio(rule),
        sorted(group.value for group in rule.count.per),
        _plain(rule.when.tree),
    )
    return blake2b(repr(counts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _plain(part: object) -> object:
    """A part of a query without its places."""
    if isinstance(part, tuple):
        return [_plain(one) for one in part]
    if is_dataclass(part):
        return [type(part).__name__, *(_plain(getattr(part, one.name)) for one in fields(part) if one.compare)]
    return part


class Counting:
    """The counting rules of a rulebook, made ready to be asked which of them count a message."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rules = rulebook.counting
        self._rulebook = rulebook
        self._signs = {rule.id: sign_of(rule) for rule in self.rules}
        self._index = Index.build({rule.id: rule.when.tree for rule in self.rules}, rulebook.share)
        self.asks_mood = any(_asks_mood(rulebook, rule) for rule in self.rules)
        """Whether they must be told a message's language and tone."""

    def may_count(self, mention: Mention, heard: Heard) -> bool:
        """The quick question, before anything is thought of a message: False when none of them can count it."""
        there = [rule for rule in self.rules if in_scope(rule, heard)]
        return bool(there) and (
            any(_is_ratio(rule) for rule in there) or self._index.may_concern(mention.text, mention.tags)
        )

    def ticks(self, mention: Mention, subject: Subject, heard: Heard, now: datetime) -> tuple[Tick, ...]:
        """Which of them count a message, one tick for each rule and group; where no exception keeps them from it.

        A rule for a ratio counts all that is in its scope, whether it hits or not.
        """
        made: list[Tick] = []
        for rule in self.rules:
            if not in_scope(rule, heard):
                continue
            hit = rule.when.test(subject, now)
            if (hit or _is_ratio(rule)) and exception_for(self._rulebook, rule, subject, now) is None:
                sign, author = self._signs[rule.id], mention.author.external_id
                made.extend(
                    Tick(rule.id, sign, one, author, hit) for one in self._groups(rule, mention, subject, heard)
                )
        return tuple(made)

    def _groups(self, rule: Rule, mention: Mention, subject: Subject, heard: Heard) -> Iterator[str]:
        per = sorted(rule.count.per) if rule.count is not None else []
        sides = [sorted(set(_side(one, self._rulebook, rule, mention, subject, heard))) or [""] for one in per]
        for values in product(*sides):
            name = "|".join(value.replace("\\", "\\\\").replace("|", "\\|") for value in values)
            if len(name) > LONGEST_GROUP:
                name = "#" + blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
            yield name


def _asks_mood(rulebook: Rulebook, rule: Rule) -> bool:
    exempt = [one.when.tree for one in rulebook.exceptions_to(rule.id) if one.when is not None]
    return (rule.count is not None and Group.LANG in rule.count.per) or any(
        isinstance(node, Field) and node.name in MOOD for tree in (rule.when.tree, *exempt) for node in walk(tree)
    )


def _is_ratio(rule: Rule) -> bool:
    return rule.count is not None and rule.count.what is Counted.RATIO


def _side(
    group: Group, rulebook: Rulebook, rule: Rule, mention: Mention, subject: Subject, heard: Heard
) -> Iterable[str]:
    match group:
        case Group.AUTHOR:
            return (mention.author.external_id,)
        case Group.SOURCE:
            return (mention.source,)
        case Group.TOPIC:
            # Those by which the rule looks at it; where it was looked at for another reason, all by which it was heard.
            asked = {
                topic.key
                for topic in rulebook.topics
                if topic.key in heard.topics and (topic.key in rule.scope.topics or topic.kind in rule.scope.kinds)
            }
            return asked or heard.topics
        case Group.ACCOUNT:
            return subject.accounts or ()
        case Group.THREAD:
            return (mention.root or mention.parent or mention.key.external_id,)
        case Group.LANG:
            return (subject.lang or "",)


# What was counted ----------------------------------------------------------------------------------------------------


def reach(count: Count) -> float:
    """How far back a rule looks, in seconds: what was said so long before a message, or longer, changes nothing for it."""
    return count.within + count.hold


def met(count: Count, window: Window) -> bool:
    """Whether so many are counted as the rule asks for, just now."""
    return window.value >= count.least and (count.what is not Counted.RATIO or window.of >= count.of_least)


def reached(count: Count, window: Window | None) -> bool:
    """Whether a counting rule may fire on a message for which it had counted so."""
    return window is not None and met(count, window) and window.held >= count.hold


@dataclass(frozen=True, slots=True)
class Bulk:
    """What was counted elsewhere for one rule and group, because it lies in every window that will be looked at: in those that end with a
    moment that will be asked for, and, for a rule that asks how long its count has held, in those of so long before.
    """

    ticks: int = 0
    hits: int = 0
    authors: frozenset[str] = frozenset()
    """Asked for by a rule that counts authors only."""


class Tally:
    """Windows of the counting rules of one brand. Ticks are put in as they were heard; their times may come in any order, late ones by at
    most `late` seconds after a younger one: what is older is forgotten, so that it never holds much more than the rules look back on.
    Ticks of other rules, and of what a rule counted when it counted otherwise, are passed over.
    """

    def __init__(self, rules: Iterable[Rule], late: float = LATE) -> None:
        counting = [(rule, rule.count) for rule in rules if rule.count is not None]
        self.reaches: Mapping[str, float] = {rule.id: reach(count) for rule, count in counting}
        """By rule id: how many seconds before a message its ticks are still asked for."""
        self._counts = {rule.id: count for rule, count in counting}
        self._signs = {rule.id: sign_of(rule) for rule, _ in counting}
        self._late = late
        self._series: dict[tuple[str, str], _Series] = {}
        self._newest = _NEVER
        self._room = 1024

    def put(self, ticks: Iterable[Tick], at: datetime) -> None:
        """Count one message, said `at`, for these."""
        moment = _micros(at)
        self._newest = max(self._newest, moment)
        for tick in ticks:
            if self._signs.get(tick.rule) != tick.sign:
                continue
            count = self._counts[tick.rule]
            if not tick.hit and count.what is not Counted.RATIO:
                continue
            key = (tick.rule, tick.group)
            series = self._series.get(key)
            if series is None:
                series = self._series[key] = _Series(count, self._late)
            series.put(moment, tick.author, tick.hit)
        if len(self._series) > self._room:
            self._forget()

    def put_bulk(self, rule: str, group: str, bulk: Bulk) -> None:
        """Begin a group with what is in all its windows."""
        self._series[(rule, group)] = _Series(self._counts[rule], self._late, bulk)

    def window(self, rule: str, group: str, at: datetime) -> Window:
        """What a rule has counted for a group in the window that ends `at`. How long it held is told as far as the rule asks for."""
        series = self._series.get((rule, group))
        return Window(0.0) if series is None else series.window(_micros(at))

    def counts(self, ticks: Iterable[Tick], at: datetime) -> Mapping[str, Window]:
        """By rule id, for `Context.counts`: what was counted for a message that was put in with these ticks. Of several groups the one
        for which the rule may fire, else the fullest.
        """
        found: dict[str, Window] = {}
        for tick in ticks:
            if tick.hit and self._signs.get(tick.rule) == tick.sign:
                count, here = self._counts[tick.rule], self.window(tick.rule, tick.group, at)
                before = found.get(tick.rule)
                if before is None or _weight(count, here) > _weight(count, before):
                    found[tick.rule] = here
        return found

    def __len__(self) -> int:
        """How many ticks it holds."""
        return sum(map(len, self._series.values()))

    def _forget(self) -> None:
        """Groups of which nobody has been heard for long."""
        self._series = {key: one for key, one in self._series.items() if not one.over(self._newest)}
        self._room = max(1024, 2 * len(self._series))


def _weight(count: Count, window: Window) -> tuple[bool, bool, float, int, float]:
    return reached(count, window), met(count, window), window.value, window.of, window.held


def _micros(at: datetime) -> int:
    """Whole microseconds: at the edge of a window nothing is rounded."""
    return (at - _EPOCH) // timedelta(microseconds=1)


_NOTHING = Bulk()


@dataclass(slots=True)
class _Run:
    """Moments, both included, between which a count is known to be met."""

    since: int
    until: int
    begins: bool
    """Just before, it is known not to be."""


class _Series:
    """The ticks of one rule and group in the order of their times, and a window on them that can be moved either way, at a cost of no more
    than what it passes over. A tick counts from its own moment until `within` later, then no more.
    """

    __slots__ = (
        "_authors",
        "_bulk",
        "_count",
        "_hi",
        "_hits",
        "_hold",
        "_kept",
        "_lo",
        "_room",
        "_run",
        "_ticks",
        "_times",
        "_within",
    )

    def __init__(self, count: Count, late: float, bulk: Bulk = _NOTHING) -> None:
        self._count = count
        self._bulk = bulk
        self._within = round(count.within * 1e6)
        self._hold = round(count.hold * 1e6)
        self._kept = float("inf") if late == float("inf") else self._within + self._hold + round(late * 1e6)
        self._times: list[int] = []
        self._ticks: list[tuple[str, bool]] = []
        self._room = 64
        # The window: ticks from lo to before hi, how many of them hit, and how many each author who is not in the bulk has among them.
        self._lo = self._hi = self._hits = 0
        self._authors: dict[str, int] = {}
        self._run: _Run | None = None

    def put(self, moment: int, author: str, hit: bool) -> None:
        place = bisect_right(self._times, moment)
        self._times.insert(place, moment)
        self._ticks.insert(place, (author, hit))
        if place < self._lo:
            self._lo += 1
            self._hi += 1
        elif place < self._hi:
            self._hi += 1
            self._take(place)
        self._changed(moment)
        if len(self._times) > self._room:
            self._forget()

    def over(self, newest: int) -> bool:
        """Nothing of it can be asked for any more."""
        return bool(self._times) and self._times[-1] < newest - self._kept

    def window(self, moment: int) -> Window:
        self._move(moment)
        here = self._now()
        if self._hold and met(self._count, here):
            return Window(here.value, here.of, self._held(moment) / 1e6)
        return here

    def _held(self, moment: int) -> int:
        """How long the count has been met, back from a moment at which it is; no longer than the rule asks for.

        Between two events, a tick that comes or one that leaves the window, nothing changes. So the window goes back from one to the next,
        and over what is known from before at once.
        """
        at = moment
        begins = False
        while not begins:
            if self._run is not None and self._run.since <= at <= self._run.until:
                at, begins = self._run.since, self._run.begins
            else:
                came = self._times[self._hi - 1] if self._hi else _NEVER
                left = self._times[self._lo - 1] + self._within if self._lo else _NEVER
                at = max(came, left)
            if begins or moment - at >= self._hold:
                break
            self._move(at - 1)
            begins = not met(self._count, self._now())
            at -= not begins
        if self._run is None or moment >= self._run.until:
            self._run = _Run(at, moment, begins)
        return min(moment - at, self._hold)

    def _changed(self, moment: int) -> None:
        """What is known of the last run, now that a tick came in: one more makes no count smaller, but it may a share."""
        if self._run is None:
            return
        if moment < self._run.since:
            self._run.begins = False
        if self._count.what is Counted.RATIO and moment <= self._run.until:
            self._run.until = moment - 1
            if self._run.until < self._run.since:
                self._run = None

    def _now(self) -> Window:
        of = self._bulk.ticks + self._hi - self._lo
        match self._count.what:
            case Counted.MENTIONS:
                return Window(float(of))
            case Counted.AUTHORS:
                return Window(float(len(self._bulk.authors) + len(self._authors)))
            case Counted.RATIO:
                return Window((self._bulk.hits + self._hits) / of if of else 0.0, of)

    def _move(self, moment: int) -> None:
        """Have the window end with a moment."""
        lo, hi = bisect_right(self._times, moment - self._within), bisect_right(self._times, moment)
        if lo >= self._hi or hi <= self._lo:
            self._lo = self._hi = lo
            self._hits = 0
            self._authors.clear()
        while self._lo > lo:
            self._lo -= 1
            self._take(self._lo)
        while self._hi < hi:
            self._take(self._hi)
            self._hi += 1
        while self._lo < lo:
            self._leave(self._lo)
            self._lo += 1
        while self._hi > hi:
            self._hi -= 1
            self._leave(self._hi)

    def _take(self, place: int) -> None:
        author, hit = self._ticks[place]
        self._hits += hit
        if self._count.what is Counted.AUTHORS and author not in self._bulk.authors:
            self._authors[author] = self._authors.get(author, 0) + 1

    def _leave(self, place: int) -> None:
        author, hit = self._ticks[place]
        self._hits -= hit
        if self._count.what is Counted.AUTHORS and author not in self._bulk.authors:
            if self._authors[author] == 1:
                del self._authors[author]
            else:
                self._authors[author] -= 1

    def _forget(self) -> None:
        old = bisect_right(self._times, self._times[-1] - self._kept)
        del self._times[:old]
        del self._ticks[:old]
        self._room = 2 * len(self._times) + 64
        self._lo = self._hi = self._hits = 0
        self._authors.clear()

    def __len__(self) -> int:
        return len(self._times)
