"""Our identities on sources, and what each can do there. Refuses secrets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Account:
    """An identity of ours on a source."""

    id: int
    brand_id: int
    source: str
    space: str
    external_id: str
    handle: str


class Capability(StrEnum):
    """What an account of ours can do on its network. A source says '' for each, or the reason, in words, why it cannot."""

    REPLY = "reply"
    PRIVATE_REPLY = "private_reply"
    THREAD = "thread"
    PROFILE = "profile"
    LIKE = "like"
    HIDE = "hide"
    """A message of somebody else, under a post of ours."""
    DELETE_OWN = "delete_own"
    REMOVE = "remove"
    """Delete a message of somebody else, under a post of ours, for everybody."""
    BLOCK = "block"
    EDIT = "edit"
    """A reply of ours, after it was sent."""
    MEDIA = "media"
    """Pictures with a reply."""
    HISTORY = "history"
    """What was said before we listened: of a topic, or of an account."""
