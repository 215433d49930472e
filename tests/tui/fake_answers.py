"""Answers of the past, in memory. One part of `FakeBackend`."""

from __future__ import annotations

from listener.store.views.answers import Answered
from listener.store.views.thread import Opened


class FakeAnswers:
    """`AnswersBackend`: what a test lays down is found."""

    like: tuple[Answered, ...] = ()
    like_in_time = True

    async def answers_like(self, opened: Opened, parent_mention_id: int) -> tuple[tuple[Answered, ...], bool]:
        return self.like, self.like_in_time
