"""Posts and their comments, asked of the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from listener.store import inbox

if TYPE_CHECKING:
    from inbox_tui.backend import Place
    from listener.store.views.posts import CommentRow, PostShown


class PostgresPosts:
    """The part of the backend that shows posts."""

    __slots__ = ()
    pool: Any
    brand_id: int

    async def post(self, mention_id: int) -> PostShown | None:
        """The post that a message stands under."""
        return await inbox.post(self.pool, self.brand_id, mention_id)

    async def comments(
        self,
        post: PostShown,
        *,
        to_answer: bool,
        before: Place | None = None,
        after: Place | None = None,
        limit: int,
    ) -> Sequence[CommentRow]:
        """Its comments."""
        return await inbox.comments(
            self.pool,
            self.brand_id,
            post.space,
            post.root,
            to_answer=to_answer,
            before=before,
            after=after,
            limit=limit,
        )
