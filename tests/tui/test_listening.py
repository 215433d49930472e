"""Listening and search: newest first, live, and one key makes a conversation of a mention."""

from __future__ import annotations

import re
from dataclasses import replace

from listener.workflow.acts import Close
from tests.tui.fake import FakeBackend
from tests.tui.stage import SMALL, stage


def heard(n: int = 30) -> FakeBackend:
    backend = FakeBackend()
    for i in range(n):
        backend.mention("launch", f"mention number {i} of the launch", ago=100 - i, handle=f"p{i}.test")
    return backend


async def test_a_topic_opens_on_its_newest_mention() -> None:
    async with stage(heard(), view="listening") as s:
        await s.shows("mention number 29 of the launch")
        assert s.app.place.rows.cursor_row.text == "mention number 29 of the launch"
        assert s.line_of("number 28") < s.line_of("number 27")


async def test_live_mentions_are_announced_and_do_not_move_the_reader() -> None:
    backend = heard()
    async with stage(backend, view="listening") as s:
        await s.shows("mention number 29")
        before = s.line_of("mention number 29 of the launch")
        for i in range(3):
            backend.mention("launch", f"brand new {i}", handle=f"new{i}.test")
        await s.shows("3 new ↑")
        assert s.line_of("mention number 29 of the launch") == before
        assert s.app.place.rows.cursor_row.text == "mention number 29 of the launch"
        await s.press("g")
        await s.shows("brand new 2")
        await s.hides("new ↑")


async def test_one_key_makes_a_conversation_of_it_and_opens_it() -> None:
    backend = heard(3)
    async with stage(backend, view="listening") as s:
        await s.shows("mention number 2")
        await s.press("i")
        await s.shows("Inbox")
        await s.shows("▸ @p2.test")
        assert backend.mentions["launch"][2].conversation_id == backend.next_id - 1
        await s.pilot.pause(0.4)
        assert s.sees("▸ @p2.test"), "the row under the queue's cursor does not push it away"
        await s.press("escape", "l")
        await s.shows("in the inbox")


async def test_a_conversation_that_is_not_in_the_folder_opens_and_stays_open() -> None:
    backend = heard(2)
    backend.act_as(backend.staff[1], [5], Close())
    backend.mention("launch", "said before", conversation_id=5)
    async with stage(backend, view="listening") as s:
        await s.shows("said before")
        await s.press("i")
        await s.shows("▸ @olga4.test")
        await s.pilot.pause(0.4)
        assert s.sees("▸ @olga4.test"), "the row under the queue's cursor does not push it away"


async def test_an_edit_or_a_delete_shows_where_the_mention_stands() -> None:
    backend = heard(5)
    async with stage(backend, view="listening") as s:
        await s.shows("mention number 3")
        rows = backend.mentions["launch"]
        rows[3] = replace(rows[3], text=None, deleted=True)
        backend.ring(topics=["launch"])
        await s.shows("deleted by its author")
        await s.hides("mention number 3 of")


async def test_search_finds_and_shows_mistakes_where_they_are() -> None:
    backend = heard()
    backend.mention("billing", "a refund please", handle="payer.test")
    async with stage(backend) as s:
        await s.press("slash")
        await s.shows("Search")
        await s.type("(refund")
        await s.shows("(refund")
        await s.shows("this bracket is never closed")
        typed = next(line for line in s.lines() if "(refund" in line)
        marked = next(line for line in s.lines() if re.search(r"│ +\^ +│", line))
        assert typed.index("(refund") == marked.index("^"), "the mark is under the bracket"
        await s.press("enter")
        assert backend.calls["search"] == 0
        await s.press("home", "delete", "end", "enter")
        await s.shows("search refund")
        await s.shows("a refund please")
        assert backend.calls["search"] >= 1
        await s.press("escape")
        await s.shows("Listening")


async def test_nothing_heard_yet_says_so() -> None:
    async with stage(FakeBackend(topics=()), view="listening") as s:
        await s.shows("Nothing heard yet.")


async def test_the_first_mentions_appear_by_themselves() -> None:
    backend = FakeBackend()
    async with stage(backend, view="listening") as s:
        await s.shows("Nothing heard yet.")
        backend.mention("launch", "the very first")
        await s.shows("the very first")


async def test_on_a_small_terminal() -> None:
    async with stage(heard(), view="listening", size=SMALL) as s:
        await s.shows("mention number 29")
        await s.press("j", "enter")
        await s.shows("i takes it into the inbox")
        await s.press("escape")
        await s.shows("mention number 29")
