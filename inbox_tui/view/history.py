"""One event of a conversation as a sentence: who did what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from inbox_tui.view import overruled, words
from inbox_tui.view.lines import say
from inbox_tui.view.network import history_words

if TYPE_CHECKING:
    from listener.store.views.thread import HistoryLine

_PLAIN = {
    "conversation.opened": "opened it",
    "conversation.deleted": "heard that a message was deleted",
    "conversation.hidden": "heard that a message was hidden on its network",
    "conversation.shown": "heard that a message is no longer hidden on its network",
    "conversation.merged": "joined it with another conversation",
    "conversation.due-soon": "saw that nobody had taken it and its answer was due soon",
    "conversation.overdue": "saw that nobody had taken it and its answer was overdue",
    "conversation.resolve-soon": "saw that nobody had taken it and its time to resolve was nearly over",
    "conversation.resolve-over": "saw that nobody had taken it and its time to resolve was over",
    "act.hand-back": "handed it back to the team",
    "act.close": "closed it",
    "act.reopen": "reopened it",
    "act.note": "wrote a note",
    "act.read": "read it",
    "act.undo": "took back an act",
    "act.spam": "closed it as spam",
    "act.not-spam": "said that it is no spam",
    "act.mute": "muted its author, which closed it",
    "wake": "woke it: the time had come",
    "approval.asked": "asked for approval of a reply",
    "approval.approved": "approved the reply",
    "approval.changed": "approved the reply with a change",
    "approval.rejected": "sent the reply back with a note",
    "approval.withdrawn": "took back what was to be approved",
    "approval.reconsidered": "took the decision about the reply back",
    "reply.queued": "wrote a reply",
    "reply.planned": "changed when the reply goes out",
    "reply.withdrawn": "took the reply back",
    "reply.sending": "began to send the reply",
    "reply.accepted": "the network accepted the reply",
    "reply.seen": "saw the reply on the network",
    "reply.failed": "the reply failed",
    "reply.unknown": "lost sight of the reply",
    "reply.stopped": "stopped the reply",
}


def history_sentence(line: HistoryLine, names: Mapping[int, str], now: datetime, zone: tzinfo | None) -> str:
    """'Ana gave it to you-know-who', in words."""
    actor = say(line.person) if line.person else "Hubbub"
    spoken: dict[str, Callable[[], str]] = {
        "act.assign": lambda: _assigned(line.after, names),
        "act.tag": lambda: _tagged(line.before, line.after),
        "act.priority": lambda: _priority(line.after),
        "act.snooze": lambda: _snoozed(line.after, now, zone),
        "conversation.escalated": lambda: _escalated(line),
        "conversation.shared": lambda: _shared(line.after, names),
        "reminder.due-soon": lambda: f"reminded {_name(line.after.get('person'), names)}: the answer was due soon",
        "reminder.overdue": lambda: f"reminded {_name(line.after.get('person'), names)}: the answer was overdue",
        "reminder.resolve-soon": lambda: (
            f"reminded {_name(line.after.get('person'), names)}: the time to resolve was nearly over"
        ),
        "reminder.resolve-over": lambda: (
            f"reminded {_name(line.after.get('person'), names)}: the time to resolve was over"
        ),
        "act.overrule": lambda: overruled.history_words(line.after),
        "act.macro": lambda: f"used the macro {say(str(line.after.get('macro', '')))}",
        "conversation.heard": lambda: _heard(line.after, "heard a new message"),
        "conversation.edited": lambda: _heard(line.after, "heard an edit"),
    }
    if line.kind.startswith("network."):
        return f"{actor} {history_words(line)}"
    said = spoken[line.kind]() if line.kind in spoken else _PLAIN.get(line.kind) or say(line.kind).replace(".", " ")
    return f"{actor} {said}"


def _assigned(after: Mapping[str, Any], names: Mapping[int, str]) -> str:
    person, team = after.get("assignee_id"), after.get("team")
    if isinstance(person, int):
        return f"gave it to {say(names.get(person, 'somebody'))}"
    return f"gave it to the team {say(str(team))}" if team else "gave it to nobody"


def _name(person: Any, names: Mapping[int, str]) -> str:
    return say(names.get(person, "somebody")) if isinstance(person, int) else "somebody"


def _escalated(line: HistoryLine) -> str:
    before, after = say(str(line.before.get("team", ""))), say(str(line.after.get("team", "")))
    return f"gave it to the team {after}: nobody of {before} had taken it when its answer was overdue"


def _shared(after: Mapping[str, Any], names: Mapping[int, str]) -> str:
    n, of = after.get("open"), after.get("of")
    why = f": {n} open, least of {of}" if isinstance(n, int) and isinstance(of, int) else ""
    return f"gave it to {_name(after.get('assignee_id'), names)}{why}"


def passed_from(history: Sequence[HistoryLine], due_at: datetime | None) -> str:
    """The team from which it was escalated, while the due time runs for which it was; '' for none."""
    line = next((line for line in reversed(history) if line.kind == "conversation.escalated"), None)
    if line is None or due_at is None:
        return ""
    due = line.after.get("due")
    try:
        same = isinstance(due, str) and datetime.fromisoformat(due) == due_at
    except ValueError:
        same = False
    return str(line.before.get("team", "")) if same else ""


def _heard(after: Mapping[str, Any], what: str) -> str:
    return f"{what} of its muted author: nothing moved" if after.get("muted") is True else what


def _tagged(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    old, new = set(_texts(before.get("tags"))), set(_texts(after.get("tags")))
    on = [f"#{say(tag)}" for tag in sorted(new - old)]
    off = [f"#{say(tag)}" for tag in sorted(old - new)]
    parts = ([f"put on {' '.join(on)}"] if on else []) + ([f"took off {' '.join(off)}"] if off else [])
    return " and ".join(parts) or "changed the tags"


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else []


def _priority(after: Mapping[str, Any]) -> str:
    value = after.get("priority")
    return f"set the priority to {words.priority_words(value)}" if isinstance(value, int) else "changed the priority"


def _snoozed(after: Mapping[str, Any], now: datetime, zone: tzinfo | None) -> str:
    until = after.get("snoozed_until")
    try:
        at = datetime.fromisoformat(until) if isinstance(until, str) else until
    except ValueError:
        at = None
    return f"snoozed it until {words.clock(at, now, zone)}" if isinstance(at, datetime) else "snoozed it"
