"""Several texts and their pictures for whoever approves: one goes out as it was chosen, the rest is kept, and comes back whole where none does."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from listener.errors import Refused
from listener.model.leaving import ApprovalState
from listener.pictures import PNG, Picture
from listener.store import acts, approvals, attachments, inbox, outbox, upkeep
from listener.store.record import merge
from listener.store.views.approvals import ApprovalRow
from tests.store.test_approvals import Desk, desk  # noqa: F401 - the fixture
from tests.store.world import NOW, later

DOT = Picture(PNG, 3, 2, b"\x89PNG\r\n\x1a\n and so on")

OFFERED = ["Sorry!", "It is late", "Where do you live?"]


async def lay(d: Desk, alt: str, option: int = 1, person: int = 0) -> int:
    return await attachments.attach(d.pool, person or d.w.mia.id, d.id, "case.png", DOT, alt, NOW, option)


async def offered(d: Desk) -> ApprovalRow:
    """Three texts, the second one with two pictures, the third with one."""
    for alt, option in (("a bag", 2), ("its strap", 2), ("a map", 3)):
        await lay(d, alt, option)
    await acts.save_draft(d.pool, d.w.mia.id, d.id, OFFERED[0], 1, NOW, options=OFFERED[1:])
    return await d.ask(OFFERED[0], options=OFFERED[1:])


async def draft(d: Desk, person: int = 0) -> tuple[list[str], list[tuple[int, str]]]:
    """The texts of a draft, and its pictures by option."""
    opened = await inbox.open(d.pool, d.id, person or d.w.mia.id, NOW)
    assert opened is not None
    beside = await attachments.of_draft(d.pool, person or d.w.mia.id, d.id)
    return [opened.draft, *opened.draft_options], [(one.option, one.alt) for one in beside]


WHOLE = (OFFERED, [(2, "a bag"), (2, "its strap"), (3, "a map")])
NOTHING: tuple[list[str], list[tuple[int, str]]] = ([""], [])


async def test_one_option_goes_out_with_its_own_pictures_as_they_were_changed_and_both_versions_are_kept(
    desk: Desk,  # noqa: F811
) -> None:
    row = await offered(desk)
    assert await draft(desk) == NOTHING, "the draft has become this"
    assert (list(row.texts), [(one.option, one.alt, one.size) for one in row.pictures]) == (
        OFFERED,
        [(2, "a bag", len(DOT.content)), (2, "its strap", len(DOT.content)), (3, "a map", len(DOT.content))],
    )
    bag, strap, chart = (one.id for one in row.pictures)
    with pytest.raises(Refused, match="was not submitted with it"):
        await desk.approve(row, option=2, alts={chart: "a map"})
    with pytest.raises(Refused, match="no option 4"):
        await desk.approve(row, option=4)
    sent = await desk.approve(row, option=2, alts={bag: "a red bag"})
    assert sent.body == "It is late"
    assert [one.alt for one in await attachments.of_outbox(desk.pool, sent.id, contents=True)] == ["a red bag"]
    now = await desk.now()
    assert (now.state, now.option, now.body, list(now.texts)) == (ApprovalState.CHANGED, 2, "It is late", OFFERED)
    assert [(one.id, one.alt, one.submitted, one.sent) for one in now.pictures] == [
        (bag, "a red bag", "a bag", True), (strap, "its strap", "", False), (chart, "a map", "", False),
    ]  # fmt: skip
    await approvals.reconsider(desk.pool, row.id, desk.w.tom.id, NOW)
    again = await desk.now()
    assert (again.state, again.pictures) == (ApprovalState.WAITING, row.pictures), "as it was submitted"
    assert await attachments.of_draft(desk.pool, desk.w.tom.id, desk.id) == (), "no draft of who approves"
    sent = await desk.approve(again, option=2)
    assert (await desk.now()).state is ApprovalState.APPROVED
    await outbox.withdraw(desk.pool, sent.id, desk.w.mia.id, NOW)
    assert (await draft(desk))[1] == [(1, "a bag"), (1, "its strap")], "taken back, it is a draft's"
    assert [one.sent for one in (await desk.now()).pictures] == [True, True, False], "and what was approved stays known"


async def test_what_is_sent_back_or_taken_back_is_the_draft_again_with_every_option_and_picture(desk: Desk) -> None:  # noqa: F811
    row = await offered(desk)
    await approvals.take_back(desk.pool, row.id, desk.w.mia.id, NOW)
    assert await draft(desk) == WHOLE
    row = await desk.ask(OFFERED[0], options=OFFERED[1:])
    await approvals.reject(desk.pool, row.id, desk.w.tom.id, "kinder", later(minutes=1))
    assert await draft(desk) == WHOLE
    assert len((await desk.now()).pictures) == 3, "and stands with what was sent back"
    await approvals.reconsider(desk.pool, row.id, desk.w.tom.id, NOW)
    assert await draft(desk) == NOTHING, "nobody has touched it: it is not there twice"
    await approvals.reject(desk.pool, row.id, desk.w.tom.id, "kinder", later(minutes=2))
    await acts.save_draft(desk.pool, desk.w.mia.id, desk.id, "Sorry!!", 1, NOW, options=["Late"], without=2)
    assert await draft(desk) == (["Sorry!!", "Late"], [(2, "a map")])
    await approvals.reconsider(desk.pool, row.id, desk.w.tom.id, NOW)
    assert await draft(desk) == (["Sorry!!", "Late"], [(2, "a map")]), "the writer is at it"
    await approvals.reject(desk.pool, row.id, desk.w.tom.id, "kinder", NOW)
    assert await draft(desk) == (["Sorry!!", "Late"], [(2, "a map")]), "what was begun since stays"


async def test_of_two_who_choose_at_once_one_does_and_the_other_is_told_who_and_which(desk: Desk) -> None:  # noqa: F811
    row = await offered(desk)
    done = await asyncio.gather(
        desk.approve(row, option=1), desk.approve(row, desk.ina, option=3), return_exceptions=True
    )
    [no] = [one for one in done if isinstance(one, Refused)]
    winner, option = ("Tom", 1) if done[1] is no else ("Ina", 3)
    assert (no.what, no.code) == (f"too late: {winner} has approved option {option}", "decided")
    assert await desk.pool.fetchval("SELECT count(*) FROM outbox") == 1
    [told] = [e for e in await desk.w.events() if e["kind"] == "approval.approved"]
    assert told["after"] == {"approval": row.id, "state": "approved", "option": option}


async def test_what_cannot_be_offered_is_refused_and_stays_a_draft(desk: Desk) -> None:  # noqa: F811
    await lay(desk, "a bag", 2)
    with pytest.raises(Refused, match="option 2 is empty"):
        await desk.ask("one", options=[" "])
    with pytest.raises(Refused, match="at most 5"):
        await desk.ask("one", options=list("abcde"))
    with pytest.raises(Refused, match="in private"):
        await desk.ask("one", options=["two"], visibility="private")
    for _ in range(3):
        await lay(desk, "more", 2)
    with pytest.raises(Refused, match="at most 4"):
        await lay(desk, "a fifth", 2)
    await lay(desk, "of another option", 3)
    assert [option for option, _ in (await draft(desk))[1]] == [2, 2, 2, 2, 3]


async def test_a_draft_keeps_its_options_when_two_conversations_become_one(desk: Desk) -> None:  # noqa: F811
    other = await desk.w.conversation("the same", author="twin")
    twin = Desk(desk.w, other, desk.parent_id, desk.ina, desk.ada)
    for person in (desk.w.mia.id, desk.w.tom.id):
        await lay(twin, "a bag", 2, person)
        await acts.save_draft(desk.pool, person, other, "one", 1, NOW, options=["two"])
    await acts.save_draft(desk.pool, desk.w.tom.id, desk.id, "the elder one", 1, NOW)
    async with desk.pool.acquire() as connection, connection.transaction():
        await merge._merge(connection, desk.id, other, desk.w.brand_id, "root", NOW)
    assert await draft(desk) == (["one", "two"], [(2, "a bag")])
    assert await draft(desk, desk.w.tom.id) == (["the elder one"], [(1, "a bag")]), (
        "a picture of no text is not out of sight"
    )


async def test_bytes_go_thirty_days_after_a_picture_went_out_and_never_while_it_may_yet_be_sent(desk: Desk) -> None:  # noqa: F811
    async def kept() -> dict[str, bool]:
        found = await desk.pool.fetch("SELECT alt, content IS NOT NULL AS kept, size FROM attachments")
        assert {row["size"] for row in found} == {len(DOT.content)}
        return {row["alt"]: row["kept"] for row in found}

    long_after = NOW + timedelta(days=31)
    row = await offered(desk)
    await lay(desk, "a draft's", person=desk.w.tom.id)
    await upkeep.prune(desk.pool, long_after)
    assert all((await kept()).values()), "it waits"
    sent = await desk.approve(row, option=2)
    for state in ("queued", "sending", "unknown", "failed", "stopped"):
        await desk.pool.execute("UPDATE outbox SET state = $1", state)
        await upkeep.prune(desk.pool, long_after)
        assert all((await kept()).values()), state
    await desk.pool.execute("UPDATE outbox SET state = 'seen'")
    assert (await upkeep.prune(desk.pool, NOW + timedelta(days=30))).pictures == 0
    assert (await upkeep.prune(desk.pool, long_after)).pictures == 3
    assert await kept() == {"a bag": False, "its strap": False, "a map": False, "a draft's": True}
    now = await desk.now()
    assert [(one.alt, one.width, one.kept) for one in now.pictures] == [
        (one, 3, False) for one in ("a bag", "its strap", "a map")
    ]
    with pytest.raises(Refused, match="not kept any more"):
        await attachments.content(desk.pool, desk.w.tom.id, now.pictures[0].id)
    await desk.pool.execute("UPDATE outbox SET state = 'failed'")
    with pytest.raises(Refused, match="kept for 30 days"):
        await outbox.retry(desk.pool, sent.id, desk.w.tom.id, long_after, fence=await desk.thread())
    [mine] = await attachments.of_draft(desk.pool, desk.w.tom.id, desk.id)
    assert (await attachments.content(desk.pool, desk.w.tom.id, mine.id))[2] == DOT.content
    with pytest.raises(Refused, match="no such picture"):
        await attachments.content(desk.pool, desk.w.mia.id, mine.id)
