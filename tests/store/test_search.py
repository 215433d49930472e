"""The search box: what it finds is what the matcher says of every mention, by whichever way; and it stops when time is up."""

from __future__ import annotations

import asyncio
import random
import re
import time
from datetime import timedelta

import asyncpg
import pytest

from listener.query.bounds import asks_state
from listener.query.match import match
from listener.query.parse import parse
from listener.query.subject import Subject
from listener.query.tree import Node
from listener.store import acts, inbox
from listener.store.inbox import lookup
from listener.store.inbox.heard import Place
from listener.store.inbox.subjects import Reading
from listener.store.migrate import shipped
from listener.workflow.acts import Assign, Close, Reopen, Tag
from tests.store import stock
from tests.store.test_query_sql import gathered, subjects
from tests.store.world import NOW, World, later, world

WORDS = [
    "refund",
    "outage",
    "Refunds",
    "can't",
    "café",
    "cafe",
    "東京",
    "タワー",
    "#acme",
    "@acme.example",
    "a:b|c&d!",
    "it's",
    "x'y\\z",
]


def tree(query: str) -> Node:
    found = parse(query)
    assert found.tree is not None, found.problems
    return found.tree


async def filled(w: World, n: int, dice: random.Random) -> dict[int, str]:
    texts = {}
    for i in range(n):
        text = " ".join(dice.choice(WORDS) for _ in range(dice.randrange(1, 6)))
        id_ = await w.mention(
            text, author=f"a{i % 5}", topic=dice.choice(["acme", "rival"]), at=later(seconds=dice.randrange(30))
        )
        texts[id_] = text
    return texts


