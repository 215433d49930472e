"""A brand's day in the inbox, as its people live it, on the real store: nothing here is told the app by any other way than its keys."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import asyncpg

from listener.rulebook.people import Approval
from listener.service.database import House
from listener.service.deliver import Deliverer
from listener.service.lanes import Replies
from listener.service.stopping import Stop
from listener.store import acts, rulebooks
from listener.webclient.client import WebClient
from listener.workflow.acts import Assign
from pretend.network import Network
from pretend.settings import Settings
from tests.journeys.running import until
from tests.promises.hearing import bluesky
from tests.store.builders import House as Heard
from tests.store.builders import said
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

    async def becomes(one: int, state: str) -> None:
        asked = "SELECT state = $2 FROM conversations WHERE id = $1"
        await until(lambda: pool.fetchval(asked, one, state), within=20)

    async with real(dsn, hold_seconds=60) as s:  # a busy machine is slower than a person's eight seconds
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
        await becomes(odd, "done")
        await s.press("z")  # a slip
        await s.shows("as before: taken back")
        await becomes(odd, "new")
        await s.press("z")
        await becomes(praise, "new")
        await s.press("z")
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
        await loser.shows(f"{name} holds this conversation")
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


async def test_a_spam_wave_is_swept_away_and_comes_back_whole_though_a_colleague_changed_one(
    pool: asyncpg.Pool, dsn: str
) -> None:
    w = await world(pool)
    wave = [await w.conversation(f"win a phone, number {i}", author=f"bot{i}", at=now()) for i in range(30)]
    spam = "SELECT count(*) FROM conversations WHERE state = 'done' AND 'spam' = ANY (tags)"
    async with real(dsn) as mia, real(dsn, "tom-acme") as tom:
        await mia.shows("Open  30")
        await mia.press("asterisk", "exclamation_mark")
        await mia.shows("Close 30 conversations in Open as spam?")
        await mia.press("y")
        await mia.shows("30 closed as spam")
        assert await pool.fetchval(spam) == 30
        await tom.press("5")
        await tom.shows("Done  30")
        real_one = tom.app.place.rows.cursor_id
        await tom.press("p")
        await tom.shows("as computed")
        await tom.press("4", "enter")
        await tom.shows("set to urgent")
        await mia.press("z")
        await mia.shows("30 conversations as before: taken back")
        assert not mia.sees("changed since"), "what he did is another thing: nobody has to be asked"
        await tom.shows("« Done  0")
    rows = await pool.fetch("SELECT id, state, tags, priority FROM conversations ORDER BY id")
    assert [row["id"] for row in rows] == wave
    assert {(row["state"], *row["tags"]) for row in rows} == {("new",)}
    assert [row["id"] for row in rows if row["priority"] == 4] == [real_one], "his act is his"


async def test_a_trainees_reply_is_changed_by_a_lead_and_stands_on_the_network(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    """From the first key to the network's own record of it, by the deliverer that the service runs; what was submitted is kept."""
    w = await world(pool)
    await rulebooks.publish(pool, "h", {"a.yaml": ""}, "", now(), Approval(frozenset({"mia-acme"})))
    one = await w.conversation("where is my parcel?", author="ana", at=now())
    async with Network.start(settings=Settings()) as net:
        asked = net.stage.post("ana.test", "where is my parcel?")
        for table, column in (("mentions", "external_id"), ("mentions", "root"), ("mention_keys", "external_id")):
            await pool.execute(f"UPDATE {table} SET {column} = $1", asked.uri)
        await pool.execute("UPDATE conversations SET root = $1", asked.uri)
        await pool.execute("UPDATE accounts SET external_id = $1, handle = $2", net.account.did, net.account.handle)
        await ready(w)
        async with real(dsn) as mia, real(dsn, "tom-acme", hold_seconds=0.1) as tom:
            await mia.press("r")
            await mia.composes()
            await mia.type("it comes tomorrow")
            await mia.press("ctrl+s")
            await mia.shows("waits for approval by a lead or an admin (x: decide)")
            await tom.press("6")
            await tom.shows("To approve  1")
            await tom.shows("where is my parcel?")
            await tom.press("x")
            await tom.shows("Mia asks for approval")
            await tom.press("c")
            await tom.composes("it comes tomorrow")
            await tom.type(", Ana, sorry")
            await tom.press("ctrl+s")
            await tom.shows("approved by Tom with a change")
            client, stop = WebClient("0.0.test"), Stop()
            source = bluesky(net, client, tmp_path)
            house = House(dsn, pool)
            sender = Deliverer(Replies(), house, {source.name: source}, asyncio.Event(), stop, now)
            sending = asyncio.ensure_future(sender.deliver())
            try:
                await mia.shows("accepted by the network")
                await mia.shows("it comes tomorrow, Ana, sorry")
                await mia.shows("approved by Tom with a change; this is what was submitted")
            finally:
                stop.set("the day is over")
                await sending
                await client.close()
        (record,) = net.records()
        assert record["commits"] == 1
        assert record["record"]["text"] == "it comes tomorrow, Ana, sorry"
        assert record["record"]["reply"]["parent"] == asked.shown()
    kept = await pool.fetchrow("SELECT body, state FROM approvals WHERE conversation_id = $1", one)
    assert tuple(kept) == ("it comes tomorrow", "changed")


