"""What screens may ask about near-copies: the queue with families folded, how families stand, and who is in one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from inbox_tui.backend import Place
    from listener.store.views.queue import Fold, FoldedPage


class CopiesBackend(Protocol):
    """Near-copies in the queue. Raises our errors only."""

    async def folded_page(
        self,
        folder: str,
        *,
        after: Place | None = None,
        before: Place | None = None,
        limit: int,
        unfolded: Collection[int] = (),
    ) -> FoldedPage:
        """As `page`, of each family in the folder only the most urgent; families in `unfolded` are left as they are."""
        ...

    async def folds(self, folder: str, families: Collection[int]) -> Sequence[Fold]:
        """How these families stand in the folder now; one without members there is missing."""
        ...

    async def alike(self, folder: str, family: int) -> Sequence[int]:
        """The conversations of a family in the folder, in the order of work, the first 1,000."""
        ...
