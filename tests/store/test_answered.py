"""Answers to messages like the one that waits: which are found, in which order, and that the index finds them."""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timedelta
from typing import Literal

import asyncpg
import pytest

from listener.model.accounts import Capability
from listener.store import capabilities, outbox
from listener.store.inbox.answered import _FOUND, Answers, answered, steps, telling_words
from listener.store.lane import freeze
from listener.store.reply_lane import REPLIES
from tests.store.world import NOW, World, world

QUESTION = "Where is my refund for the broken suitcase?"


async def given(
    w: World,
    question: str,
    answer: str,
    *,
    settled: str = "seen",
    author: str = "",
    lang: str = "en",
    at: datetime = NOW,
    visibility: Literal["public", "private"] = "public",
) -> int:
    """A conversation that Mia answered; its id."""
    one = await w.conversation(question, author=author, at=at)
    mention = await w.pool.fetchval("SELECT mention_id FROM conversation_mentions WHERE conversation_id = $1", one)
    await w.pool.execute("UPDATE mentions SET lang = $2 WHERE id = $1", mention, lang)
    await w.pool.execute("UPDATE accounts SET state = 'ready'")
    row = await outbox.queue_reply(
        w.pool, w.mia.id, one, w.account.id, mention, answer, visibility=visibility, lang=lang, fence=1, hold_seconds=0,
        close_after=False, now=at,
    )  # fmt: skip
    attempt = uuid.uuid4()
    if settled != "queued":
        assert await REPLIES.claim_next(w.pool, attempt, at, 30) is not None
        await freeze(w.pool, row.id, attempt, {}, f"r{row.id}", at)
        await REPLIES.settle(w.pool, row.id, attempt, settled, at)  # type: ignore[arg-type]
    return one


async def asked(w: World, text: str = QUESTION, lang: str = "en", **more: float) -> Answers:
    one = await w.conversation(text)
    return await answered(w.pool, w.brand_id, one, text, lang, **more)  # type: ignore[arg-type]


