"""A reply that is too long is offered as numbered parts, seen before they go, and taken back whole."""

from __future__ import annotations

import asyncpg

from tests.store.world import world
from tests.tui.fake import FakeBackend
from tests.tui.stage import SMALL, stage
from tests.tui.test_postgres import now, ready, real

LONG = "We are sorry that your parcel is late. " * 10 + "Bye!"


async def test_too_long_a_reply_is_sent_as_parts_that_the_writer_has_seen_and_comes_back_whole(
    pool: asyncpg.Pool, dsn: str
) -> None:
    w = await world(pool)
    await ready(w)
    await w.conversation("where is my parcel?", author="ana", at=now())
    async with real(dsn, size=SMALL) as s:
        await s.press("r")
        await s.composes()
        s.app.place.composer.put_in(LONG)
        await s.shows("94 too many")
        await s.press("ctrl+s")
        await s.shows("Too long by 94 characters")
        await s.shows("1/2 We are sorry that your parcel is late.")
        await s.shows("send as 2 numbered parts")
        await s.press("b")
        await s.composes(LONG)
        assert await pool.fetchval("SELECT count(*) FROM outbox") == 0
        await s.press("ctrl+s")
        await s.shows("send as 2 numbered parts")
        await s.press("s")
        await s.shows("part 2 of 2")
        bodies = [row["body"] for row in await pool.fetch("SELECT body FROM replies ORDER BY id")]
        assert [body[-4:] for body in bodies] == [" 1/2", " 2/2"]
        await s.press("z")
        await s.shows("taken back; nothing was sent")
        await s.composes(LONG)
        assert await pool.fetchval("SELECT count(*) FROM outbox WHERE state = 'withdrawn'") == 2


async def test_whoever_approves_sees_in_how_many_parts_it_goes_out() -> None:
    backend = FakeBackend()
    backend.approves = True
    backend.ask_as(backend.staff[1], 1, LONG)
    async with stage(backend) as s:
        await s.shows("◃ Bo Lind")
        await s.press("x")
        await s.shows("It is too long for one message: 2 numbered parts")


async def test_what_cannot_be_cut_is_not_sent_and_says_so() -> None:
    backend = FakeBackend()
    async with stage(backend) as s:
        await s.press("r")
        await s.composes()
        s.app.place.composer.put_in("https://larkspur.example/" + "a" * 300)
        await s.press("ctrl+s")
        await s.shows("and it cannot be cut into parts")
        assert backend.talk(1).replies == []
