"""Labels of one's own: put, taken and undone, found by whoever put them, viewers too, and known to nobody else."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import msgspec
import pytest

from listener.errors import Refused
from listener.query.fields import Use
from listener.query.parse import parse
from listener.query.tree import Node
from listener.store import inbox, labels, people
from listener.store.labels import label
from listener.store.views.labels import Labelled
from tests.store.world import NOW, World, world


def asked(query: str) -> Node:
    tree = parse(query, Use.VIEW).tree
    assert tree is not None
    return tree


async def found(w: World, query: str, login: str) -> tuple[set[int], set[int]]:
    """The conversations of a view, and those of the mentions that a search finds, for somebody."""
    tree = asked(query)
    page = await inbox.view_page(w.pool, w.brand_id, tree, NOW, me=login, limit=50)
    ids, whole = await inbox.view_ids(w.pool, w.brand_id, tree, NOW, most=50, me=login)
    assert whole
    assert ids == [row.id for row in page.rows]
    hits = await inbox.search(w.pool, w.brand_id, tree, now=NOW + timedelta(days=1), limit=50, me=login)
    return set(ids), {row.conversation_id for row in hits.rows if row.conversation_id is not None}


async def test_a_label_is_found_by_its_person_also_a_viewer_and_goes_back_the_way_it_came(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one, two, _ = [await w.conversation(), await w.conversation(), await w.conversation()]
    for person in (w.mia, w.vera):
        login = person.login
        done = await label(pool, person.id, [(one, "Call back"), (two, "call back"), (two, "vip")], [], NOW)
        assert done.ids == {one, two}
        assert await labels.labels(pool, person.id, w.brand_id) == {one: ("Call back",), two: ("call back", "vip")}
        assert await found(w, 'label:"call back"', login) == ({one, two}, {one, two})
        assert await found(w, 'label:"call back" -label:v*', login) == ({one}, {one})
        swapped = await label(pool, person.id, [(one, "done")], [(one, "Call back"), (one, "never put")], NOW)
        assert swapped == Labelled(((one, "done"),), ((one, "Call back"),))
        await label(pool, person.id, swapped.taken, swapped.put, NOW)
        assert await found(w, 'label:"call back"', login) == ({one, two}, {one, two})
        assert await label(pool, person.id, [(two, " vip ")], [], NOW) == Labelled(), "so already"


async def test_nobody_else_ever_sees_them(pool: asyncpg.Pool) -> None:
    """No event, no version, no row, no history, no view of another person's, nor of nobody."""
    w = await world(pool)
    one = await w.conversation()
    before = (await w.events(), await inbox.rows(pool, [one], NOW), await inbox.open(pool, one, w.tom.id, NOW))
    await label(pool, w.mia.id, [(one, "difficult")], [], NOW)
    after = (await w.events(), await inbox.rows(pool, [one], NOW), await inbox.open(pool, one, w.tom.id, NOW))
    assert after == before
    assert b"difficult" not in msgspec.json.encode(await inbox.open(pool, one, w.mia.id, NOW))
    assert await labels.labels(pool, w.tom.id, w.brand_id) == {}
    for login in (w.tom.login, "", "nobody"):
        assert await found(w, "label:difficult", login) == (set(), set())
        assert await found(w, "-label:difficult", login) == ({one}, {one}), "nor by what it leaves out"
    assert await label(pool, w.tom.id, [], [(one, "difficult")], NOW) == Labelled(), "nor takes them off"
    assert await found(w, "label:difficult", w.mia.login) == ({one}, {one})
    seen = await inbox.among(pool, w.brand_id, [asked("label:difficult")], [one], NOW, me=w.tom.login)
    assert seen == [frozenset()]


async def test_what_is_no_label_is_refused_whole_and_another_brand_is_left_out(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    for wrong in ("", "x" * 41, "a\u202eb", "\x1b[31m"):
        with pytest.raises(Refused, match="plain characters"):
            await label(pool, w.mia.id, [(one, "fine"), (one, wrong)], [], NOW)
    with pytest.raises(Refused, match="at most 30"):
        await label(pool, w.mia.id, [(one, f"n{i}") for i in range(31)], [], NOW)
    assert await labels.labels(pool, w.mia.id, w.brand_id) == {}
    other = await people.ensure_brand(pool, "zeta", "Zeta")
    await pool.execute("UPDATE conversations SET brand_id = $1", other)
    assert await label(pool, w.mia.id, [(one, "fine")], [], NOW) == Labelled()
