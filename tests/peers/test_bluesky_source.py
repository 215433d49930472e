"""The Bluesky source against a real AT Protocol network: what it hears, what it sends, and what the servers' own noes become."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from listener.errors import Refused, SourceStopped
from listener.model.accounts import Account
from listener.model.handed import NetworkAct, Reply
from listener.model.heard import Author, AuthorChanged, Deleted, Key, Mention
from listener.model.kinds import Kind
from listener.model.leaving import Doing
from listener.sources.bluesky import Bluesky, Habits, Login, Options, connect
from listener.webclient.client import WebClient
from tests.peers.bluesky_network import BlueskyNetwork, SignUp
from tests.peers.bluesky_people import Person, Ref, now_text, until
from tests.peers.jetstream_bridge import JetstreamBridge
from tests.promises.hearing import Answering, Heard, hear

SPACE = "bluesky"
T = TypeVar("T")


@pytest.fixture
async def web() -> AsyncIterator[WebClient]:
    client = WebClient("0.0.test")
    yield client
    await client.close()


def source_of(
    network: BlueskyNetwork,
    web: WebClient,
    folder: Path,
    person: Person,
    *,
    password: str | None = "",
    hosts: str = "",
    firehose: str = "",
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Bluesky:
    login = Login(person.handle, person.password if password == "" else password, network.pds)
    habits = Habits(silence=20.0, proof=2.0, first_pause=0.05, beat=0.2)
    options = Options((hosts,) if hosts else (), network.appview, 0.2, habits, firehose=(firehose,) if firehose else ())
    return Bluesky(web, folder, [login], options, clock=clock)


def reply(us: Person, parent: Ref, author: Person, text: str) -> Reply:
    return Reply(
        outbox_id=1,
        key="test",
        account=Account(1, 1, "bluesky", SPACE, us.did, us.handle),
        parent=Key(SPACE, parent.uri),
        parent_content_id=parent.cid,
        root=parent.uri,
        parent_author=Author(SPACE, author.did),
        text=text,
        lang="en",
        private=False,
        queued_at=datetime.now(UTC),
        frozen=None,
    )


async def test_the_whole_way(
    bluesky_network: BlueskyNetwork, bluesky_sign_up: SignUp, web: WebClient, tmp_path: Path
) -> None:
    us, ann, ben = await bluesky_sign_up("us"), await bluesky_sign_up("ann"), await bluesky_sign_up("ben")
    source = source_of(bluesky_network, web, tmp_path, us)
    who = await source.identify(us.handle)
    assert (who.external_id, who.handle) == (us.did, us.handle)
    mention = await ann.post(f"señor @{us.handle} my line is down", mentions=(us,))
    answer = await ben.reply("mine too", mention)
    heard = await hear(source.account_streams(us.did)[0], None, lambda heard: mention.uri in heard.ids)
    (found,) = heard.mentions
    assert (found.text, found.author.handle, found.named) == (
        f"señor @{us.handle} my line is down",
        ann.handle,
        (us.did,),
    )
    assert found.content_id == mention.cid

    text = f"We are on it, @{ben.handle} 🙂 https://example.org/status #outage"
    queued = reply(us, answer, ben, text)

    async def frozen() -> Reply:
        return replace(queued, frozen=await source.freeze(queued, datetime.now(UTC)))

    ready = await frozen()
    assert await source.look_up(ready) is None
    sent = await source.send(ready)
    assert await source.send(ready) == sent, "the same put is no change"
    found_again = await source.look_up(ready)
    assert found_again is not None
    assert found_again.external_id == sent.external_id
    record = (await us.record(sent.external_id))["value"]
    assert record["reply"] == {"root": mention.wire(), "parent": answer.wire()}
    octets = record["text"].encode()
    marked = {
        octets[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode(): facet["features"][0]
        for facet in record["facets"]
    }
    assert marked[f"@{ben.handle}"]["did"] == ben.did
    assert set(marked) == {f"@{ben.handle}", "https://example.org/status", "#outage"}
    assert len(await us.records()) == 1

    async def shown() -> bool:
        read = await source.thread(queued.account, Key(SPACE, mention.uri))
        return sent.external_id in {one.key.external_id for one in read.mentions}

    await until(shown, what="our reply in the thread")
    read = await source.thread(None, Key(SPACE, answer.uri))
    assert [one.key.external_id for one in read.mentions][:2] == [mention.uri, answer.uri]
    await ann.set_name("Ann with a name")

    async def named() -> bool:
        profile = await source.profile(None, Author(SPACE, ann.did))
        return profile is not None and profile.author.name == "Ann with a name" and profile.posts == 1

    await until(named, what="Ann's name in her profile")


async def test_the_servers_own_noes(
    bluesky_network: BlueskyNetwork, bluesky_sign_up: SignUp, web: WebClient, tmp_path: Path
) -> None:
    us, ann = await bluesky_sign_up("us"), await bluesky_sign_up("ann")
    source = source_of(bluesky_network, web, tmp_path, us)
    gone, edited = await ann.post("gone soon"), await ann.post("edited soon")
    await source.freeze(reply(us, gone, ann, "hello"), datetime.now(UTC))
    ready = reply(us, edited, ann, "hello")
    ready = replace(ready, frozen=await source.freeze(ready, datetime.now(UTC)))
    await ann.delete(gone)
    await ann.edit(edited, "edited now")

    async def told(ref: Ref, code: str) -> bool:
        try:
            await source.freeze(reply(us, ref, ann, "hello"), datetime.now(UTC))
        except Refused as no:
            return no.code == code
        return False

    await until(lambda: told(gone, "parent_gone"), what="a parent that is gone")
    await until(lambda: told(edited, "parent_changed"), what="a parent that was edited")
    with pytest.raises(Refused) as no:
        await source.send(replace(ready, text="x" * 301))
    assert "grapheme too big" in no.value.what
    assert await source.look_up(ready) is None
    assert await source.profile(None, Author(SPACE, "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")) is None
    missing = Key(SPACE, f"at://{ann.did}/app.bsky.feed.post/3aaaaaaaaaa2a")
    assert (await source.thread(None, missing)).missing == (missing,)


async def test_acts_are_states_of_the_real_repository(
    bluesky_network: BlueskyNetwork, bluesky_sign_up: SignUp, web: WebClient, tmp_path: Path
) -> None:
    us, ann = await bluesky_sign_up("us"), await bluesky_sign_up("ann")
    source = source_of(bluesky_network, web, tmp_path, us)
    await source.identify(us.handle)
    root = await us.post("we launch")
    one, two = await ann.reply("bad", root), await ann.reply("worse", root)

    async def ready(what: Doing, ref: Ref, number: int, made: str = "") -> NetworkAct:
        act = NetworkAct(
            outbox_id=number,
            key=f"act-{number}",
            account=Account(1, 1, "bluesky", SPACE, us.did, us.handle),
            what=what,
            target=Key(SPACE, ref.uri),
            target_content_id=ref.cid,
            root=root.uri,
            author=Author(SPACE, ann.did),
            made=made,
            queued_at=datetime.now(UTC),
            frozen=None,
        )
        return replace(act, frozen=await source.freeze_act(act, datetime.now(UTC)))

    async def known() -> bool:
        read = await source.thread(None, Key(SPACE, root.uri))
        return {one.uri, two.uri} <= {message.key.external_id for message in read.mentions}

    await until(known, what="the comments in the AppView")
    hides = [await ready(Doing.HIDE, ref, number) for number, ref in enumerate((one, two))]
    assert await source.look_up_act(hides[0]) is None
    await asyncio.gather(*(source.act(act) for act in hides))
    gate = (await us.record(root.uri.replace("feed.post", "feed.threadgate")))["value"]
    assert sorted(gate["hiddenReplies"]) == sorted([one.uri, two.uri]), "neither hide lost the other"
    like = await ready(Doing.LIKE, one, 3)
    sent = await source.act(like)
    assert await source.act(like) == sent, "the same put is no change"
    assert await source.look_up_act(like) is not None
    unlike = await ready(Doing.UNLIKE, one, 4, made=sent.external_id)
    await source.act(unlike)
    assert await source.look_up_act(unlike) is not None
    assert await source.look_up_act(like) is None
    block = await ready(Doing.BLOCK, one, 5)
    await source.act(block)

    async def blocking() -> bool:
        return (await ready(Doing.UNBLOCK, one, 6)).frozen == {"records": [block.frozen["record"]]}

    await until(blocking, what="the AppView to tell of our block")
    await source.act(await ready(Doing.UNBLOCK, one, 7))
    assert await source.look_up_act(block) is None
    gone = await ready(Doing.DELETE, root, 8)
    await source.act(gone)
    await source.act(gone)
    assert await source.look_up_act(gone) is not None


async def test_sessions(
    bluesky_network: BlueskyNetwork, bluesky_sign_up: SignUp, web: WebClient, tmp_path: Path
) -> None:
    us = await bluesky_sign_up("us")
    source = source_of(bluesky_network, web, tmp_path, us)
    await source.identify(us.handle)
    saved = next(tmp_path.glob("*.json"))
    before = saved.read_text()
    # A token that the server does not take: refreshed, once, and kept.
    saved.write_text(before.replace('"access": "', '"access": "x'))
    later = source_of(bluesky_network, web, tmp_path, us, password=None)
    await later.identify(us.handle)
    batches = await hear(later.account_streams(us.did)[0], None, lambda heard: len(heard.batches) >= 2)
    assert batches.batches
    assert saved.read_text() != before
    with pytest.raises(SourceStopped) as told:
        await source_of(bluesky_network, web, tmp_path / "other", us, password="wrong").identify(us.handle)
    assert told.value.code == "AuthenticationRequired"
    ann = await bluesky_sign_up("ann")
    ready = reply(us, await ann.post("hello"), ann, "hello")
    ready = replace(ready, frozen=await later.freeze(ready, datetime.now(UTC)))
    await us.deactivate()
    with pytest.raises(SourceStopped) as told:
        await later.send(ready)
    assert told.value.code == "AccountDeactivated"
    with pytest.raises(SourceStopped) as told:
        await source_of(bluesky_network, web, tmp_path / "anew", us).identify(us.handle)
    assert told.value.code == "AccountDeactivated"


async def test_the_public_stream(
    bluesky_network: BlueskyNetwork,
    bluesky_jetstream: JetstreamBridge,
    bluesky_sign_up: SignUp,
    web: WebClient,
    tmp_path: Path,
) -> None:
    us, ann = await bluesky_sign_up("us"), await bluesky_sign_up("ann")
    source = source_of(bluesky_network, web, tmp_path, us, hosts=bluesky_jetstream.url)
    assert source.public is not None
    post = await ann.post("larkspur is down")
    quote = await ann.post("look", embed={"$type": "app.bsky.embed.record", "record": post.wire()})
    edited = await ann.edit(post, "larkspur is up")
    await ann.delete(quote)

    def gone(heard: Heard) -> bool:
        items = [item for batch in heard.batches for item in batch.items if isinstance(item, Deleted)]
        return any(item.key.external_id == quote.uri for item in items)

    began = f"us:{int((datetime.now(UTC) - timedelta(minutes=5)).timestamp() * 1e6)}"
    heard = await hear(source.public, began, gone)
    mine = [one for one in heard.mentions if one.author.external_id == ann.did]
    assert [(one.text, one.content_id) for one in mine if one.key.external_id == post.uri] == [
        ("larkspur is down", post.cid),
        ("larkspur is up", edited.cid),
    ]
    (found,) = (one for one in mine if one.key.external_id == quote.uri)
    assert (found.kind, found.quoted) == (Kind.QUOTE, post.uri)
    later = await ann.post("and again")
    assert later.uri in (await hear(source.public, heard.cursor, lambda heard: later.uri in heard.ids)).ids


async def test_the_firehose(
    bluesky_network: BlueskyNetwork, bluesky_sign_up: SignUp, web: WebClient, tmp_path: Path
) -> None:
    """The network's own wire: said, edited, deleted, many at once, an account that leaves; resumed, looked back on, compared."""
    began = datetime.now(UTC)
    us, ann, ben = await bluesky_sign_up("us"), await bluesky_sign_up("ann"), await bluesky_sign_up("ben")
    source = source_of(bluesky_network, web, tmp_path, us, firehose=bluesky_network.firehose)
    await source.identify(us.handle)
    (stream,) = source.streams()
    assert stream.key == "bluesky/firehose"
    post = await ann.post(f"señor 🙂 @{us.handle} larkspur is down", mentions=(us,))
    quote = await ann.post("look", embed={"$type": "app.bsky.embed.record", "record": post.wire()})
    edited = await ann.edit(post, "larkspur is up")
    await ann.delete(quote)
    writes = [
        {
            "$type": "com.atproto.repo.applyWrites#create",
            "collection": "app.bsky.feed.post",
            "value": {"$type": "app.bsky.feed.post", "text": f"at once {n}", "createdAt": now_text()},
        }
        for n in range(40)
    ]
    await ben.procedure("com.atproto.repo.applyWrites", {"repo": ben.did, "writes": writes})
    await ben.deactivate()

    def left(heard: Heard) -> bool:
        return any(
            one.author.external_id == ben.did and one.status == "deactivated" for one in of(heard, AuthorChanged)
        )

    heard = await hear(stream, f"us:{int((began - timedelta(minutes=5)).timestamp() * 1e6)}", left)
    mine = [one for one in heard.mentions if one.author.external_id == ann.did]
    assert [(one.text, one.content_id) for one in mine if one.key.external_id == post.uri] == [
        (f"señor 🙂 @{us.handle} larkspur is down", post.cid),
        ("larkspur is up", edited.cid),
    ]
    assert mine[0].named == (us.did,)
    (found,) = (one for one in mine if one.key.external_id == quote.uri)
    assert (found.kind, found.quoted) == (Kind.QUOTE, post.uri)
    assert Key(SPACE, quote.uri) in {one.key for one in of(heard, Deleted)}
    assert {one.text for one in heard.mentions if one.author.external_id == ben.did} == {
        f"at once {n}" for n in range(40)
    }
    assert ann.handle in {one.author.handle for one in of(heard, AuthorChanged)}
    assert not heard.rejects
    assert not heard.gaps

    until_then = datetime.now(UTC)
    later = await ann.post("and again")
    resumed = await hear(stream, heard.cursor, lambda heard: later.uri in heard.ids)
    assert len(resumed.batches[0].items) <= 2, "by its number: the last event once more, and what is new"
    ahead = str(heard.cursor).replace("seq:", "seq:9")
    assert later.uri in (await hear(stream, ahead, lambda heard: later.uri in heard.ids)).ids, "a number of the future"
    past = Heard()
    batches = source.look_back(stream.key, began, until_then)
    assert batches is not None
    async for batch in batches:
        past.batches.append(batch)
    assert later.uri not in past.ids
    assert past.ids >= heard.ids - {one.key.external_id for one in of(heard, Deleted)}

    await source.identify(us.handle)

    async def searched(words: str, *missing: str) -> set[str]:
        found = Heard()
        batches = source.search(stream.key, [words], began - timedelta(days=10), datetime.now(UTC))
        assert batches is not None
        async for batch in batches:
            found.batches.append(batch)
        assert not found.rejects
        return found.ids if found.ids.issuperset(missing) else set()

    await until(lambda: searched("again", later.uri), what="what was said, by the search")
    assert later.uri not in await searched("wallaby")

    account = Account(1, 1, "bluesky", SPACE, us.did, us.handle)
    older = source_of(bluesky_network, web, tmp_path, us, clock=lambda: datetime.now(UTC) + timedelta(hours=2))
    await older.identify(us.handle)
    many = next(one for one in heard.mentions if one.author.external_id == ben.did)

    async def compared(asker: Account | None) -> bool:
        items = await older.recheck(asker, [Key(SPACE, post.uri), Key(SPACE, quote.uri), many.key])
        now = {type(item): item for item in items}
        return (
            isinstance(shown := now.get(Mention), Mention)
            and (shown.text, shown.content_id, shown.likes) == ("larkspur is up", edited.cid, 0)
            and now.get(Deleted) == Deleted(Key(SPACE, quote.uri))
            and now.get(AuthorChanged) == AuthorChanged(Author(SPACE, ben.did), "deactivated")
        )

    await until(lambda: compared(account), what="what our account is shown")
    await until(lambda: compared(None), what="what anybody is shown")


def of(heard: Heard, kind: type[T]) -> list[T]:
    return [item for batch in heard.batches for item in batch.items if isinstance(item, kind)]


async def test_signing_in(bluesky_network: BlueskyNetwork, bluesky_sign_up: SignUp, web: WebClient) -> None:
    us = await bluesky_sign_up("us")
    made = await us.procedure("com.atproto.server.createAppPassword", {"name": "hubbub"})
    options = {"pds": bluesky_network.pds, "appview": bluesky_network.appview, "directory": bluesky_network.plc}
    done = await connect(Answering(web, options, {"handle": us.handle, "password": made["password"]}))
    there = bluesky_network.pds.replace("127.0.0.1", "localhost")  # as the directory tells it
    assert (done.service, done.who.external_id, done.secret) == (there, us.did, made["password"])
    assert "an app password" in done.told[0]
    with pytest.raises(Refused) as own:
        await connect(Answering(web, options, {"handle": us.handle, "password": us.password}))
    assert own.value.code == "own_password"
