"""Posts in memory: a test says which comments stand under which message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from inbox_tui.backend import Place
from listener.model.scales import ToneLabel
from listener.store.views.posts import CommentCounts, CommentRow, CommentStanding, PostShown

if TYPE_CHECKING:
    from tests.tui.fake import FakeBackend


class FakePosts:
    """The part of the fake that shows posts."""

    post_says: Mapping[str, Any] = MappingProxyType({})
    """Fields of the post, instead of its usual ones."""
    threads: dict[int, list[CommentRow]]
    """By any message that stands under the post; the post itself is always the same one."""

    async def post(self: FakeBackend, mention_id: int) -> PostShown | None:
        await self._called("post")
        rows = self.threads.get(mention_id, [])
        standing = Counter(row.standing for row in rows)
        tones = Counter(row.tone for row in rows if row.standing is not CommentStanding.DELETED)
        counts = CommentCounts(
            {one: standing[one] for one in CommentStanding},
            {tone: tones[tone] for tone in ToneLabel},
            sum(row.hidden for row in rows),
        )
        usual = PostShown(
            "at", str(mention_id), counts, id=1, ours=True, source="bluesky", author_handle="larkspur.test",
            text="We launch today! \N{PARTY POPPER}", at=self.clock(), likes=120, reposts=7,
        )  # fmt: skip
        return replace(usual, **self.post_says)

    async def comments(
        self: FakeBackend,
        post: PostShown,
        *,
        to_answer: bool,
        before: Place | None = None,
        after: Place | None = None,
        limit: int,
    ) -> Sequence[CommentRow]:
        await self._called("comments")
        rows = sorted(self.threads.get(int(post.root), []), key=lambda row: (row.at, row.id), reverse=True)
        rows = [row for row in rows if not to_answer or row.standing is CommentStanding.TO_ANSWER]
        if after is not None:
            return [row for row in rows if (row.at, row.id) > after][-limit:]
        return [row for row in rows if before is None or (row.at, row.id) < before][:limit]
