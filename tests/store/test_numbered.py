"""Numbered parts: in order, each an answer to the one before, each once; one that does not go out stops the rest; back they come whole."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from listener.errors import Refused
from listener.model.handed import Reply
from listener.model.leaving import OutboxState
from listener.parts import split
from listener.store import inbox, numbered, outbox
from listener.store.lane import Settled, freeze
from listener.store.reply_lane import REPLIES, overtaken
from listener.store.views.thread import OutboxRow
from tests.store.builders import said
from tests.store.test_outbox import Desk, after, desk

__all__ = ["desk"]

LONG = (
    "We are sorry that your parcel is late. It was in Vienna on Monday. " * 5
    + "\n\n"
    + "A courier brings it. " * 14
    + "Bye!"
)


class Parts:
    """A long reply on its way."""

    def __init__(self, desk: Desk, first: OutboxRow) -> None:
        self.desk, self.pool, self.first = desk, desk.pool, first

    @classmethod
    async def queued(cls, desk: Desk, **other: Any) -> Parts:
        return cls(desk, await desk.queue(LONG, into=numbered.put, **other))

    async def rows(self) -> list[OutboxRow]:
        opened = await inbox.open(self.pool, self.desk.conversation_id, None, after(0))
        assert opened is not None
        return [one for one in opened.replies if one.parts]

    async def states(self) -> list[str]:
        return [one.state.value for one in await self.rows()]

    async def send(self, at: float, name: str, state: Settled = "accepted") -> Reply:
        """The next one, to whatever end."""
        reply, attempt = await self.desk.claim(at=at)
        assert reply is not None
        await freeze(self.pool, reply.outbox_id, attempt, {"k": name}, f"at://us/{name}", after(at))
        await REPLIES.settle(self.pool, reply.outbox_id, attempt, state, after(at), external_id=f"at://us/{name}")
        return reply


async def test_each_part_answers_the_part_before_it_and_the_last_one_closes(desk: Desk) -> None:
    parts = await Parts.queued(desk, close_after=True)
    rows = await parts.rows()
    assert [(one.part, one.parts) for one in rows] == [(1, 3), (2, 3), (3, 3)]
    assert all(one.body.endswith(f" {one.part}/3") for one in rows)
    one = await parts.send(10, "1")
    assert (one.parent.external_id, one.parent_content_id) == ("a", "cid-a-3a")
    assert (await desk.conversation())["state"] == "theirs"
    two = await parts.send(11, "2")
    assert (two.parent.external_id, two.parent_content_id, two.root) == ("at://us/1", "", "a")
    assert two.parent_author.external_id == "us"
    # The stream may bring a part before the network's answer does.
    await desk.house.record(
        said("at://us/2", two.text, by="us", parent="at://us/1", root="a", at=after(11)), now=after(11)
    )
    three = await parts.send(12, "3")
    assert three.parent.external_id == "at://us/2"
    assert (await desk.conversation())["state"] == "done"
    assert await parts.states() == ["accepted", "seen", "accepted"]
    assert (await desk.claim(at=99))[0] is None


async def test_a_part_waits_until_the_one_before_it_is_surely_there(desk: Desk) -> None:
    parts = await Parts.queued(desk)
    reply, attempt = await desk.claim(at=10, lease=30)
    assert reply is not None
    await freeze(parts.pool, reply.outbox_id, attempt, {"k": "1"}, "at://us/1", after(11))
    assert (await desk.claim(at=12))[0] is None
    assert await REPLIES.expired(parts.pool, after(60)) == 1  # the sender died
    assert await parts.states() == ["unknown", "queued", "queued"]
    assert (await desk.claim(at=61))[0] is None
    [(state, looked_up)] = await REPLIES.unsettled(parts.pool, after(61))
    assert (state, looked_up.outbox_id) == (OutboxState.UNKNOWN, reply.outbox_id)
    await REPLIES.settle(parts.pool, reply.outbox_id, None, "accepted", after(62), external_id="at://us/1")
    assert (await parts.send(63, "2")).parent.external_id == "at://us/1"
    await parts.pool.execute(
        "UPDATE outbox SET state = 'failed' WHERE external_id = 'at://us/2'"
    )  # however that came about
    assert (await desk.claim(at=64))[0] is None


async def test_a_part_that_fails_stops_the_rest_and_one_key_sends_them_all(desk: Desk) -> None:
    me = desk.house.person_id
    parts = await Parts.queued(desk)
    await parts.send(10, "1")
    await parts.send(11, "2", "failed")
    rows = await parts.rows()
    assert [one.state.value for one in rows] == ["accepted", "failed", "stopped"]
    assert (rows[2].problem, rows[2].code) == ("part 2 of 3 did not go out, so this one waits", "part_before")
    assert (await desk.claim(at=99))[0] is None
    fence = (await desk.conversation())["thread_version"]
    await outbox.retry(parts.pool, rows[2].id, me, after(100), fence=fence)
    assert await parts.states() == ["accepted", "queued", "queued"]
    assert "2/3" in (await parts.send(101, "2b")).text
    three = await parts.send(102, "3")
    assert ("3/3" in three.text, three.parent.external_id) == (True, "at://us/2b")


async def test_when_somebody_writes_between_two_parts_the_rest_stops_and_asks(desk: Desk) -> None:
    parts = await Parts.queued(desk)
    await parts.send(10, "1")
    await desk.house.record(said("a2", "thanks!", parent="at://us/1", root="a", at=after(11)), now=after(11))
    assert (await desk.claim(at=12))[0] is None
    assert await parts.states() == ["accepted", "stopped", "stopped"]


async def test_taken_back_while_they_wait_they_are_the_text_as_it_was_written(desk: Desk) -> None:
    me = desk.house.person_id
    parts = await Parts.queued(desk)
    rows = await parts.rows()
    assert await outbox.withdraw(parts.pool, rows[2].id, me, after(1)) == LONG
    assert await parts.states() == ["withdrawn"] * 3
    assert (await desk.claim(at=99))[0] is None
    again = await Parts.queued(desk)
    await again.send(100, "1")
    rows = [one for one in await again.rows() if one.state is OutboxState.QUEUED]
    assert await outbox.withdraw(again.pool, rows[0].id, me, after(101)) == LONG[split("bluesky", LONG)[1].begins :]
    assert (await again.states())[3:] == ["accepted", "withdrawn", "withdrawn"]
    with pytest.raises(Refused, match="too late"):
        await outbox.withdraw(again.pool, again.first.id, me, after(102))


async def test_planned_parts_leave_together_at_their_time_and_can_be_put_off_together(desk: Desk) -> None:
    me = desk.house.person_id
    parts = await Parts.queued(desk, planned=after(1000))
    assert (await desk.claim(at=999))[0] is None
    await outbox.plan(parts.pool, (await parts.rows())[1].id, me, after(2000), after(1))
    assert (await desk.claim(at=1999))[0] is None
    for name in ("1", "2", "3"):
        await parts.send(2000, name)
        assert await overtaken(parts.pool, after(2000)) == 0


async def test_what_fits_is_no_part_and_what_cannot_be_cut_is_refused(desk: Desk, pool: asyncpg.Pool) -> None:
    row = await desk.queue("short", into=numbered.put)
    assert (row.body, row.part, row.parts) == ("short", 0, 0)
    with pytest.raises(Refused, match="cannot be cut"):
        await desk.queue("https://larkspur.example/" + "a" * 300, into=numbered.put)
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 1
