"""When two conversations turn out to be one, whatever hung from the younger hangs from the elder: no table is forgotten."""

from __future__ import annotations

import asyncpg

from listener.model.accounts import Capability
from listener.model.leaving import Doing
from listener.pictures import PNG, Picture
from listener.store import acts, approvals, attachments, capabilities, claims, labels, network_acts, outbox, presence
from listener.store.record import merge
from tests.store.world import NOW, later, world

HOLDING = "SELECT table_name FROM information_schema.columns WHERE table_schema = 'hubbub' AND column_name = 'conversation_id'"

STAYS = {"events", "presences"}
"""What was told stays as it was told; where a terminal looks it says again by itself."""

LET_GO = {"claims"}
"""Whoever holds the younger one holds nothing any more."""


async def test_every_table_that_names_a_conversation_goes_along_when_two_become_one(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await pool.execute("UPDATE accounts SET state = 'ready'")
    await capabilities.publish(pool, w.account.id, dict.fromkeys(Capability, ""))
    elder, younger, mia = await w.conversation(), await w.conversation(), w.mia.id
    parent = await pool.fetchval("SELECT last_mention_id FROM conversations WHERE id = $1", younger)
    await acts.note(pool, mia, younger, "@tom-acme, look", NOW)
    await approvals.ask(
        pool, mia, younger, w.account.id, parent, "soon", visibility="public", lang="", fence=1, close_after=False, now=NOW
    )  # fmt: skip
    await outbox.queue_reply(
        pool, mia, younger, w.account.id, parent, "at once", visibility="public", lang="", fence=1, hold_seconds=5,
        close_after=False, now=NOW, planned=later(hours=1),
    )  # fmt: skip
    await network_acts.queue(pool, mia, younger, parent, Doing.LIKE, account_id=w.account.id, hold_seconds=5, now=NOW)
    await attachments.attach(pool, mia, younger, "case.png", Picture(PNG, 3, 2, b"png"), "a case", NOW)
    await acts.save_draft(pool, mia, younger, "only for you", 1, NOW, private=True)
    await labels.label(pool, mia, [(younger, "mine")], [], NOW)
    await claims.claim(pool, younger, mia, "here", NOW)
    await presence.attend(pool, "here", w.brand_id, mia, younger, False, NOW)

    async def held(by: int) -> set[str]:
        tables = [row["table_name"] for row in await pool.fetch(HOLDING)]
        count = "SELECT count(*) FROM {} WHERE conversation_id = $1"
        return {table for table in tables if await pool.fetchval(count.format(table), by)}

    every = await held(younger)
    assert every == {row["table_name"] for row in await pool.fetch(HOLDING)}, "a table that this test forgets"
    async with pool.acquire() as connection, connection.transaction():
        await merge._merge(connection, elder, younger, w.brand_id, "root", later(minutes=1))
    assert await held(younger) == STAYS
    assert await held(elder) >= every - STAYS - LET_GO
    assert await pool.fetchval("SELECT visibility FROM drafts WHERE conversation_id = $1", elder) == "private"
    assert await pool.fetchval("SELECT to_approve FROM conversations WHERE id = $1", elder)
    assert (
        await pool.fetchval(
            "SELECT count(*) FROM note_asks JOIN notes ON id = note_id WHERE conversation_id = $1", elder
        )
        == 1
    )
