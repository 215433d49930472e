"""Near-copies in memory: a test says which conversations are of one family."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from inbox_tui.backend import Place
from listener.store.views.queue import Fold, FoldedPage, QueueRow

if TYPE_CHECKING:
    from tests.tui.fake import FakeBackend


class FakeCopies:
    """The part of the fake that folds."""

    families: dict[int, int]
    """Conversation to family."""
    calls: Counter[str]

    def in_family(self, row: QueueRow) -> QueueRow:
        return replace(row, family=self.families[row.id]) if row.id in self.families else row

    async def folded_page(
        self: FakeBackend,
        folder: str,
        *,
        after: Place | None = None,
        before: Place | None = None,
        limit: int,
        unfolded: Collection[int] = (),
    ) -> FoldedPage:
        if not self.families:
            return FoldedPage(tuple(await self.page(folder, after=after, before=before, limit=limit)), ())
        folds = await self.folds(folder, set(self.families.values()))
        first = {fold.family: fold.first for fold in folds}
        low, high = after or (-(2**63), 0), before or (2**63, 0)
        rows = [
            row
            for row in await self.page(folder, limit=2**31)
            if low < (row.sort_key, row.id) < high
            and (row.family is None or row.family in unfolded or first.get(row.family, row.id) == row.id)
        ]
        rows = rows[-limit:] if before is not None else rows[:limit]
        shown = {row.family for row in rows}
        return FoldedPage(tuple(rows), tuple(fold for fold in folds if fold.family in shown))

    async def folds(self: FakeBackend, folder: str, families: Collection[int]) -> Sequence[Fold]:
        found = {family: await self.alike(folder, family) for family in families}
        return [Fold(family, ids[0], len(ids)) for family, ids in found.items() if ids]

    async def alike(self: FakeBackend, folder: str, family: int) -> Sequence[int]:
        rows = await self.rows([id_ for id_, of in self.families.items() if of == family])
        inside = sorted((row for row in rows if self._folder(folder, row)), key=lambda row: (row.sort_key, row.id))
        return [row.id for row in inside][:1000]
