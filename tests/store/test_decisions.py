"""What people did with messages is gathered from what is there already, by the brand; models are kept, put into force and swept by simple rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import asyncpg

from listener.model.scales import Priority
from listener.outcomes import Why
from listener.store import acts, decisions, feed, learned, marks, outbox
from listener.workflow.acts import Close, Reopen, SetPriority, Spam
from tests.core.test_learning import MODEL
from tests.store.world import NOW, World, later, world


async def decided(w: World) -> dict[int, tuple[bool, str]]:
    """By conversation."""
    found = await decisions.fared(w.pool, w.brand_id, 100)
    of = {
        row["m"]: row["c"]
        for row in await w.pool.fetch("SELECT mention_id AS m, conversation_id AS c FROM conversation_mentions")
    }
    return {of[one.outcome.mention_id]: (one.outcome.needed, one.outcome.why) for one in found}


async def test_what_people_did_is_gathered_and_what_nobody_decided_is_not(pool: asyncpg.Pool) -> None:
    w, other = await world(pool), await world(pool, "globex")
    mia = w.mia.id
    names = (
        "replied", "elsewhere", "closed", "reopened", "undone", "spam", "raised", "by hand", "marked", "rules", "open", "blanked",
        "history", "withdrawn",
    )  # fmt: skip
    c = {name: await w.conversation(f"about {name}", author=name.replace(" ", ""), tone="negative") for name in names}
    of = {row["id"]: row["m"] for row in await pool.fetch("SELECT id, last_mention_id AS m FROM conversations")}

    async def reply(name: str, state: str) -> None:
        row = await outbox.queue_reply(
            pool, mia, c[name], w.account.id, of[c[name]], "We look into it", visibility="public", lang="", fence=1,
            hold_seconds=5, close_after=False, now=later(minutes=7),
        )  # fmt: skip
        await pool.execute("UPDATE outbox SET state = $2 WHERE id = $1", row.id, state)

    await pool.execute("UPDATE accounts SET state = 'ready'")
    await reply("replied", "accepted")
    await reply("withdrawn", "withdrawn")
    key = await pool.fetchval("SELECT external_id FROM mentions WHERE id = $1", of[c["elsewhere"]])
    ours = await w.mention("we look", author="us", parent=key, at=later(minutes=3), ours=True)
    await pool.execute("INSERT INTO conversation_mentions VALUES ($1, $2)", c["elsewhere"], ours)
    for name in ("closed", "reopened", "blanked", "history", "undone"):
        done = await acts.do(pool, mia, [c[name]], Close(), later(minutes=9))
    await acts.undo(pool, mia, done.act_id, later(minutes=10))
    await acts.do(pool, w.tom.id, [c["reopened"]], Reopen(), later(minutes=10))
    await acts.do(pool, mia, [c["spam"]], Spam(), later(minutes=9))
    await acts.do(pool, mia, [c["raised"]], SetPriority(Priority.URGENT), later(minutes=9))
    await acts.overrule(pool, mia, w.brand_id, of[c["by hand"]], "need", "not_needed", NOW)
    await marks.mark(pool, mia, of[c["marked"]], w.brand_id, "outage", "missed", "", NOW)
    await pool.execute("UPDATE conversations SET state = 'done' WHERE id = $1", c["rules"])  # no person did
    by_rule = "INSERT INTO events (brand_id, kind, conversation_id, at, before, after) VALUES ($1, 'conversation.opened', $2, $3, $4, $5)"
    await pool.execute(by_rule, w.brand_id, c["rules"], later(minutes=9), {"state": "new"}, {"state": "done"})
    await pool.execute("UPDATE mention_versions SET text = NULL WHERE mention_id = $1", of[c["blanked"]])
    await pool.execute("UPDATE assessments SET context = '{\"history\": true}' WHERE mention_id = $1", of[c["history"]])

    assert await decided(w) == {
        c["replied"]: (True, Why.ANSWERED), c["elsewhere"]: (True, Why.ANSWERED), c["closed"]: (False, Why.CLOSED),
        c["spam"]: (False, Why.CLOSED), c["raised"]: (True, Why.RAISED), c["by hand"]: (False, Why.SAID), c["marked"]: (True, Why.MISSED),
    }  # fmt: skip
    assert await decided(other) == {}, "another brand's are none of its business"
    minutes = {one.outcome.mention_id: one.outcome.minutes for one in await decisions.fared(pool, w.brand_id, 100)}
    assert (minutes[of[c["replied"]]], minutes[of[c["elsewhere"]]]) == (7, 3)
    need = {one.outcome.mention_id: one.scored.need for one in await decisions.fared(pool, w.brand_id, 100)}
    assert need[of[c["by hand"]]] == 0.75, "the methods' own, not what the person said in its place"
    assert len(await decisions.fared(pool, w.brand_id, 3)) == 3


async def test_the_last_that_counts_speaks_and_what_nobody_needs_is_forgotten(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    lesson = [await w.mention("my invoice is wrong")]
    first, second, weak = (
        replace(MODEL, start=start, counts=counts) for start, counts in ((-1.0, True), (-2.0, True), (-3.0, False))
    )
    for day, model in enumerate((first, second, weak)):
        await learned.keep(pool, w.brand_id, model, lesson, (), later(days=day))
    assert await learned.in_force(pool) == {w.brand_id: second.method}
    assert [one.stands for one in await learned.models(pool, w.brand_id)] == [
        "not in force: it did not beat need", "in force", f"not in force: {second.method} came after it",
    ]  # fmt: skip
    assert await learned.numbers(pool, [first.method]) == {first.method: first}, "a replay may ask for it"
    assert await learned.sweep(pool, w.brand_id, later(days=3)) == 1
    assert set(await learned.kept(pool, w.brand_id)) == {first.method, second.method}
    assert await learned.sweep(pool, w.brand_id, later(days=92)) == 1
    assert set(await learned.kept(pool, w.brand_id)) == {second.method}

    # The operator's settings and the people must both want it; switching off at the start leaves no trace where it is on.
    await learned.by_settings(pool, w.brand_id, False, NOW)
    assert await learned.in_force(pool) == {}
    await learned.switch(pool, w.tom.id, w.brand_id, True, NOW)
    assert await learned.in_force(pool) == {}
    assert (await learned.state(pool, w.brand_id)).stands == "off: the settings say learning = false"
    await learned.by_settings(pool, w.brand_id, True, NOW)
    assert await learned.in_force(pool) == {w.brand_id: second.method}
    told = await pool.fetchval("SELECT count(*) FROM events WHERE kind LIKE 'learning.%'")
    await learned.by_settings(pool, w.brand_id, True, NOW)
    assert await pool.fetchval("SELECT count(*) FROM events WHERE kind LIKE 'learning.%'") == told

    # Whoever judges is told, so that the next message is judged by it.
    place = await feed.position(pool)
    await learned.switch(pool, w.tom.id, w.brand_id, True, NOW)
    async with pool.acquire() as connection:
        assert (await feed.since(connection, place, None))[1].learned

    # One look at a time, and a retired one does not come back by itself.
    assert await learned.claim(pool, w.brand_id, NOW, timedelta(hours=1))
    assert not await learned.claim(pool, w.brand_id, later(minutes=59), timedelta(hours=1))
    await learned.retire(pool, w.brand_id, "it does worse than need", NOW)
    await learned.switch(pool, w.tom.id, w.brand_id, False, NOW)
    assert await learned.switch(pool, w.tom.id, w.brand_id, True, NOW) == ""
    assert await learned.forget(pool, w.tom.id, w.brand_id, NOW) == 1
    assert await pool.fetchval("SELECT count(*) FROM learned_models WHERE numbers IS NOT NULL OR lessons <> '{}'") == 0
