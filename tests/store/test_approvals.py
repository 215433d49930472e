"""Who needs an approval sends nothing without one; an approval is by somebody else, who has seen the thread as it is; one decides."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from listener.errors import Refused
from listener.model.leaving import ApprovalState, OutboxState
from listener.model.people import Role
from listener.pictures import PNG, Picture
from listener.rulebook.people import Approval
from listener.store import approvals, attachments, inbox, outbox, people, rulebooks, upkeep
from listener.store.record import merge
from listener.store.reply_lane import REPLIES
from listener.store.views.approvals import ApprovalRow
from listener.store.views.thread import OutboxRow
from tests.core.rulebooks import book
from tests.store.world import NOW, World, later, world


async def needing(w: World, *logins: str, accounts: tuple[str, ...] = ()) -> None:
    """The rules in force say so."""
    found = Approval(frozenset(logins), frozenset(accounts))
    await rulebooks.publish(w.pool, uuid.uuid4().hex, {"a.yaml": ""}, "", NOW, found)


class Desk:
    """One conversation; Mia writes, Tom is a lead, Ina another one, Ada an admin."""

    def __init__(self, w: World, conversation_id: int, parent_id: int, ina: int, ada: int) -> None:
        self.w, self.pool, self.id, self.parent_id = w, w.pool, conversation_id, parent_id
        self.ina, self.ada = ina, ada

    async def ask(self, body: str = "We are on it", person: int | None = None, **other: Any) -> ApprovalRow:
        options: dict[str, Any] = {
            "visibility": "public", "lang": "en", "fence": await self.thread(), "close_after": False, "now": NOW, **other,
        }  # fmt: skip
        who = person or self.w.mia.id
        return await approvals.ask(self.pool, who, self.id, self.w.account.id, self.parent_id, body, **options)

    async def send(self, person: int, body: str = "now") -> OutboxRow:
        return await outbox.queue_reply(
            self.pool, person, self.id, self.w.account.id, self.parent_id, body, visibility="public", lang="",
            fence=await self.thread(), hold_seconds=5, close_after=False, now=NOW,
        )  # fmt: skip

    async def approve(self, row: ApprovalRow, by: int | None = None, **other: Any) -> OutboxRow:
        options: dict[str, Any] = {"fence": await self.thread(), "hold_seconds": 5, "now": later(minutes=1), **other}
        return await approvals.approve(self.pool, row.id, by or self.w.tom.id, **options)

    async def thread(self) -> int:
        return int(await self.pool.fetchval("SELECT thread_version FROM conversations WHERE id = $1", self.id))

    async def moves(self) -> None:
        """Somebody says something."""
        await self.pool.execute("UPDATE conversations SET thread_version = thread_version + 1 WHERE id = $1", self.id)

    async def now(self) -> ApprovalRow:
        opened = await inbox.open(self.pool, self.id, self.w.mia.id, NOW)
        assert opened is not None
        return opened.approvals[-1]

    async def to_approve(self) -> tuple[list[int], int]:
        rows = await inbox.page(self.pool, self.w.brand_id, "approve", now=NOW)
        return [row.id for row in rows], (await inbox.counts(self.pool, self.w.brand_id, None)).to_approve


@pytest.fixture
async def desk(pool: asyncpg.Pool) -> Desk:
    w = await world(pool)
    await pool.execute("UPDATE accounts SET state = 'ready'")
    one = await w.conversation("where is my parcel?", due_at=later(minutes=30))
    parent = await pool.fetchval("SELECT mention_id FROM conversation_mentions WHERE conversation_id = $1", one)
    ina = await people.ensure_person(pool, "ina", "Ina", w.brand_id, Role.LEAD)
    ada = await people.ensure_person(pool, "ada", "Ada", w.brand_id, Role.ADMIN)
    return Desk(w, one, parent, ina.id, ada.id)


def test_rule_files_say_who_needs_it() -> None:
    rules = book(
        r_yaml="""\