@pytest.fixture(params=["looked up", "walked", "walked, then looked up"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """By which way searches go, in small steps."""
    monkeypatch.setattr(lookup, "FIRST", 7)
    if request.param != "looked up":
        monkeypatch.setattr(lookup, "RARE", -1)
        monkeypatch.setattr(lookup, "CAP", -1 if request.param == "walked" else 10**6)
        monkeypatch.setattr(lookup, "DEAR", 0)
    return str(request.param)


async def every(w: World, query: Node, dice: random.Random) -> list[int]:
    """All that a search finds, in pages of any size."""
    found: list[int] = []
    place: Place | None = None
    while True:
        limit = dice.randrange(1, 30)
        part = await inbox.search(w.pool, w.brand_id, query, NOW, before=place, limit=limit, me="mia-acme", seconds=60)
        assert part.searched_to is None
        found += [row.id for row in part.rows]
        if len(part.rows) < limit:
            return found
        place = (part.rows[-1].at, part.rows[-1].id)


@pytest.mark.usefixtures("way")
async def test_it_finds_what_the_matcher_says(pool: asyncpg.Pool) -> None:
    """Every way, pages of any size, against every mention judged one by one."""
    seed = random.randrange(10**9)
    print("seed", seed)
    dice = random.Random(seed)
    w = await world(pool)
    texts = await filled(w, 80, dice)
    order = [r["id"] for r in await pool.fetch("SELECT id FROM mentions ORDER BY at DESC, id DESC")]
    queries = ["refund", "NOT refund", "cafe", "café", "refund -outage", '"refund outage"', "東京", "refu*", "#acme", "@acme.example",
               "refund OR cafe", "can't", "it's", "(refund cafe) OR タワー", "refund AND NOT (cafe OR outage)", "refund NEAR/1 cafe",
               '"refund outage"~2', "{Refunds}", "/caf[eé]/"]  # fmt: skip
    hits = 0
    for query in queries:
        expected = [id_ for id_ in order if match(tree(query), Subject(text=texts[id_]), NOW).hit]
        assert await every(w, tree(query), dice) == expected, query
        hits += len(expected)
    assert hits > 100


@pytest.mark.usefixtures("way")
async def test_whatever_is_asked_of_whatever_is_stored(pool: asyncpg.Pool) -> None:
    """All fields and words, mixed, newest first; and as a view, in the order of work, from both ends."""
    seed = random.randrange(10**9)
    print("seed", seed)
    dice = random.Random(seed)
    w = await world(pool)
    await stock.stocked(w, dice, 100)
    known = await subjects(w)
    order = [r["id"] for r in await pool.fetch("SELECT id FROM mentions ORDER BY at DESC, id DESC")]
    work = await pool.fetch(
        "SELECT c.id, c.folder, c.sort_key, array_agg(j.mention_id) AS own FROM conversations c"
        " JOIN conversation_mentions j ON j.conversation_id = c.id GROUP BY c.id ORDER BY c.sort_key, c.id"
    )
    given = await subjects_in(w, [row["id"] for row in work])
    hits = in_views = 0
    for query in gathered(stock.trees(), 50):
        expected = [id_ for id_ in order if id_ in known and match(query, known[id_], NOW).hit]
        assert await every(w, query, dice) == expected, query
        hits += len(expected)
        view = [
            row["id"]
            for row in work
            if (asks_state(query) or row["folder"] == "open")
            and any(match(query, given[row["id"], one], NOW).hit for one in row["own"])
        ]
        assert await every_in_view(w, query, dice) == view, query
        assert await every_in_view(w, query, dice, backwards=True) == view[::-1], query
        in_views += len(view)
    assert hits > 400
    assert in_views > 100


async def subjects_in(w: World, ids: list[int]) -> dict[tuple[int, int], Subject]:
    reading = Reading(stock.EVERYTHING, NOW, brand_id=w.brand_id, me="mia-acme")
    sql, values = reading.of_conversations("SELECT * FROM conversations WHERE id = ANY($2::bigint[])", ids)
    return {(row["conversation_id"], row["id"]): reading.subject(row) for row in await w.pool.fetch(sql, *values)}


async def every_in_view(w: World, query: Node, dice: random.Random, *, backwards: bool = False) -> list[int]:
    found: list[int] = []
    place = inbox.LAST if backwards else inbox.FIRST
    while True:
        limit = dice.randrange(1, 20)
        asked = {"before": place} if backwards else {"after": place}
        part = await inbox.view_page(w.pool, w.brand_id, query, NOW, **asked, limit=limit, me="mia-acme", seconds=60)
        assert part.searched_to is None
        rows = part.rows[::-1] if backwards else part.rows
        found += [row.id for row in rows]
        if len(rows) < limit:
            return found
        place = (rows[-1].sort_key, rows[-1].id)


async def test_fields_are_those_of_the_mention_and_its_conversation(pool: asyncpg.Pool) -> None:
    w, other = await world(pool), await world(pool, "other")
    bad = await w.mention("it is down https://x.example", author="bo.example", topic="acme", tone="negative")
    ours = await w.mention("we are sorry", author="acme", ours=True)
    one = await w.conversation("please help?", author="ana")
    await acts.do(pool, w.mia.id, [one], Assign(w.tom.id), NOW)
    await acts.do(pool, w.mia.id, [one], Tag(add=("refund",)), NOW)
    mine = await pool.fetchval("SELECT last_mention_id FROM conversations WHERE id = $1", one)
    await other.mention("it is down", topic="acme")
    await pool.execute("INSERT INTO flags VALUES ($1, $2, 1, 'outage', 'h', '{}', '{}', $3)", bad, w.brand_id, NOW)
    for query, expected in {
        "down": {bad},
        "tone:negative": {bad},
        "topic:acme": {bad},
        "topic:rival": set(),
        "rule:outage": {bad},
        "has:flag": {bad},
        "has:link": {bad},
        "author:bo": {bad},
        "is:ours": {ours},
        "is:addressed": {mine},
        "is:question": {mine},
        "is:open": {mine},
        "status:new": {mine},
        "tag:refund": {mine},
        f"assignee:{w.tom.login}": {mine},
        "assignee:me": {mine},
        "assignee:nobody": set(),
        "priority:normal": {mine},
        "NOT tone:negative": {ours, mine},
        "source:bluesky": {bad, ours, mine},
    }.items():
        found = await inbox.search(pool, w.brand_id, tree(query), NOW, me=w.tom.login)
        assert {row.id for row in found.rows} == expected, query


async def test_only_the_version_in_force_is_searched_and_nothing_deleted(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.mention("frist word", topic="acme")
    await pool.execute(
        "INSERT INTO mention_versions VALUES ($1, 2, 'r', '', 'first word', array_to_tsvector('{first,word}'), NULL, $2)",
        one,
        NOW,
    )
    await pool.execute("UPDATE mentions SET version = 2")
    for query, expected in (("frist", 0), ("first", 1), ("NOT frist", 1)):
        assert len((await inbox.search(pool, w.brand_id, tree(query), NOW)).rows) == expected
    await pool.execute("UPDATE mention_versions SET text = NULL, words = NULL")
    assert (await inbox.search(pool, w.brand_id, tree("first"), NOW)).rows == ()


async def test_it_stops_when_time_is_up_and_goes_on_from_there(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await w.many(12_000)
    await pool.execute(
        "INSERT INTO hearings (mention_id, brand_id, topic, source_id, via, at, heard_at) "
        "SELECT id, $1, 'acme', $2, 'topic', at, at FROM mentions", w.brand_id, w.source_id,
    )  # fmt: skip
    oldest = await pool.fetchval("SELECT min(id) FROM mentions")
    await pool.execute("UPDATE mentions SET at = at - interval '1 day' WHERE id = $1", oldest)
    await pool.execute("UPDATE mention_versions SET text = 'needle' WHERE mention_id = $1", oldest)
    # Nothing that the index could serve.
    query = tree("NOT invoice")
    place: Place | None = None
    steps = 0
    longest = 0.0
    hits: list[int] = []
    while True:
        started = time.monotonic()
        found = await inbox.search(pool, w.brand_id, query, NOW, before=place, seconds=0.1)
        longest = max(longest, time.monotonic() - started)
        steps += 1
        hits += [row.id for row in found.rows]
        if found.searched_to is None:
            break
        assert found.place is not None
        assert place is None or found.place < place
        place = found.place
    print("steps", steps, "longest", round(longest, 2))
    assert steps > 1
    assert hits == [oldest]


async def test_others_get_their_turn_while_it_searches(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await w.many(6_000)
    await pool.execute(
        "INSERT INTO hearings (mention_id, brand_id, topic, source_id, via, at, heard_at) "
        "SELECT id, $1, 'acme', $2, 'topic', at, at FROM mentions", w.brand_id, w.source_id,
    )  # fmt: skip
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await inbox.search(pool, w.brand_id, tree("NOT invoice"), NOW, seconds=60)
    task.cancel()
    assert turns > 6_000 / 250


async def test_the_walk_reads_by_time_and_by_keys_only(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await w.many(20_000)
    await pool.execute("VACUUM ANALYZE")
    plan = "\n".join(
        row[0]
        for row in await pool.fetch(
            "EXPLAIN SELECT id, at FROM mentions WHERE (at, id) < ('2026-12-01', 10000) ORDER BY at DESC, id DESC LIMIT 500"
        )
    )
    assert "mentions_time" in plan
    assert "ROW(at, id) < ROW(" in plan
    assert "Sort" not in plan


async def test_a_view_stops_when_time_is_up_and_goes_on_from_there(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await w.many(12_000)
    last = await pool.fetchval(
        "SELECT last_mention_id FROM conversations WHERE folder = 'open' ORDER BY sort_key DESC, id DESC LIMIT 1"
    )
    await pool.execute("UPDATE mention_versions SET text = 'needle' WHERE mention_id = $1", last)
    place: tuple[int, int] | None = None
    steps, hits = 0, []
    while True:
        page = await inbox.view_page(pool, w.brand_id, tree("NOT invoice"), NOW, after=place, seconds=0.05)
        steps += 1
        hits += [row.id for row in page.rows]
        if page.searched_to is None:
            break
        assert place is None or page.searched_to > place
        place = page.searched_to
    assert steps > 1
    assert len(hits) == 1


async def test_ages_are_of_the_now_that_is_given(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    old, new = await w.mention("a", at=NOW - timedelta(hours=3)), await w.mention("b", at=NOW)
    for now, expected in ((NOW, {new}), (NOW - timedelta(hours=2), {old, new}), (NOW + timedelta(hours=3), set())):
        found = await inbox.search(pool, w.brand_id, tree("age:<2h"), now)
        assert {row.id for row in found.rows} == expected
    found = await inbox.search(pool, w.brand_id, tree("time:2026-11-20 age:>1h"), NOW)
    assert {row.id for row in found.rows} == {old}


async def test_the_index_of_open_words_follows_the_inbox(pool: asyncpg.Pool) -> None:
    """Opened, closed, reopened, edited, blanked, merged: it holds the words of what is open, as they are now, and nothing else."""
    w = await world(pool)
    one, two = await w.conversation("refund please", author="ana"), await w.conversation("refund now", author="bo")
    held = "SELECT conversation_id AS c, words::text AS words FROM open_words ORDER BY 1, 2"
    assert [tuple(row) for row in await pool.fetch(held)] == [(one, "'please' 'refund'"), (two, "'now' 'refund'")]
    await acts.do(pool, w.mia.id, [one], Close(), NOW)
    assert [row["c"] for row in await pool.fetch(held)] == [two]
    await acts.do(pool, w.mia.id, [one], Reopen(), NOW)
    assert [row["c"] for row in await pool.fetch(held)] == [one, two]
    message = await pool.fetchval("SELECT last_mention_id FROM conversations WHERE id = $1", one)
    await pool.execute("UPDATE mentions SET version = 2 WHERE id = $1", message)
    await pool.execute(
        "INSERT INTO mention_versions (mention_id, version, revision, content_id, text, words, heard_at)"
        " VALUES ($1, 2, '', '', 'money back', array_to_tsvector('{back,money}'), $2)", message, NOW,
    )  # fmt: skip
    for query, expected in (("is:open money", [message]), ("is:open please", []), ("is:open now", [message + 1])):
        assert [row.id for row in (await inbox.search(pool, w.brand_id, tree(query), NOW)).rows] == expected
    await pool.execute("UPDATE conversations SET thread_version = thread_version + 1 WHERE id = $1", one)
    assert [tuple(row) for row in await pool.fetch(held)] == [(one, "'back' 'money'"), (two, "'now' 'refund'")]
    await pool.execute("UPDATE mention_versions SET text = NULL, words = NULL WHERE mention_id = $1", message)
    assert [row["words"] for row in await pool.fetch(held)] == ["", "'now' 'refund'"]
    await pool.execute("UPDATE conversations SET merged_into = $2 WHERE id = $1", one, two)
    assert [row["c"] for row in await pool.fetch(held)] == [two]


_OPEN_NOW = """
SELECT c.id, m.id AS message, m.version, c.brand_id, m.at, coalesce(v.words, '') AS words
FROM conversations c JOIN conversation_mentions j ON j.conversation_id = c.id JOIN mentions m ON m.id = j.mention_id
JOIN mention_versions v ON v.mention_id = m.id AND v.version = m.version WHERE c.folder = 'open' AND c.merged_into IS NULL
"""
_HELD = "SELECT conversation_id, mention_id, version, brand_id, at, words FROM open_words"
_EDIT = """
WITH said AS (UPDATE mentions SET version = version + 1 WHERE id = $1 RETURNING id, version)
INSERT INTO mention_versions (mention_id, version, revision, content_id, text, words, heard_at)
SELECT id, version, '', '', 'edited', array_to_tsvector('{edited}'), now() FROM said
"""
_TURNS = """
-- a message joins another conversation
INSERT INTO conversation_mentions VALUES ($two, $b)
INSERT INTO conversation_mentions VALUES ($two, $a)
-- a closed one: it may grow and be edited, and opens again
UPDATE conversations SET state = 'done' WHERE id = $two
INSERT INTO conversation_mentions VALUES ($two, $c)
EDIT $c
UPDATE conversations SET thread_version = thread_version + 1 WHERE id = $two
UPDATE conversations SET state = 'ours' WHERE id = $two
UPDATE conversations SET state = 'new' WHERE id = $two
-- a message leaves one of its conversations, and one of its messages a conversation
DELETE FROM conversation_mentions WHERE conversation_id = $two AND mention_id = $a
-- edited where it is open; what is blanked is an old version, then the one in force
EDIT $a
UPDATE conversations SET thread_version = thread_version + 1 WHERE id IN ($one, $two)
UPDATE mention_versions SET words = NULL WHERE mention_id = $a AND version = 1
UPDATE mention_versions SET words = NULL WHERE mention_id = $a AND version = 2
-- merged: it is gone, takes nothing in, and comes back whole
UPDATE conversations SET merged_into = $one WHERE id = $two
INSERT INTO conversation_mentions VALUES ($two, $a)
UPDATE conversations SET thread_version = thread_version + 1 WHERE id = $two
UPDATE conversations SET merged_into = NULL WHERE id = $two
-- both at once
UPDATE conversations SET state = CASE id WHEN $one THEN 'done' ELSE 'ours' END WHERE id IN ($one, $two)
UPDATE conversations SET state = CASE id WHEN $two THEN 'done' ELSE 'ours' END WHERE id IN ($one, $two)
"""


async def test_the_index_of_open_words_is_right_after_every_turn(pool: asyncpg.Pool) -> None:
    """Whatever the tables go through, one statement at a time: just what is open, with the words in force."""
    w = await world(pool)
    known = {"$one": await w.conversation("refund please", author="ana"), "$two": await w.conversation("late")}
    known["$a"] = await pool.fetchval(
        "SELECT mention_id FROM conversation_mentions WHERE conversation_id = $1", known["$one"]
    )
    known |= {"$b": await w.mention("still late"), "$c": await w.mention("hello")}
    for turn in _TURNS.strip().splitlines():
        if turn.startswith("--"):
            continue
        statement = re.sub(r"\$[a-z]+", lambda found: str(known[found.group()]), turn)
        if statement.startswith("EDIT "):
            await pool.execute(_EDIT, int(statement.removeprefix("EDIT ")))
            missing = await pool.fetch(f"{_OPEN_NOW} EXCEPT {_HELD}")
            assert missing == [], f"after {turn}"
            continue
        await pool.execute(statement)
        assert await pool.fetch(f"{_OPEN_NOW} EXCEPT {_HELD}") == [], f"missing after {turn}"
        assert await pool.fetch(f"{_HELD} EXCEPT ({_OPEN_NOW})") == [], f"too much after {turn}"


async def test_what_was_open_before_there_was_an_index_of_open_words_is_in_it(pool: asyncpg.Pool) -> None:
    """Said once more as the migration said it, because today's program writes into no house of that day."""
    w = await world(pool)
    await w.conversation("refund please")
    await w.conversation("long ago", state="done")
    await pool.execute("TRUNCATE open_words")
    (said,) = re.findall(r"^SELECT open_words_fill\(.*?;$", shipped()[1].sql, re.MULTILINE | re.DOTALL)
    await pool.execute(said)
    held, missing = await pool.fetch(_HELD), await pool.fetch(f"{_OPEN_NOW} EXCEPT {_HELD}")
    assert (len(held), missing) == (1, [])
