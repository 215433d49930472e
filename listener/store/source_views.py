"""What is shown of sources, as frozen values with their words: one stream, its faults, its gaps, what is left of a network's limits.

The shell and the inbox say the same by them. Refuses a statement and a connection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from listener.networks import NETWORKS

SILENT_AFTER = timedelta(seconds=90)
"""A stream that beats every 15 seconds and has not for so long is not being read."""

ENDS_SOON = timedelta(days=7)
"""A login that ends within it is told of."""

LOOK_BACK = "somebody looked back"
"""The cause of a gap that is none: a person asked for what was said before."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong on a source, by the network's error name."""

    code: str
    what: str
    """As it was told the last time."""
    seen: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """What was left of something that a network allows, at a moment."""

    source: str
    """The registry's word."""
    name: str
    points: float
    """When it is full."""
    seconds: float
    """In which it fills."""
    remaining: float
    closed_until: datetime | None
    at: datetime

    def left(self, now: datetime) -> float:
        """By now, as it fills."""
        if self.closed_until is not None and self.closed_until > now:
            return 0.0
        filled = max(0.0, (now - self.at).total_seconds()) * self.points / self.seconds
        return min(self.points, self.remaining + filled)

    def share(self, now: datetime) -> float:
        """What is left, from 0 to 1."""
        return self.left(now) / self.points if self.points > 0 else 0.0


@dataclass(frozen=True, slots=True)
class GapRow:
    """A hole in a stream, for status, doctor and the backfill."""

    id: int
    source: str
    start: datetime
    end: datetime
    cause: str
    state: str
    """open, asked (somebody wants it filled), filled, lost (the network has it no more), or failed (a person must help first)."""
    noted_at: datetime
    problem: str = ""
    """Why it is not filled yet, or was given up."""
    found: int = 0
    """Items brought so far."""
    rest_start: datetime | None = None
    rest_end: datetime | None = None
    """What is still to be looked at, where the source says so."""
    topic: str = ""
    """Of a look back for one topic: its key."""

    @property
    def what(self) -> str:
        """Its cause, and for which topic somebody looked back."""
        return f"{self.cause} for {self.topic}" if self.topic else self.cause

    @property
    def done(self) -> float | None:
        """How much of it was looked at, from 0 to 1; None: the source does not say."""
        if self.state == "filled":
            return 1.0
        whole = (self.end - self.start).total_seconds()
        if self.rest_start is None or self.rest_end is None or whole <= 0:
            return None
        return min(1.0, max(0.0, 1 - (self.rest_end - self.rest_start).total_seconds() / whole))

    @property
    def can_be_asked(self) -> bool:
        """Whether asking for it changes anything."""
        return self.state in {"open", "lost", "failed"}


GAP_WORDS: Mapping[str, str] = {
    "open": "open",
    "asked": "being filled",
    "filled": "filled",
    "lost": "lost",
    "failed": "not filled: a person must help first",
}
"""A gap's state, in words."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """Everything about one stream of a source."""

    key: str
    source: str
    """The registry's word."""
    state: str
    """new, running, waiting, paused, stopped (a person must help) or finished."""
    wanted: str
    """'' or paused."""
    problem: str
    started_at: datetime | None
    beat_at: datetime | None
    """Last sign of life."""
    item_at: datetime | None
    """Network time of the last item."""
    heard_at: datetime | None
    lag: timedelta | None
    """How late the last item was heard."""
    heard: int
    stored: int
    an_hour: float
    """Messages that concern us within the last hour, about."""
    faults: tuple[Fault, ...] = ()
    """The latest first."""
    rejects: Mapping[str, int] = field(default_factory=dict)
    """By reason, each as often as it was heard."""
    rejects_asked: int = 0
    """How many are still to be read again."""
    budgets: tuple[BudgetRow, ...] = ()
    """Of the whole network: all its streams show the same."""
    gaps: tuple[GapRow, ...] = ()
    """All that are not filled."""
    login_until: datetime | None = None
    """When the login of the account whose stream this is ends by itself; None: never, or not known."""
    waiting: int = 0
    """Deliveries to its webhook that are not read yet,"""
    failed: int = 0
    """and those that could not be."""
    handle: str = ""
    """Of the account whose stream this is; '' : everybody's."""
    brands: tuple[int, ...] = ()
    """Brands that the account belongs to; none: everybody's."""
    wanted_by: str = ""
    """Who paused it, or resumed it last; '' : nobody did."""
    wanted_at: datetime | None = None

    @property
    def title(self) -> str:
        """As people call it."""
        return titled(self.key, self.handle)

    def is_silent(self, now: datetime) -> bool:
        """Whether nobody reads it though somebody should."""
        reads = self.state in {"new", "running", "waiting"} and not self.wanted
        return reads and (self.beat_at is None or now - self.beat_at > SILENT_AFTER)

    def said(self, now: datetime) -> str:
        """Its state in words, without times. Not harmless yet: a network's own words may be in it."""
        if self.is_silent(now):
            return "silent: nobody reads it"
        if self.wanted == "paused":
            return "paused" if self.state != "stopped" else f"paused; it had stopped: {self.problem}"
        words = {"new": "not begun yet", "waiting": "waits", "finished": "ended"}.get(self.state, self.state)
        return f"{words}: {self.problem}" if self.problem and self.state in {"waiting", "stopped"} else words

    def concern(self, now: datetime) -> int:
        """How much it needs somebody, for sorting: 0 is the most."""
        if self.state == "stopped" and not self.wanted:
            return 0
        if self.is_silent(now) or self.state == "waiting":
            return 1
        soon = self.login_until is not None and self.login_until - now < ENDS_SOON
        if soon or self.failed or any(gap.state != "asked" for gap in self.gaps):
            return 2
        return 4 if self.state == "finished" else 3

    def is_for(self, brand_id: int) -> bool:
        """Whether a brand sees it."""
        return not self.brands or brand_id in self.brands


def titled(key: str, handle: str = "") -> str:
    """A stream as people call it: the network, what is read there, and as whom. Not harmless yet."""
    name, _, what = key.partition("/")
    network = NETWORKS[name].title if name in NETWORKS else name
    if handle:
        what = f"{what.rpartition('/')[0]} of @{handle}"
    elif what.startswith("hooks/"):
        what = f"webhook {what.removeprefix('hooks/')}"
    return f"{network}: {what}" if what else network


def found_by(word: str, keys: Iterable[str]) -> Collection[str]:
    """The keys that a person means: that very one, else those that begin with it, else those that hold it."""
    known, bare = sorted(keys), word.strip().lower()
    exact = [key for key in known if key.lower() == bare]
    begins = [key for key in known if bare and key.lower().startswith(bare)]
    return exact or begins or [key for key in known if bare and bare in key.lower()]
