"""What people do to conversations, as values. Owns their shapes; what becomes of a conversation is `listener.workflow.moves`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from listener.model.scales import Priority


@dataclass(frozen=True, slots=True)
class Assign:
    """Give it to a person (the team stays, unless one is named), to a team, or to nobody (None and '')."""

    person_id: int | None
    team: str = ""


@dataclass(frozen=True, slots=True)
class HandBack:
    """Nobody's again: what was given to the person who does it goes back to its team."""


@dataclass(frozen=True, slots=True)
class Tag:
    """Put tags on and take tags off."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetPriority:
    """Overrule the computed priority; None: back to computed from now on."""

    priority: Priority | None


@dataclass(frozen=True, slots=True)
class Snooze:
    """Out of sight until a time or until they write again."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Close:
    """Nothing more to do."""


@dataclass(frozen=True, slots=True)
class Reopen:
    """Back to work."""


@dataclass(frozen=True, slots=True)
class Read:
    """Somebody has looked at it."""


@dataclass(frozen=True, slots=True)
class Spam:
    """Nothing more to do, and tagged so that others see why: one act. A later message of theirs brings it back, as any."""


@dataclass(frozen=True, slots=True)
class NotSpam:
    """It was none: the tag goes, and what was closed is back to work."""


Part = Assign | HandBack | Tag | SetPriority | Snooze | Close | Reopen | Read | Spam | NotSpam


@dataclass(frozen=True, slots=True)
class Macro:
    """Several acts under one name, done as one: all of them or none. What a part asks for and is so already is no reason to refuse."""

    key: str
    parts: tuple[Part, ...]
    note: str = ""
    """Written beside them; the store keeps it."""


Act = Part | Macro


SPAM = "spam"
"""The tag that says it."""


def parts_of(act: Act) -> tuple[Part, ...]:
    """An act as the single ones that it is made of."""
    return act.parts if isinstance(act, Macro) else (act,)
