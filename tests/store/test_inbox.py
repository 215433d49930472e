"""Windows of data: pages that meet without a gap at any depth and cost the same, exact counts, one conversation whole."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from listener.model.kinds import Kind
from listener.model.leaving import OutboxState
from listener.model.scales import ToneLabel
from listener.model.work import Origin, State
from listener.query.fields import Use
from listener.query.parse import parse
from listener.store import acts, approvals, asking, claims, inbox, network_acts, outbox, upkeep
from listener.store.inbox import folded, heard, opened, posts, queue, standing
from listener.workflow.acts import Assign, Close, Tag
from tests.store.world import NOW, World, later, world


async def plan(pool: asyncpg.Pool, statement: str, *values: Any) -> dict[str, Any]:
    """The executed plan of a statement, with what it touched."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        names = ", ".join(_literal(value) for value in values)
        await connection.execute(f"PREPARE it AS {statement}")
        found = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE it ({names})")
        await connection.execute("DEALLOCATE it")
    root: dict[str, Any] = json.loads(found)[0]["Plan"]
    return root


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value) + "'"


def nodes(root: dict[str, Any]) -> list[dict[str, Any]]:
    return [root, *(node for child in root.get("Plans", []) for node in nodes(child))]


def touched(root: dict[str, Any]) -> int:
    """Pages of the database that it looked at."""
    return int(root["Shared Hit Blocks"] + root["Shared Read Blocks"])


# The queue ------------------------------------------------------------------------------------------------------------


