"""What Listening shows: mentions of a topic, and what people said of them in place of the methods. Refuses conversations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from listener.model.kinds import Kind
    from listener.model.scales import ToneLabel

NEEDED, NOT_NEEDED = "needed", "not_needed"
"""What a person says of the need for an answer."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """What a person says of a message in place of the methods."""

    what: str
    """tone or need."""
    value: str
    """The label of a tone; needed or not_needed."""
    person_id: int
    person: str
    at: datetime
    said: str
    """What the methods said of this state: a label, or a number."""


@dataclass(frozen=True, slots=True)
class ListeningRow:
    """One line of a topic's mentions, newest first. (`at`, `id`) is its place."""

    id: int
    at: datetime
    source: str
    author_handle: str
    author_name: str
    text: str | None
    kind: Kind
    tone: ToneLabel
    need: float
    lang: str
    rules: tuple[str, ...]
    conversation_id: int | None
    deleted: bool
    by_hand: tuple[ByHand, ...] = ()
    about: ToneLabel | None = None
    """The tone of the sentences that name us, where it is another than that of the whole."""


@dataclass(frozen=True, slots=True)
class TopicCount:
    """One topic of the Listening view."""

    topic: str
    today: int
    """Mentions heard in the last 24 hours, by the hour's buckets."""
    negative_today: int
