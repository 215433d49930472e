"""Pages reach who is told: once by their key, never twice where that cannot be known, and one dead receiver holds up nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from listener.cli import telling
from listener.service import notify
from listener.settings import Database, ReceiverSettings, Settings, find_paths
from listener.signing import sign
from tests.promises.paged import Post, ear, incident, now, page, post
from tests.store.world import world

SECRET = "a secret of enough characters"


@pytest.fixture
async def desk(pool: asyncpg.Pool, dsn: str) -> AsyncIterator[Post]:
    async with post(await world(pool), dsn) as made:
        yield made


async def due(desk: Post, incident_id: int) -> bool:
    """Whether the escalation looks at it now."""
    at: datetime = await desk.w.pool.fetchval("SELECT next_at FROM incidents WHERE id = $1", incident_id)
    return at <= now()


async def test_a_webhook_is_told_once_by_its_key_signed_and_again_after_an_unclear_end(desk: Post) -> None:
    one = await incident(desk.w)
    async with ear(500, "cut", 200) as shop:
        row = await page(desk.w, one)
        desk.start("ops", "webhook", address=shop.address, secret=SECRET)
        settled = await desk.until(row, "accepted")
    assert settled["attempts"] == len(shop.heard) == 3
    assert {heads["Idempotency-Key"] for _, heads, _ in shop.heard} == {settled["key"]}
    _, heads, body = shop.heard[-1]
    assert heads["X-Signature-256"] == sign(SECRET, heads["X-Timestamp"], body)
    told = shop.told()[-1]
    assert (told["what"], told["incident"]["id"], told["figures"]["seen"]) == ("alert", one, 48)
    assert "usually 0 to 9" in told["text"]
    assert await desk.kinds(one) == ["page.sent"], "what was tried again is no news"
    assert not await due(desk, one)


async def test_who_is_refused_or_not_reached_for_long_makes_the_incident_due_at_once(desk: Post) -> None:
    first, second, third = [await incident(desk.w, policy=f"p{n}") for n in range(3)]
    long_ago = now() - notify.PATIENCE
    async with (
        ear((401, {}, b'{"error": "bad a secret of enough characters"}')) as shut,
        ear((429, {"Retry-After": "600"}, b"")) as busy,
    ):
        rows = [
            await page(desk.w, first, "shut"),
            await page(desk.w, second, "busy"),
            await page(desk.w, third, "away", at=long_ago),
        ]
        for name, address in (("shut", shut.address), ("busy", busy.address), ("away", "http://127.0.0.1:9")):
            desk.start(name, "webhook", address=address, secret=SECRET)
        settled = [await desk.until(row, "failed") for row in rows]
    assert [row["code"] for row in settled] == ["auth", "rate_limit", "not_reachable"]
    assert not any(SECRET in row["problem"] for row in settled)
    assert len(busy.heard) == 1, "it asked for ten minutes, which is too long to wait for"
    for one in (first, second, third):
        assert await desk.kinds(one) == ["page.failed"]
        assert await due(desk, one)


async def test_a_receiver_that_hangs_holds_up_no_other_and_pages_go_in_their_order(desk: Post) -> None:
    one = await incident(desk.w)
    async with ear(30.0) as dead, ear(500, 200) as good:
        stuck = await page(desk.w, one, "dead")
        desk.start("dead", "webhook", address=dead.address, secret=SECRET)
        await dead.came.wait()
        rows = [
            await page(desk.w, one, "good", what=what, step=step)
            for step, what in enumerate(("alert", "worse", "again"))
        ]
        desk.start("good", "webhook", address=good.address, secret=SECRET)
        for row in rows:
            await desk.until(row, "accepted")
        assert [told["what"] for told in good.told()] == ["alert", "alert", "worse", "again"], (
            "also where the first was refused once"
        )
        assert (await desk.state(stuck))["state"] == "sending"
        desk.stop.set("over")


async def test_what_is_not_true_any_more_is_not_told(desk: Post) -> None:
    over, known = (
        await incident(desk.w, policy="over", state="resolved"),
        await incident(desk.w, policy="known", state="acknowledged"),
    )
    async with ear() as shop:
        skipped = [
            await page(desk.w, over), await page(desk.w, known, person=desk.w.mia.login), await page(desk.w, known, what="again", person="x"),
        ]  # fmt: skip
        told = [
            await page(desk.w, over, what="resolved"),
            await page(desk.w, known),
            await page(desk.w, known, what="still", person="x"),
        ]
        desk.start("ops", "webhook", address=shop.address, secret=SECRET)
        for row in skipped:
            assert (await desk.until(row, "withdrawn"))["code"] == "overtaken"
        for row in told:
            await desk.until(row, "accepted")
    assert sorted(one["what"] for one in shop.told()) == ["alert", "resolved", "still"]


async def test_a_page_for_a_receiver_that_the_settings_do_not_name_fails_at_once(desk: Post) -> None:
    one = await incident(desk.w)
    row = await page(desk.w, one, "gone")
    lost = notify.Lost(["ops"], desk.house, asyncio.Event(), desk.stop, lambda: datetime.now(UTC))
    task = asyncio.ensure_future(lost.watch())
    assert (await desk.until(row, "failed"))["code"] == "no_receiver"
    assert await due(desk, one)
    desk.stop.set("over")
    await task


async def test_doctor_says_which_receiver_fails_and_why_and_that_nobody_would_notice_our_end(desk: Post) -> None:
    one = await incident(desk.w)
    settings = Settings(
        find_paths({"HUBBUB_HOME": "/nowhere"}), Database(Path("/nowhere")), (), receivers=(ReceiverSettings("ops", "webhook"),)
    )  # fmt: skip
    for row, state, code in (
        (await page(desk.w, one), "accepted", ""),
        (await page(desk.w, one, what="worse"), "failed", "auth"),
    ):
        await desk.w.pool.execute(
            "UPDATE outbox SET state = $2, code = $3, changed_at = now() WHERE id = $1", row, state, code
        )
    (found,) = await telling.pages(settings, desk.house, now())
    assert found[1:3] == ("bad", "ops: 1 told, 1 failed (auth) within a day")
    assert found[3].endswith("hubbub alerts page-test ops")
    assert [one[1:3] for one in telling.outside(settings, ())] == [
        ("warning", "when Hubbub itself is gone, nobody is told")
    ]
