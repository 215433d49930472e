"""What the feed tells after a bell: ids, never text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Changed:
    """What the feed tells after a bell: ids, never text. Coalesced: one per catch-up."""

    conversations: frozenset[int]
    topics: frozenset[str]
    outbox: frozenset[int]
    rulebook: bool
    lost: bool
    """The connection was lost meanwhile: read everything again."""
    views: bool = False
    """Saved views were made, changed or deleted."""
    marks: frozenset[int] = frozenset()
    """Mentions of which somebody has said, or no longer says, that a rule was right or wrong."""
    authors: frozenset[int] = frozenset()
    """Authors who were muted, unmuted or noted."""
    notes: bool = False
    """Notes were written."""
    presence: bool = False
    """Somebody looks at another conversation, types, came or left."""
    late: frozenset[int] = frozenset()
    """Conversations whose answer is due soon or overdue, or that were escalated for it, since now."""
    handovers: bool = False
    """Somebody handed over."""
    unresolved: frozenset[int] = frozenset()
    """Conversations whose time to resolve is nearly over or over, since now."""
    wishes: frozenset[str] = frozenset()
    """Keys of streams of which somebody wants something. Told only to who reads for every brand; so with `delivered`."""
    delivered: frozenset[str] = frozenset()
    """Keys of hooks to which something was delivered."""
    sources: bool = False
    """Sources fare otherwise, or somebody wants something else of them."""
    learned: bool = False
    """Something was learned from a brand's decisions, put into force, switched on or off, or forgotten."""
    incidents: frozenset[int] = frozenset()
    """Incidents that were opened, acknowledged, resolved, told or noted."""
    asked: bool = False
    """A rule asked for an alert."""
