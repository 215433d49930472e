"""What a team did with a message, as a yes or a no: whether it needed an answer. Owns what counts as either; docs/judgement.md says it in words.

Pure: the store gathers what happened, as ids and times. Refuses to look at a text, and to guess: of what nobody decided nothing is learned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

IN_TIME = timedelta(days=7)
"""An answer that comes later says more about the days between than about the message: then nothing is known of it."""


class Step(StrEnum):
    """One thing that happened in a conversation."""

    SAID = "said"
    """They wrote."""
    ANSWERED = "answered"
    """We did, here or in the network's own app."""
    CLOSED = "closed"
    """A person closed it, as done or as spam, or muted its author."""
    REOPENED = "reopened"
    """A person opened it again, or took the closing back."""
    RAISED = "raised"
    """A person raised its priority,"""
    LOWERED = "lowered"
    """or lowered it."""


_ORDER = {step: place for place, step in enumerate(Step)}


@dataclass(frozen=True, slots=True)
class Moment:
    """When it happened."""

    at: datetime
    step: Step
    mention_id: int = 0
    """Of what they wrote."""


@dataclass(frozen=True, slots=True)
class Word:
    """What people said of a message itself."""

    needed: bool | None = None
    """That it needs an answer, or needs none, in place of the methods."""
    missed: bool = False
    """That a rule should have fired on it,"""
    false_alarm: bool = False
    """or that one should not have."""


class Why(StrEnum):
    """What decided it, in words for a report."""

    SAID = "a person said so"
    ANSWERED = "answered"
    MISSED = "marked as missed by a rule"
    CLOSED = "closed without an answer"
    FALSE_ALARM = "marked as a false alarm"
    RAISED = "priority raised by a person"
    LOWERED = "priority lowered by a person"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision of the team about one message."""

    mention_id: int
    needed: bool
    why: Why
    minutes: float | None = None
    """From the message to its answer."""


@dataclass(frozen=True, slots=True)
class _Fate:
    """What became of one message in one conversation."""

    answered: float | None = None
    """Minutes to its answer."""
    late: bool = False
    closed: bool = False
    leaning: int = 0
    """1: its priority was raised, -1: lowered."""


def outcomes(conversations: Iterable[Iterable[Moment]], said: Mapping[int, Word]) -> dict[int, Outcome]:
    """By message: what the team decided. `conversations`: what happened in each, in any order; `said`: by message.

    The first of these that is true decides: a person said whether it needs an answer; it was answered within a week; it was marked as missed;
    its conversation was closed without an answer, and nobody opened it again before they wrote more; it was marked as a false alarm; its
    priority was raised or lowered by a person. In two conversations, an answer in one is an answer.
    """
    fates: dict[int, _Fate] = {}
    for moments in conversations:
        for id_, fate in _fates(moments).items():
            known = fates.get(id_)
            fates[id_] = fate if known is None else _of_both(known, fate)
    made = (_decided(id_, fates.get(id_, _Fate()), said.get(id_, Word())) for id_ in sorted({*fates, *said}))
    return {one.mention_id: one for one in made if one is not None}


def _decided(id_: int, fate: _Fate, word: Word) -> Outcome | None:
    minutes = fate.answered
    if word.needed is not None:
        return Outcome(id_, word.needed, Why.SAID, minutes)
    if minutes is not None:
        return Outcome(id_, True, Why.ANSWERED, minutes)
    if word.missed:
        return Outcome(id_, True, Why.MISSED)
    if fate.late:
        return None
    if fate.closed:
        return Outcome(id_, False, Why.CLOSED)
    if word.false_alarm:
        return Outcome(id_, False, Why.FALSE_ALARM)
    if fate.leaning:
        return Outcome(id_, fate.leaning > 0, Why.RAISED if fate.leaning > 0 else Why.LOWERED)
    return None


def _fates(moments: Iterable[Moment]) -> dict[int, _Fate]:
    """Each message by what happened next to its conversation."""
    fates: dict[int, _Fate] = {}
    waiting: dict[int, datetime] = {}
    put_away: dict[int, datetime] = {}
    """Closed without an answer, unless they are opened again before more is said."""
    leaning = 0
    for one in sorted(moments, key=lambda m: (m.at, _ORDER[m.step], m.mention_id)):
        match one.step:
            case Step.SAID:
                fates.update((id_, _Fate(closed=True)) for id_ in put_away)
                put_away.clear()
                waiting[one.mention_id] = one.at
                leaning = 0 if len(waiting) == 1 else leaning
            case Step.ANSWERED:
                for id_, at in (*waiting.items(), *put_away.items()):
                    late = one.at - at > IN_TIME
                    fates[id_] = _Fate(late=True) if late else _Fate((one.at - at).total_seconds() / 60)
                waiting.clear()
                put_away.clear()
            case Step.CLOSED:
                put_away.update(waiting)
                waiting.clear()
            case Step.REOPENED:
                waiting.update(put_away)
                put_away.clear()
            case Step.RAISED | Step.LOWERED:
                leaning = 1 if one.step is Step.RAISED else -1
    fates.update((id_, _Fate(closed=True)) for id_ in put_away)
    fates.update((id_, _Fate(leaning=leaning)) for id_ in waiting)
    return fates


def _of_both(one: _Fate, other: _Fate) -> _Fate:
    answers = [fate.answered for fate in (one, other) if fate.answered is not None]
    return _Fate(
        min(answers, default=None), one.late or other.late, one.closed or other.closed, one.leaning or other.leaning
    )
