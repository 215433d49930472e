"""Notes that ask a colleague: they are told, and it stays told until they have read it."""

from __future__ import annotations

import asyncpg
import pytest

from listener.store import acts, asking
from listener.store.asking import named
from tests.store.world import world
from tests.tui.test_postgres import now, real


@pytest.mark.parametrize(
    ("body", "who"),
    [
        ("@tom-acme look", ("tom-acme",)),
        ("(@Tom-Acme, @mia.acme.) please", ("tom-acme", "mia.acme")),
        ("ask @tom twice @TOM", ("tom",)),
        ("a@b.example is no name, nor @ alone or @@tom", ()),
        ("@tom\u202e \x1b[31m@mia", ("tom",)),
    ],
)
def test_who_is_named(body: str, who: tuple[str, ...]) -> None:
    assert named(body) == who


async def test_a_note_asks_a_colleague_until_they_have_read_it(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    one = await w.conversation("my invoice is wrong", author="ana", at=now())
    two = await w.conversation("where is my parcel?", author="bob", at=now())
    async with real(dsn) as mia, real(dsn, "tom-acme") as tom:
        await mia.shows("my invoice is wrong")
        await tom.shows("my invoice is wrong")
        mia.app.place.rows.go(one)
        await mia.press("n")
        await mia.shows("Note, only for us; @login asks")
        await mia.type("@Tom-Acme do you know this one? @mia-acme @nobody")
        await mia.press("ctrl+s")
        await tom.shows("Mia asks you in a note on @ana")
        await tom.shows("@ 1 note for you")
        assert not mia.sees("for you"), "nobody asks themselves"
        await acts.note(pool, w.mia.id, two, "and @tom-acme this?", now())
        await tom.shows("@ 2 notes for you")
        await tom.press("@")
        await tom.shows("Notes that ask you")
        await tom.shows("and @tom-acme this?")
        await tom.press("down", "enter")
        await tom.shows("do you know this one?")
        await tom.shows("@ 1 note for you")
        assert [note.conversation_id for note in await asking.unseen(pool, w.brand_id, w.tom.id)] == [two]


async def test_a_note_that_is_taken_back_asks_nobody_and_other_brands_are_not_asked(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    other = await world(pool, "beta")
    one = await w.conversation("my invoice is wrong")
    done = await acts.note(pool, w.mia.id, one, "@tom-acme @tom-beta", now())
    assert len(await asking.unseen(pool, w.brand_id, w.tom.id)) == 1
    assert await asking.unseen(pool, other.brand_id, other.tom.id) == []
    assert await pool.fetchval("SELECT count(*) FROM note_asks") == 1
    assert done.act_id is not None
    await acts.undo(pool, w.mia.id, done.act_id, now())
    assert await asking.unseen(pool, w.brand_id, w.tom.id) == []
