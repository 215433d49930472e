"""The search box: what it finds is what the matcher says of every mention, by whichever way; and it stops when time is up."""

from __future__ import annotations

import asyncio
import random
import time

import asyncpg
import pytest

from listener.query.match import Subject, match
from listener.query.parse import parse
from listener.query.tree import Node
from listener.store import acts, inbox
from listener.store.inbox import search as search_function
from listener.store.inbox.heard import Place
from listener.workflow import Assign, Tag
from tests.store.world import NOW, World, later, world

assert callable(search_function)
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


@pytest.mark.parametrize("rare", [3_000, 0], ids=["looked up", "walked"])
async def test_it_finds_what_the_matcher_says(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, rare: int) -> None:
    """Both ways, pages of any size, against every mention judged one by one."""
    seed = random.randrange(10**9)
    print("seed", seed)
    dice = random.Random(seed)
    import importlib

    room = importlib.import_module("listener.store.inbox.search")
    monkeypatch.setattr(room, "RARE", rare)
    monkeypatch.setattr(room, "WINDOW", 7)
    w = await world(pool)
    texts = await filled(w, 80, dice)
    order = [r["id"] for r in await pool.fetch("SELECT id FROM mentions ORDER BY at DESC, id DESC")]
    queries = ["refund", "NOT refund", "cafe", "café", "refund -outage", '"refund outage"', "東京", "ref*", "#acme", "@acme.example",
               "refund OR cafe", "can't", "it's", "(refund cafe) OR タワー", "refund AND NOT (cafe OR outage)"]  # fmt: skip
    hits = 0
    for query in queries:
        expected = [id_ for id_ in order if match(tree(query), Subject(text=texts[id_])).hit]
        found: list[int] = []
        place: Place | None = None
        while True:
            part = await inbox.search(
                pool, w.brand_id, tree(query), before=place, limit=dice.randrange(1, 30), seconds=60
            )
            assert part.searched_to is None
            if not part.rows:
                break
            found += [row.id for row in part.rows]
            place = (part.rows[-1].at, part.rows[-1].id)
        assert found == expected, query
        hits += len(found)
    assert hits > 100


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
        found = await inbox.search(pool, w.brand_id, tree(query), me=w.tom.login)
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
        assert len((await inbox.search(pool, w.brand_id, tree(query))).rows) == expected
    await pool.execute("UPDATE mention_versions SET text = NULL, words = NULL")
    assert (await inbox.search(pool, w.brand_id, tree("first"))).rows == ()


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
        found = await inbox.search(pool, w.brand_id, query, before=place, seconds=0.1)
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
    await inbox.search(pool, w.brand_id, tree("NOT invoice"), seconds=60)
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
