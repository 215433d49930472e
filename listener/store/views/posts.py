"""What is shown of a post and its comments: how they stand, and how many. Refuses the thread of a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from listener.model.kinds import Kind

if TYPE_CHECKING:
    from listener.model.scales import ToneLabel


class CommentStanding(StrEnum):
    """How a comment stands for us, one of these."""

    TO_ANSWER = "to answer"
    """In an open conversation, and we have said nothing in it since."""
    ANSWERED = "answered"
    """We have said something in its conversation since."""
    ASIDE = "put aside"
    """Closed, snoozed or waiting, without an answer since."""
    ELSEWHERE = "not in the inbox"
    """Heard, and nobody's work."""
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class CommentCounts:
    """How the comments of a post stand. Every comment is in one of `standing`; every one that is not deleted in one of `tones`."""

    standing: Mapping[CommentStanding, int]
    tones: Mapping[ToneLabel, int]
    hidden: int = 0
    """Hidden on the network, from here or as the network tells, and still there."""
    more: bool = False
    """These are the newest only; there may be more."""

    @property
    def comments(self) -> int:
        """All of them."""
        return sum(self.standing.values())


@dataclass(frozen=True, slots=True)
class PostShown:
    """The message at the root of a thread, ours or somebody's. `id` is None where nobody has heard it: only its comments are known."""

    space: str
    root: str
    counts: CommentCounts
    id: int | None = None
    ours: bool = False
    source: str = ""
    author_handle: str = ""
    author_name: str = ""
    text: str | None = None
    at: datetime | None = None
    url: str = ""
    kind: Kind = Kind.POST
    version: int = 1
    deleted: bool = False
    media: int = 0
    likes: int | None = None
    reposts: int | None = None
    replies: int | None = None
    quotes: int | None = None
    """As the network told them last; None: it never did."""


@dataclass(frozen=True, slots=True)
class CommentRow:
    """One comment of a post, newest first. (`at`, `id`) is its place."""

    id: int
    at: datetime
    author_handle: str
    author_name: str
    snippet: str | None
    tone: ToneLabel
    need: float
    conversation_id: int | None
    standing: CommentStanding
    hidden: bool = False
