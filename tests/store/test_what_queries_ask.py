"""What queries ask of a message is kept with it: links, outside hashtags, numbers; and what rules know of its author and of us."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from listener.model.heard import Deleted, Key
from listener.model.judged import Context
from listener.model.kinds import Via
from listener.query.parse import parse
from listener.store import acts, inbox
from listener.workflow.acts import Close, Reopen
from tests.store.builders import NOW, SPACE, House, said

NUMBERS = "SELECT rating, likes, reposts, replies, quotes FROM mentions"


def later(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


@pytest.fixture
async def house(pool: asyncpg.Pool) -> House:
    return await House.built(pool)


async def found(house: House, query: str) -> int:
    tree = parse(query).tree
    assert tree is not None
    return len((await inbox.search(house.pool, house.brand_id, tree, NOW)).rows)


async def test_links_and_outside_hashtags_are_found_and_go_with_the_text(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a")
    await house.record(said("a", "look here", links=("https://www.shop.example/returns",), tags=("Café", "sale")))
    for query in (
        "#sale",
        "#café",
        "#cafe",
        "domain:shop.example",
        "link:returns",
        "has:link",
        "has:tag",
        "is:open #sale",
    ):
        assert await found(house, query) == 1, query
    for query in ("sale", "domain:other.example", "-has:link", "-#sale"):
        assert await found(house, query) == 0, query
    await house.record(Deleted(Key(SPACE, "a"), "3b"))
    row = await pool.fetchrow("SELECT text, words, raw, links, tags FROM mention_versions")
    assert tuple(row) == (None,) * 5
    assert [row["words"] for row in await pool.fetch("SELECT words FROM open_words")] in ([], [""])
    assert await found(house, "#sale OR has:link OR domain:shop.example") == 0


async def test_an_edit_has_its_own_links_and_tags(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a")
    await house.record(said("a", "one", tags=("first",), links=("https://one.example",)))
    await house.record(said("a", "two", tags=("second",), revision="3b"))
    rows = await pool.fetch("SELECT links, tags FROM mention_versions ORDER BY version")
    assert [tuple(row) for row in rows] == [(["https://one.example"], ["first"]), ([], ["second"])]
    assert (await found(house, "#first"), await found(house, "#second"), await found(house, "is:open #second")) == (
        0,
        1,
        1,
    )


async def test_numbers_follow_the_latest_state_that_brings_them(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a")
    first = said("a", rating=4.5, likes=1, reposts=None, replies=0)
    await house.record(first)
    assert tuple(await pool.fetchrow(NUMBERS)) == (4.5, 1, None, 0, None)
    await house.record(replace(first, likes=7, quotes=2))
    assert tuple(await pool.fetchrow(NUMBERS)) == (4.5, 7, None, 0, 2), "the same state again, with newer numbers"
    await house.record(replace(first, revision="2z", likes=3))
    assert tuple(await pool.fetchrow(NUMBERS)) == (4.5, 7, None, 0, 2), "an older state knows nothing newer"
    await house.record(said("a", "edited", revision="3b", reposts=9))
    assert tuple(await pool.fetchrow(NUMBERS)) == (4.5, 7, 9, 0, 2)
    assert await pool.fetchval("SELECT count(*) FROM mention_versions") == 2
    assert (await found(house, "likes:>=7"), await found(house, "likes:>7"), await found(house, "rating:[4 TO 5]")) == (
        1,
        0,
        1,
    )


HOSTILE: dict[str, Any] = {
    "tags": ("a\0b", "", "\x1f", "x\ud800", *(["t"] * 500)),
    "links": ("https://a\0.example", "https://b\x1f.example"),
    "likes": 2**80,
    "reposts": -5,
    "rating": float("nan"),
}


@pytest.mark.parametrize("name", list(HOSTILE))
async def test_hostile_values_lose_no_message(house: House, pool: asyncpg.Pool, name: str) -> None:
    house.addressed("a")
    done = await house.record(said("a", "hello", **{name: HOSTILE[name]}))
    assert (done.new, done.rejects) == (1, 0)
    assert await found(house, "hello") == 1


async def test_rules_know_the_author_and_whom_of_us_it_addresses(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a", "b")
    house.topic("c")
    await house.record(said("a"))
    await pool.execute("UPDATE authors SET followers = 12000, verified = true")
    await house.record(said("b"), said("c", by="someone"))
    contexts: dict[str, Context] = dict(house.judge.judged)
    assert (contexts["a"].followers, contexts["a"].verified, contexts["a"].accounts) == (None, None, ("us.test",))
    assert (contexts["b"].followers, contexts["b"].verified, contexts["b"].accounts) == (12000, True, ("us.test",))
    assert (contexts["c"].followers, contexts["c"].accounts) == (None, ())
    kept = await pool.fetchval("SELECT context FROM assessments ORDER BY mention_id DESC LIMIT 1")
    assert kept["accounts"] == []


async def test_the_open_inbox_is_searched_as_it_changes(house: House, pool: asyncpg.Pool) -> None:
    """Heard, answered, edited, heard again: by the ingest itself."""
    house.addressed("a", "b", via=Via.MENTION)
    await house.record(said("a", "refund please"))
    assert await found(house, "is:open refund") == 1
    await house.record(said("ours", "here it is", by="us", parent="a", root="a", at=later(1)), now=later(1))
    assert (await found(house, "is:open refund"), await found(house, "refund")) == (0, 1)
    house.addressed("again")
    await house.record(said("again", "still no refund", parent="ours", root="a", at=later(2)), now=later(2))
    assert await found(house, "is:open refund") == 2
    await house.record(
        said("again", "thanks, money is here", parent="ours", root="a", revision="3b", at=later(2)), now=later(3)
    )
    assert (await found(house, "is:open refund"), await found(house, "is:open money")) == (1, 1)
    held = "SELECT count(*) FROM open_words o JOIN mentions m ON m.id = o.mention_id AND m.version <> o.version"
    assert await pool.fetchval(held) == 0
    await house.record(Deleted(Key(SPACE, "again"), "3c"))
    assert await found(house, "is:open money") == 0


MISSING = """
SELECT c.id, m.id, m.version, v.words FROM conversations c JOIN conversation_mentions j ON j.conversation_id = c.id
JOIN mentions m ON m.id = j.mention_id JOIN mention_versions v ON v.mention_id = m.id AND v.version = m.version
WHERE c.folder = 'open' AND c.merged_into IS NULL
EXCEPT SELECT conversation_id, mention_id, version, words FROM open_words
"""


async def test_writers_of_one_conversation_never_wait_in_a_ring_and_lose_no_word(
    house: House, pool: asyncpg.Pool
) -> None:
    """One edits and writes again, two close and reopen, all at once: nothing fails, and the index of open words has all that is open."""
    house.addressed(*(f"a{i}" for i in range(6)), *(f"b{i}" for i in range(40)))
    await house.record(*(said(f"a{i}", f"first {i}") for i in range(6)))
    ids = [row["id"] for row in await pool.fetch("SELECT id FROM conversations")]
    done = asyncio.Event()

    async def write() -> None:
        for i in range(40):
            edit = said(f"a{i % 6}", f"word{i}", revision=f"3b{i:02}")
            answer = said(f"b{i}", f"more{i}", parent=f"a{i % 6}", root=f"a{i % 6}", at=later(i + 1))
            await house.record(edit, answer, now=later(i + 1))
        done.set()

    async def act(person_id: int) -> None:
        while not done.is_set():
            await acts.do(pool, person_id, ids, Close(), NOW)
            await acts.do(pool, person_id, ids, Reopen(), NOW)

    await asyncio.gather(write(), act(house.person_id), act(house.colleague_id))
    await acts.do(pool, house.person_id, ids, Reopen(), NOW)
    assert await pool.fetchval("SELECT count(*) FROM conversations WHERE folder = 'open'") == 6
    assert await pool.fetch(MISSING) == []
    assert await found(house, "is:open word39") == 1
    assert await found(house, "is:open first") == 0
