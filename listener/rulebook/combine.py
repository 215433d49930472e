"""Which rules fire on a message, and what they come to together. Owns the order-free combining; refuses tone, need and due times.

All matching rules count, in no order: the shortest time to reply, the highest priority, all tags and alerts, every reason. What can have
one value only (team, person, saved reply, how long it is put away) is settled by the highest rank, then by the first id. What wants a
reply is never closed or put away. Shuffling rules or files cannot change a result, and an experimental rule changes none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from listener.model.judged import Context
from listener.model.scales import Priority
from listener.query.subject import Subject
from listener.rulebook.shape import Rule, Rulebook, Status
from listener.rulebook.subject import Heard, exception_for, in_scope
from listener.rulebook.tally import reached


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that fired, and where in the text."""

    rule: Rule
    spans: tuple[int, ...]

    @property
    def shadow(self) -> bool:
        """Of an experimental rule: it is shown, and nothing follows from it."""
        return self.rule.status is Status.EXPERIMENTAL


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all findings come to. None and empty: no rule says anything about it."""

    priority: Priority | None = None
    reply_within: float | None = None
    tags: tuple[str, ...] = ()
    team: str = ""
    opens: bool = False
    assign: str = ""
    snooze: float | None = None
    closes: bool = False
    hide: bool = False
    reply: str = ""
    alerts: tuple[str, ...] = ()


_NOTHING = Verdict()


def findings(
    rulebook: Rulebook, subject: Subject, heard: Heard, context: Context, now: datetime
) -> tuple[Finding, ...]:
    """Every rule that fires when it is `now`, weightiest first; experimental ones behind all others."""
    fired = [
        rule for rule in rulebook.rules_for(subject, now) if _fires_alone(rulebook, rule, subject, heard, context, now)
    ]
    if len(fired) > 1 and rulebook.silencers:
        fired = _outspoken(rulebook, fired)
    fired.sort(key=_weight)
    return tuple(Finding(rule, rule.when.spans(subject, now)) for rule in fired)


def _fires_alone(
    rulebook: Rulebook, rule: Rule, subject: Subject, heard: Heard, context: Context, now: datetime
) -> bool:
    """Whether a rule whose query matches would fire if there were no other."""
    return (
        in_scope(rule, heard)
        and (rule.count is None or reached(rule.count, context.counts.get(rule.id)))
        and in_hours(rulebook, rule, now)
        and exception_for(rulebook, rule, subject, now) is None
    )


def in_hours(rulebook: Rulebook, rule: Rule, now: datetime) -> bool:
    """Whether a rule fires at this hour. Hours that nobody has set are never open."""
    if rule.during is None:
        return True
    hours = rulebook.hours_named(rule.during.hours)
    return (hours is not None and hours.open_at(now)) is rule.during.inside


def _outspoken(rulebook: Rulebook, fired: list[Rule]) -> list[Rule]:
    """Those that none of the others silences. Whoever is silenced silences nobody."""
    left = {rule.id for rule in fired}
    for id_, others in rulebook.silencers.items():  # those first that others wait for
        if id_ in left and not left.isdisjoint(others):
            left.discard(id_)
    return [rule for rule in fired if rule.id in left]


def combine(found: Iterable[Finding]) -> Verdict:
    """What findings come to together, whatever their order."""
    rules = [one.rule for one in found if not one.shadow]
    if not rules:
        return _NOTHING
    rules.sort(key=lambda rule: (-rule.rank, rule.id))
    thens = [rule.then for rule in rules]  # of what can have one value only the first that says anything says it
    put_away = not any(then.asks_for_reply for then in thens)
    return Verdict(
        priority=max((then.priority for then in thens if then.priority is not None), default=None),
        reply_within=min((then.reply_within for then in thens if then.reply_within is not None), default=None),
        tags=tuple(sorted({tag for then in thens for tag in then.tags})),
        team=next((then.team for then in thens if then.team), ""),
        opens=any(then.opens for then in thens),
        assign=next((then.assign for then in thens if then.assign), ""),
        snooze=next((then.snooze for then in thens if then.snooze is not None), None) if put_away else None,
        closes=put_away and any(then.closes for then in thens),
        hide=any(then.hide for then in thens),
        reply=next((then.reply for then in thens if then.reply), ""),
        alerts=tuple(sorted({alert for then in thens for alert in then.alerts})),
    )


def says(rule: Rule) -> list[str]:
    """What follows from a rule, in the words of the rule files."""
    then = rule.then
    said: list[str] = []
    if then.priority is not None:
        said.append(f"priority {then.priority.name.lower()}")
    if then.reply_within is not None:
        said.append(f"reply within {span(then.reply_within)}")
    if then.team:
        said.append(f"team {then.team}")
    if then.assign:
        said.append(f"assign {then.assign}")
    said.extend(f"tag {tag}" for tag in then.tags)
    if then.opens:
        said.append("open")
    if then.reply:
        said.append(f"offer {then.reply}")
    if then.snooze is not None:
        said.append(f"snooze {span(then.snooze)}")
    if then.closes:
        said.append("close")
    if then.hide:
        said.append("ask to hide")
    said.extend(f"alert {alert}" for alert in sorted(then.alerts))
    return said


def span(seconds: float) -> str:
    """A time span as the rule files write it: 30m, 2h, 1d."""
    minutes = int(seconds // 60)
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes and minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"


def open_span(seconds: float) -> str:
    """A span of open time in words: 30 opening minutes, 1 opening hour, 24 opening hours."""
    minutes = int(seconds // 60)
    many, unit = (minutes // 60, "hour") if minutes and minutes % 60 == 0 else (minutes, "minute")
    return f"{many} opening {unit}{'' if many == 1 else 's'}"


def _weight(rule: Rule) -> tuple[bool, int, float, int, str]:
    """Most urgent first, then soonest due, then rank, then id. A rule without a priority stands between low and high."""
    within = float("inf") if rule.then.reply_within is None else rule.then.reply_within
    return (
        rule.status is Status.EXPERIMENTAL, -(rule.then.priority or Priority.NORMAL), within, -rule.rank, rule.id
    )  # fmt: skip