async def test_a_line_of_the_queue_says_what_the_screen_shows(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    due = later(minutes=15)
    one = await w.conversation("Where is my refund?" + "!" * 400, author="ana", due_at=due, tone="negative")
    await acts.do(pool, w.mia.id, [one], Assign(w.tom.id), NOW)
    await acts.do(pool, w.mia.id, [one], Tag(add=("refund",)), NOW)
    await claims.claim(pool, one, w.mia.id, "t1", NOW)
    [row] = await inbox.page(pool, w.brand_id, "open", limit=10, now=NOW)
    assert (row.id, row.state, row.source, row.author_handle, row.author_name) == (
        one,
        State.NEW,
        "bluesky",
        "ana",
        "Ana",
    )
    assert row.snippet == ("Where is my refund?" + "!" * 400)[:280]
    assert (row.tone, row.need, row.priority, row.due_at) == (ToneLabel.NEGATIVE, 0.75, 2, due)
    assert (row.assignee_id, row.assignee, row.tags, row.messages) == (w.tom.id, "Tom", ("refund",), 1)
    assert (row.claimed_by, row.claimed_by_id, row.unread, row.outbox, row.version) == ("Mia", w.mia.id, True, None, 3)
    [row] = await inbox.page(pool, w.brand_id, "open", limit=10, now=later(minutes=2))
    assert (row.claimed_by, row.claimed_by_id) == ("", None)
    assert [row] == await inbox.rows(pool, [one], later(minutes=2))


async def test_a_reply_on_its_way_shows_until_it_is_seen(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    [message] = (await _opened(w, one)).thread
    await outbox.queue_reply(
        pool, w.mia.id, one, w.account.id, message.id, "On its way", visibility="public", lang="en", fence=1,
        hold_seconds=5, close_after=False, now=NOW,
    )  # fmt: skip
    assert [row.outbox for row in await inbox.rows(pool, [one])] == [OutboxState.QUEUED]
    await pool.execute("UPDATE outbox SET state = 'seen'")
    assert [row.outbox for row in await inbox.rows(pool, [one])] == [None]


async def test_what_was_deleted_has_no_words(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation("secret")
    await pool.execute("UPDATE mentions SET state = 'deleted'")
    assert [row.snippet for row in await inbox.rows(pool, [one])] == [None]
    [message] = (await _opened(w, one)).thread
    assert (message.text, message.deleted) == (None, True)


async def test_pages_meet_without_a_gap_in_both_directions(pool: asyncpg.Pool) -> None:
    seed = random.randrange(10**9)
    print("seed", seed)
    dice = random.Random(seed)
    w = await world(pool)
    await w.many(400)
    # Many rows at one place of the order: the id decides.
    await pool.execute("UPDATE conversations SET sort_key = (id * 31 + $1) % 7", dice.randrange(1000))
    expected = [row["id"] for row in await pool.fetch(
        "SELECT id FROM conversations WHERE folder = 'open' ORDER BY sort_key, id")]  # fmt: skip
    down: list[int] = []
    place = None
    while page := await inbox.page(pool, w.brand_id, "open", after=place, limit=dice.randrange(1, 40)):
        down += [row.id for row in page]
        place = (page[-1].sort_key, page[-1].id)
    assert down == expected
    up: list[int] = []
    place = inbox.LAST
    while page := await inbox.page(pool, w.brand_id, "open", before=place, limit=dice.randrange(1, 40)):
        up = [row.id for row in page] + up
        place = (page[0].sort_key, page[0].id)
    assert up == expected
    mine = await inbox.page(pool, w.brand_id, "open", person_id=w.mia.id, limit=1000)
    assert [row.id for row in mine] == [row["id"] for row in await pool.fetch(
        "SELECT id FROM conversations WHERE folder = 'open' AND assignee_id = $1 ORDER BY sort_key, id", w.mia.id)]  # fmt: skip
    assert len(mine) == 20


async def test_other_brands_and_merged_conversations_are_in_no_queue(pool: asyncpg.Pool) -> None:
    w, other = await world(pool), await world(pool, "other")
    older, younger, stranger = await w.conversation(), await w.conversation(), await other.conversation()
    await pool.execute("UPDATE conversations SET merged_into = $1 WHERE id = $2", older, younger)
    assert [row.id for row in await inbox.page(pool, w.brand_id, "open", limit=9)] == [older]
    assert [row.id for row in await inbox.rows(pool, [older, younger])] == [older]
    assert [row.id for row in await inbox.page(pool, other.brand_id, "open", limit=9)] == [stranger]


async def test_all_that_stands_in_a_folder_or_a_view_is_told_with_its_version(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    w, other = await world(pool), await world(pool, "other")
    monkeypatch.setattr(standing, "STEP", 3)
    ids = [await w.conversation("refund me", due_at=later(minutes=9 - i // 2)) for i in range(7)]
    ordered = [ids[i] for i in (6, 4, 5, 2, 3, 0, 1)]
    merged, closed = await w.conversation(), await w.conversation(state="done")
    mine = await w.conversation("hello", assignee=w.mia, due_at=later(hours=1))
    await other.conversation()
    await pool.execute("UPDATE conversations SET merged_into = $1 WHERE id = $2", ids[0], merged)
    await acts.do(pool, w.tom.id, [ids[2]], Tag(add=("a",)), NOW)
    found = await inbox.in_folder(pool, w.brand_id, "open")
    assert list(found.versions) == [*ordered, mine], "in the order of work"
    assert found.versions == dict.fromkeys([*ids, mine], 1) | {ids[2]: 2}
    assert not found.more
    assert list((await inbox.in_folder(pool, w.brand_id, "open", person_id=w.mia.id)).versions) == [mine]
    assert list((await inbox.in_folder(pool, w.brand_id, "done")).versions) == [closed]
    tree = parse("refund", Use.VIEW).tree
    assert tree is not None
    for most, more in ((6, True), (7, False), (8, False)):
        some = await inbox.in_view(pool, w.brand_id, tree, NOW, most=most)
        assert (list(some.versions), some.more) == (ordered[:most], more)
    assert some.versions[ids[2]] == 2


async def test_the_last_page_costs_what_the_first_does(pool: asyncpg.Pool) -> None:
    """Of 20,000 conversations; by the plan and by what it touched, not by the clock: both directions, first, middle and last."""
    w = await world(pool)
    n = 20_000
    await w.many(n)
    await pool.execute(
        "INSERT INTO outbox (brand_id, lane, conversation_id, key, state, not_before, queued_at, changed_at) "
        "SELECT brand_id, 'reply', id, id::text, 'seen', changed_at, changed_at, changed_at FROM conversations WHERE id % 5 = 0"
    )
    await pool.execute("VACUUM ANALYZE")
    await _same_at_any_depth(w, n * 7 // 10, queue._PAGE_AFTER, queue._PAGE_BEFORE, "conversations_queue", None)
    await _same_at_any_depth(w, n // 20, queue._MINE_AFTER, queue._MINE_BEFORE, "conversations_mine", w.mia.id)


async def _same_at_any_depth(w: World, n: int, after: str, before: str, index: str, person_id: int | None) -> None:
    whose = "folder = 'open' AND ($1::int IS NULL OR assignee_id = $1)"
    assert await w.pool.fetchval(f"SELECT count(*) FROM conversations WHERE {whose}", person_id) == n
    places = [inbox.LAST]
    for depth in (0, 60, n // 2, n - 61, n - 1):
        row = await w.pool.fetchrow(
            f"SELECT sort_key, id FROM conversations WHERE {whose} ORDER BY 1, 2 OFFSET $2 LIMIT 1", person_id, depth
        )
        places.append((row["sort_key"], row["id"]))
    for statement, order in ((after, "Forward"), (before, "Backward")):
        costs = []
        for place in places:
            values = [None, w.brand_id, "open", *place, 50, *([] if person_id is None else [person_id])]
            root = await plan(w.pool, _typed(statement), *values)
            [scan] = [node for node in nodes(root) if node.get("Index Name") == index]
            assert scan["Scan Direction"] == order
            assert "ROW(sort_key, id)" in scan["Index Cond"]
            # What the index gave is what the page took: nothing was read to be thrown away.
            assert "Filter" not in scan
            assert scan["Actual Rows"] <= 50
            # No table is read from end to end but those that hold a handful of staff and claims.
            whole = {n["Relation Name"] for n in nodes(root) if n["Node Type"] == "Seq Scan" and n["Actual Loops"]}
            assert whole <= {"people", "claims"}, whole
            if scan["Actual Rows"] == 50:
                costs.append(touched(root))
        print(index, order, costs)
        assert len(costs) >= 4
        assert max(costs) <= 1.25 * min(costs) + 20


def _typed(statement: str) -> str:
    """The page's statement with the types that the driver finds by itself."""
    return statement.replace("$1", "$1::timestamptz")


async def test_a_plan_from_an_empty_house_is_still_good_in_a_full_one(pool: asyncpg.Pool) -> None:
    """A new house has no statistics, and a program keeps its plans: they must go by keys all the same."""
    w = await world(pool)
    asked = {
        "page": (_typed(queue._PAGE_AFTER), (None, w.brand_id, "open", *inbox.FIRST, 50)),
        "standing": (standing._STEP, (w.brand_id, "open", *inbox.FIRST, 50)),
        "standing_mine": (standing._STEP_MINE, (w.brand_id, "open", *inbox.FIRST, 50, w.mia.id)),
        "mine": (_typed(queue._MINE_BEFORE), (None, w.brand_id, "open", *inbox.LAST, 50, w.mia.id)),
        "folded": (_typed(folded._PAGE_AFTER), (None, w.brand_id, "open", *inbox.FIRST, 50, "{}")),
        "folded_mine": (_typed(folded._MINE_BEFORE), (None, w.brand_id, "open", *inbox.LAST, 50, "{}", w.mia.id)),
        "folds": (folded._FOLDS, (w.brand_id, "open", "{1,2}")),
        "comments": (posts._OLDER, ("many", "x", w.brand_id, NOW, 0, 50)),
        "to_answer": (posts._NEWER_TO_ANSWER, ("many", "x", w.brand_id, NOW, 0, 50)),
        "comment_counts": (posts._COUNTS, ("many", "x", w.brand_id, 5000)),
        "listening": (heard._OLDER, (w.brand_id, "acme", later(days=999), 0, 50)),
        "thread": (opened._THREAD.replace("$2", "$2::text").replace("$3", "$3::text"), (1, "many", "x", 300, 200, 200, w.brand_id)),
        "state": (opened._STATE, (1, NOW, w.mia.id)),
        "because": (opened._BECAUSE, (1, w.brand_id, 300)),
        "replies": (opened._REPLIES, (1, 200)),
        "history": (opened._HISTORY, (1, 200)),
        "approvals": (approvals._BY_CONVERSATION, (1, 20)),
        "network_acts": (network_acts._OF_THREAD, (w.brand_id, "{1,2}", 1, 12)),
        "asked": (asking._UNSEEN, (w.brand_id, w.mia.id, 50)),
    }  # fmt: skip
    async with pool.acquire() as connection:
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        for name, (statement, values) in asked.items():
            await connection.execute(f"PREPARE {name} AS {statement}")
            await connection.execute(f"EXPLAIN EXECUTE {name} ({', '.join(map(_literal, values))})")
        await w.many(20_000)
        await connection.execute(
            "INSERT INTO hearings (mention_id, brand_id, topic, source_id, via, at, heard_at) "
            "SELECT id, $1, 'acme', $2, 'topic', at, at FROM mentions", w.brand_id, w.source_id,
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO events (brand_id, kind, conversation_id) SELECT brand_id, 'wake', id FROM conversations"
        )
        await connection.execute(
            "INSERT INTO outbox (brand_id, lane, conversation_id, key, state, not_before, queued_at, changed_at) "
            "SELECT brand_id, 'reply', id, id::text, 'seen', changed_at, changed_at, changed_at FROM conversations"
        )
        for name, (_, values) in asked.items():
            found = await connection.fetchval(
                f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE {name} ({', '.join(map(_literal, values))})"
            )
            root = json.loads(found)[0]["Plan"]
            print(name, touched(root))
            # (Whole tables, once a line, would be 70,000.)
            assert touched(root) < 7_000, (name, json.dumps(root, indent=1))
        await connection.execute("DEALLOCATE ALL")
        await connection.execute("RESET plan_cache_mode")


async def test_an_or_shaped_keyset_would_be_caught(pool: asyncpg.Pool) -> None:
    """The trap that the test above guards against, planted: it reads and throws away, more with every page."""
    w = await world(pool)
    await w.many(20_000)
    await pool.execute("VACUUM ANALYZE conversations")
    trap = queue._PAGE_AFTER.replace("(sort_key, id) > ($4, $5)", "(sort_key > $4 OR (sort_key = $4 AND id > $5))")
    assert trap != queue._PAGE_AFTER
    deep = await plan(pool, _typed(trap), None, w.brand_id, "open", 990_000, 0, 50)
    [scan] = [node for node in nodes(deep) if node.get("Relation Name") == "conversations" and "Filter" in node]
    assert scan["Rows Removed by Filter"] > 10_000


# Counts ---------------------------------------------------------------------------------------------------------------


async def test_counts_follow_the_conversations(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one, two, three = [await w.conversation() for _ in range(3)]
    await w.conversation(state="theirs")
    await w.conversation(snoozed_until=later(hours=1))
    await acts.do(pool, w.mia.id, [one, two], Assign(w.mia.id), NOW)
    await acts.do(pool, w.mia.id, [two], Close(), NOW)
    for _ in range(2):
        found = await inbox.counts(pool, w.brand_id, w.mia.id)
        assert (dict(found.folders), found.mine) == ({"open": 2, "theirs": 1, "snoozed": 1, "done": 1}, 1)
        await upkeep.fold(pool)
    await pool.execute("UPDATE conversations SET merged_into = $1 WHERE id = $2", one, three)
    found = await inbox.counts(pool, w.brand_id, None)
    assert (dict(found.folders), found.mine) == ({"open": 1, "theirs": 1, "snoozed": 1, "done": 1}, 0)


async def test_topics_count_the_last_24_hours(pool: asyncpg.Pool) -> None:
    w, other = await world(pool), await world(pool, "other")
    deltas = [
        (w.brand_id, "topic", "acme", later(hours=0), 3),
        (w.brand_id, "topic", "acme", later(hours=-23), 2),
        (w.brand_id, "topic", "acme", later(hours=-24), 100),
        (w.brand_id, "topic-negative", "acme", later(hours=-1), 1),
        (w.brand_id, "topic", "old", later(hours=-100), 9),
        (other.brand_id, "topic", "acme", later(hours=0), 50),
    ]
    insert = "INSERT INTO counter_deltas (brand_id, name, key, bucket, n) VALUES ($1, $2, $3, $4, $5)"
    await pool.executemany(insert, deltas[:3])
    await upkeep.fold(pool)
    await pool.executemany(insert, deltas[3:])
    for _ in range(2):
        found = await inbox.topics(pool, w.brand_id, NOW)
        assert [(t.topic, t.today, t.negative_today) for t in found] == [("acme", 5, 1), ("old", 0, 0)]
        await upkeep.fold(pool)


# Listening ------------------------------------------------------------------------------------------------------------


async def test_a_topic_is_listed_newest_first_each_mention_once(pool: asyncpg.Pool) -> None:
    seed = random.randrange(10**9)
    print("seed", seed)
    dice = random.Random(seed)
    w = await world(pool)
    ids = [await w.mention(f"text {i}", topic="acme", at=later(minutes=dice.randrange(5))) for i in range(60)]
    await w.mention("elsewhere", topic="rival")
    # Heard by a second source as well: still one line.
    await pool.execute("INSERT INTO sources (key) VALUES ('second')")
    await pool.execute(
        "INSERT INTO hearings SELECT h.mention_id, h.brand_id, h.topic, h.account_id, s.id, h.via, h.at, h.heard_at "
        "FROM hearings h, sources s WHERE s.key = 'second' AND h.mention_id % 3 = 0"
    )
    expected = [row["id"] for row in await pool.fetch(
        "SELECT id FROM mentions WHERE id = ANY($1::bigint[]) ORDER BY at DESC, id DESC", ids)]  # fmt: skip
    down: list[int] = []
    place = None
    while page := await inbox.listening(pool, w.brand_id, "acme", before=place, limit=dice.randrange(1, 9)):
        down += [row.id for row in page]
        place = (page[-1].at, page[-1].id)
    assert down == expected
    up: list[int] = []
    place = (later(days=-1), 0)
    while page := await inbox.listening(pool, w.brand_id, "acme", after=place, limit=dice.randrange(1, 9)):
        up = [row.id for row in page] + up
        place = (page[0].at, page[0].id)
    assert up == expected


async def test_a_line_of_listening_says_what_the_screen_shows(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.mention("Acme is down", author="bo", topic="acme", tone="negative")
    await pool.execute(
        "INSERT INTO flags VALUES ($1, $2, 1, 'outage', 'h', '{8,12}', '{}', $3), ($1, $2, 1, 'angry', 'h', '{}', '{}', $3)",
        one, w.brand_id, NOW,
    )  # fmt: skip
    [row] = await inbox.listening(pool, w.brand_id, "acme")
    assert (row.id, row.at, row.source, row.author_handle, row.text, row.kind) == (
        one, NOW, "bluesky", "bo", "Acme is down", Kind.POST,
    )  # fmt: skip
    assert (row.tone, row.need, row.rules, row.conversation_id, row.deleted) == (
        ToneLabel.NEGATIVE, 0.75, ("angry", "outage"), None, False,
    )  # fmt: skip
    conversation = await acts.open_from_mention(pool, w.mia.id, w.brand_id, one, NOW)
    await pool.execute("UPDATE mentions SET state = 'deleted'")
    [row] = await inbox.listening_rows(pool, w.brand_id, [one])
    assert (row.conversation_id, row.text, row.deleted) == (conversation, None, True)
    other = await world(pool, "other")
    assert await inbox.listening_rows(pool, other.brand_id, [one]) == []


async def test_a_deep_page_of_listening_costs_what_the_first_does(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await w.many(20_000)
    await pool.execute(
        "INSERT INTO hearings (mention_id, brand_id, topic, source_id, via, at, heard_at) "
        "SELECT id, $1, 'acme', $2, 'topic', $3::timestamptz + id * interval '1 second', $3 FROM mentions",
        w.brand_id, w.source_id, NOW,
    )  # fmt: skip
    await pool.execute(
        "INSERT INTO flags SELECT id, $1, 1, 'outage', 'h', '{}', '{}', $2 FROM mentions", w.brand_id, NOW
    )
    await pool.execute("VACUUM ANALYZE")
    costs = []
    for back in (0, 10_000, 19_900):
        at = await pool.fetchval("SELECT max(at) FROM hearings") - timedelta(seconds=back)
        for statement in (heard._OLDER, heard._NEWER):
            root = await plan(pool, statement, w.brand_id, "acme", at, 0, 50)
            [scan] = [n for n in nodes(root) if n.get("Index Name") == "hearings_listening"]
            # (One more: the row that ends the last group.)
            assert scan["Actual Rows"] <= 51
            assert [n["Relation Name"] for n in nodes(root) if n["Node Type"] == "Seq Scan"] == []
            if scan["Actual Rows"] >= 50:
                costs.append(touched(root))
    print(costs)
    assert len(costs) >= 4
    assert max(costs) <= 1.25 * min(costs) + 20


# One conversation -----------------------------------------------------------------------------------------------------


async def _opened(w: World, id_: int) -> Any:
    found = await inbox.open(w.pool, id_, w.mia.id, NOW)
    assert found is not None
    return found


async def test_an_opened_conversation_shows_the_thread_and_all_around_it(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    root = await w.mention("We launch today", author="acme", ours=True)
    one = await w.conversation("Does it work?", author="ana", at=later(minutes=1), tone="negative")
    await pool.execute("UPDATE mentions SET root = 'm1', parent = 'm1' WHERE external_id <> 'm1'")
    await pool.execute("UPDATE conversations SET root = 'm1' WHERE id = $1", one)
    other = await w.mention("Same here", author="bo", parent="m1", root="m1", at=later(minutes=2))
    await pool.execute("UPDATE authors SET bio = 'flies', followers = 12, status = 'suspended' WHERE handle = 'ana'")
    await pool.execute("UPDATE accounts SET handle = 'acme.example'")
    elsewhere = await w.conversation("Another matter", author="ana", at=later(days=-3))
    await acts.do(pool, w.mia.id, [one], Assign(w.tom.id), NOW)
    await acts.note(pool, w.mia.id, one, "known customer", NOW)
    await acts.save_draft(pool, w.mia.id, one, "Dear Ana", 1, NOW)
    await claims.claim(pool, one, w.tom.id, "t2", NOW)
    found = await _opened(w, one)
    assert [(m.text, m.mine, m.ours, m.author_handle) for m in found.thread] == [
        ("We launch today", False, True, "acme"),
        ("Does it work?", True, False, "ana"),
        ("Same here", False, False, "bo"),
    ]
    assert {root, other} < {m.id for m in found.thread}
    mine = found.thread[1]
    assert (mine.tone, mine.compound, mine.need, mine.flags, mine.parent) == (ToneLabel.NEGATIVE, -0.5, 0.75, (), "m1")
    assert (found.brand, found.source, found.origin) == ("Acme", "bluesky", Origin.ADDRESSED)
    assert (found.author_handle, found.author_bio, found.author_followers, found.author_status) == (
        "ana", "flies", 12, "suspended",
    )  # fmt: skip
    assert (found.author_conversations, found.account_handle, found.account_id) == (1, "acme.example", w.account.id)
    assert (found.assignee, found.claimed_by, found.claimed_by_id) == ("Tom", "Tom", w.tom.id)
    assert [(n.person, n.body) for n in found.notes] == [("Mia", "known customer")]
    assert [(h.kind, h.person) for h in found.history] == [("act.assign", "Mia"), ("act.note", "Mia")]
    assert dict(found.history[0].after) == {"assignee_id": w.tom.id}
    assert (found.because, found.because_mention_id, found.rulebook) == (({"rule": "outage"},), mine.id, "h")
    assert (found.draft, found.draft_thread_version) == ("Dear Ana", 1)
    assert (await _opened(w, elsewhere)).draft == ""
    assert await inbox.open(pool, 10**9, w.mia.id, NOW) is None


async def test_a_merged_conversation_opens_the_one_it_became(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    older, younger = await w.conversation(), await w.conversation()
    await pool.execute("UPDATE conversations SET merged_into = $1 WHERE id = $2", older, younger)
    assert (await _opened(w, younger)).conversation.id == older


async def test_where_nobody_was_addressed_the_brands_account_answers(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    await pool.execute("UPDATE conversations SET account_id = 0")
    assert (await _opened(w, one)).account_handle == "acme.example"
    await pool.execute("UPDATE accounts SET source = 'mastodon'")
    found = await _opened(w, one)
    assert (found.account_id, found.account_handle) == (0, "")


async def test_a_thread_of_20000_replies_opens_as_fast_as_a_short_one(pool: asyncpg.Pool) -> None:
    """What belongs to the conversation comes first, however many others shouted afterwards; and the rest is not read."""
    w = await world(pool)
    one = await w.conversation("my own words", author="ana")
    await pool.execute(
        "INSERT INTO mentions (space, external_id, source, author_id, ours, kind, parent, root, heard_at, at) "
        "SELECT 'at', 'noise' || i, 'bluesky', a.id, false, 'reply', CASE WHEN i <= 5000 THEN 'm2' ELSE 'm0' END, 'm2', $1, "
        "$1::timestamptz + i * interval '1 s' FROM generate_series(1, 20000) AS i, authors a WHERE a.handle = 'ana'",
        NOW,
    )  # fmt: skip
    early = await w.mention("and one thing more", author="ana", parent="m0", root="m2", at=later(seconds=1))
    await pool.execute("INSERT INTO conversation_mentions VALUES ($1, $2)", one, early)
    key = await pool.fetchval("SELECT m.external_id FROM mentions m JOIN conversations c ON c.last_mention_id = m.id")
    await pool.execute("UPDATE mentions SET root = $1 WHERE root = 'm2'", key)
    await pool.execute("UPDATE mentions SET parent = $1 WHERE parent = 'm2'", key)
    await pool.execute("INSERT INTO mention_keys SELECT space, external_id, id FROM mentions ON CONFLICT DO NOTHING")
    await pool.execute("VACUUM ANALYZE")
    found = await _opened(w, one)
    assert [m.text for m in found.thread if m.mine] == ["my own words", "and one thing more"]
    assert 200 < len(found.thread) <= 702
    assert found.thread[-1].external_id == "noise20000"
    root = await plan(
        pool,
        opened._THREAD.replace("$2", "$2::text").replace("$3", "$3::text"),
        one,
        "at",
        key,
        300,
        200,
        200,
        w.brand_id,
    )
    assert touched(root) < 8_000
    assert not [n for n in nodes(root) if n["Node Type"] == "Seq Scan" and n["Relation Name"] == "mentions"]


async def test_versions_are_the_words_as_they_were(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.mention("frist")
    await pool.execute(
        "INSERT INTO mention_versions VALUES ($1, 2, 'r', '', 'first', NULL, NULL, $2)", one, later(minutes=1)
    )
    assert await inbox.versions(pool, one) == [(1, "frist", NOW), (2, "first", later(minutes=1))]
