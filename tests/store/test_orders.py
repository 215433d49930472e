"""What a network tells of a message and its edits and its end comes to one state in the database, in whatever order and however often it is heard.

The same little story on every network, by its own bytes and its own converter: one message is edited twice, one is deleted, one stays.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from listener.model.heard import Deleted, Item, Mention, Reject
from listener.sources.base import Delivery
from listener.sources.bluesky.convert import convert_jetstream
from listener.sources.feeds.convert import convert_document
from listener.sources.mastodon.convert import SPACE as MASTODON
from listener.sources.mastodon.convert import Us as MastodonUs
from listener.sources.mastodon.convert import convert as convert_status
from listener.sources.mastodon.convert import key_of, packed
from listener.sources.meta import pages
from listener.sources.meta.grams import of_notice
from listener.sources.meta.hook import GraphHook
from listener.sources.registry import SOURCES
from listener.sources.telegram.convert import Us as TelegramUs
from listener.sources.telegram.convert import convert_update
from listener.sources.webhook.convert import Wired
from listener.sources.webhook.convert import convert as convert_delivered
from pretend.feeds import FeedHost
from pretend.graph import SECRET, Graph
from tests.store.builders import NOW, House
from tests.store.test_meta_orders import ended

pytestmark = pytest.mark.newest

FIRST, LAST, STAYS = "once upon a time", "once upon a time, edited twice", "it stays"
Told = Sequence[tuple[Item, ...]]


def bluesky() -> Told:
    def event(rkey: str, operation: str, number: int, text: str = "") -> tuple[Item, ...]:
        commit: dict[str, Any] = {
            "rev": f"3m{number:011d}",
            "operation": operation,
            "collection": "app.bsky.feed.post",
            "rkey": rkey,
        }
        if text:
            record = {"$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-11-02T08:00:00Z"}
            commit |= {"record": record, "cid": f"bafyrei{number:052d}"}
        frame = {"did": "did:plc:" + "a" * 24, "time_us": 1793610689377120 + number, "kind": "commit", "commit": commit}
        found = convert_jetstream(json.dumps(frame).encode(), NOW)
        assert found is not None
        return (found,)

    return [
        event("3maaaaaaaaa2a", "create", 2, FIRST),
        event("3maaaaaaaaa2b", "create", 3, "it goes"),
        event("3maaaaaaaaa2a", "update", 4, "edited once"),
        event("3maaaaaaaaa2c", "create", 5, STAYS),
        event("3maaaaaaaaa2b", "delete", 6),
        event("3maaaaaaaaa2a", "update", 7, LAST),
    ]


def mastodon() -> Told:
    us = MastodonUs("https://town.test", "town.test", "1", "https://town.test/users/acme")

    def status(number: int, text: str, edited: int = 0) -> tuple[Item, ...]:
        told = {
            "id": str(number), "uri": f"https://town.test/users/mira/statuses/{number}", "visibility": "public", "content": f"<p>{text}</p>",
            "created_at": "2026-11-02T08:00:00.000Z", "edited_at": f"2026-11-02T08:0{edited}:00.000Z" if edited else None,
            "account": {"id": "2", "acct": "mira", "username": "mira", "uri": "https://town.test/users/mira", "url": "https://town.test/@mira"},
        }  # fmt: skip
        return (convert_status(packed(us, told), NOW),)

    def gone(number: int) -> tuple[Item, ...]:
        key = key_of({"uri": f"https://town.test/users/mira/statuses/{number}"}, us)
        assert key is not None
        assert key.space == MASTODON
        return (Deleted(key),)

    return [
        status(1, FIRST),
        status(2, "it goes"),
        status(1, "edited once", 1),
        status(3, STAYS),
        gone(2),
        status(1, LAST, 2),
    ]


def _minutes() -> Iterator[Any]:
    return (NOW + timedelta(minutes=number) for number in range(10_000))


def facebook() -> Told:
    clock = _minutes()
    net = Graph(clock=lambda: next(clock))
    post = net.post("We open today")
    one, two = net.comment(post, FIRST), net.comment(post, "it goes")
    net.edit(one, "edited once")
    net.comment(post, STAYS)
    net.remove(two)
    net.edit(one, LAST)
    hook = GraphHook("facebook", "page", pages.of_notice, app_secret=SECRET, verify_token="w")
    return [hook.convert(Delivery(headers, body)) for headers, body in net.deliveries()]


def instagram() -> Told:
    """Nothing is edited there, and no notice tells that something is gone: a look does."""
    clock = _minutes()
    net = Graph(clock=lambda: next(clock))
    medium = net.medium("We open today")
    for text in (LAST, "it goes", STAYS):
        net.gram_comment(medium, text)
    hook = GraphHook(
        "instagram", "instagram", lambda notice: of_notice(notice, {}), app_secret=SECRET, verify_token="w"
    )
    told = [hook.convert(Delivery(headers, body)) for headers, body in net.deliveries()]
    goes = next(item for items in told for item in items if isinstance(item, Mention) and item.text == "it goes")
    return [*told, (Deleted(goes.key),)]


def telegram() -> Told:
    us = TelegramUs("99", "acme_bot", frozenset())
    business = {"business_connection_id": "b1", "chat": {"id": 7, "type": "private", "first_name": "Mira"}}

    def update(number: int, kind: str, message: int, text: str, edited: int = 0) -> tuple[Item, ...]:
        told = {
            **business, "message_id": message, "date": 1793610000, "text": text, "from": {"id": 7, "is_bot": False, "first_name": "Mira"},
            **({"edit_date": 1793610000 + edited} if edited else {}),
        }  # fmt: skip
        return convert_update(us, json.dumps({"update_id": number, kind: told}).encode())

    gone = {"update_id": 5, "deleted_business_messages": {**business, "message_ids": [2]}}
    return [
        update(1, "business_message", 1, FIRST),
        update(2, "business_message", 2, "it goes"),
        update(3, "edited_business_message", 1, "edited once", 60),
        update(4, "business_message", 3, STAYS),
        convert_update(us, json.dumps(gone).encode()),
        update(6, "edited_business_message", 1, LAST, 60),  # within the same second
    ]


def webhook() -> Told:
    def said(name: str, text: str, **more: Any) -> dict[str, Any]:
        return {"id": name, "text": text, "author": {"id": "c-1"}, "account": "shop", **more}

    told = [
        said("a", FIRST),
        said("b", "it goes"),
        said("a", "edited once", revision=1),
        said("c", STAYS),
        {"id": "b", "deleted": True},
        said("a", LAST, revision=2),
    ]
    return [convert_delivered(Wired("shop"), json.dumps(one).encode(), NOW) for one in told]


def feeds() -> Told:
    """The document as it was at each time."""
    host = FeedHost()
    made = []

    def look() -> None:
        made.append(convert_document(host.atom(), "application/atom+xml", "feeds/here", NOW + timedelta(days=1)))

    one, two = host.say("", FIRST), host.say("", "it goes")
    look()
    assert one.at is not None
    one.body, one.updated = "edited once", one.at + timedelta(hours=1)
    look()
    host.say("", STAYS)
    host.entries.remove(two)
    host.head = f'<at:deleted-entry xmlns:at="http://purl.org/atompub/tombstones/1.0" ref="{two.id}" when="2026-11-02T12:00:00Z"/>'
    look()
    one.body, one.updated = LAST, one.at + timedelta(hours=2)
    look()
    return made


STORIES: dict[str, Callable[[], Told]] = {
    "bluesky": bluesky, "mastodon": mastodon, "facebook": facebook, "instagram": instagram, "telegram": telegram, "webhook": webhook,
    "feeds": feeds,
}  # fmt: skip


def test_every_source_that_hears_has_a_story() -> None:
    assert set(STORIES) == set(SOURCES) - {"import"}, "a file is read once, in its order"


@pytest.mark.parametrize("name", STORIES)
async def test_every_order_of_a_story_ends_in_the_same_state(pool: asyncpg.Pool, name: str) -> None:
    told = STORIES[name]()
    assert not [item for items in told for item in items if isinstance(item, Reject)]
    house = await House.built(pool)
    for seed in range(9):  # the first is the order in which it happened
        order, batches = random.Random(seed), list(told)
        if seed:
            batches += order.choices(told, k=4)
            order.shuffle(batches)
        found = await ended(house, batches, f"w{seed:02d}:")
        assert sorted(row[2] for row in found if row[1] == "live") == sorted([LAST, STAYS]), (name, seed)
        # It may be known by its tombstone alone, where nobody brought it before it went.
        assert all(row[2] is None for row in found if row[1] != "live"), (name, seed)
    world = "^w[0-9]{2}:"
    legible = "SELECT count(*) FROM mentions AS m JOIN mention_versions AS v ON v.mention_id = m.id WHERE m.external_id ~ $1 AND v.text = 'it goes'"
    assert await pool.fetchval(legible, world) == 0


@pytest.mark.parametrize("name", [name for name in STORIES if name != "instagram"])
async def test_a_converter_that_forgets_what_is_newer_is_found_out(pool: asyncpg.Pool, name: str) -> None:
    """The planted bug: an edit without its place in the order of states changes nothing."""
    blunt = [
        tuple(replace(one, revision="") if isinstance(one, Mention) else one for one in items)
        for items in STORIES[name]()
    ]
    found = await ended(await House.built(pool), blunt, "w00:")
    assert LAST not in [row[2] for row in found]
