"""Pictures lie beside a draft, go with the reply that it becomes, and come back with it."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from listener.errors import Refused
from listener.pictures import PNG, Picture
from listener.store import attachments, outbox
from tests.store.test_answered import given
from tests.store.world import NOW, World, later, world

DOT = Picture(PNG, 3, 2, b"\x89PNG\r\n\x1a\n and so on")


async def asked(w: World) -> int:
    await w.pool.execute("UPDATE accounts SET state = 'ready'")
    return await w.conversation("what did it look like?")


async def attach(w: World, one: int, alt: str = "a broken suitcase", picture: Picture = DOT, person: int = 0) -> int:
    return await attachments.attach(w.pool, person or w.mia.id, one, "case.png", picture, alt, NOW)


async def queued(w: World, one: int, visibility: str = "public", at: float = 0) -> int:
    parent = await w.pool.fetchval("SELECT last_mention_id FROM conversations WHERE id = $1", one)
    row = await outbox.queue_reply(
        w.pool, w.mia.id, one, w.account.id, parent, "like this", visibility=visibility, lang="en", fence=1, hold_seconds=0,  # type: ignore[arg-type]
        close_after=False, now=later(seconds=at),
    )  # fmt: skip
    return row.id


async def test_what_lies_beside_the_draft_goes_with_the_reply_and_comes_back_when_that_is_taken_back(
    pool: asyncpg.Pool,
) -> None:
    w = await world(pool)
    one, other = await asked(w), await asked(w)
    first, second = await attach(w, one), await attach(w, one, "and from behind")
    await attach(w, other, "of another draft")
    await attach(w, one, "a colleague's", person=w.tom.id)
    beside = await attachments.of_draft(pool, w.mia.id, one)
    assert [(row.id, row.alt, row.size, row.name) for row in beside] == [
        (first, "a broken suitcase", len(DOT.content), "case.png"),
        (second, "and from behind", len(DOT.content), "case.png"),
    ]
    outbox_id = await queued(w, one)
    assert await attachments.of_draft(pool, w.mia.id, one) == ()
    carried = await attachments.of_outbox(pool, outbox_id, contents=True)
    assert [(row.id, row.alt, row.content, row.width, row.height) for row in carried] == [
        (first, "a broken suitcase", DOT.content, 3, 2),
        (second, "and from behind", DOT.content, 3, 2),
    ]
    assert [row.content for row in await attachments.of_outbox(pool, outbox_id, contents=False)] == [b"", b""]
    with pytest.raises(Refused):
        await attachments.describe(pool, w.mia.id, first, "changed after it was queued")
    await attachments.drop(pool, w.mia.id, one)
    assert len(await attachments.of_outbox(pool, outbox_id, contents=False)) == 2, "what goes out stays as it is"
    await outbox.withdraw(pool, outbox_id, w.tom.id, NOW)
    mine = await attachments.of_draft(pool, w.tom.id, one)
    assert [row.alt for row in mine] == ["a broken suitcase", "and from behind", "a colleague's"], (
        "whoever took it back"
    )
    await attachments.describe(pool, w.tom.id, first, " anew ")
    await attachments.drop(pool, w.tom.id, one, second)
    assert [row.alt for row in await attachments.of_draft(pool, w.tom.id, one)] == ["anew", "a colleague's"]


async def test_the_second_reply_does_not_carry_what_the_first_did(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await asked(w)
    await attach(w, one)
    first, second = await queued(w, one), await queued(w, one, at=1)
    assert [len(await attachments.of_outbox(pool, id_, contents=False)) for id_ in (first, second)] == [1, 0]


async def test_what_no_network_would_take_is_refused_before_anybody_waits(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await asked(w)
    for alt, picture, said in [
        (" \n", DOT, "say in words"),
        ("x" * 2001, DOT, "longer than 2,000"),
        ("fine", Picture(PNG, 1, 1, b"x" * 1_000_001), "1 MB are taken"),
    ]:
        with pytest.raises(Refused, match=said):
            await attach(w, one, alt, picture)
    with pytest.raises(Refused, match="viewer"):
        await attach(w, one, person=w.vera.id)
    for _ in range(4):
        await attach(w, one)
    with pytest.raises(Refused, match="at most 4"):
        await attach(w, one)
    with pytest.raises(Refused, match="in private"):
        await queued(w, one, "private")
    assert len(await attachments.of_draft(pool, w.mia.id, one)) == 4, "a refused reply leaves the draft as it was"
    await pool.execute("UPDATE conversations SET source = 'file' WHERE id = $1", one)
    with pytest.raises(Refused, match="cannot be sent to File"):
        await attach(w, one)


async def test_two_terminals_at_once_do_not_lay_down_five(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await asked(w)
    done = await asyncio.gather(*(attach(w, one) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(each, int) for each in done) == 4
    assert len(await attachments.of_draft(pool, w.mia.id, one)) == 4


async def test_a_reply_without_pictures_is_as_before(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await given(w, "hello", "hi")
    outbox_id = await pool.fetchval("SELECT id FROM outbox")
    assert await attachments.of_outbox(pool, outbox_id, contents=True) == ()
