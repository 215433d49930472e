"""With a slow store the conversation that is shown is the one before: a key acts on what is under the hands all the same, once, or not at all."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from typing import Any

from listener.model.leaving import OutboxState
from listener.model.work import State
from listener.store.views.notes import NoteToMe
from listener.store.views.thread import Opened, OutboxRow
from tests.tui.fake import START, FakeBackend
from tests.tui.stage import Stage, stage


class Slow(FakeBackend):
    """Opens a conversation, and takes a reply, when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.held: set[int] = set()
        self.takes = asyncio.Event()
        self.takes.set()
        self.asked_for: defaultdict[int, int] = defaultdict(int)

    async def open(self, conversation_id: int, now: datetime) -> Opened | None:
        self.asked_for[conversation_id] += 1
        while conversation_id in self.held:
            await asyncio.sleep(0.005)
        return await super().open(conversation_id, now)

    async def queue_reply(self, *args: Any, **more: Any) -> OutboxRow:
        self.calls["reply on its way"] += 1
        await self.takes.wait()
        return await super().queue_reply(*args, **more)


def at(s: Stage) -> int | None:
    return s.app.place.rows.cursor_id if s.app.place else None


async def asked_for(s: Stage, one: int) -> None:
    """It is on its way, and another one is shown."""
    await s.until(lambda: s.backend.asked_for[one] > 0, f"{one} is asked for")


async def test_what_is_read_is_what_is_on_its_way_to_the_reader_and_not_what_is_shown_still() -> None:
    backend = Slow()
    backend.held = {5}
    backend.notes_to_me = [NoteToMe(1, 5, "Tom", "please close this one", START, "olga4.test", "Olga")]
    async with stage(backend) as s:
        await s.shows("▸ @mira0.test")
        await s.shows("asks you in a note")
        await s.press("@")
        await asked_for(s, 5)
        await s.press("e")
        await s.shows("closed")
        assert s.sees("▸ @mira0.test"), "it is shown still"
        assert backend.talk(5).conversation.state is State.DONE
        assert backend.talk(1).conversation.state is not State.DONE


async def test_who_went_on_before_it_came_answers_nobody_by_mistake() -> None:
    backend = Slow()
    backend.held = {3}
    async with stage(backend) as s:
        await s.shows("▸ @mira0.test")
        await s.press("j", "j")
        await s.press("r")
        await asked_for(s, 3)
        await s.press("escape", "k")
        await s.shows("▸ @jonas1.test")
        backend.held.clear()
        await s.press("k")
        await s.shows("▸ @mira0.test")
        assert not s.app.place.composer.is_open
        assert [one for one in (1, 2, 3) if backend.talk(one).claimed_by] == []


async def test_an_act_on_the_network_is_done_to_its_conversation_though_the_cursor_went_on() -> None:
    backend = Slow()
    backend.held = {2}
    backend.talk(2).thread = [one for one in backend.talk(2).thread if one.mine and not one.ours][-1:]
    async with stage(backend) as s:
        await s.shows("▸ @mira0.test")
        await s.press("j")
        await s.press("L")
        await asked_for(s, 2)
        await s.press("j")
        await s.shows("▸ @ade2.test")
        backend.held.clear()
        await s.until(lambda: [one.conversation_id for one in backend.network] == [2], "the like")
        assert at(s) == 3


async def test_the_last_version_is_that_of_the_row_under_the_cursor() -> None:
    backend = Slow()
    backend.held = {2}
    for one in (2,):
        backend.talk(one).thread = [replace(message, version=1) for message in backend.talk(one).thread]
    backend.talk(1).thread = [replace(message, version=2) for message in backend.talk(1).thread]
    async with stage(backend) as s:
        await s.shows("▸ @mira0.test")
        await s.press("j", "V")
        await asked_for(s, 2)
        backend.held.clear()
        await s.shows("no message here was edited")


async def test_taking_back_takes_nothing_back_in_the_conversation_that_was_shown_before() -> None:
    backend = Slow()
    backend.held = {2}
    now = backend.clock()
    row = backend.put(backend.talk(1), backend.me, "on our way", private=False, hold_seconds=60, now=now, planned=None)
    async with stage(backend) as s:
        await s.shows("▸ @mira0.test")
        await s.press("j", "z")
        await asked_for(s, 2)
        backend.held.clear()
        await s.shows("there is nothing to take back")
        assert backend.talk(1).replies[-1].state is OutboxState.QUEUED
        await s.press("k", "z")
        await s.shows("taken back; nothing was sent")
        assert [one.state for one in backend.talk(1).replies if one.id == row.id] == [OutboxState.WITHDRAWN]


async def test_a_second_key_while_the_reply_is_on_its_way_sends_nothing_twice() -> None:
    backend = Slow()
    async with stage(backend) as s:
        await s.press("r")
        await s.composes()
        await s.type("We are on it")
        backend.takes.clear()
        await s.press("ctrl+s")
        await s.until(lambda: backend.calls["reply on its way"] == 1, "the first one")
        await s.press("ctrl+s")
        await s.press("ctrl+s")
        backend.takes.set()
        await s.shows("goes out in 8 s")
        await s.until(lambda: not s.app.place.composer.is_open, "the composer to fold")
        assert [one.body for one in backend.talk(1).replies if one.person_id == backend.me.id] == ["We are on it"]


async def test_a_reply_that_comes_back_while_another_is_written_is_kept_as_a_draft_and_disturbs_nobody() -> None:
    backend = Slow()
    async with stage(backend) as s:
        await s.press("r")
        await s.composes()
        await s.type("First words")
        await s.press("ctrl+s")
        await s.shows("goes out in 8 s")
        await s.press("escape", "j", "r")
        await s.composes()
        await s.type("Second words")
        await s.app.place.run_action("take_back")
        await s.shows("kept as a draft there")
        assert backend.talk(1).drafts[backend.me.id][0] == "First words"
        assert (s.app.place.composer.conversation_id, s.app.place.composer.text) == (2, "Second words")
