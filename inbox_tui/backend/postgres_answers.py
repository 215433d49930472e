"""Answers of the past from the store. One part of `PostgresBackend`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from listener.store.inbox import answered

if TYPE_CHECKING:
    from listener.store.views.answers import Answered
    from listener.store.views.thread import Opened


class PostgresAnswers:
    """`AnswersBackend` on the real store."""

    __slots__ = ()
    pool: Any
    brand_id: int

    async def answers_like(self, opened: Opened, parent_mention_id: int) -> tuple[tuple[Answered, ...], bool]:
        """By the words of the message as it is shown."""

        parent = next((one for one in opened.thread if one.id == parent_mention_id), None)
        if parent is None or not parent.text:
            return (), True
        found = await answered.answered(self.pool, self.brand_id, opened.conversation.id, parent.text, parent.lang)
        return found.found, found.in_time
