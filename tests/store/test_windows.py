"""Windows as the store keeps them: heard with the message, part of the queue's order, and the end of answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from listener.errors import Refused
from listener.model.accounts import Capability
from listener.model.kinds import Kind
from listener.store import acts, capabilities, inbox, outbox
from tests.store.builders import NOW, House, said


@pytest.fixture
async def house(pool: asyncpg.Pool) -> House:
    built = await House.built(pool)
    built.addressed("a", "a2", "b")
    return built


def hours(n: float) -> Any:
    return NOW + timedelta(hours=n)


async def test_windows_are_heard_with_the_message_and_order_the_queue(house: House) -> None:
    done = await house.record(
        said("a", "bad", reply_until=hours(0.5)), said("b", "bad", by="ben")
    )  # both are due in an hour
    first, second = done.opened
    assert [row.id for row in await inbox.page(house.pool, house.brand_id, "open")] == [first, second]
    (row,) = await inbox.rows(house.pool, [first])
    assert row.reply_until == hours(0.5)
    # They write again: the window begins anew, and now the due time decides.
    await house.record(said("a2", "bad", parent="a", root="a", reply_until=hours(24), at=hours(0.1)), now=hours(0.1))
    (row,) = await inbox.rows(house.pool, [first])
    assert (row.reply_until, row.sort_key) == (hours(24), int(hours(1).timestamp()) * 1_000_000)
    opened = await inbox.open(house.pool, first, house.person_id, NOW)
    assert opened is not None
    assert [one.reply_until for one in opened.thread] == [hours(0.5), hours(24)]


async def test_nothing_is_queued_that_would_leave_after_the_window(house: House) -> None:
    done = await house.record(said("a", "bad", reply_until=hours(1), private_until=hours(3)))
    parent = await house.pool.fetchval("SELECT id FROM mentions")

    async def queue(visibility: Any, at: float, hold: float = 5.0) -> str:
        row = await outbox.queue_reply(
            house.pool, house.person_id, done.opened[0], house.account.id, parent, "here", visibility=visibility, lang="",
            fence=1, hold_seconds=hold, close_after=False, now=hours(at),
        )  # fmt: skip
        await outbox.withdraw(house.pool, row.id, house.person_id, hours(at))
        return row.state.value

    assert await queue("public", 0.9) == "queued"
    for at, hold in ((1.1, 5.0), (0.9, 3600.0)):
        with pytest.raises(Refused, match="until 2026-11-02 10:00 UTC: that window has closed"):
            await queue("public", at, hold)
    with pytest.raises(Refused, match="cannot answer a public message in private"):
        await queue("private", 0.9)
    await capabilities.publish(house.pool, house.account.id, {Capability.PRIVATE_REPLY: ""})
    assert await queue("private", 2) == "queued", "the private window is its own"
    with pytest.raises(Refused, match="until 2026-11-02 12:00 UTC"):
        await queue("private", 4)


async def test_a_private_message_is_answered_in_its_own_window(house: House) -> None:
    done = await house.record(said("a", "bad", kind=Kind.DM, reply_until=hours(1)))
    parent = await house.pool.fetchval("SELECT id FROM mentions")
    with pytest.raises(Refused, match="window has closed"):
        await outbox.queue_reply(
            house.pool, house.person_id, done.opened[0], house.account.id, parent, "here", visibility="private", lang="",
            fence=1, hold_seconds=5, close_after=False, now=hours(2),
        )  # fmt: skip


async def test_a_draft_remembers_for_whom_it_was_meant(house: House) -> None:
    done = await house.record(said("a", "bad"))

    async def private() -> bool:
        opened = await inbox.open(house.pool, done.opened[0], house.person_id, NOW)
        assert opened is not None
        return opened.draft_private

    await acts.save_draft(house.pool, house.person_id, done.opened[0], "between us", 1, NOW, private=True)
    assert await private()
    await acts.save_draft(house.pool, house.person_id, done.opened[0], "to all", 1, NOW)
    assert not await private()
