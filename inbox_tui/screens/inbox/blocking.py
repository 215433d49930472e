"""On an author's card: that an account of ours has blocked them on their network. Refuses to block: `K` in the conversation does (Networking)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inbox_tui.screens.inbox.authors import Authors
from inbox_tui.view import network

if TYPE_CHECKING:
    from inbox_tui.view.lines import Line
    from listener.store.views.authors import Author
    from listener.store.views.thread import ActRow


class Blocking(Authors):
    """What the network has of us and an author."""

    _blocks: tuple[int, Sequence[ActRow]] = (0, ())
    """Whose card was read last, and our blocks of them."""

    async def read_author(self, author_id: int) -> Author | None:
        """With what our accounts did to them on the network."""
        author = await super().read_author(author_id)
        self._blocks = author_id, await self.desk.backend.blocks_of(author_id)
        return author

    def author_lines(self, author: Author, width: int) -> Sequence[Line]:
        """That they are blocked, as whom, by whom and since when."""
        whose, rows = self._blocks
        blocked = network.blocked_lines(rows if whose == author.id else (), author.source, self.desk.now(), width)
        return [*super().author_lines(author, width), *blocked]
