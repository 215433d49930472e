"""What screens may ask about a post and its comments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from inbox_tui.backend import Place
    from listener.store.views.posts import CommentRow, PostShown


class PostsBackend(Protocol):
    """Posts. Raises our errors only."""

    async def post(self, mention_id: int) -> PostShown | None:
        """The post that a message stands under, with its comments counted; None: there is no such message."""
        ...

    async def comments(
        self,
        post: PostShown,
        *,
        to_answer: bool,
        before: Place | None = None,
        after: Place | None = None,
        limit: int,
    ) -> Sequence[CommentRow]:
        """Its comments, newest first, older than `before` or newer than `after`; `to_answer`: those that wait for an answer."""
        ...
