"""What leaves the house: how far it has got, what became of it before, and which acts there are.

Refuses what is handed to a source: it has a room of its own.
"""

from __future__ import annotations

from enum import StrEnum

from listener.model.accounts import Capability


class OutboxState(StrEnum):
    """How far something has left the house, honestly."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    SEEN = "seen"
    FAILED = "failed"
    UNKNOWN = "unknown"
    STOPPED = "stopped"
    WITHDRAWN = "withdrawn"


MOST_OPTIONS = 5
"""Texts for one reply that whoever approves may choose from: more nobody compares."""

PART_BEFORE = "part_before"
"""The code of a numbered part that was stopped because one before it did not go out."""


class ApprovalState(StrEnum):
    """What became of a reply that somebody was asked to approve."""

    WAITING = "waiting"
    APPROVED = "approved"
    CHANGED = "changed"
    """Approved with a change: both texts are kept."""
    REJECTED = "rejected"
    """Sent back to its writer, with a note."""
    SUPERSEDED = "superseded"
    """Overtaken by another one that waits."""
    WITHDRAWN = "withdrawn"
    """Taken back by its writer."""


class Doing(StrEnum):
    """What is done on a network beside answering. Each asks for a state, not for one thing more: twice done is once done."""

    LIKE = "like"
    UNLIKE = "unlike"
    HIDE = "hide"
    SHOW = "show"
    DELETE = "delete"
    REMOVE = "remove"
    BLOCK = "block"
    UNBLOCK = "unblock"
    EDIT = "edit"
    """A reply of ours, after it was sent: it is to say something else."""


NEEDS = {
    Doing.LIKE: Capability.LIKE,
    Doing.UNLIKE: Capability.LIKE,
    Doing.HIDE: Capability.HIDE,
    Doing.SHOW: Capability.HIDE,
    Doing.DELETE: Capability.DELETE_OWN,
    Doing.REMOVE: Capability.REMOVE,
    Doing.BLOCK: Capability.BLOCK,
    Doing.UNBLOCK: Capability.BLOCK,
    Doing.EDIT: Capability.EDIT,
}
"""What an account must be able to do for it."""

OPPOSITE = {
    Doing.LIKE: Doing.UNLIKE,
    Doing.UNLIKE: Doing.LIKE,
    Doing.HIDE: Doing.SHOW,
    Doing.SHOW: Doing.HIDE,
    Doing.BLOCK: Doing.UNBLOCK,
    Doing.UNBLOCK: Doing.BLOCK,
}
"""What answers it once it is on the network; a delete and an edit have no answer."""
