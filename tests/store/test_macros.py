"""Macros on real rows: one event under one id for all parts on all rows, and one undo for all of it."""

from __future__ import annotations

import uuid

import asyncpg
import pytest

from listener.errors import Refused
from listener.model.people import Role
from listener.model.scales import Priority
from listener.store import acts, people
from listener.workflow.acts import Assign, Close, Macro, SetPriority, Tag
from tests.store.test_acts import fields, notes, row
from tests.store.world import NOW, later, world


async def test_all_parts_on_all_rows_are_one_act_and_go_back_with_one(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    ids = [await w.conversation() for _ in range(3)]
    before = {id_: await fields(w, id_) for id_ in ids}
    act_id = uuid.uuid4()
    macro = Macro("m", (Assign(w.tom.id, "care"), Tag(("x",)), SetPriority(Priority.HIGH), Close()), "Why so")
    for part in (ids[:2], ids[2:]):  # as a long act is done
        done = await acts.do(pool, w.mia.id, part, macro, later(minutes=1), act_id=act_id)
        assert done.changed == tuple(part)
    for id_ in ids:
        (event,) = await w.events(id_)
        assert (event["kind"], event["act"], event["after"]["macro"]) == ("act.macro", act_id, "m")
        assert isinstance(event["after"]["note"], int), "ids, never text"
        assert await notes(w, id_) == ["Why so"]
        assert (await row(w, id_)).version == 2
    assert await acts.last_act(pool, w.mia.id) == act_id
    undone = await acts.undo(pool, w.mia.id, act_id, later(minutes=2))
    assert undone.changed == tuple(ids)
    for id_ in ids:
        assert await fields(w, id_) == before[id_]
        assert await notes(w, id_) == []
    redone = await acts.undo(pool, w.mia.id, undone.act_id, later(minutes=3))
    assert redone.changed == tuple(ids)
    assert await notes(w, ids[0]) == ["Why so"]
    assert (await row(w, ids[0])).assignee_id == w.tom.id


async def test_a_note_alone_is_a_macro_too(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    assert (await acts.do(pool, w.mia.id, [one], Macro("m", (), "Seen"), NOW)).changed == (one,)
    assert await notes(w, one) == ["Seen"]
    with pytest.raises(Refused, match="characters"):
        await acts.do(pool, w.mia.id, [one], Macro("m", (), "x" * 10_001), NOW)


async def test_a_macro_is_refused_where_its_acts_would_be(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    eve = await people.ensure_person(pool, "eve", "Eve", w.brand_id, Role.VIEWER)
    done = await acts.do(pool, eve.id, [one], Macro("m", (Close(),), "no"), NOW)
    assert "viewer" in done.refused[one]
    done = await acts.do(pool, w.mia.id, [one], Macro("m", (Tag(("x",)), Assign(eve.id)), "no"), NOW)
    assert "cannot work on this brand" in done.refused[one]
    assert await notes(w, one) == []
    assert await w.events(one) == []
