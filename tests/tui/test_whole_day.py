"""A brand's day in the inbox, as its people live it, on the real store: nothing here is told the app by any other way than its keys."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg

from listener.store import acts
from listener.workflow import Assign
from tests.store.world import world
from tests.tui.test_postgres import now, ready, real


async def test_a_morning_queue_is_cleared_from_the_top(pool: asyncpg.Pool, dsn: str) -> None:
    """What is due first is answered, praise is closed, what waits for the team is given to it; one slip is taken back."""
    w = await world(pool)
    await ready(w)
    at = now()
    late = await w.conversation("still no refund", author="rita", due_at=at - timedelta(minutes=3), at=at)
    soon = await w.conversation("where is my parcel?", author="ana", due_at=at + timedelta(minutes=9), at=at)
    praise = await w.conversation("lovely shop", author="eve", at=at - timedelta(minutes=2))
    odd = await w.conversation("invoice for the tax office please", author="kai", at=at - timedelta(minutes=1))
    async with real(dsn) as s:
        await s.shows("over")
        await s.press("r")
        await s.composes()
        await s.shows("to @rita")
        await s.type("It left our bank today, sorry for the wait.")
        await s.press("ctrl+e")
        await s.shows("goes out in")
        await s.until(lambda: s.app.place.rows.cursor_id == soon, "the next one")
        await s.press("r")
        await s.composes()
        await s.shows("to @ana")
        await s.type("It is with the courier.")
        await s.press("ctrl+e")
        await s.until(lambda: s.app.place.rows.cursor_id == praise, "the next one")
        await s.press("E")
        await s.shows("closed (z takes it back)")
        await s.until(lambda: s.app.place.rows.cursor_id == odd, "the last one")
        await s.press("E")
        await s.shows("closed (z takes it back)")
        await s.press("z")  # a slip
        await s.shows("as before: taken back")
        assert await pool.fetchval("SELECT state FROM conversations WHERE id = $1", odd) == "new"
        await s.press("z", "z")
        await s.until(lambda: s.app.place.composer.is_open, "the last reply, back in the composer")
        await s.composes("It is with the courier.")
        assert await pool.fetchval("SELECT state FROM conversations WHERE id = $1", praise) == "new"
        await s.type(" It comes today.")
        await s.press("ctrl+e")
        await s.hides("PUBLIC reply")
    replies = await pool.fetch("SELECT r.body, o.state FROM outbox o JOIN replies r ON r.id = o.reply_id ORDER BY o.id")
    assert [(row["body"], row["state"]) for row in replies] == [
        ("It left our bank today, sorry for the wait.", "queued"),
        ("It is with the courier.", "withdrawn"),
        ("It is with the courier. It comes today.", "queued"),
    ]
    assert [row["id"] for row in await pool.fetch("SELECT id FROM conversations WHERE folder <> 'done' ORDER BY id")] == [
        late, soon, praise, odd,
    ], "a reply that waits closes nothing yet"  # fmt: skip


async def test_two_apps_race_for_one_conversation_and_one_answer_goes_out(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    await ready(w)
    one = await w.conversation("where is my parcel?", author="ana", due_at=now() + timedelta(minutes=9), at=now())
    async with real(dsn) as mia, real(dsn, "tom-acme") as tom:
        await mia.shows("where is my parcel?")
        await tom.shows("where is my parcel?")
        await asyncio.gather(mia.press("r"), tom.press("r"))

        def writes(who: object) -> bool:
            return getattr(who.app.focused, "id", "") == "composer-text"  # type: ignore[attr-defined]

        await mia.until(lambda: writes(mia) or writes(tom), "one of them writes")
        winner, loser, name = (mia, tom, "Mia") if writes(mia) else (tom, mia, "Tom")
        await loser.shows(f"{name} is on it")
        await loser.press("t")  # takes it over, on purpose
        await loser.composes()
        await winner.type("From the one who was first.")
        await winner.press("ctrl+s")
        await winner.shows("goes out in")
        await loser.type("From the other one.")
        await loser.press("ctrl+s")
        await loser.shows("back to writing")
        await loser.press("b")
        await loser.press("escape")
        await loser.shows("draft kept")
    assert await pool.fetchval("SELECT count(*) FROM outbox WHERE conversation_id = $1", one) == 1
    assert await pool.fetchval("SELECT count(*) FROM drafts") == 1


async def test_two_who_act_on_the_same_row_lose_nothing_of_each_other(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    one = await w.conversation("you charged me twice", author="bob", at=now())
    async with real(dsn) as mia, real(dsn, "tom-acme") as tom:
        await mia.shows("you charged me twice")
        await tom.shows("you charged me twice")
        await asyncio.gather(mia.press("t"), tom.press("p"))
        await mia.shows("words with spaces between")
        await tom.shows("as computed")
        await mia.type("billing\n")
        await tom.press("4")
        await tom.press("enter")
        await mia.shows("tagged #billing")
        await tom.shows("set to urgent")
        await mia.shows("‼")
        await tom.shows("#billing")
        await acts.do(pool, w.tom.id, [one], Assign(w.tom.id), now())
        await mia.press("z")
        await mia.shows("as before: taken back")
    row = await pool.fetchrow("SELECT tags, priority, assignee_id FROM conversations WHERE id = $1", one)
    assert (row["tags"], row["priority"], row["assignee_id"]) == ([], 4, w.tom.id)