async def test_what_was_answered_well_is_found_with_who_when_and_how_it_went_on(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await given(w, "my suitcase came broken, I want a refund", "Your refund is on its way, sorry!", author="bo")
    follow = await w.mention("Great, thank you", author="bo", at=NOW + timedelta(hours=1))
    await pool.execute("INSERT INTO conversation_mentions VALUES ($1, $2)", one, follow)
    await pool.execute("UPDATE conversations SET state = 'done' WHERE id = $1", one)
    await given(w, "how do I change my seat", "In the app, under Seats")
    found = await asked(w)
    assert found.in_time
    [best] = found.found
    assert (best.answer, best.person, best.author_handle, best.at) == (
        "Your refund is on its way, sorry!",
        "Mia",
        "bo",
        NOW,
    )
    assert (best.closed, best.after, best.times) == (True, "Great, thank you", 1)
    assert set(best.shared) == {"broken", "suitcase", "refund"}


async def test_an_answer_from_the_networks_own_app_counts_and_what_is_not_out_or_was_deleted_does_not(
    pool: asyncpg.Pool,
) -> None:
    w = await world(pool)
    for state in ("queued", "failed", "unknown"):
        await given(w, QUESTION, f"never sent: {state}", settled=state)
    gone = await given(w, QUESTION, "sent and deleted")
    post = await w.mention("sent and deleted", author="acme", ours=True)
    await pool.execute("UPDATE mentions SET state = 'deleted' WHERE id = $1", post)
    await pool.execute("UPDATE replies SET mention_id = $2 WHERE conversation_id = $1", gone, post)
    parent = await w.mention(QUESTION, author="cy")
    key = await pool.fetchval("SELECT external_id FROM mentions WHERE id = $1", parent)
    await w.mention("Answered in the app", author="acme", parent=key, ours=True)
    other = await w.mention(QUESTION, author="dee")
    key = await pool.fetchval("SELECT external_id FROM mentions WHERE id = $1", other)
    await w.mention("a stranger's two cents", author="stranger", parent=key)
    found = await asked(w)
    assert [(one.answer, one.person, one.author_handle) for one in found.found] == [("Answered in the app", "", "cy")]


async def test_the_same_language_comes_first_then_what_shares_the_rarest_words_and_each_answer_once(
    pool: asyncpg.Pool,
) -> None:
    w = await world(pool)
    await given(w, "broken suitcase refund", "auf deutsch", lang="de")
    await given(w, "the refund for a suitcase", "two words")
    await given(w, "broken suitcase refund", "three words")
    for _ in range(3):
        await given(w, "refund", "As  every day")
    await given(w, "hello there", "nothing alike")
    found = await asked(w)
    assert [(one.answer, one.times) for one in found.found] == [
        ("three words", 1), ("two words", 1), ("As  every day", 3), ("auf deutsch", 1),
    ]  # fmt: skip


async def test_nothing_comes_from_another_brand_or_from_the_conversation_itself(pool: asyncpg.Pool) -> None:
    w, rival = await world(pool), await world(pool, "rival")
    await given(rival, QUESTION, "their words")
    mine = await given(w, QUESTION, "said a minute ago")
    assert (await answered(pool, w.brand_id, mine, QUESTION, "en")).found == ()
    assert [one.answer for one in (await asked(w)).found] == ["said a minute ago"]


async def test_what_was_answered_in_private_is_known_as_private_also_where_the_question_was_public(
    pool: asyncpg.Pool,
) -> None:
    w = await world(pool)
    await capabilities.publish(pool, w.account.id, dict.fromkeys(Capability, ""))
    await given(w, QUESTION, "your number is in your mail", visibility="private")
    await given(w, f"{QUESTION} Please", "in the app, under Refunds")
    found = {one.answer: one.private for one in (await asked(w)).found}
    assert found == {"your number is in your mail": True, "in the app, under Refunds": False}


@pytest.mark.parametrize(
    "text", ["", "the and for you", "@acme 12345 😀", "it's \\ ' & | ! ( ) : *", "東京タワーの返金"]
)
async def test_no_text_is_too_odd(pool: asyncpg.Pool, text: str) -> None:
    w = await world(pool)
    assert (await asked(w, text, "")).found == ()


async def test_what_we_are_called_is_nothing_in_common(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await given(w, "good morning acme #acme @acme.example example", "and to you")
    assert (await asked(w, "acme: something else, #acme example")).found == ()


async def test_time_is_kept_and_said(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await given(w, QUESTION, "never looked at")
    assert await asked(w, seconds=-1.0) == Answers((), in_time=False)


MANY = """
WITH a AS (
    INSERT INTO authors (space, external_id, handle, first_at) VALUES ('at', 'did:crowd', 'crowd', $1) RETURNING id
), m AS (
    INSERT INTO mentions (space, external_id, source, author_id, ours, kind, root, heard_at, at)
    SELECT 'at', 'crowd' || i, 'bluesky', a.id, false, 'post', 'crowd' || i, $1, $1 FROM a, generate_series(1, 100000) AS i
    RETURNING id
)
INSERT INTO mention_versions (mention_id, version, revision, content_id, text, words, heard_at)
SELECT id, 1, '', '', 'x', array_to_tsvector(ARRAY[
    'filler' || id % 997, 'other' || id % 101, CASE WHEN id % 50 = 0 THEN 'refund' ELSE 'weather' END,
    CASE WHEN id % 400 = 0 THEN 'suitcase' ELSE 'train' END]), $1 FROM m
"""


@pytest.mark.newest
async def test_among_a_hundred_thousand_the_index_finds_it_and_no_table_is_walked(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    async with pool.acquire() as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(MANY, NOW)
        await connection.execute("SET session_replication_role = origin")
        await connection.execute("ANALYZE mentions; ANALYZE mention_versions")
    await given(w, "refund for my broken suitcase", "found")
    begun = time.monotonic()
    found = await asked(w)
    took = time.monotonic() - begun
    print(f"{took * 1000:.0f} ms")
    assert [one.answer for one in found.found] == ["found"]
    assert took < 1.5
    ours = [row["id"] for row in await pool.fetch("SELECT id FROM authors WHERE external_id = 'did:acme'")]
    telling = telling_words(QUESTION)
    for query in steps(telling):
        plan = "\n".join(
            row[0] for row in await pool.fetch(f"EXPLAIN {_FOUND}", w.brand_id, query, telling, ours, 2000, 1)
        )
        assert "mention_versions_words" in plan
        assert "Seq Scan on mention" not in plan
