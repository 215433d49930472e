"""PagerDuty against the answers that its Events API v2 documents, byte for byte, on a real HTTP server: 202, 400, 429, 5xx."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.promises.paged import Post, ear, incident, page, post
from tests.store.world import world

KEY = "R0123456789ABCDEFGHIJKLMNOPQRSTU"
TAKEN = (
    202,
    {"Content-Type": "application/json"},
    b'{"status":"success","message":"Event processed","dedup_key":"hubbub/1/1/1"}',
)
INVALID = (
    400, {"Content-Type": "application/json"},
    b'{"status":"invalid event","message":"Event object is invalid","errors":["Length of \'routing_key\' is incorrect (should be 32 characters)"]}',
)  # fmt: skip


@pytest.fixture
async def desk(pool: asyncpg.Pool, dsn: str) -> AsyncIterator[Post]:
    async with post(await world(pool), dsn) as made:
        yield made


async def test_an_incident_is_triggered_and_resolved_under_one_key_whatever_happens_between(desk: Post) -> None:
    one = await incident(desk.w)
    async with ear((500, {}, b""), (429, {"Retry-After": "1"}, b""), TAKEN) as pager:
        rows = [
            await page(desk.w, one, "pager"),
            await page(desk.w, one, "pager", what="acknowledged"),
            await page(desk.w, one, "pager", what="resolved"),
        ]
        desk.start("pager", "pagerduty", key=KEY, address=pager.address)
        settled = [await desk.until(row, "accepted") for row in rows]
    told = pager.told()
    assert [event["event_action"] for event in told] == ["trigger", "trigger", "trigger", "acknowledge", "resolve"]
    assert len({event["dedup_key"] for event in told}) == 1
    assert {asked for asked, *_ in pager.heard} == {"POST /v2/enqueue"}
    assert "Event processed" in str(settled[0]["receipt"])


async def test_what_it_calls_invalid_is_failed_with_its_words_and_without_the_key(desk: Post) -> None:
    one = await incident(desk.w)
    async with ear(INVALID) as pager:
        row = await page(desk.w, one, "pager")
        desk.start("pager", "pagerduty", key=KEY, address=pager.address)
        settled = await desk.until(row, "failed")
    assert settled["code"] == "refused"
    assert "Length of 'routing_key' is incorrect" in settled["problem"]
    assert KEY not in settled["problem"]
