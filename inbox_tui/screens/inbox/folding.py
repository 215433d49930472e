"""Near-copies in the queue: of a family only the most urgent row is shown, with a count; all of them on request.

Owns which rows are left out. A folder is folded by the store, exactly; a view as far as it has been read, because nobody but its query knows who is
in it. Whatever happens, the row that is shown is the most urgent known one, and the row under the cursor stays. Members are conversations
like all others: an act on a folded row is about that row alone, unless `space` has marked them all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from inbox_tui.screens.inbox.deciding import Deciding
from inbox_tui.view import copies, words
from inbox_tui.widgets.window import KEEP
from listener.store.views.queue import Fold, QueueRow, SavedView

if TYPE_CHECKING:
    from inbox_tui.backend import Place
    from inbox_tui.screens.base import Desk

_FOLDED = frozenset(key for key, _ in words.FOLDERS)
"""Not the replies to approve: each is read."""
_FURTHER = 500
"""Rows of a view that are read at a time where a page of them was copies for the most part."""


class Folding(Deciding):
    """The fold."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._folds: dict[int, Fold] = {}
        """Families of which more than one stands in what is shown."""
        self._unfolded: set[int] = set()
        self._in_view: dict[int, dict[int, Place]] = {}
        """Of the view that is shown: family to its members so far, and where they stand."""
        self._before_change: set[int] = set()
        self._just_read: Sequence[QueueRow] = ()

    # Which rows stand ------------------------------------------------------------------------------------------------

    def belongs(self, row: QueueRow) -> bool:
        """Whether a row is in what is shown, and no other one stands for it."""
        return super().belongs(row) and not self._hidden(row)

    def _fold(self, row: QueueRow) -> Fold | None:
        return None if row.family is None else self._folds.get(row.family)

    def _hidden(self, row: QueueRow) -> bool:
        fold = self._fold(row)
        return fold is not None and fold.first != row.id and row.family not in self._unfolded

    def _learn_folds(self, folds: Iterable[Fold], of: Collection[int]) -> None:
        """How the families `of` stand now; of those not told of none is left."""
        for family in of:
            self._folds.pop(family, None)
        self._folds.update((fold.family, fold) for fold in folds if fold.members > 1)

    def copies_words(self, row: QueueRow) -> str:
        """How many are like it."""
        so_far = self.view is not None and not (self.rows.window.at_top and self.rows.window.at_end)
        return copies.copies_words(self._fold(row), row.id, unfolded=row.family in self._unfolded, so_far=so_far)

    def has_left(self, row: QueueRow) -> bool:
        """Whether a row under the cursor is in what is shown no longer; one that was folded away meanwhile still is."""
        return not super().belongs(row)

    async def turn_to_folder(self, key: str) -> None:
        """Another folder, folded."""
        self._forget_folds()
        await super().turn_to_folder(key)

    async def _turn_to(self, view: SavedView) -> None:
        self._forget_folds()
        await super()._turn_to(view)

    def _forget_folds(self) -> None:
        self._folds.clear()
        self._unfolded.clear()
        self._in_view.clear()

    # Reading ---------------------------------------------------------------------------------------------------------

    async def _load(self, after: Place | None, before: Place | None, limit: int) -> Sequence[QueueRow]:
        if self.view is not None:
            return await self._load_of_view(after, before, limit)
        folder = self.folder
        if folder not in _FOLDED:
            return await super()._load(after, before, limit)
        page = await self.desk.backend.folded_page(
            folder, after=after, before=before, limit=limit, unfolded=self._unfolded
        )
        if self.view is None and self.folder == folder:
            self._learn_folds(page.folds, {row.family for row in page.rows if row.family is not None})
        return page.rows

    async def _load_of_view(self, after: Place | None, before: Place | None, limit: int) -> Sequence[QueueRow]:
        """A page of rows that stand; copies that are passed on the way are remembered."""
        if after is None and before is None:
            self._folds.clear()
            self._in_view.clear()
        found: list[QueueRow] = []
        step = limit
        while True:
            rows = await super()._load(after, before, step)
            self._note_copies(rows)
            standing = [row for row in rows if not self._hidden(row)]
            found = [*standing, *found] if before is not None else [*found, *standing]
            if len(rows) < step or len(found) >= limit:
                break
            after, before = (None, _place(rows[0])) if before is not None else (_place(rows[-1]), None)
            step = _FURTHER
        found = [row for row in found if not self._hidden(row)]
        self.call_later(self._refold)
        return found

    def _note_copies(self, rows: Iterable[QueueRow]) -> None:
        """Rows of the view, and so their families."""
        families = set()
        for row in rows:
            if row.family is not None:
                self._in_view.setdefault(row.family, {})[row.id] = _place(row)
                families.add(row.family)
        self._count_in_view(families)

    def _count_in_view(self, families: Collection[int]) -> None:
        known = [(family, members) for family in families if (members := self._in_view.get(family))]
        folds = [Fold(family, min(members, key=members.__getitem__), len(members)) for family, members in known]
        self._learn_folds(folds, families)

    def _refold(self) -> None:
        """Rows in the window for which another one stands by now leave it; the one under the cursor when the cursor does."""
        hidden = [row for row in self.rows.window.rows if self._hidden(row)]
        if hidden:
            self.rows.changed(hidden)

    # Live ------------------------------------------------------------------------------------------------------------

    def reach(self) -> int:
        """Conversations of the view up to the end of the window, also those that are folded away."""
        hidden = sum(fold.members - 1 for fold in self._folds.values())
        return min(super().reach() + hidden, KEEP)

    def judged(self, rows: Sequence[QueueRow], top: Place | None, end: Place | None) -> None:
        """What is in the view between two places, so that copies that have left it are counted no longer."""
        found = {row.id for row in rows}
        families = set()
        for family, members in self._in_view.items():
            for id_, place in list(members.items()):
                inside = (top is None or place > top) and (end is None or place <= end)
                if inside and id_ not in found:
                    del members[id_]
                    families.add(family)
        self._count_in_view(families)
        self._note_copies(rows)
        self.call_later(self._refold)

    async def read_rows(self, ids: Collection[int]) -> Sequence[QueueRow] | None:
        """With the changed rows those that stand for a family now, and those that do no longer."""
        rows = await super().read_rows(ids)
        folder, window = self.folder, self.rows.window
        if rows is None or self.view is not None or folder not in _FOLDED:
            return rows
        touched = [*rows, *(row for row in map(window.get, ids) if row is not None)]
        families = {row.family for row in touched if row.family is not None}
        families |= {fold.family for row in window.rows if (fold := self._fold(row)) is not None}
        folds = await self.attempt(self.desk.backend.folds(folder, families)) if families else ()
        have = {row.id for row in rows}
        new = [fold.first for fold in folds or () if fold.first not in have and window.get(fold.first) is None]
        more = await self.attempt(self.desk.backend.rows(new)) if new else ()
        if folds is None or more is None or self.view is not None or self.folder != folder:
            return rows
        self._learn_folds(folds, families)
        displaced = [row for row in window.rows if row.id not in have and self._hidden(row)]
        self._before_change, self._just_read = set(self.rows.marked), [*rows, *more, *displaced]
        return self._just_read

    async def after_change(self, ids: Collection[int]) -> None:
        """A marked row stays marked while it is only folded away, and loses its mark when it leaves what is shown."""
        marked = self.rows.marked
        for row in self._just_read:
            if row.id in self._before_change and not self.has_left(row):
                marked.add(row.id)
            elif self.has_left(row) and self.rows.window.get(row.id) is None:
                marked.discard(row.id)
        self._just_read = ()
        await super().after_change(ids)

    # Keys ------------------------------------------------------------------------------------------------------------

    async def action_unfold(self) -> None:
        """Show every near-copy at its own place, or fold them into one row again."""
        row = self.rows.cursor_row
        if row is None:
            self.say("there is no conversation here", "soon")
            return
        fold = self._fold(row)
        if fold is None:
            self.say("nothing here says nearly the same", "dim")
        elif fold.family in self._unfolded:
            self._unfolded.discard(fold.family)
            self.rows.go(fold.first)
            self._refold()
            self.rows.redraw()
            self.say(f"folded: {fold.members:,} in one row", "dim")
        else:
            self._unfolded.add(fold.family)
            await self.attempt(self.rows.reread())
            self.say(f"unfolded: all {fold.members:,}, each at its own place (= folds them)", "dim")

    def action_mark(self) -> None:
        """Mark the row; of a folded one all for which it stands."""
        row = self.rows.cursor_row
        fold = None if row is None else self._fold(row)
        alone = fold is None or fold.family in self._unfolded or self.rows.ranging or self.rows.all_marked
        if self.reading or fold is None or alone:
            super().action_mark()
        elif not self.refuse_read_only():
            self.work(self._mark_family(fold))

    async def _mark_family(self, fold: Fold) -> None:
        shown, row_id = self.shown_key, self.rows.cursor_id
        if self.view is not None:
            ids: Sequence[int] | None = list(self._in_view.get(fold.family, ()))
        else:
            ids = await self.attempt(self.desk.backend.alike(self.folder, fold.family))
        if not ids or self.shown_key != shown:
            return  # nothing is marked where nobody sees it
        rows = self.rows
        if rows.marked.issuperset(ids):
            rows.marked.difference_update(ids)
            self.say(f"not marked any more: {len(ids):,}", "dim")
        else:
            rows.marked.update(ids)
            self.say(copies.marked_words(len(ids)), "accent")
        rows.redraw()
        if rows.cursor_id == row_id:
            rows.move(1)
        self._show_queue_title()


def _place(row: QueueRow) -> Place:
    return row.sort_key, row.id