teams: [{key: trainees, needs approval: yes}, {key: care}]
people:
  - {id: lea, teams: [trainees, care]}
  - {id: mia, teams: [care]}
  - {id: kim, needs approval: yes}
accounts: [{handle: "@Help.example", needs approval: yes}, {handle: other.example}]
"""
    )
    assert rules.approval == Approval(frozenset({"lea", "kim"}), frozenset({"help.example"}))


async def test_the_store_lets_nothing_out_of_whoever_needs_it_and_leads_and_admins_never_do(desk: Desk) -> None:
    w = desk.w
    assert (await desk.send(w.mia.id)).state is OutboxState.QUEUED
    await outbox.withdraw(desk.pool, 1, w.mia.id, NOW)
    await needing(w, "mia-acme", "tom-acme", "ada")
    with pytest.raises(Refused, match="approves this first"):
        await desk.send(w.mia.id)
    await outbox.withdraw(desk.pool, (await desk.send(w.tom.id)).id, w.tom.id, NOW)
    await outbox.withdraw(desk.pool, (await desk.send(desk.ada)).id, desk.ada, NOW)
    await needing(w, accounts=("acme.example",))
    with pytest.raises(Refused, match="approves this first"):
        await desk.send(w.mia.id)
    await outbox.withdraw(desk.pool, (await desk.send(w.tom.id)).id, w.tom.id, NOW)
    await needing(w)
    assert (await desk.send(w.mia.id)).state is OutboxState.QUEUED


async def test_what_waits_is_not_in_the_outbox_and_goes_out_in_its_writers_name_once_approved(desk: Desk) -> None:
    await needing(desk.w, "mia-acme")
    row = await desk.ask(close_after=True)
    assert await REPLIES.claim_next(desk.pool, uuid.uuid4(), later(days=9), 30) is None
    sent = await desk.approve(row)
    assert (sent.body, sent.person, sent.not_before) == ("We are on it", "Mia", later(minutes=1, seconds=5))
    now = await desk.now()
    assert (now.state, now.decided_by, now.sent, now.outbox_id) == (
        ApprovalState.APPROVED, "Tom", "We are on it", sent.id,
    )  # fmt: skip
    assert await REPLIES.claim_next(desk.pool, uuid.uuid4(), later(minutes=2), 30) is not None
    told = [(e["kind"], e["person_id"], e["after"]) for e in await desk.w.events() if e["conversation_id"] == desk.id]
    assert told[:3] == [
        ("approval.asked", desk.w.mia.id, {"approval": row.id, "state": "waiting"}),
        ("reply.queued", desk.w.mia.id, {"state": "queued"}),
        ("approval.approved", desk.w.tom.id, {"approval": row.id, "state": "approved"}),
    ]
    assert "on it" not in str([dict(e) for e in await desk.w.events()])


async def test_both_texts_are_kept_when_it_is_approved_with_a_change(desk: Desk) -> None:
    row = await desk.ask("we is on it")
    sent = await desk.approve(row, body="We are on it")
    assert sent.body == "We are on it"
    now = await desk.now()
    assert (now.state, now.body, now.sent) == (ApprovalState.CHANGED, "we is on it", "We are on it")


async def test_only_a_lead_or_an_admin_approves_and_never_their_own(desk: Desk) -> None:
    w = desk.w
    row = await desk.ask()
    for person, why in ((w.vera.id, "viewer"), (w.mia.id, "only a lead")):
        with pytest.raises(Refused, match=why):
            await desk.approve(row, person)
        with pytest.raises(Refused, match=why):
            await approvals.reject(desk.pool, row.id, person, "no", NOW)
    await approvals.take_back(desk.pool, row.id, w.mia.id, NOW)
    for person in (w.tom.id, desk.ada):
        own = await desk.ask(person=person)
        with pytest.raises(Refused, match="their own"):
            await desk.approve(own, person)
        with pytest.raises(Refused, match="only its writer"):
            await approvals.take_back(desk.pool, own.id, desk.ina, NOW)
        assert await approvals.take_back(desk.pool, own.id, person, NOW) == "We are on it"


async def test_an_approval_is_of_the_thread_as_it_is(desk: Desk) -> None:
    row = await desk.ask()
    seen = await desk.thread()
    await desk.moves()
    with pytest.raises(Refused) as stale:
        await desk.approve(row, fence=seen)
    assert stale.value.code == "thread_moved"
    with pytest.raises(Refused) as asks:
        await desk.approve(row)
    assert asks.value.code == "superseded"
    assert (await desk.now()).state is ApprovalState.WAITING
    sent = await desk.approve(row, moved=True)
    assert sent.fence == seen + 1


async def test_a_colleagues_answer_on_its_way_stops_the_approval(desk: Desk) -> None:
    row = await desk.ask()
    await desk.send(desk.w.tom.id)
    with pytest.raises(Refused) as no:
        await desk.approve(row, desk.ina)
    assert no.value.code == "answered_by_colleague"


async def test_of_two_who_approve_at_once_one_does_and_the_other_is_told(desk: Desk) -> None:
    row = await desk.ask()
    tries = [desk.approve(row), desk.approve(row, desk.ina), approvals.reject(desk.pool, row.id, desk.ada, "no", NOW)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    refused = [one for one in done if isinstance(one, Refused)]
    assert len(refused) == 2
    assert all(one.code == "decided" and "has " in one.what for one in refused)
    assert await desk.pool.fetchval("SELECT count(*) FROM outbox") <= 1


async def test_what_is_sent_back_is_the_writers_draft_again_with_the_note(desk: Desk) -> None:
    row = await desk.ask("we is on it")
    with pytest.raises(Refused, match="a note has"):
        await approvals.reject(desk.pool, row.id, desk.w.tom.id, "  ", NOW)
    await approvals.reject(desk.pool, row.id, desk.w.tom.id, "grammar!", NOW)
    opened = await inbox.open(desk.pool, desk.id, desk.w.mia.id, NOW)
    assert opened is not None
    assert (opened.draft, opened.approvals[-1].note) == ("we is on it", "grammar!")
    assert (await inbox.rows(desk.pool, [desk.id], NOW))[0].approval is ApprovalState.REJECTED
    assert await REPLIES.claim_next(desk.pool, uuid.uuid4(), later(days=9), 30) is None
    await desk.moves()
    assert (await inbox.rows(desk.pool, [desk.id], NOW))[0].approval is None


async def test_a_decision_can_be_taken_back_while_nothing_has_left(desk: Desk) -> None:
    row = await desk.ask()
    await approvals.reject(desk.pool, row.id, desk.w.tom.id, "why?", NOW)
    with pytest.raises(Refused, match="not yours"):
        await approvals.reconsider(desk.pool, row.id, desk.ina, NOW)
    await approvals.reconsider(desk.pool, row.id, desk.w.tom.id, NOW)
    sent = await desk.approve(row)
    await approvals.reconsider(desk.pool, row.id, desk.w.tom.id, NOW)
    assert await REPLIES.claim_next(desk.pool, uuid.uuid4(), later(days=9), 30) is None
    assert (await desk.now()).state is ApprovalState.WAITING
    assert await desk.to_approve() == ([desk.id], 1)
    sent = await desk.approve(row)
    assert await REPLIES.claim_next(desk.pool, uuid.uuid4(), later(days=9), 30) is not None
    with pytest.raises(Refused, match="too late"):
        await approvals.reconsider(desk.pool, row.id, desk.w.tom.id, NOW)
    found = await outbox.row(desk.pool, sent.id)
    assert found is not None
    assert found.state is OutboxState.SENDING


async def test_to_approve_is_a_window_with_an_exact_count(desk: Desk) -> None:
    assert await desk.to_approve() == ([], 0)
    row = await desk.ask()
    assert await desk.to_approve() == ([desk.id], 1)
    assert set((await inbox.in_folder(desk.pool, desk.w.brand_id, "approve")).versions) == {desk.id}
    with pytest.raises(Refused, match="waits for approval here already"):
        await desk.ask("another", person=desk.ada)
    await upkeep.fold(desk.pool)
    await approvals.take_back(desk.pool, row.id, desk.w.mia.id, NOW)
    assert await desk.to_approve() == ([], 0)
    await desk.ask("once more")
    await upkeep.fold(desk.pool)
    assert await desk.to_approve() == ([desk.id], 1)
    async with desk.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        plan = await connection.fetch(
            "EXPLAIN SELECT id FROM conversations WHERE brand_id = 1 AND to_approve AND merged_into IS NULL"
            " AND (sort_key, id) > (0, 0) ORDER BY sort_key, id LIMIT 50"
        )
    assert "conversations_to_approve" in str(plan)


async def test_of_two_that_wait_in_conversations_that_become_one_the_elder_goes_on(desk: Desk) -> None:
    await desk.ask("elder")
    other = await desk.w.conversation("the same", author="twin")
    parent = await desk.pool.fetchval("SELECT mention_id FROM conversation_mentions WHERE conversation_id = $1", other)
    twin = Desk(desk.w, other, parent, desk.ina, desk.ada)
    await twin.ask("younger")
    assert (await desk.to_approve())[1] == 2
    async with desk.pool.acquire() as connection, connection.transaction():
        await merge._merge(connection, desk.id, other, desk.w.brand_id, "root", NOW + timedelta(minutes=1))
    assert await desk.to_approve() == ([desk.id], 1)
    opened = await inbox.open(desk.pool, desk.id, desk.w.mia.id, NOW)
    assert opened is not None
    assert [(one.body, one.state.value) for one in opened.approvals] == [
        ("elder", "waiting"),
        ("younger", "superseded"),
    ]


async def test_a_retry_is_no_way_around_an_approval(desk: Desk) -> None:
    await needing(desk.w, "mia-acme")
    sent = await desk.approve(await desk.ask())
    await desk.moves()
    assert await REPLIES.claim_next(desk.pool, uuid.uuid4(), later(days=1), 30) is None
    with pytest.raises(Refused, match="since this was approved"):
        await outbox.retry(desk.pool, sent.id, desk.w.mia.id, later(days=1), fence=await desk.thread())
    await outbox.retry(desk.pool, sent.id, desk.w.tom.id, later(days=1), fence=await desk.thread())


async def test_a_long_text_goes_out_in_parts_once_approved_as_a_whole(desk: Desk) -> None:
    row = await desk.ask("We are sorry that your parcel is late. " * 10, close_after=True)
    first = await desk.approve(row)
    assert (first.part, first.parts) == (1, 2)
    opened = await inbox.open(desk.pool, desk.id, desk.w.mia.id, NOW)
    assert [(one.body[-4:], one.person) for one in opened.replies] == [(" 1/2", "Mia"), (" 2/2", "Mia")]
    await approvals.reconsider(desk.pool, row.id, desk.w.tom.id, NOW)
    assert await desk.pool.fetchval("SELECT count(*) FROM outbox WHERE state = 'withdrawn'") == 2


async def test_a_picture_that_the_writer_laid_beside_another_draft_does_not_go_out_with_what_is_approved(
    desk: Desk,
) -> None:
    row = await desk.ask()
    await attachments.attach(desk.pool, desk.w.mia.id, desk.id, "case.png", Picture(PNG, 3, 2, b"png"), "a case", NOW)
    sent = await desk.approve(row)
    assert await attachments.of_outbox(desk.pool, sent.id, contents=False) == ()
    assert len(await attachments.of_draft(desk.pool, desk.w.mia.id, desk.id)) == 1, "it waits for what it was meant for"
