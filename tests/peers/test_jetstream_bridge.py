"""The bridge hands on what really happened on the network: creates, edits, deletes, accounts; in order, and again from a cursor."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from tests.peers.bluesky_network import BlueskyNetwork, SignUp
from tests.peers.bluesky_people import POST, Person, until
from tests.peers.jetstream_bridge import JetstreamBridge, jetstream_bridge


async def heard(bridge: JetstreamBridge, query: str, count: int, *, only: str = "commit") -> list[dict[str, Any]]:
    """The first `count` events of a subscription with this query; of this kind only, unless `only` is empty."""
    events: list[dict[str, Any]] = []
    async with (
        asyncio.timeout(20),
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{bridge.url}?{query}") as socket,
    ):
        while len(events) < count:
            event = json.loads(await socket.receive_str())
            if not only or event["kind"] == only:
                events.append(event)
    return events


def posts_of(person: Person) -> str:
    return f"wantedCollections={POST}&wantedDids={person.did}"


async def test_create_edit_and_delete_come_in_order(bluesky_network: BlueskyNetwork, bluesky_sign_up: SignUp) -> None:
    mira = await bluesky_sign_up("mira")
    async with jetstream_bridge(bluesky_network.firehose) as bridge:
        listening = asyncio.create_task(heard(bridge, f"cursor=1&{posts_of(mira)}", 3))
        first = await mira.post("one 👋")
        second = await mira.edit(first, "two")
        await mira.delete(first)
        create, update, delete = await listening
    assert [event["commit"]["operation"] for event in (create, update, delete)] == ["create", "update", "delete"]
    assert {event["commit"]["rkey"] for event in (create, update, delete)} == {first.rkey}
    assert (create["commit"]["record"]["text"], create["commit"]["cid"]) == ("one 👋", first.cid)
    assert (update["commit"]["record"]["text"], update["commit"]["cid"]) == ("two", second.cid)
    assert "record" not in delete["commit"]
    assert create["commit"]["rev"] < update["commit"]["rev"] < delete["commit"]["rev"]
    assert create["time_us"] < update["time_us"] < delete["time_us"]


async def test_both_cursors_are_inclusive_and_a_future_one_is_live(
    bluesky_network: BlueskyNetwork, bluesky_sign_up: SignUp
) -> None:
    mira = await bluesky_sign_up("mira")
    for number in range(3):
        await mira.post(f"post {number}")
    async with jetstream_bridge(bluesky_network.firehose) as bridge:
        _, middle, last = await heard(bridge, f"cursor=1&{posts_of(mira)}", 3)
        assert await heard(bridge, f"cursor={middle['cursor']}&{posts_of(mira)}", 2) == [middle, last]
        assert await heard(bridge, f"cursor={middle['time_us']}&{posts_of(mira)}", 2) == [middle, last]
        live = asyncio.create_task(heard(bridge, f"cursor={10**17}&{posts_of(mira)}", 1))

        async def subscribed() -> bool:
            return bridge.subscribers > 0

        await until(subscribed, what="the live subscription")
        await mira.post("afterwards")
        assert (await live)[0]["commit"]["record"]["text"] == "afterwards"


async def test_an_account_that_leaves_is_told_whatever_the_collections(
    bluesky_network: BlueskyNetwork, bluesky_sign_up: SignUp
) -> None:
    mira = await bluesky_sign_up("mira")
    await mira.deactivate()
    async with jetstream_bridge(bluesky_network.firehose) as bridge:
        events = await heard(bridge, f"cursor=1&{posts_of(mira)}", 3, only="")
    assert [event["kind"] for event in events] == ["identity", "account", "account"]
    assert events[0]["identity"]["handle"] == mira.handle
    assert [event["account"]["active"] for event in events[1:]] == [True, False]
    assert events[2]["account"]["status"] == "deactivated"
