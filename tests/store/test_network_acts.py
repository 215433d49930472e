"""Acts on the network: only what the account can do and is ours to do, one at a time on one thing, never before an answer, honest to the end."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest

from listener.errors import Refused
from listener.model.accounts import Capability
from listener.model.handed import NetworkAct
from listener.model.leaving import Doing, OutboxState
from listener.store import acts, capabilities, inbox, network_acts, network_lane, outbox
from listener.store.lane import freeze
from listener.store.reply_lane import REPLIES
from listener.store.views.thread import ActRow, Rewording
from tests.store.test_approvals import needing
from tests.store.world import NOW, World, later, world


@dataclass
class Desk:
    """A post of ours, a comment under it with its conversation, and our answer to that."""

    w: World
    post: int
    comment: int
    answer: int
    conversation: int

    async def queue(self, what: Doing, target: int | None = None, **other: Any) -> ActRow:
        options: dict[str, Any] = {"account_id": self.w.account.id, "hold_seconds": 5, "now": NOW, **other}
        person = options.pop("person", self.w.mia)
        return await network_acts.queue(
            self.w.pool, person.id, self.conversation, target or self.comment, what, **options
        )

    async def claim(self, at: float = 10, lease: float = 30) -> tuple[NetworkAct | None, uuid.UUID]:
        attempt = uuid.uuid4()
        return await network_lane.claim_next(self.w.pool, attempt, later(seconds=at), lease), attempt

    async def state(self, row: ActRow) -> OutboxState:
        found = await network_acts.row(self.w.pool, row.id)
        assert found is not None
        return found.state

    async def done(self, row: ActRow, at: float = 10, frozen: Mapping[str, Any] | None = None) -> None:
        act, attempt = await self.claim(at)
        assert act is not None
        assert act.outbox_id == row.id
        await freeze(self.w.pool, row.id, attempt, frozen or {"record": "r"}, None, later(seconds=at))
        assert await network_lane.settle(self.w.pool, row.id, attempt, "accepted", later(seconds=at))


@pytest.fixture
async def desk(pool: asyncpg.Pool) -> Desk:
    w = await world(pool)
    await pool.execute("UPDATE accounts SET state = 'ready'")
    await capabilities.publish(pool, w.account.id, dict.fromkeys(Capability, ""))
    post = await w.mention("we launch", author="acme", ours=True)
    conversation = await w.conversation("this is bad", author="troll")
    comment = await pool.fetchval("SELECT last_mention_id FROM conversations WHERE id = $1", conversation)
    answer = await w.mention("oops", author="acme", ours=True)
    await pool.execute("UPDATE mentions SET root = (SELECT external_id FROM mentions WHERE id = $1)", post)
    await pool.execute("INSERT INTO conversation_mentions VALUES ($1, $2)", conversation, answer)
    return Desk(w, post, comment, answer, conversation)


async def test_the_way_of_an_act(desk: Desk) -> None:
    row = await desk.queue(Doing.LIKE)
    assert (row.state, row.not_before, row.person) == (OutboxState.QUEUED, later(seconds=5), "Mia")
    assert (await desk.claim(at=4))[0] is None
    await network_acts.withdraw(desk.w.pool, row.id, desk.w.mia.id, later(seconds=4))
    assert (await desk.claim(at=99))[0] is None
    row = await desk.queue(Doing.LIKE)
    act, attempt = await desk.claim()
    assert act is not None
    assert (act.what, act.account.handle, act.author.handle, act.frozen) == (Doing.LIKE, "acme.example", "troll", None)
    with pytest.raises(Refused, match="too late"):
        await network_acts.withdraw(desk.w.pool, row.id, desk.w.mia.id, later(seconds=11))
    assert await freeze(desk.w.pool, row.id, attempt, {"record": "r"}, None, later(seconds=11))
    assert await network_lane.settle(desk.w.pool, row.id, attempt, "accepted", later(seconds=12))
    assert await desk.state(row) is OutboxState.ACCEPTED
    assert await network_lane.unsettled(desk.w.pool, later(days=1)) == [], "the network has said so"
    opened = await inbox.open(desk.w.pool, desk.conversation, desk.w.mia.id, NOW)
    assert opened is not None
    assert [(one.what, one.state) for one in opened.network] == [
        (Doing.LIKE, OutboxState.WITHDRAWN),
        (Doing.LIKE, OutboxState.ACCEPTED),
    ]
    assert opened.can[Capability.LIKE] == ""
    told = [event["kind"] for event in await desk.w.events(desk.conversation)]
    assert told == ["network.queued", "network.withdrawn", "network.queued", "network.sending", "network.accepted"]
    assert await acts.last_act(desk.w.pool, desk.w.mia.id) is None, "what left the house is not undone"


async def test_only_what_the_account_can_do_and_only_by_who_may(desk: Desk) -> None:
    with pytest.raises(Refused, match="viewer"):
        await desk.queue(Doing.LIKE, person=desk.w.vera)
    reasons = {**dict.fromkeys(Capability, ""), Capability.BLOCK: "nobody is blocked here"}
    del reasons[Capability.HIDE]
    await capabilities.publish(desk.w.pool, desk.w.account.id, reasons)
    with pytest.raises(Refused, match="not on bluesky: nobody is blocked here"):
        await desk.queue(Doing.BLOCK)
    with pytest.raises(Refused, match="has not said yet"):
        await desk.queue(Doing.HIDE)
    await desk.w.pool.execute("UPDATE accounts SET state = 'stopped', problem = 'a new password'")
    with pytest.raises(Refused, match="a new password"):
        await desk.queue(Doing.LIKE)


async def test_only_what_is_ours_to_do(desk: Desk) -> None:
    with pytest.raises(Refused, match="only what we wrote"):
        await desk.queue(Doing.DELETE)
    for what in (Doing.LIKE, Doing.HIDE, Doing.BLOCK):
        with pytest.raises(Refused, match="of our own"):
            await desk.queue(what, desk.answer)
    await desk.queue(Doing.HIDE, account_id=0)  # whose post it stands under is who hides it
    elsewhere = await desk.w.mention("in a thread of theirs", author="ben")
    for what in (Doing.HIDE, Doing.REMOVE):
        with pytest.raises(Refused, match="under a post of ours"):
            await desk.queue(what, elsewhere)
    with pytest.raises(Refused, match="of our own"):
        await desk.queue(Doing.REMOVE, desk.answer)
    unheard = await desk.w.mention("never heard", author="ben", heard=False)
    with pytest.raises(Refused, match="no such message"):
        await desk.queue(Doing.LIKE, unheard)


async def test_two_people_who_press_the_same_key_queue_one_act(desk: Desk) -> None:
    presses = (desk.queue(Doing.LIKE, person=person) for person in (desk.w.mia, desk.w.tom) for _ in range(3))
    got = await asyncio.gather(*presses, return_exceptions=True)
    assert sum(isinstance(one, ActRow) for one in got) == 1
    assert {str(one) for one in got if not isinstance(one, ActRow)} == {"that is on its way already"}
    await desk.queue(Doing.UNLIKE)
    await desk.queue(Doing.LIKE)


async def test_acts_on_one_thing_keep_their_order_and_others_do_not_wait(desk: Desk) -> None:
    like = await desk.queue(Doing.LIKE, hold_seconds=8)
    unlike = await desk.queue(Doing.UNLIKE, hold_seconds=0)
    hide = await desk.queue(Doing.HIDE, hold_seconds=0)
    act, _ = await desk.claim(at=1)
    assert act is not None
    assert act.outbox_id == hide.id
    assert (await desk.claim(at=2))[0] is None, "the unlike waits for the like"
    await desk.done(like, at=9, frozen={"record": "at://us/like/1"})
    act, _ = await desk.claim(at=10)
    assert act is not None
    assert (act.outbox_id, act.made) == (unlike.id, "at://us/like/1")


async def test_an_answer_never_waits_for_an_act_and_a_block_lets_the_answer_go_first(desk: Desk) -> None:
    pool, c = desk.w.pool, desk.conversation
    await desk.queue(Doing.LIKE, hold_seconds=60)
    fence = await pool.fetchval("SELECT thread_version FROM conversations WHERE id = $1", c)
    reply = await outbox.queue_reply(
        pool, desk.w.mia.id, c, desk.w.account.id, desk.comment, "bye", visibility="public", lang="", fence=fence,
        hold_seconds=5, close_after=False, now=NOW,
    )  # fmt: skip
    block = await desk.queue(Doing.BLOCK, hold_seconds=5)
    assert await REPLIES.next_due_at(pool) == later(seconds=5)
    assert (await desk.claim(at=6))[0] is None, "the answer goes first"
    attempt = uuid.uuid4()
    taken = await REPLIES.claim_next(pool, attempt, later(seconds=6), 30)
    assert taken is not None
    assert taken.outbox_id == reply.id
    assert (await desk.claim(at=7))[0] is None
    await REPLIES.settle(pool, reply.id, attempt, "accepted", later(seconds=8), external_id="at://us/1")
    act, _ = await desk.claim(at=9)
    assert act is not None
    assert act.outbox_id == block.id
    assert [row.id for row in await network_acts.blocks_of(pool, desk.w.brand_id, block.author_id)] == [block.id]
    assert await REPLIES.expired(pool, later(days=1)) == 0, "the lane of replies leaves acts alone"


async def test_a_dead_sender_leaves_it_unknown_only_if_something_may_have_been_done(desk: Desk) -> None:
    pool = desk.w.pool
    row = await desk.queue(Doing.LIKE)
    _, first = await desk.claim()
    assert await network_lane.expired(pool, later(seconds=20)) == 0
    assert await network_lane.expired(pool, later(seconds=60)) == 1
    assert await desk.state(row) is OutboxState.QUEUED
    _, second = await desk.claim(at=61)
    assert not await freeze(pool, row.id, first, {"record": "old"}, None, later(seconds=62))
    assert await freeze(pool, row.id, second, {"record": "r"}, None, later(seconds=62))
    assert await network_lane.expired(pool, later(seconds=120)) == 1
    assert await desk.state(row) is OutboxState.UNKNOWN
    assert (await desk.claim(at=121))[0] is None
    found = await network_lane.unsettled(pool, later(seconds=121))
    assert [(state, act.frozen) for state, act in found] == [(OutboxState.UNKNOWN, {"record": "r"})]
    third = uuid.uuid4()
    assert await network_lane.again(pool, row.id, third, later(seconds=122), 30) is not None
    assert not await network_lane.settle(pool, row.id, second, "failed", later(seconds=123)), "the dead one wakes up"
    assert await network_lane.settle(pool, row.id, third, "accepted", later(seconds=123))


async def test_what_failed_is_tried_again_unless_something_else_was_done_since(desk: Desk) -> None:
    pool = desk.w.pool
    row = await desk.queue(Doing.LIKE)
    _, attempt = await desk.claim()
    await network_lane.settle(pool, row.id, attempt, "failed", later(seconds=11), problem="no", code="refused")
    await network_acts.retry(pool, row.id, desk.w.mia.id, later(seconds=12))
    _, attempt = await desk.claim(at=13)
    await network_lane.settle(pool, row.id, attempt, "failed", later(seconds=14), problem="no", code="refused")
    await desk.queue(Doing.LIKE)
    with pytest.raises(Refused, match="something else was done since"):
        await network_acts.retry(pool, row.id, desk.w.mia.id, later(seconds=15))


async def test_what_we_deleted_is_gone_here_with_the_networks_word(desk: Desk) -> None:
    row = await desk.queue(Doing.DELETE, desk.answer)
    await desk.done(row)
    assert await desk.w.pool.fetchval("SELECT state FROM mentions WHERE id = $1", desk.answer) == "deleted"
    assert await desk.w.pool.fetchval("SELECT text FROM mention_versions WHERE mention_id = $1", desk.answer) is None
    assert [event["kind"] for event in await desk.w.events(desk.conversation)][-1] == "conversation.deleted"
    with pytest.raises(Refused, match="deleted already"):
        await desk.queue(Doing.DELETE, desk.answer)


async def test_what_others_said_under_our_post_is_removed_and_gone_here_with_the_networks_word(desk: Desk) -> None:
    row = await desk.queue(Doing.REMOVE)
    await desk.done(row)
    assert await desk.w.pool.fetchval("SELECT state FROM mentions WHERE id = $1", desk.comment) == "deleted"
    assert await desk.w.pool.fetchval("SELECT text FROM mention_versions WHERE mention_id = $1", desk.comment) is None
    with pytest.raises(Refused, match="deleted already"):
        await desk.queue(Doing.REMOVE)


async def test_what_an_account_can_do_is_what_was_published_last(desk: Desk) -> None:
    pool, account = desk.w.pool, desk.w.account.id
    await capabilities.publish(pool, account, {Capability.LIKE: "not today"})
    async with pool.acquire() as connection:
        assert await capabilities.of_account(connection, account) == {Capability.LIKE: "not today"}


async def test_what_is_read_and_claimed_goes_by_keys_however_much_was_ever_done(desk: Desk) -> None:
    """Also by a plan that was made when the house was empty."""
    w = desk.w
    asked = {
        "around": (network_acts._OF_THREAD, f"{w.brand_id}, '{{{desk.comment}, {desk.answer}}}', 1, 12"),
        "stands": (network_acts._STANDS, f"{w.account.id}, 'like of x', '{{like,unlike}}', NULL"),
        "next": (network_lane._NEXT, "'2026-12-31'"),
        "due": (network_lane._NEXT_DUE, ""),
    }
    await w.many(800)
    async with w.pool.acquire() as connection:
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        for name, (statement, values) in asked.items():
            await connection.execute(f"PREPARE {name} AS {statement}")
            await connection.execute(f"EXPLAIN EXECUTE {name} {f'({values})' if values else ''}")
        await connection.execute(
            "INSERT INTO network_acts (brand_id, conversation_id, account_id, mention_id, author_id, person_id, what, thing, at) "
            "SELECT c.brand_id, c.id, $1, c.last_mention_id, c.author_id, $2, what, what || c.id, now() "
            "FROM conversations c, unnest('{like,block,hide,show}'::text[]) AS what",
            w.account.id, w.mia.id,
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO outbox (brand_id, lane, network_act_id, account_id, key, state, not_before, queued_at, changed_at) "
            "SELECT brand_id, 'network', id, account_id, 'k' || id, 'accepted', at, at, at FROM network_acts"
        )
        for name, (_, values) in asked.items():
            plan = await connection.fetchval(
                f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE {name} {f'({values})' if values else ''}"
            )
            root = json.loads(plan)[0]["Plan"]
            blocks = root["Shared Hit Blocks"] + root["Shared Read Blocks"]
            print(name, blocks)
            assert blocks < 60, (name, json.dumps(root, indent=1))
        await connection.execute("DEALLOCATE ALL")
        await connection.execute("RESET plan_cache_mode")


SENT = """
INSERT INTO replies (brand_id, conversation_id, account_id, parent_id, person_id, visibility, body, lang, fence, close_after, at, mention_id)
SELECT $1, $2, $3, $4, $5, 'public', 'oops', 'en', 1, false, $6, $7
"""


async def test_a_reply_that_was_sent_is_edited_once_at_a_time_and_never_what_was_changed_since(desk: Desk) -> None:
    pool, w = desk.w.pool, desk.w
    with pytest.raises(Refused, match="sent from here"):
        await desk.queue(Doing.EDIT, desk.answer, edit=Rewording("Sorry!", "c"))
    assert await network_acts.editable(pool, w.brand_id, desk.answer) is None
    await pool.execute(SENT, w.brand_id, desk.conversation, w.account.id, desk.comment, w.mia.id, NOW, desk.answer)
    typed = await network_acts.editable(pool, w.brand_id, desk.answer)
    assert typed is not None
    assert typed.body == "oops"
    for edit, why in (
        (None, "without words"), (replace(typed, body=" "), "without words"), (replace(typed, body=" oops"), "nothing was changed"),
        (Rewording("Sorry!", "another"), "changed since you began"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=why):
            await desk.queue(Doing.EDIT, desk.answer, edit=edit)
    with pytest.raises(Refused, match="only what we wrote can be edited"):
        await desk.queue(Doing.EDIT, desk.comment, edit=typed)
    with pytest.raises(Refused, match="viewer"):
        await desk.queue(Doing.EDIT, desk.answer, edit=replace(typed, body="Sorry!"), person=w.vera)
    row = await desk.queue(Doing.EDIT, desk.answer, edit=replace(typed, body="Sorry! "))
    with pytest.raises(Refused, match="on its way already"):
        await desk.queue(Doing.EDIT, desk.answer, edit=replace(typed, body="Sorry for that!"))
    # It is edited in the network's own app before ours leaves: the network is told what our editor knew, not what is known by then.
    await pool.execute("UPDATE mentions SET content_id = 'by a colleague' WHERE id = $1", desk.answer)
    act, attempt = await desk.claim()
    assert act is not None
    assert (act.what, act.text, act.target_content_id) == (Doing.EDIT, "Sorry!", typed.content_id)
    await freeze(pool, row.id, attempt, {"id": "1"}, None, later(seconds=10))
    assert await network_lane.settle(pool, row.id, attempt, "accepted", later(seconds=10))
    again = await network_acts.editable(pool, w.brand_id, desk.answer)
    assert again == Rewording("Sorry!", "by a colleague")
    events = await w.events(desk.conversation)
    assert "Sorry" not in json.dumps([dict(one) for one in events], default=str), "events hold ids, never words"


async def test_who_needs_an_approval_for_a_reply_edits_none(desk: Desk) -> None:
    pool, w = desk.w.pool, desk.w
    await pool.execute(SENT, w.brand_id, desk.conversation, w.account.id, desk.comment, w.mia.id, NOW, desk.answer)
    typed = await network_acts.editable(pool, w.brand_id, desk.answer)
    assert typed is not None
    await needing(w, w.mia.login)
    with pytest.raises(Refused) as no:
        await desk.queue(Doing.EDIT, desk.answer, edit=replace(typed, body="Sorry!"))
    assert no.value.code == "needs_approval"
