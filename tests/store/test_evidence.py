"""Evidence of an incident: what is said now beside what is usual, by whom, where, and what is missing; nothing private leaves."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from listener.incidents.message import SAMPLES
from listener.store.evidence import evidence
from tests.promises.paged import incident
from tests.store.world import NOW, World, world

pytestmark = pytest.mark.newest


@pytest.fixture
async def storm(pool: asyncpg.Pool) -> tuple[World, int]:
    w = await world(pool)
    for n in range(20):
        await w.mention(
            f"the app is nice today {n}", author=f"old{n}", topic="app", at=NOW - timedelta(days=2, minutes=n)
        )
    for n in range(6):
        at = NOW + timedelta(minutes=n)
        text = f"the app crashed again, refund me {n}: call +43 660 123456{n} https://x.example/{n}"
        await w.mention(text, author=f"new{n % 4}", topic="app", at=at, tone="negative")
    await w.mention("the app is fine", author="calm", topic="app", at=NOW, tone="positive")
    await w.mention("we are sorry, refund refund", author="acme", topic="app", at=NOW, ours=True, tone="negative")
    await w.mention("crashed elsewhere", author="else", topic="other", at=NOW, tone="negative")
    secret = await w.mention("refund, between us", author="quiet", topic="app", at=NOW, tone="negative")
    await pool.execute("UPDATE mentions SET kind = 'dm' WHERE id = $1", secret)
    one = await incident(w, topic="app", since=NOW)
    await pool.execute("UPDATE incidents SET told_at = $1", NOW + timedelta(minutes=10))
    return w, one


async def test_what_stands_out_by_whom_and_where(storm: tuple[World, int]) -> None:
    w, one = storm
    async with w.pool.acquire() as connection:
        found = await evidence(connection, one)
    assert found.seen == 7, "the negative ones, without ours, other topics and the calm"
    assert {word.text for word in found.words} >= {"crashed", "refund", "again"}
    assert not {word.text for word in found.words} & {"the", "app", "x", "example", "number", "phone"}
    refund = next(word for word in found.words if word.text == "refund")
    assert (refund.seen, refund.usual < 0.5) == (6, True)
    assert (found.authors[0].name[:3], found.authors[0].seen, found.sources[0].name) == ("new", 2, "bluesky")
    assert len(found.samples) == len({sample.author for sample in found.samples}) == SAMPLES
    assert all("[a phone number]" in sample.text and "1234" not in sample.text for sample in found.samples)
    assert "between us" not in str(found)
    assert found.missing == 0


async def test_gaps_count_for_the_day_and_the_message_of_a_rule_comes_first(storm: tuple[World, int]) -> None:
    w, one = storm
    for start, end, state in ((6, 3, "open"), (4, 0, "failed"), (20, 8, "filled"), (50, 30, "open")):
        await w.pool.execute(
            "INSERT INTO gaps (source_id, start_at, end_at, cause, state, noted_at) VALUES ($1, $2, $3, $4, $4, $2)",
            w.source_id, NOW - timedelta(hours=start), NOW - timedelta(hours=end), state,
        )  # fmt: skip
    first = await w.mention("a rule found this", author="rule", at=NOW - timedelta(hours=1))
    await w.pool.execute("UPDATE incidents SET evidence = jsonb_build_object('mention', $1::bigint)", first)
    async with w.pool.acquire() as connection:
        found = await evidence(connection, one)
        assert found.missing == pytest.approx(6 / 24, abs=0.01)
        assert found.samples[0].mention_id == first
        await w.pool.execute("UPDATE incidents SET topic = '', source = 'bluesky'")
        assert (await evidence(connection, one)).seen == 8, "of the whole brand"
        assert (await evidence(connection, 999)).samples == ()
