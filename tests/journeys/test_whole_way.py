"""The whole way, with real processes: somebody mentions us, it becomes a conversation, we answer, and the network has our answer once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from listener.model.leaving import Doing
from listener.model.people import Role
from listener.pictures import Picture, read
from listener.sources.bluesky.acts import LIKE
from listener.store import attachments, inbox, network_acts, numbered, outbox, people
from pretend.network import Network
from pretend.wire import blob_cid
from tests.core.test_pictures import png
from tests.journeys.running import Running, running, until

CONVERSATION = """
SELECT c.id FROM conversations AS c JOIN conversation_mentions AS j ON j.conversation_id = c.id
JOIN mentions AS m ON m.id = j.mention_id WHERE m.external_id = $1
"""


async def answer(house: Running, uri: str, text: str, carrying: Picture | None = None, **what: Any) -> int:
    """Queues an answer to this post as one of the staff; the outbox row."""
    conversation_id = await until(lambda: house.pool.fetchval(CONVERSATION, uri), told=house.logs)
    brand_id = await house.pool.fetchval("SELECT id FROM brands")
    person = await people.ensure_person(house.pool, "ann", "Ann", brand_id, Role.RESPONDER)
    opened = await inbox.open(house.pool, conversation_id, person.id, datetime.now(UTC))
    assert opened is not None
    parent = next(message for message in opened.thread if message.external_id == uri)
    if carrying is not None:
        await attachments.attach(
            house.pool, person.id, conversation_id, "map.png", carrying, "a map of what is down", datetime.now(UTC)
        )
    values: dict[str, Any] = {"visibility": "public", "lang": "en", "hold_seconds": 0.3, "close_after": False} | what
    row = await outbox.queue_reply(
        house.pool, person.id, conversation_id, opened.account_id, parent.id, text,
        fence=opened.conversation.thread_version, now=datetime.now(UTC), **values,
    )  # fmt: skip
    return row.id


async def state_of(house: Running, outbox_id: int) -> str:
    row = await outbox.row(house.pool, outbox_id)
    assert row is not None
    return row.state.value


async def acts(house: Running, network: Network, said: str, ours: str) -> None:
    """A like of what was said, and our answer deleted: done on the network, known here."""
    person_id, conversation_id = await house.pool.fetchrow("SELECT person_id, conversation_id FROM replies LIMIT 1")
    account_id = await house.pool.fetchval("SELECT id FROM accounts")
    mention_id = "SELECT id FROM mentions WHERE external_id = $1"
    for what, uri in ((Doing.LIKE, said), (Doing.DELETE, ours)):
        await network_acts.queue(
            house.pool, person_id, conversation_id, await house.pool.fetchval(mention_id, uri), what,
            account_id=account_id, hold_seconds=0.1, now=datetime.now(UTC),
        )  # fmt: skip

    async def done() -> bool:
        states = await house.pool.fetch("SELECT state FROM outbox WHERE lane = 'network'")
        return [row["state"] for row in states] == ["accepted", "accepted"]

    await until(done, told=house.logs)
    (like,) = [one for one in network.records(collection=LIKE) if one["record"]]
    assert like["record"]["subject"]["uri"] == said
    entry = network.world.at(ours)
    assert entry is not None
    assert entry.record is None
    assert await house.pool.fetchval("SELECT state FROM mentions WHERE external_id = $1", ours) == "deleted"


async def a_long_answer_is_a_chain_of_parts(network: Network, house: Running) -> None:
    asked = network.stage.post("mira.test", "@larkspur.test and the app?")
    before = len(network.records())
    await answer(house, asked.uri, "Yes, since nine. We are on it. " * 20, into=numbered.put)

    async def all_seen() -> bool:
        return bool(await house.pool.fetchval("SELECT count(*) = 4 FROM outbox WHERE state = 'seen'"))

    await until(all_seen, told=house.logs)
    records = sorted(network.records()[before:], key=lambda one: str(one["record"]["text"])[-3:])
    assert [one["record"]["text"][-4:] for one in records] == [" 1/3", " 2/3", " 3/3"]
    assert [one["commits"] for one in records] == [1, 1, 1]
    parents = [one["record"]["reply"]["parent"]["uri"] for one in records]
    assert parents == [asked.uri, records[0]["uri"], records[1]["uri"]]
    assert {one["record"]["reply"]["root"]["uri"] for one in records} == {asked.uri}


async def test_a_mention_becomes_an_answered_conversation() -> None:
    async with Network.start() as network, running(network) as house:
        listener = house.program("listener")
        await until(lambda: house.pool.fetchval("SELECT state = 'ready' FROM accounts"), told=house.logs)
        said = network.stage.post("mira.test", "@larkspur.test is the network down? https://status.test")
        text, picture = "Yes, since nine. We are on it: https://larkspur.test/status", read(png())
        outbox_id = await answer(house, said.uri, text, carrying=picture)

        async def is_seen() -> bool:
            return await state_of(house, outbox_id) == "seen"

        await until(is_seen, told=house.logs)
        (record,) = network.records()
        assert record["commits"] == 1
        assert record["record"]["text"] == text
        assert record["record"]["reply"] == {"root": said.shown(), "parent": said.shown()}
        (facet,) = record["record"]["facets"]
        assert facet["features"][0]["uri"] == "https://larkspur.test/status"
        (image,) = record["record"]["embed"]["images"]
        assert (image["alt"], image["aspectRatio"]) == ("a map of what is down", {"width": 3, "height": 2})
        assert (image["image"]["mimeType"], image["image"]["size"]) == ("image/png", len(picture.content))
        assert image["image"]["ref"] == {"$link": blob_cid(picture.content)}

        thanks = network.stage.post("mira.test", "thanks!", reply_to=record["uri"])
        network.stage.edit(said.uri, "@larkspur.test is the network down? (edited)")

        async def state() -> str:
            return str(await house.pool.fetchval("SELECT state FROM conversations"))

        async def both() -> bool:
            texts = await house.pool.fetch(
                "SELECT v.text FROM conversation_mentions AS j JOIN mentions AS m ON m.id = j.mention_id "
                "JOIN mention_versions AS v ON v.mention_id = m.id AND v.version = m.version"
            )
            return {"thanks!", "@larkspur.test is the network down? (edited)"} <= {row["text"] for row in texts}

        await until(both, told=house.logs)
        assert await state() == "ours"
        assert await house.pool.fetchval("SELECT count(*) FROM conversations") == 1
        network.stage.delete(thanks.uri)

        async def blanked() -> bool:
            state = await house.pool.fetchval("SELECT state FROM mentions WHERE external_id = $1", thanks.uri)
            return bool(state == "deleted")

        await until(blanked, told=house.logs)
        author = await until(
            lambda: house.pool.fetchrow("SELECT handle, name FROM authors WHERE fetched_at IS NOT NULL"),
            told=house.logs,
        )
        assert author["handle"] == "mira.test"
        await acts(house, network, said.uri, record["uri"])
        await a_long_answer_is_a_chain_of_parts(network, house)
        assert await listener.end() == 0, listener.tail()
        assert await house.pool.fetchval("SELECT count(*) FROM programs") == 0
