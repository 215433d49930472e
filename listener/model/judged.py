"""What the core thinks of a mention, and what was known when it did. Refuses texts: findings point at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from listener.model.scales import Priority, ToneLabel


@dataclass(frozen=True, slots=True)
class Tone:
    """VADER's four numbers, untouched, and our label. `scores` is None where the method does not fit."""

    label: ToneLabel
    neg: float | None = None
    neu: float | None = None
    pos: float | None = None
    compound: float | None = None
    about: ToneLabel | None = None
    """The verdict on the sentences that name us, taken together; None: they are the whole of it, or there are none."""


@dataclass(frozen=True, slots=True)
class Tick:
    """That a counting rule counts a message, for one group. Ids only."""

    rule: str
    sign: str
    """Of what the rule counts: one that counts otherwise begins anew."""
    group: str
    """What it is counted apart for, such as a topic's key; "" where all are counted together."""
    author: str
    """The author's external id."""
    hit: bool = True
    """False: it is merely in scope, for a ratio."""


@dataclass(frozen=True, slots=True)
class Window:
    """What a counting rule had counted when a message came, that message included."""

    value: float
    """Messages, authors, or the share of `of`."""
    of: int = 0
    """Messages in scope, for a ratio."""
    held: float = 0.0
    """Seconds for which it has been what the rule asks for, without a break; 0 at the first moment, and while it is not."""


@dataclass(frozen=True, slots=True)
class Context:
    """What was known about a mention when it was judged, gathered by the store; kept with the assessment."""

    brand: str
    addresses: bool = False
    """It addresses an account of ours."""
    answers_us: bool = False
    """Its parent is a post of ours."""
    author_before: int = 0
    """Mentions by this author that we already held, at most 1000."""
    replied_before: bool = False
    """We answered in this thread before."""
    history: bool = False
    followers: int | None = None
    """Of the author, as far as their profile was known then; so with `verified`."""
    verified: bool | None = None
    accounts: tuple[str, ...] = ()
    """Handles of the accounts of ours that it addresses."""
    counts: Mapping[str, Window] = field(default_factory=dict)
    """By rule id: what each counting rule that the message matches had counted."""
    copies: int = 0
    """Other people who wrote nearly the same to the brand within a day before, at most 20. Counted of what addresses us, and not of history."""
    model: str = ""
    """What the brand's own decisions had taught, by the version of it that was in force; "": nothing, or it was switched off."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A rule's finding: which rule, where in the text (code points, start and end in turn), with which values."""

    rule: str
    spans: tuple[int, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    shadow: bool = False
    """Of an experimental rule: shown and counted, and nothing followed from it."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the core thinks of one mention for one brand. Equal input, equal assessment."""

    tone: Tone
    lang: str
    need: float
    """Need for an answer, 0 to 1."""
    priority: Priority
    reply_within: float | None
    """Seconds from the mention's time to the due time; None: no clock."""
    due_at: datetime | None
    tags: tuple[str, ...]
    team: str
    opens: bool
    """A rule says that this becomes a conversation even though it addresses nobody."""
    flags: tuple[Flag, ...]
    because: tuple[Mapping[str, Any], ...]
    """In order of weight: {"rule": id, "title": ..., "then": [...], "spans": [...]} or {"signal": ..., "value": ...}, with "spans" where it
    stands in the text; no words of the text."""
    rulebook: str
    methods: Mapping[str, str]
    assign: str = ""
    """The person who should answer, by id."""
    snooze: float | None = None
    """Seconds to put it away for; None: not."""
    closes: bool = False
    """A rule says that nothing is to be done, and none asks for a reply."""
    hide: bool = False
    """A rule asks somebody to hide it on its network."""
    reply: str = ""
    """Key of the saved reply that is offered."""
    alerts: tuple[str, ...] = ()
    """Keys of the alert policies that are told."""
    resolve_by: datetime | None = None
    """When a conversation that began with it should be done; None: no clock."""
    learned: float | None = None
    """The chance that this team answers it, by what its decisions have taught; None: nothing that counts. It stands in need's place where people
    look and search, and whatever opens, closes, hides, sends or tells somebody asks `need`."""
