"""Being seen: where this person looks and whether they type is told to colleagues, and theirs is shown, in the list and in the conversation.

Owns what counts as looking: resting on a row for a second, or reading. A cursor that runs tells nobody, and no key waits for any of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from textual import on

from inbox_tui.messages import DraftChanged
from inbox_tui.screens.inbox.deciding import Deciding
from inbox_tui.view import staff, thread
from listener.errors import HubbubError

if TYPE_CHECKING:
    from inbox_tui.view.lines import Piece
    from listener.store.views.changed import Changed
    from listener.store.views.queue import QueueRow
    from listener.store.views.staff import Present

REST = timedelta(seconds=1)
"""So long the cursor stays on what is looked at."""

TYPING_FOR = timedelta(seconds=5)
"""Who has not pressed a key for so long thinks."""

IDLE = timedelta(minutes=10)
"""Who has not moved for so long looks at nothing."""

_At = tuple[int | None, bool]


class Attending(Deciding):
    """Who is where."""

    _present: Sequence[Present] = ()
    _at: _At = (None, False)
    """Where the hands are, as seen last;"""
    _since: datetime | None = None
    """since when."""
    _told: _At | None = None
    _typed_at: datetime | None = None

    # Mine ------------------------------------------------------------------------------------------------------------

    @on(DraftChanged)
    def _typed(self) -> None:
        self._typed_at = self.desk.now()

    def second(self) -> None:
        """Once a second at most, and only what is new."""
        super().second()
        self._attend()

    def tick(self) -> None:
        """The same."""
        super().tick()
        self._attend()

    def on_screen_suspend(self) -> None:
        """Off to another screen: nothing is looked at here."""
        self._say_where((None, False))

    def _attend(self) -> None:
        now, at = self.desk.now(), self._hands()
        if at != self._at or self._since is None:
            self._at, self._since = at, now
        rested = now - self._since
        if at[1] or rested >= REST or self._told is None:
            self._say_where((None, False) if rested >= IDLE else at if rested >= REST or at[1] else (None, False))

    def _hands(self) -> _At:
        """What is written to, read, or under the cursor, and whether somebody types."""
        if self._writing is not None:
            typing = self._typed_at is not None and self.desk.now() - self._typed_at < TYPING_FOR
            return self._writing.id, typing
        if self.reading and self.opened is not None:
            return self.opened.conversation.id, False
        return self.rows.cursor_id, False

    def _say_where(self, at: _At) -> None:
        if at != self._told and not self.desk.read_only:
            self._told = at
            self.work(self._attended(at), "presence")

    async def _attended(self, at: _At) -> None:
        with contextlib.suppress(
            HubbubError
        ):  # the next heartbeat says it again; that the store is away is said elsewhere
            await self.desk.backend.attend(at[0], typing=at[1], now=self.desk.now())

    # Theirs ----------------------------------------------------------------------------------------------------------

    async def first_reads(self) -> None:
        """Who is there already."""
        await super().first_reads()
        await self._read_present()

    async def heard(self, changed: Changed) -> None:
        """Somebody moved."""
        await super().heard(changed)
        if changed.presence or changed.lost:
            await self._read_present()

    async def _read_present(self) -> None:
        found = await self.attempt(self.desk.backend.present(self.desk.now()))
        if found is None:
            return
        before, self._present = self._present, found
        if {_seen(one) for one in before} != {_seen(one) for one in found}:
            self.rows.redraw()
            self._show_opened()

    def _others(self, conversation_id: int) -> tuple[Present, ...]:
        return staff.others(self._present, conversation_id, self.me, self.desk.now())

    def seen(self, row: QueueRow) -> Sequence[Piece | None]:
        """Who else looks at a row."""
        return staff.signs(self._others(row.id), row.claimed_by_id) if self._present else ()

    def reader(self, width: int) -> thread.Reader:
        """With who else is at the conversation."""
        made = super().reader(width)
        if self.opened is None or not self._present:
            return made
        return replace(made, around=staff.around(self._others(self.opened.conversation.id)))


def _seen(one: Present) -> tuple[int | None, int, bool]:
    return one.conversation_id, one.person_id, one.typing
