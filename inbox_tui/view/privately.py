"""Whether an answer is possible now, in public or in private, as the network and its windows have it; says why not. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from inbox_tui.view import windows
from inbox_tui.view.lines import Piece, say
from inbox_tui.view.network import why_not
from listener.model.accounts import Capability
from listener.model.kinds import Kind
from listener.model.leaving import OutboxState
from listener.networks import one_aside

if TYPE_CHECKING:
    from listener.store.views.thread import Opened, ThreadMessage

_NOTHING = (OutboxState.WITHDRAWN, OutboxState.FAILED, OutboxState.STOPPED)


def cannot(opened: Opened, parent: ThreadMessage, aside: bool, now: datetime) -> str:
    """Why this message cannot be answered, `aside` in private although it is public; '' : it can."""
    if not aside or parent.kind is Kind.DM:
        return windows.closed(parent.reply_until, now)
    return (
        why_not(opened, Capability.PRIVATE_REPLY) or _given(opened, parent) or windows.closed(parent.private_until, now)
    )


def left(parent: ThreadMessage, private: bool, now: datetime) -> Piece | None:
    """How long the network still takes an answer that is being written; None: it does not end."""
    if private and parent.kind is not Kind.DM:
        return windows.closes(parent.private_until, now, "the private window")
    return windows.closes(parent.reply_until, now, "the window")


def _given(opened: Opened, parent: ThreadMessage) -> str:
    """That there is a private answer already, where a network takes one; one that came to nothing is none."""
    if not one_aside(opened.source):
        return ""
    one = next(
        (one for one in opened.replies if one.private and one.parent_id == parent.id and one.state not in _NOTHING),
        None,
    )
    return "" if one is None else f"{say(one.person)} answered it in private already: its network takes one such answer"
