"""The post that a message stands under, from wherever somebody is. Owns no post; the store knows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inbox_tui.app.marking import Marking
from inbox_tui.messages import ConversationWanted
from inbox_tui.widgets import post as posting

if TYPE_CHECKING:
    from inbox_tui.backend import Place
    from listener.store.views.posts import CommentRow


class Posts(Marking, inherit_bindings=False):
    """The part of the app that shows posts."""

    def action_post(self) -> None:
        """The post that the message under the hands stands under, with its comments."""
        if not self._in_dialog():
            self.run_worker(self._post(), group="post", exclusive=True)

    async def _post(self) -> None:

        place, backend = self.place, self.desk.backend
        meant = await self._meant(place) if place is not None else ()
        if place is None or not meant:
            return
        post = await place.attempt(backend.post(meant[0].id))
        if post is None:
            return

        async def load(to_answer: bool, before: Place | None, after: Place | None, limit: int) -> Sequence[CommentRow]:
            return await backend.comments(post, to_answer=to_answer, before=before, after=after, limit=limit)

        chosen = await self.push_screen_wait(
            posting.PostView(post, load, at=meant[0].id, now=self.desk.now, zone=self.desk.zone, table=self.desk.table)
        )
        if chosen is not None:
            self.post_message(ConversationWanted(chosen))
