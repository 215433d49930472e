"""Saved views: who has which, who may change which, and that the other terminals hear of it."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from listener.errors import Refused
from listener.model.people import Person
from listener.store import inbox
from listener.store.feed import position, since
from listener.store.views.queue import SavedView
from tests.store.world import NOW, World, later, world


async def kept(w: World, person: Person, name: str, query: str = "refund", *, shared: bool = False) -> SavedView:
    return await inbox.save_view(w.pool, person.id, w.brand_id, name, query, shared, NOW)


async def names(w: World, person: Person) -> list[str]:
    return [view.name for view in await inbox.saved_views(w.pool, w.brand_id, person.id)]


async def test_everybody_has_their_own_and_the_shared_ones(pool: asyncpg.Pool) -> None:
    w, other = await world(pool), await world(pool, "other")
    await kept(w, w.mia, "urgent refunds")
    await kept(w, w.mia, "Angry")
    await kept(w, w.tom, "angry")
    await kept(w, w.tom, "VIPs", "author:list:vip", shared=True)
    await kept(other, other.tom, "elsewhere", shared=True)
    assert await names(w, w.mia) == ["VIPs", "Angry", "urgent refunds"]
    assert await names(w, w.tom) == ["VIPs", "angry"]
    assert await names(w, w.vera) == ["VIPs"]
    assert [view.shared for view in await inbox.saved_views(pool, w.brand_id, w.tom.id)] == [True, False]


async def test_the_same_name_again_replaces_and_a_number_renames(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await kept(w, w.mia, "  urgent \n refunds ")
    assert one.name == "urgent refunds"
    again = await kept(w, w.mia, "urgent refunds", "refund need:>0.8")
    assert (again.id, again.query) == (one.id, "refund need:>0.8")
    two = await kept(w, w.mia, "other")
    renamed = await inbox.save_view(pool, w.mia.id, w.brand_id, "late", "late", False, later(hours=1), view_id=two.id)
    assert renamed == SavedView(two.id, "late", "late", shared=False)
    with pytest.raises(Refused, match="already"):
        await inbox.save_view(pool, w.mia.id, w.brand_id, "urgent refunds", "x", False, NOW, view_id=two.id)
    assert await names(w, w.mia) == ["late", "urgent refunds"]


async def test_who_may_not_is_told_why(pool: asyncpg.Pool) -> None:
    w, other = await world(pool), await world(pool, "other")
    with pytest.raises(Refused, match="viewer"):
        await kept(w, w.vera, "mine")
    with pytest.raises(Refused, match="lead"):
        await kept(w, w.mia, "ours", shared=True)
    with pytest.raises(Refused, match="not yours"):
        await kept(w, other.mia, "mine")
    shared, toms = await kept(w, w.tom, "ours", shared=True), await kept(w, w.tom, "mine")
    for view, who, words in (
        (shared, w.mia, "lead"), (shared, w.vera, "viewer"), (toms, w.mia, "no such"), (shared, other.tom, "not yours"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=words):
            await inbox.delete_view(pool, who.id, view.id, NOW)
        with pytest.raises(Refused, match=words):
            await inbox.save_view(pool, who.id, w.brand_id, "taken over", "x", False, NOW, view_id=view.id)
    for name in ("", " \t", "x" * 61):
        with pytest.raises(Refused, match="name"):
            await kept(w, w.mia, name)
    with pytest.raises(Refused, match="query"):
        await kept(w, w.mia, "empty", "  ")
    assert await names(w, w.tom) == ["ours", "mine"]


async def test_hostile_names_are_kept_as_they_can_be(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await kept(w, w.mia, "nul\0l \ud800 '; DROP TABLE saved_views; --", "a\0b")
    assert await inbox.saved_views(pool, w.brand_id, w.mia.id) == [one]


async def test_other_terminals_hear_of_every_change(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    async with pool.acquire() as connection:
        place = await position(pool)
        view = await kept(w, w.tom, "ours", shared=True)
        place, changed = await since(connection, place, w.brand_id)
        assert changed.views
        place, changed = await since(connection, place, w.brand_id)
        assert not changed.views
        await inbox.delete_view(pool, w.tom.id, view.id, NOW)
        assert (await since(connection, place, w.brand_id))[1].views
    assert [row["kind"] for row in await w.events()] == ["view.saved", "view.deleted"]
    assert await names(w, w.tom) == []


async def test_two_who_save_the_same_name_at_once_keep_one(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    views = await asyncio.gather(*(kept(w, w.tom, "ours", f"q{i}", shared=True) for i in range(6)))
    assert len({view.id for view in views}) == 1
    assert await names(w, w.mia) == ["ours"]
