"""Events in words, for the sentence that says who changed something meanwhile: 'Mia closed it 2 minutes ago'."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

_DID: Mapping[str, str] = {
    "act.assign": "assigned it",
    "act.hand-back": "handed it back",
    "act.tag": "changed its tags",
    "act.priority": "changed its priority",
    "act.snooze": "snoozed it",
    "act.close": "closed it",
    "act.reopen": "reopened it",
    "act.read": "read it",
    "act.note": "wrote a note",
    "act.overrule": "set its tone or need by hand",
    "act.macro": "used a macro on it",
    "act.undo": "took an act back",
    "act.spam": "closed it as spam",
    "act.not-spam": "said that it is no spam",
    "act.mute": "muted its author, which closed it",
    "mute.again": "muted them again",
    "reply.queued": "answered it",
    "reply.planned": "changed when a reply goes out",
    "reply.withdrawn": "took a reply back",
    "approval.asked": "asked for approval of a reply",
    "approval.approved": "approved a reply",
    "approval.changed": "approved a reply with a change",
    "approval.rejected": "sent a reply back",
    "approval.withdrawn": "took back what was to be approved",
    "approval.reconsidered": "took a decision about a reply back",
    "conversation.opened": "opened it",
}

_HAPPENED: Mapping[str, str] = {
    "wake": "its snooze ended",
    "conversation.due-soon": "its answer was due soon",
    "conversation.overdue": "its answer was overdue",
    "conversation.resolve-soon": "it was to be resolved soon",
    "conversation.resolve-over": "its time to resolve was over",
    "conversation.escalated": "it went to another team, being overdue",
    "conversation.shared": "it was shared out",
    "conversation.heard": "they wrote again",
    "conversation.edited": "they edited a message",
    "conversation.deleted": "they deleted a message",
    "conversation.hidden": "a message was hidden on its network",
    "conversation.shown": "a message is no longer hidden on its network",
    "conversation.merged": "it was joined with another conversation",
    "conversation.replied": "an answer of ours was published",
    "reply.accepted": "an answer of ours was published",
    "reply.seen": "an answer of ours was published",
}


def what_happened(event: Mapping[str, Any] | None, now: datetime, *, you: int | None = None) -> str:
    """An event (kind, at, person_id, person) as a clause with its age. None: something that left no event."""
    if event is None:
        return "it was changed"
    kind, person = event["kind"], event["person"]
    if you is not None and event["person_id"] == you:
        person = "you"
    what = f"{person} {_DID.get(kind, 'changed it')}" if person else _HAPPENED.get(kind, "it was changed")
    return f"{what} {_ago(now - event['at'])}"


def _ago(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 120:
        return f"{minutes} minute{'s' if minutes > 1 else ''} ago"
    return f"{minutes // 60} hours ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"
