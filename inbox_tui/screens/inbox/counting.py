"""The counts beside the views. Each view is counted once, then kept right by judging what changed, all views in one reading.

Owns when that is done; refuses to look through anything because time has passed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING

from inbox_tui.backend import BadQuery
from inbox_tui.screens.inbox.viewing import Viewing
from inbox_tui.view.tally import HELD, Tally

if TYPE_CHECKING:
    from inbox_tui.messages import NamesChanged
    from inbox_tui.screens.base import Desk
    from listener.store.views.changed import Changed
    from listener.store.views.queue import SavedView

_AT_ONCE = 1_000
"""Changed conversations of one reading."""

_PAUSE = 0.5
"""Seconds from one reading to the next: a storm of changes is judged twice a second at most."""


class Counting(Viewing):
    """Views with counts."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.tallies: dict[str, Tally] = {}
        """By query: two views that ask the same are counted once. A query that cannot be counted has none."""
        self._uncounted: set[str] = set()
        self._moved: set[int] = set()
        self._at_it = False

    async def _read_views(self) -> None:
        await super()._read_views()
        queries = {view.query for view in self.views}
        for gone in self.tallies.keys() - queries:
            del self.tallies[gone]
        self._count(queries - self.tallies.keys())

    async def show_view(self, view: SavedView) -> None:
        """Counted anew whenever it is shown: what its query says of time moves without a change."""
        await super().show_view(view)
        self._count({view.query})

    def count_of(self, view: SavedView) -> str:
        """How many, as far as it is known."""
        tally = self.tallies.get(view.query)
        return "" if tally is None else tally.shown

    async def on_names_changed(self, event: NamesChanged) -> None:
        """A list of the rule files may hold other words by now."""
        await super().on_names_changed(event)
        self._count({view.query for view in self.views})

    async def heard(self, changed: Changed) -> None:
        """What changed is judged; what may have been missed is counted anew."""
        await super().heard(changed)
        if self.tallies or self._at_it:
            self._moved |= changed.conversations
        self._count({view.query for view in self.views} if changed.lost else set())

    def _count(self, queries: Collection[str]) -> None:
        """Count these anew, and judge what changed, as soon as there is time."""
        self._uncounted |= set(queries)
        if not self._at_it and (self._uncounted or (self._moved and self.tallies)):
            self._at_it = True
            self.work(self._keep_count(), "tallies")

    async def _keep_count(self) -> None:
        try:
            while self._uncounted or (self._moved and self.tallies):
                if self._moved and self.tallies:  # before what is counted anew, which sees them as they are
                    await self.attempt(self._judge_moved())
                while self._uncounted:
                    await self.attempt(self._count_one(self._uncounted.pop()))
                self._show_folders()
                await asyncio.sleep(_PAUSE)
        finally:
            self._at_it = False
            self._moved.clear()

    async def _count_one(self, query: str) -> None:
        self.tallies.pop(query, None)
        if any(view.query == query for view in self.views) and not self.desk.backend.check_query(query).problems:
            found = await self.desk.backend.view_ids(query, self.desk.now(), most=HELD)
            if found is not None:
                self.tallies[query] = Tally.counted(*found)

    async def _judge_moved(self) -> None:
        queries, moved = list(self.tallies), list(self._moved)[:_AT_ONCE]
        self._moved.difference_update(moved)
        try:
            found = await self.desk.backend.among(queries, moved, self.desk.now())
        except BadQuery:  # a name is gone: each is looked at by itself
            self._uncounted.update(queries)
            return
        for query, inside in zip(queries, found, strict=True):
            tally = self.tallies.get(query)
            if tally is not None:
                tally.judged(moved, inside)
                if tally.stale:
                    self._uncounted.add(query)
