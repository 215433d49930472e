"""Which rules fire on a message, and what they come to together. Owns the order-free combining; refuses tone, need and due times.

All matching rules count, in no order: the shortest time to reply, the highest priority, all tags, every reason. What can have one
value only (the team) is settled by the highest rank, then by the first id. Shuffling rules or files cannot change a result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from listener.model import Priority
from listener.query.match import spans_of
from listener.query.subject import Subject
from listener.rulebook.shape import Rule, Rulebook
from listener.rulebook.subject import Heard, in_scope


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that fired, and where in the text."""

    rule: Rule
    spans: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all findings come to. None: no rule says anything about it."""

    priority: Priority | None
    reply_within: float | None
    tags: tuple[str, ...]
    team: str
    opens: bool


def findings(rulebook: Rulebook, subject: Subject, heard: Heard, now: datetime) -> tuple[Finding, ...]:
    """Every rule that fires, weightiest first. A post of ours fires none."""
    if subject.ours:
        return ()
    fired = [rule for rule in rulebook.rules_for(subject, now) if in_scope(rule, heard)]
    fired.sort(key=_weight)
    return tuple(Finding(rule, spans_of(rule.when.tree, subject, now)) for rule in fired)


def combine(found: Iterable[Finding]) -> Verdict:
    """What findings come to together, whatever their order."""
    rules = [one.rule for one in found]
    priorities = [rule.then.priority for rule in rules if rule.then.priority is not None]
    spans = [rule.then.reply_within for rule in rules if rule.then.reply_within is not None]
    tags = {tag for rule in rules for tag in rule.then.tags}
    teams = sorted((-rule.rank, rule.id, rule.then.team) for rule in rules if rule.then.team)
    return Verdict(
        priority=max(priorities, default=None),
        reply_within=min(spans, default=None),
        tags=tuple(sorted(tags)),
        team=teams[0][2] if teams else "",
        opens=any(rule.then.opens for rule in rules),
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
    said.extend(f"tag {tag}" for tag in then.tags)
    if then.opens:
        said.append("open")
    return said


def span(seconds: float) -> str:
    """A time span as the rule files write it: 30m, 2h, 1d."""
    minutes = int(seconds // 60)
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes and minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"


def _weight(rule: Rule) -> tuple[int, float, int, str]:
    """Most urgent first, then soonest due, then rank, then id. A rule without a priority stands between low and high."""
    within = rule.then.reply_within
    return -(rule.then.priority or Priority.NORMAL), float("inf") if within is None else within, -rule.rank, rule.id
