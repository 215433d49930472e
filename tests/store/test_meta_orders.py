"""What a Page's webhook tells ends in one state in the database, whatever comes late, twice, in another order, or is seen by a sweep between."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from listener.model.heard import AuthorChanged, Item, Key, Mention, Reject
from listener.model.kinds import Via
from listener.sources.base import Delivery
from listener.sources.meta import pages, private
from listener.sources.meta.hook import GraphHook
from listener.sources.meta.shapes import Piece
from pretend.graph import SECRET, Graph
from tests.store.builders import NOW, House

pytestmark = pytest.mark.newest

STATE = """
SELECT substr(m.external_id, 4), m.state, v.text, substr(m.root, 4), substr(m.parent, 4), h.hidden FROM mentions AS m
LEFT JOIN mention_versions AS v ON v.mention_id = m.id AND v.version = m.version
LEFT JOIN hidden_messages AS h USING (space, external_id) WHERE m.external_id LIKE $1 || '%' ORDER BY 1
"""

TALKS = """
SELECT c.state, array_agg(v.text ORDER BY m.at) FROM conversations AS c JOIN conversation_mentions AS j ON j.conversation_id = c.id
JOIN mentions AS m ON m.id = j.mention_id AND m.state = 'live'
JOIN mention_versions AS v ON v.mention_id = m.id AND v.version = m.version WHERE c.root LIKE $1 GROUP BY c.id
"""


def apart(item: Item, world: str) -> Item:
    """The same in a world of its own: one database serves for all orders."""
    assert not isinstance(item, Reject | AuthorChanged)
    own = replace(item, key=Key(item.key.space, world + item.key.external_id))
    if isinstance(own, Mention):
        own = replace(own, parent=world + (own.parent or ""), root=world + (own.root or ""))
    return own


async def ended(house: House, batches: Sequence[tuple[Item, ...]], world: str) -> list[tuple[Any, ...]]:
    """The state after these batches, from nothing."""
    for items in batches:
        told = [apart(one, world) for one in items]
        house.addressed(*(one.key.external_id for one in told if isinstance(one, Mention)), via=Via.REPLY)
        await house.record(*told, now=NOW + timedelta(days=1))
    return [tuple(row) for row in await house.pool.fetch(STATE, world)]


async def test_every_order_ends_in_the_same_state(pool: asyncpg.Pool) -> None:
    house, minutes = await House.built(pool), iter(range(10_000))
    net = Graph(clock=lambda: datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=next(minutes)))
    post = net.post("We open today")
    edited, hidden, gone, shown = (net.comment(post, f"comment {number}", by=f"fan{number}") for number in range(4))
    under = net.comment(edited, "an answer", by="ola")
    net.edit(edited, "once")
    net.hide(hidden)
    net.hide(shown)
    net.remove(gone)
    net.hide(shown, hidden=False)
    seen = net.clock()
    swept = [Piece("comment", net.page, dict(net.things[one]), seen, post) for one in (edited, hidden, shown, under)]
    net.edit(edited, "twice")
    hook = GraphHook("facebook", "page", pages.of_notice, app_secret=SECRET, verify_token="w")
    told = [hook.convert(Delivery(headers, body)) for headers, body in net.deliveries()]
    expected = await ended(house, told, "w0:")
    assert [(row[0], row[1], row[2], row[5]) for row in expected] == sorted([
        (edited, "live", "twice", None), (hidden, "live", "comment 1", True), (gone, "deleted", None, None),
        (shown, "live", "comment 3", False), (under, "live", "an answer", None),
    ])  # fmt: skip
    # A sweep says for each whether it is hidden, also for those of which nobody ever told.
    expected = [(*row[:5], False if row[5] is None and row[1] == "live" else row[5]) for row in expected]
    looked = [pages.of_piece(piece) for piece in swept]
    for seed in range(8):
        order = random.Random(seed)
        batches = [*told, *told, *looked]
        order.shuffle(batches)
        found = await ended(house, batches, f"w{seed + 1}:")
        # A comment may be known by its tombstone alone, where nobody brought it before it went.
        assert [row for row in found if row[1] == "live"] == [row for row in expected if row[1] == "live"], seed
        assert all(row[2] is None for row in found if row[1] != "live"), seed


async def test_private_messages_end_in_one_conversation_in_every_order_answered_in_the_networks_own_app(
    pool: asyncpg.Pool,
) -> None:
    """An answer from there names none that it answers, and may be told before it; so may an edit, and a message that was taken back."""
    house, minutes = await House.built(pool), iter(range(10_000))
    net = Graph(clock=lambda: NOW + timedelta(minutes=next(minutes)))
    terms = private.Terms("facebook")
    hook = GraphHook(
        "facebook", "page", lambda told: private.of_notice(told, terms), app_secret=SECRET, verify_token="w"
    )
    gone, asked = net.talks.message("rude words"), net.talks.message("Where is my parcel?")
    net.talks.edit(asked, "Where is my red parcel?")
    net.talks.unsend(gone)
    net.talks.message("In the van.", to="mira")
    told = [item for headers, body in net.deliveries() for item in hook.convert(Delivery(headers, body))]

    async def end(world: str, items: Sequence[Item]) -> list[tuple[Any, ...]]:
        for item in items:
            one = apart(item, world)
            if isinstance(one, Mention):
                writer = replace(one.author, space="bluesky", external_id="mira" if one.named else "us")
                one = replace(one, parent=None, author=writer)
                house.addressed(one.key.external_id, via=Via.DM)
            await house.record(one, now=NOW + timedelta(days=1))
        return [tuple(row) for row in await pool.fetch(TALKS, f"{world}with:%")]

    assert await end("w0:", told) == [("theirs", ["Where is my red parcel?", "In the van."])]
    first, echo = told[1], told[-1]
    assert await end("w1:", [echo, first]) == [("theirs", ["Where is my parcel?", "In the van."])]
    assert await end("w2:", [first, echo]) == [("theirs", ["Where is my parcel?", "In the van."])]
    for seed in range(6):
        order = [*told, *told]
        random.Random(seed).shuffle(order)
        ((_, words),) = await end(f"w{seed + 3}:", order)
        assert words == ["Where is my red parcel?", "In the van."], seed
