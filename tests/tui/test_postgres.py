"""The same app on the real store: what one person does is in the tables, and what another does is on the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from inbox_tui.backend.postgres import connect
from listener.errors import FixMe
from listener.model.people import Role
from listener.store import acts, alive, claims, people, rulebooks
from listener.workflow.acts import Assign, Close
from tests.store.world import World, world
from tests.tui.stage import Stage, stage


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def real(dsn: str, login: str = "mia-acme", brand: str = "acme", **options: Any) -> AsyncIterator[Stage]:
    """The app of one person on the real store."""
    backend = await connect(dsn, brand, login)
    backend_clock: Any = now
    try:
        async with stage(backend, clock=backend_clock, **options) as s:
            yield s
    finally:
        await backend.close(now())


async def ready(w: World) -> None:
    """The account can send."""
    await w.pool.execute("UPDATE accounts SET state = 'ready'")


async def test_a_reply_from_first_key_to_outbox_and_back(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    await ready(w)
    one = await w.conversation("where is my parcel?", author="ana", due_at=now() + timedelta(minutes=9), at=now())
    async with real(dsn) as s:
        await s.shows("8 min left")
        await s.shows("where is my parcel?")
        await s.press("r")
        await s.composes()
        await s.shows("PUBLIC reply as @acme.example to @ana")
        assert await pool.fetchval("SELECT person_id FROM claims WHERE conversation_id = $1", one) == w.mia.id
        await s.type("on its way")
        await s.press("ctrl+s")
        await s.shows("goes out in 8 s")
        row = await pool.fetchrow(
            "SELECT r.body, r.visibility, o.state FROM outbox o JOIN replies r ON r.id = o.reply_id"
        )
        assert tuple(row) == ("on its way", "public", "queued")
        await s.press("z")
        await s.shows("taken back; nothing was sent")
        await s.composes("on its way")
        assert await pool.fetchval("SELECT state FROM outbox") == "withdrawn"
        await s.press("escape")
        await s.shows("draft kept")
        assert await pool.fetchval("SELECT body FROM drafts") == "on its way"
    assert await pool.fetchval("SELECT count(*) FROM claims") == 0, "a terminal that ends lets go"


async def test_what_a_colleague_does_is_on_the_screen(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    first, second, third = [
        await w.conversation(f"question {i}", author=f"asker{i}", due_at=now() + timedelta(minutes=30 + i), at=now())
        for i in range(3)
    ]
    async with real(dsn) as s:
        await s.shows("question 2")
        assert await claims.claim(pool, second, w.tom.id, "elsewhere", now()) is None
        await s.shows("✎ Tom")
        await acts.do(pool, w.tom.id, [third], Assign(w.mia.id), now())
        await s.shows("→ you")
        await acts.do(pool, w.tom.id, [first], Close(), now())
        await s.shows("now done")
        assert s.app.place.rows.cursor_id == first
        mention = await w.mention("nobody has answered me", author="lost", at=now(), due_at=now(), tone="negative")
        await acts.open_from_mention(pool, w.tom.id, w.brand_id, mention, now())
        await s.shows("@lost")
        assert s.app.place.rows.cursor_id == first
        await s.shows("Open  3")


async def test_acts_and_undo_reach_the_tables(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    one = await w.conversation("close me", at=now())
    async with real(dsn) as s:
        await s.shows("close me")
        await s.press("e")
        await s.shows("closed (z takes it back)")
        assert await pool.fetchval("SELECT state FROM conversations WHERE id = $1", one) == "done"
        await s.press("z")
        await s.shows("as before: taken back")
        assert await pool.fetchval("SELECT state FROM conversations WHERE id = $1", one) == "new"
        await s.press("n")
        await s.shows("Note, only for us")
        await s.type("careful")
        await s.press("ctrl+s")
        await s.shows("note by Mia")
        await s.press("h")
        await s.shows("Mia closed it")


async def test_all_that_is_shown_is_closed_as_one_act_taken_back_and_done_again(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    await w.many(700)
    done = "SELECT count(*) FROM conversations WHERE folder = 'done'"
    async with real(dsn) as s:
        await s.shows("Open  490")
        await s.press("asterisk", "e")
        await s.shows("Close 490 conversations in Open?")
        late = await w.conversation("I came while she was asked", at=now())
        one = await pool.fetchval("SELECT min(id) FROM conversations WHERE folder = 'open'")
        await acts.do(pool, w.tom.id, [one], Assign(w.tom.id), now())
        await s.press("y")
        await s.shows("489 closed; 1 had changed and stay (z takes it back)")
        left = await pool.fetch("SELECT id FROM conversations WHERE folder = 'open' ORDER BY id")
        assert [row["id"] for row in left] == [one, late]
        assert await pool.fetchval("SELECT count(DISTINCT act) FROM events WHERE kind = 'act.close'") == 1
        await s.press("z")
        await s.shows("489 conversations as before: taken back")
        assert await pool.fetchval(done) == 140
        await s.press("ctrl+y")
        await s.shows("489 conversations done again (z takes it back)")
        assert await pool.fetchval(done) == 140 + 489
        await s.shows("Open  2")


async def test_a_viewer_is_refused_in_plain_words(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    await w.conversation("look only", at=now())
    async with real(dsn, "vera-acme") as s:
        await s.shows("look only")
        await s.press("e")
        await s.shows("not closed")


async def test_listening_search_and_taking_in(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    for i in range(3):
        await w.mention(f"acme launch {i}", author=f"fan{i}", topic="launch", at=now() - timedelta(minutes=i))
    await pool.execute(
        "INSERT INTO counter_deltas (brand_id, name, key, bucket, n) VALUES ($1, 'topic', 'launch', date_trunc('hour', now()), 3)",
        w.brand_id,
    )
    async with real(dsn, view="listening") as s:
        await s.shows("acme launch 0")
        await s.shows("launch")
        await s.press("slash")
        await s.shows("Search")
        await s.type("launch AND 2")
        await s.press("enter")
        await s.shows("search launch AND 2")
        await s.hides("acme launch 0")
        await s.shows("acme launch 2")
        await s.press("i")
        await s.shows("▸ @fan2")
        assert await pool.fetchval("SELECT count(*) FROM conversations") == 1


async def test_a_lost_feed_comes_back_with_what_was_missed(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    one = await w.conversation("still here", at=now())
    await w.conversation("second", author="zoe", at=now() + timedelta(seconds=1))
    async with real(dsn) as s:
        await s.until(
            lambda: s.desk.connected is True, "connected"
        )  # a bar that says in time that nobody listens hides it
        await pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'hubbub inbox feed%'"
        )
        await acts.do(pool, w.tom.id, [one], Close(), now())
        await s.shows("now done")
        await s.until(lambda: s.desk.connected is True, "connected again")


async def test_the_listeners_pulse_is_read(pool: asyncpg.Pool, dsn: str) -> None:
    await world(pool)
    await alive.beat(pool, alive.Program("listener", "here", 1, "0", now(), now(), {}))
    async with real(dsn) as s:
        await s.shows("connected, listening")


async def test_a_big_table_opens_on_its_first_page_and_reaches_its_last(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    await w.many(5000)
    total = await pool.fetchval("SELECT count(*) FROM conversations WHERE folder = 'open'")
    last = await pool.fetchval(
        "SELECT id FROM conversations WHERE folder = 'open' ORDER BY sort_key DESC, id DESC LIMIT 1"
    )
    async with real(dsn) as s:
        await s.shows(f"Open  {total:,}")
        await s.press("G")
        await s.until(lambda: s.app.place.rows.cursor_id == last, "the last row")
        assert len(s.app.place.rows.window) <= 600


async def test_who_is_not_known_is_told_who_is(pool: asyncpg.Pool, dsn: str) -> None:
    await world(pool)
    with pytest.raises(FixMe, match=r"there is no brand 'nope'.*acme"):
        await connect(dsn, "nope", "mia-acme")
    with pytest.raises(FixMe, match=r"'eve' does not work for Acme.*mia-acme"):
        await connect(dsn, "acme", "eve")


async def test_a_view_is_kept_opened_lived_in_and_deleted(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    for i, text in enumerate(("where is my refund?", "all is well", "a refund, please", "refunds of a friend")):
        await w.conversation(text, author=f"asker{i}", due_at=now() + timedelta(minutes=30 + i), at=now())
    async with real(dsn) as s:
        await s.shows("Open  4")
        await s.press("slash")
        await s.type("refund -friend is:ope")
        await s.shows("is: knows no 'ope'")
        await s.press("tab")
        await s.until(lambda: s.app.focused.value == "refund -friend is:open", "the offer")
        await s.press("ctrl+s")
        await s.shows("Name of the view")
        await s.type("Refunds")
        await s.press("enter")
        await s.shows("kept as Refunds, for you")
        two = ["where is my refund?", "a refund, please"]
        await s.until(lambda: [row.snippet for row in s.app.place.rows.window.rows] == two, "the view's own")
        late = await w.conversation("my refund is late", author="late", due_at=now() + timedelta(minutes=1), at=now())
        await acts.do(pool, w.tom.id, [late], Assign(w.tom.id), now())
        await s.until(lambda: s.app.place.rows.window.get(late) is not None, "a new one comes by itself")
        await acts.do(pool, w.tom.id, [late], Close(), now())
        await s.until(lambda: s.app.place.rows.window.get(late) is None, "and goes when it is closed")
        row = await pool.fetchrow("SELECT name, query, person_id FROM saved_views")
        assert tuple(row) == ("Refunds", "refund -friend is:open", w.mia.id)
        await s.press("D")
        await s.shows("Delete the view Refunds?")
        await s.press("d")
        await s.shows("Open  4")
        assert await pool.fetchval("SELECT count(*) FROM saved_views") == 0


async def test_what_a_lead_shares_is_there_for_all_and_theirs_to_delete(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    await w.conversation("where is my refund?", due_at=now() + timedelta(minutes=30), at=now())
    async with real(dsn) as s, real(dsn, "tom-acme") as lead:
        await s.shows("where is my refund?")
        await lead.shows("where is my refund?")
        await lead.press("slash")
        await lead.type("refund")
        await lead.press("ctrl+s")
        await lead.shows("Name of the view")
        await lead.type("Refunds")
        await lead.press("enter")
        await lead.shows("For whom?")
        await lead.press("e")
        await lead.shows("kept as Refunds, for everybody")
        await s.until(lambda: [view.name for view in s.app.place.views] == ["Refunds"], "it arrives")
        await s.app.place.show_view(s.app.place.views[0])
        await s.press("D")
        await s.shows("It is everybody's.")
        await s.press("d")
        await s.shows("only a lead or an admin changes the views that all share")


async def publish(w: World, n: int, text: str) -> None:
    """The listener accepts another rulebook."""
    files = {"rules/care.yaml": "topics: [{key: acme, kind: brand, query: acme}]", "rules/lists.yaml": text}
    assert await rulebooks.publish(w.pool, f"hash {n}", files, "", now() + timedelta(seconds=n))


async def test_search_and_views_know_the_names_of_the_rulebook_in_force_and_follow_it(
    pool: asyncpg.Pool, dsn: str
) -> None:
    w = await world(pool)
    for i, text in enumerate(("where is my refund?", "all is well", "win a prize", "an airdrop for you")):
        mention = await w.mention(text, topic="acme", author=f"asker{i}", at=now() - timedelta(minutes=i))
        await acts.open_from_mention(pool, w.tom.id, w.brand_id, mention, now())
    await publish(w, 1, "lists: [{key: giveaway, words: [prize]}]")
    async with real(dsn) as s:

        def shown() -> set[str]:
            return {row.snippet for row in s.app.place.rows.window.rows}

        await s.shows("Open  4")
        await s.press("slash")
        await s.type("list:give")
        await s.shows("list:giveaway")
        await s.press("tab")
        await s.until(lambda: s.app.focused.value == "list:giveaway", "the offer")
        await s.shows("Stands for: prize")
        await s.press("enter")
        await s.shows("search list:giveaway")
        await s.shows("win a prize")
        await s.hides("where is my refund?")
        await s.press("S")
        await s.shows("Name of the view")
        await s.type("Giveaways")
        await s.press("enter")
        await s.shows("kept as Giveaways, for you")
        await s.press("l")
        await s.until(lambda: s.app.place.place == "inbox" and bool(s.app.place.views), "the view among the folders")
        await s.app.place.show_view(s.app.place.views[0])
        await s.until(lambda: shown() == {"win a prize"}, "by the list")

        await publish(w, 2, "lists: [{key: giveaway, words: [prize, airdrop]}]")
        await s.until(lambda: shown() == {"win a prize", "an airdrop for you"}, "the list has grown")

        await s.press("slash")
        await s.shows("Any of 2: prize, airdrop")
        await publish(w, 3, "lists: [{key: giveaways, words: [airdrop]}]")
        await s.shows("the rule files define no list 'giveaway'")
        assert s.app.focused.value == "list:giveaway", "the box tells it while it is open"
        await s.press("escape")
        await s.shows("Giveaways  cannot be read")
        await s.shows("the rule files define no list 'giveaway'")
        assert shown() == set()
        assert await pool.fetchval("SELECT count(*) FROM saved_views") == 1

        await publish(w, 4, "lists: [{key: giveaway, words: [airdrop]}]")
        await s.until(lambda: shown() == {"an airdrop for you"}, "back, by what the list is now")
        await s.hides("cannot be read")


async def test_a_rulebook_that_came_while_the_connection_was_lost_is_taken_up(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    await publish(w, 1, "lists: [{key: giveaway, words: [prize]}]")
    async with real(dsn) as s:
        await s.shows("● connected")
        await s.until(lambda: "giveaway" in s.backend.names.lists, "the first rulebook")
        await pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'hubbub inbox feed%'"
        )
        await publish(w, 2, "queries: [{key: calm, query: -prize}]")
        await s.until(lambda: s.backend.names.queries == {"calm": "-prize"}, "the second one")
        assert s.backend.names.lists == {}


async def test_names_that_stay_the_same_are_told_to_nobody(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    await publish(w, 1, "lists: [{key: giveaway, words: [prize]}]")
    backend = await connect(dsn, "acme", "mia-acme")
    await backend.read_names()
    before = backend.names
    assert before.lists == {"giveaway": ("prize",)}
    await publish(w, 2, "lists: [{key: giveaway, title: Prizes, words: [prize]}]")
    await backend.read_names()
    assert backend.names is before
    await backend.close(now())


async def test_who_becomes_a_lead_may_share_at_once(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    backend = await connect(dsn, "acme", "mia-acme")
    assert not await backend.may_share()
    await people.ensure_person(pool, w.mia.login, w.mia.name, w.brand_id, Role.LEAD)
    assert await backend.may_share()
    await backend.close(now())


async def test_the_style_guide_and_the_saved_replies_in_force_reach_the_composer(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    await ready(w)
    await w.conversation("where is my parcel?", author="ana", due_at=now() + timedelta(minutes=9), at=now())
    reply = "{key: R, code: R, text: 'from {brand}, {agent}', on: {bluesky: 'blue {agent}'}"
    replies = ", ".join(
        reply.replace("R", one) + rest for one, rest in (("mine", "}"), ("theirs", ", brands: [zenith]}"))
    )
    await publish(w, 1, f"replies: [{replies}]\nstyle: {{banned: [sadly], hard: [banned]}}")
    async with real(dsn) as s:
        await s.shows("where is my parcel?")
        await s.press("r")
        await s.composes()
        await s.until(lambda: s.app.place.composer.knows, "the style guide and the saved replies")
        await s.type("theirs")
        await s.press("tab")
        await s.shows("no saved reply has the code")
        await s.type(" sadly mine")
        await s.press("tab")
        await s.composes("theirs sadly blue Mia")
        await s.press("ctrl+s")
        await s.shows("not sent: “sadly” is not how we say it")
        assert await pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_in_which_language_a_draft_is_and_how_it_sounds_is_told_while_it_is_typed(
    pool: asyncpg.Pool, dsn: str
) -> None:
    w = await world(pool)
    await ready(w)
    await w.conversation("where is my parcel?", author="ana", due_at=now() + timedelta(minutes=9), at=now())
    lexicon = "lexicon: [{key: trade, words: {parcelgate: -3}}]"
    await publish(w, 1, f"style: {{languages: [en], tone: not negative, hard: [languages]}}\n{lexicon}")
    async with real(dsn) as s:
        await s.shows("where is my parcel?")
        await s.press("r")
        await s.composes()
        await s.until(lambda: s.app.place.composer.knows, "the style guide")
        await s.type("This is such a parcelgate, I hear you.")
        await s.shows("it sounds negative")
        await s.press("ctrl+a", "delete")
        await s.type("Guten Morgen, wo ist denn das Paket geblieben?")
        await s.shows("it is written in de")
        assert not s.sees("it sounds"), "only what can be scored is"
        await s.press("ctrl+s")
        await s.shows("not sent: it is written in de: we answer in en")
        assert await pool.fetchval("SELECT count(*) FROM outbox") == 0
