"""The counts beside the views: right after whatever changes, stopped at 1,000, and never by looking through all of them again."""

from __future__ import annotations

import random
from datetime import timedelta

import asyncpg
from hypothesis import given
from hypothesis import strategies as st

from inbox_tui.view.tally import HELD, MOST, Tally
from listener.model.scales import Priority
from listener.query.parse import parse
from listener.store import acts, inbox
from listener.store.views.queue import SavedView
from listener.workflow.acts import Act, Assign, Close, Reopen, SetPriority, Snooze, Tag
from tests.store.world import world
from tests.tui.fake import FakeBackend
from tests.tui.stage import stage
from tests.tui.test_postgres import now, real


@given(st.sets(st.integers(0, 3000), max_size=2600), st.lists(st.sets(st.integers(0, 3000), max_size=900), max_size=8))
def test_a_tally_says_what_is_so_or_that_it_must_be_counted_anew(begin: set[int], flips: list[set[int]]) -> None:
    """What changes sides is judged; at any time the tally is right up to 1,000, or says that it is stale."""
    members = set(begin)
    tally = Tally.counted(sorted(members)[:HELD], len(members) <= HELD)
    for flipped in flips:
        members ^= flipped
        tally.judged(flipped, members & flipped)
        if tally.stale:
            tally = Tally.counted(sorted(members)[:HELD], len(members) <= HELD)
        assert tally.ids <= members
        assert tally.shown == (f"{len(members):,}" if len(members) <= MOST else "1,000+")


QUERIES = (
    "invoice", "refund OR tag:vip", "tag:vip", "is:assigned", "priority:urgent", "NOT invoice", "unheard", "is:open", "status:new",
)  # fmt: skip


async def test_after_any_acts_each_count_is_what_counting_anew_says(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    chance = random.Random(20261128)
    ids = [await w.conversation(chance.choice(("my invoice", "a refund please", "hello"))) for _ in range(40)]
    trees = [parse(query).tree for query in QUERIES]
    assert all(trees)
    every = [tree for tree in trees if tree is not None]

    async def anew() -> list[frozenset[int]]:
        found = [await inbox.view_ids(pool, w.brand_id, tree, now(), most=1000, me="mia-acme") for tree in every]
        assert all(whole for _, whole in found)
        return [frozenset(some) for some, _ in found]

    kept = [Tally.counted(some, True) for some in await anew()]
    for _ in range(25):
        moved = chance.sample(ids, chance.randint(1, 9))
        later = now() + timedelta(hours=1)
        choices: list[Act] = [
            Close(), Reopen(), Snooze(later), Tag(("vip",)), Tag((), ("vip",)), Assign(w.tom.id), Assign(None),
            SetPriority(Priority.URGENT), SetPriority(None),
        ]  # fmt: skip
        act = chance.choice(choices)
        await acts.do(pool, w.tom.id, moved, act, now())
        for tally, inside in zip(kept, await inbox.among(pool, w.brand_id, every, moved, now()), strict=True):
            tally.judged(moved, inside)
        assert [frozenset(tally.ids) for tally in kept] == await anew()
    assert any(tally.ids for tally in kept)
    others = await world(pool, "beta")
    theirs = await others.conversation("my invoice")
    assert await inbox.among(pool, w.brand_id, every, [theirs], now()) == [frozenset()] * len(every), "another brand's"


async def test_counts_stand_beside_the_views_and_follow_what_happens(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    some = [await w.conversation("my invoice is wrong", author=f"asker{i}") for i in range(3)]
    await inbox.save_view(pool, w.mia.id, w.brand_id, "Bills", "invoice", False, now())
    await inbox.save_view(pool, w.mia.id, w.brand_id, "Closed bills", "invoice status:done", False, now())
    async with real(dsn) as s:

        def count(name: str) -> str:
            line = next(line for line in s.lines() if name in line[:21])
            return line[:22].split(name)[1].strip()

        await s.shows("Closed bills")
        await s.until(lambda: count("Bills") == "3", "three bills")
        await acts.do(pool, w.tom.id, some[:2], Close(), now())
        await s.until(lambda: count("Bills") == "1", "one bill")
        late = await w.mention("another invoice", author="late", at=now())
        await acts.open_from_mention(pool, w.tom.id, w.brand_id, late, now())
        await s.until(lambda: count("Bills") == "2", "two bills")
        assert count("Closed bills") == "", "counted over open conversations only"


async def test_no_change_makes_it_look_through_the_queue_again() -> None:
    backend = FakeBackend(1500)
    backend.kept = [SavedView(1, "Everything", "is:open", True), SavedView(2, "Striped", "tag:zebra", False)]
    async with stage(backend) as s:
        await s.shows("1,000+")
        asked = backend.calls["view_ids"]
        for n in range(1, 6):
            backend.act_as(backend.staff[1], [n], Tag(("zebra",)))
            await s.until(lambda n=n: s.app.place.tallies["tag:zebra"].shown == str(n), f"{n} striped")
        assert backend.calls["view_ids"] == asked
