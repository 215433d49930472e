"""The post view as a day would use it: from a conversation, from Listening, to a comment's conversation and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from listener.model.scales import ToneLabel
from listener.store.views.posts import CommentRow, CommentStanding
from tests.tui.fake import START, FakeBackend
from tests.tui.stage import SMALL, stage


def comment(
    number: int, standing: CommentStanding, conversation_id: int | None, text: str | None = "so good"
) -> CommentRow:
    at = START - timedelta(minutes=number)
    return CommentRow(number, at, f"fan{number}.test", "Fan", text, ToneLabel.POSITIVE, 0.1, conversation_id, standing)


def with_comments(mention_id: int) -> FakeBackend:
    backend = FakeBackend(5)
    backend.threads[mention_id] = [
        comment(1, CommentStanding.ANSWERED, 4),
        comment(2, CommentStanding.TO_ANSWER, 3, "where is\x1b[31m it? [bold]"),
        comment(3, CommentStanding.ELSEWHERE, None),
        comment(4, CommentStanding.DELETED, 2, None),
    ]
    return backend


async def test_a_post_is_looked_at_and_a_comment_opened() -> None:
    backend = with_comments(1002)
    async with stage(backend, size=SMALL) as s:
        await s.press("P")
        await s.shows("We launch today!")
        for text in (
            "our post",
            "120 likes",
            "4 comments",
            "1 to answer",
            "1 answered",
            "1 deleted",
            "3 positive",
            "(text gone)",
        ):
            assert s.sees(text), text
        await s.press("escape")
        await s.hides("We launch today!")
        assert s.app.place.rows.cursor_id == 1, "back where it was"
        await s.press("P")
        await s.shows("@fan1.test")
        await s.press("j", "j", "enter")
        await s.shows("this comment is not in the inbox")
        await s.press("tab")
        await s.hides("@fan1.test")
        await s.shows("● to answer")
        await s.shows("[bold]")
        await s.press("enter")
        await s.until(
            lambda: s.app.place.opened is not None and s.app.place.opened.conversation.id == 3, "its conversation"
        )
        assert s.app.place.reading


async def test_a_post_is_asked_for_from_listening() -> None:
    backend = FakeBackend(5)
    row = backend.mention("launch", "what a day")
    backend.threads[row.id] = [comment(9, CommentStanding.TO_ANSWER, 2)]
    async with stage(backend, view="listening") as s:
        await s.shows("what a day")
        await s.press("P")
        await s.shows("@fan9.test")
        await s.press("enter")
        await s.until(lambda: s.app.place.place == "inbox", "the Inbox")


async def test_the_cursor_begins_at_the_comment_that_was_read() -> None:
    backend = with_comments(1002)
    backend.threads[1002].append(replace(comment(1002, CommentStanding.TO_ANSWER, 1), hidden=True))
    async with stage(backend) as s:
        await s.press("P")
        await s.shows("@fan1002.test")
        await s.shows("1 hidden")
        await s.until(lambda: s.app.screen.rows.cursor_id == 1002, "the comment")  # type: ignore[attr-defined]
