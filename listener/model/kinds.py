"""What sort of message it is, who may read it, and how it reached us. Refuses the messages."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What sort of message it is."""

    POST = "post"
    COMMENT = "comment"
    REPLY = "reply"
    REPOST = "repost"
    QUOTE = "quote"
    REVIEW = "review"
    DM = "dm"


class Audience(StrEnum):
    """Who may read a message, as its network says. Of a private message (`Kind.DM`) it says nothing: those in it may."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    """Everybody; but it stands in no list of what is new."""
    FOLLOWERS = "followers"
    """Of its author, and who is named in it."""
    MEMBERS = "members"
    """Of the chat or group in which it stands."""
    SOME = "some"
    """Not everybody, in a way of the network's own."""


class Via(StrEnum):
    """How a mention reached a brand. The first four address an account of ours."""

    MENTION = "mention"
    REPLY = "reply"
    QUOTE = "quote"
    DM = "dm"
    TOPIC = "topic"
    THREAD = "thread"
    IMPORT = "import"
    OWN = "own"


ADDRESSES = frozenset({Via.MENTION, Via.REPLY, Via.QUOTE, Via.DM})
