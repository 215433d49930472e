"""What the inbox may ask about answers of the past. One part of `Backend`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from listener.store.views.answers import Answered
    from listener.store.views.thread import Opened


class AnswersBackend(Protocol):
    """Answers to messages like one that waits."""

    async def answers_like(self, opened: Opened, parent_mention_id: int) -> tuple[tuple[Answered, ...], bool]:
        """Answers of ours to messages like that one, the most alike first; and whether there was time to look everywhere."""
        ...
