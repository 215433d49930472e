"""The Inbox screen, put together: what it shows, the acts, the reply, the network, and its keys."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from inbox_tui import keys
from inbox_tui.screens.inbox.ahead import Ahead
from inbox_tui.screens.inbox.approving import Approving
from inbox_tui.screens.inbox.asked import Asked
from inbox_tui.screens.inbox.attending import Attending
from inbox_tui.screens.inbox.blocking import Blocking
from inbox_tui.screens.inbox.editing import Editing
from inbox_tui.screens.inbox.folding import Folding
from inbox_tui.screens.inbox.labelling import Labelling
from inbox_tui.screens.inbox.macros import Macros
from inbox_tui.screens.inbox.networking import Networking
from inbox_tui.screens.inbox.offering import Offering
from inbox_tui.screens.inbox.parting import Parting
from inbox_tui.screens.inbox.planning import Planning
from inbox_tui.screens.inbox.shifts import Shifts
from inbox_tui.widgets.bindings import bindings


class InboxScreen(
    Shifts,
    Attending,
    Editing,
    Offering,
    Folding,
    Blocking,
    Planning,
    Approving,
    Parting,
    Asked,
    Networking,
    Macros,
    Labelling,
    Ahead,
    whole=True,
):
    """Folders, queue, conversation.

    Each part adds to what the others do (`super` goes on to the next one), and the order of most means nothing. It does where two would
    take the same key: `z` asks Shifts, then Approving, Networking and the reply, each whether anything was done since; `x` goes to
    a reply that waits for its time, then to one that waits for approval, then to an act on the network, then to a reply that did not go
    out, and Planning lets the others have what is more urgent. A part that only listens hears an event before Answering acts on it.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(keys.INBOX)
    CSS_PATH = "inbox.tcss"
