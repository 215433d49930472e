"""Whether an answer is possible now, in public or in private, as the network and its windows have it; says why not. Pure."""

from __future__ import annotations

from datetime import datetime

from inbox_tui.view import windows
from inbox_tui.view.network import why_not
from listener.model import Capability, Kind
from listener.store.views import Opened, ThreadMessage


def cannot(opened: Opened, parent: ThreadMessage, aside: bool, now: datetime) -> str:
    """Why this message cannot be answered, `aside` in private although it is public; '' : it can."""
    if not aside or parent.kind is Kind.DM:
        return windows.closed(parent.reply_until, now)
    return why_not(opened, Capability.PRIVATE_REPLY) or windows.closed(parent.private_until, now)
