"""Near-copies, asked of the store. 'mine' is 'open' of one person."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from listener.store import inbox

if TYPE_CHECKING:
    from inbox_tui.backend import Place
    from listener.model.people import Person
    from listener.store.views.queue import Fold, FoldedPage


class PostgresCopies:
    """The part of the backend that folds."""

    __slots__ = ()
    pool: Any
    brand_id: int
    me: Person

    async def folded_page(
        self,
        folder: str,
        *,
        after: Place | None = None,
        before: Place | None = None,
        limit: int,
        unfolded: Collection[int] = (),
    ) -> FoldedPage:
        """Rows of a folder, of each family the most urgent."""
        name, person_id = self.whose(folder)
        return await inbox.folded_page(
            self.pool,
            self.brand_id,
            name,
            after=after,
            before=before,
            limit=limit,
            unfolded=unfolded,
            person_id=person_id,
        )

    async def folds(self, folder: str, families: Collection[int]) -> Sequence[Fold]:
        """How families stand."""
        name, person_id = self.whose(folder)
        return await inbox.folds(self.pool, self.brand_id, name, families, person_id=person_id)

    async def alike(self, folder: str, family: int) -> Sequence[int]:
        """Who is in one."""
        name, person_id = self.whose(folder)
        return await inbox.members(self.pool, self.brand_id, name, family, person_id=person_id)

    def whose(self, folder: str) -> tuple[str, int | None]:
        """A folder as the store has it, and of whom."""
        return ("open", self.me.id) if folder == "mine" else (folder, None)