async def test_an_edit_and_a_colleague_come_between_and_one_answer_goes_out(pool: asyncpg.Pool, dsn: str) -> None:
    heard = await Heard.built(pool)
    heard.addressed("a")
    await heard.record(said("a", "where is my order 12?", at=now()), now=now())
    async with real(dsn, "ada", "lark") as ada, real(dsn, "bob", "lark") as bob:
        await ada.shows("where is my order 12?")
        await ada.press("r")
        await ada.composes()
        await ada.type("Order 12 left on Monday.")
        await heard.record(said("a", "where is my order 21?", at=now(), revision="3b"), now=now())
        await ada.shows("meanwhile: ")
        await ada.shows("where is my order 21?")
        await bob.shows("✎ Ada")
        await bob.press("r")
        await bob.shows("Ada holds this conversation")
        await bob.press("t")
        await bob.composes()
        await bob.type("Order 21 comes tomorrow.")
        await bob.press("ctrl+s")
        await bob.shows("goes out in")
        await ada.press("ctrl+s")
        await ada.shows("The thread has changed while you wrote")
        await ada.shows("Bob")
        await ada.press("b")
        await ada.press("ctrl+x")
        await ada.shows("draft thrown away")
    rows = await pool.fetch("SELECT r.body, o.state FROM outbox o JOIN replies r ON r.id = o.reply_id")
    assert [tuple(row) for row in rows] == [("Order 21 comes tomorrow.", "queued")]
    assert await pool.fetchval("SELECT count(*) FROM drafts") == 0


async def test_a_shift_is_handed_over_and_the_next_colleague_goes_on_from_the_note(
    pool: asyncpg.Pool, dsn: str
) -> None:
    w = await world(pool)
    await ready(w)
    left = await w.conversation("the bill is wrong", author="bob", due_at=now() + timedelta(hours=3), at=now())
    await w.conversation("lovely shop", author="eve", at=now())
    async with real(dsn) as mia:
        await mia.shows("lovely shop")
        await mia.press("r")
        await mia.composes()
        await mia.type("Which bill do you")
        await mia.press("escape")
        await mia.shows("draft kept")
        await mia.press("escape", "j", "e")
        await mia.shows("closed (z takes it back)")
        await mia.press("T")
        await mia.shows("Your hand-over")
        await mia.shows("Closed: 1. Answered: 0.")
        await mia.shows(f"#{left} @bob")
        await mia.type("Bob sent me his bill by mail, ask Jo.\n")
        await mia.press("ctrl+s")
        await mia.shows("handed over")
    async with real(dsn, "tom-acme") as tom:
        await tom.shows("hand-over from Mia")
        await tom.press("T")
        await tom.shows("Bob sent me his bill by mail, ask Jo.")
        await tom.shows(f"#{left} @bob")
        await tom.press("enter")
        await tom.until(
            lambda: tom.app.place.opened is not None and tom.app.place.opened.conversation.id == left,
            "that conversation",
        )
        await tom.press("r")
        await tom.composes()
        await tom.shows("PUBLIC reply as @acme.example to @bob")
