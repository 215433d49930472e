"""The Jetstream's wire: events, filters, cursors, hello, refusals."""

from __future__ import annotations

import json
import re
import time

import aiohttp
import pytest

from pretend.network import Network
from pretend.settings import Settings
from tests.pretend_network.wire_client import POST, Wire, until


async def test_a_post_its_edit_and_its_deletion_have_the_forms_of_the_real_stream(net: Network, wire: Wire) -> None:
    async with wire.stream() as stream:
        before = time.time_ns() // 1000
        ref = net.stage.post("mira.test", "hello @larkspur.test", langs=("en",))
        net.stage.edit(ref.uri, "hello again @larkspur.test")
        net.stage.delete(ref.uri)
        create, update, delete = await stream.events(3)
    assert set(create) == {"did", "time_us", "cursor", "kind", "commit"}
    assert create["kind"] == "commit"
    assert abs(create["time_us"] - before) < 5_000_000
    commit = create["commit"]
    assert (commit["operation"], commit["collection"], commit["cid"]) == ("create", POST, ref.cid)
    assert ref.uri == f"at://{create['did']}/{POST}/{commit['rkey']}"
    assert re.fullmatch(r"[2-7a-z]{13}", commit["rev"])
    assert re.fullmatch(r"bafyrei[a-z2-7]{52}", commit["cid"])
    assert commit["record"]["text"] == "hello @larkspur.test"
    assert commit["record"]["facets"][0]["index"] == {"byteStart": 6, "byteEnd": 20}
    assert commit["record"]["facets"][0]["features"][0]["did"] == net.account.did
    assert update["commit"]["operation"] == "update"
    assert update["commit"]["cid"] != commit["cid"]
    assert set(delete["commit"]) == {"rev", "operation", "collection", "rkey"}
    assert commit["rev"] < update["commit"]["rev"] < delete["commit"]["rev"]
    assert create["time_us"] < update["time_us"] < delete["time_us"]
    assert [create["cursor"], update["cursor"], delete["cursor"]] == [1, 2, 3]


async def test_account_and_identity_events_pass_any_collection_filter(net: Network, wire: Wire) -> None:
    net.stage.post("mira.test", "born")
    async with wire.stream(wantedCollections="app.bsky.feed.like") as stream:
        net.stage.post("mira.test", "not wanted")
        net.stage.rename("mira.test", "mira-new.test")
        net.stage.status("mira-new.test", "deleted")
        identity, account = await stream.events(2)
    did = identity["did"]
    assert identity["kind"] == "identity"
    assert identity["identity"] == {
        "did": did,
        "handle": "mira-new.test",
        "seq": identity["cursor"],
        "time": identity["identity"]["time"],
    }
    assert account["kind"] == "account"
    assert account["account"]["active"] is False
    assert account["account"]["status"] == "deleted"
    assert account["account"]["did"] == did


async def test_filters_by_collection_prefix_did_and_size(net: Network, wire: Wire) -> None:
    post = net.stage.post("mira.test", "one")
    net.stage.like("tom.test", post.uri)
    net.stage.follow("tom.test", "mira.test")
    net.stage.post("tom.test", "two" + "x" * 290)
    mira, tom = net.world.actor("mira.test").did, net.world.actor("tom.test").did

    async def kinds(*params: tuple[str, str]) -> list[str]:
        address = net.url + "/subscribe"
        async with wire.session.ws_connect(address, params=[("cursor", "0"), *params]) as socket:
            net.stage.status("end.test", "deleted")
            net.stage.status("tom.test", "active")
            seen = []
            while True:
                event = json.loads((await socket.receive(5)).data)
                if event["kind"] == "commit":
                    seen.append(event["commit"]["collection"].rsplit(".", 1)[1] + ":" + event["did"][-4:])
                elif event["did"] == tom:
                    return seen

    m, t = mira[-4:], tom[-4:]
    assert await kinds() == [f"post:{m}", f"like:{t}", f"follow:{t}", f"post:{t}"]
    assert await kinds(("wantedCollections", POST)) == [f"post:{m}", f"post:{t}"]
    assert await kinds(("wantedCollections", "app.bsky.graph.*")) == [f"follow:{t}"]
    both = ("wantedCollections", "app.bsky.graph.*"), ("wantedCollections", "app.bsky.feed.like")
    assert await kinds(*both) == [f"like:{t}", f"follow:{t}"]
    assert await kinds(("wantedDids", tom), ("wantedCollections", POST)) == [f"post:{t}"]
    assert f"post:{t}" not in await kinds(("maxMessageSizeBytes", "600"))
    assert f"post:{t}" in await kinds(("maxMessageSizeBytes", "junk"))


@pytest.mark.parametrize(
    "params",
    [
        {"wantedCollections": "not an nsid"},
        {"wantedCollections": "app.bsky.fo*"},
        {"wantedDids": "mira.test"},
        {"cursor": "yesterday"},
        {"cursor": "-1"},
        {"compress": "true"},
    ],
)
async def test_bad_options_are_refused_before_the_upgrade(wire: Wire, params: dict[str, str]) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with wire.stream(**params):
            pass
    assert refused.value.status == 400


async def test_too_many_filters_are_refused_after_duplicates_were_dropped(wire: Wire) -> None:
    address = wire.net.url + "/subscribe"
    same = [("wantedCollections", POST)] * 150
    async with wire.session.ws_connect(address, params=same):
        pass
    many = [("wantedCollections", f"app.bsky.feed.kind{chr(97 + n // 26)}{chr(97 + n % 26)}") for n in range(101)]
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with wire.session.ws_connect(address, params=many):
            pass


async def test_a_cursor_is_inclusive_by_sequence_and_by_time(net: Network, wire: Wire) -> None:
    for n in range(5):
        net.stage.post("mira.test", f"post {n}")
    async with wire.stream(cursor=0) as stream:
        events = await stream.events(5)
    third = events[2]
    async with wire.stream(cursor=third["cursor"]) as stream:
        assert await stream.texts(3) == ["post 2", "post 3", "post 4"]
    async with wire.stream(cursor=third["time_us"]) as stream:
        assert await stream.texts(3) == ["post 2", "post 3", "post 4"]
    async with wire.stream(cursor=third["time_us"] + 1) as stream:
        assert await stream.texts(2) == ["post 3", "post 4"]


async def test_no_cursor_and_a_cursor_in_the_future_mean_the_live_tip(net: Network, wire: Wire) -> None:
    net.stage.post("mira.test", "old")
    for cursor in ({}, {"cursor": str(10**17)}, {"cursor": "999999999"}):
        async with wire.stream(**cursor) as stream:
            net.stage.post("mira.test", "new")
            assert await stream.texts(1) == ["new"]


async def test_a_too_old_cursor_is_clamped_without_a_word() -> None:
    now = [time.time_ns() // 1000]
    async with (
        Network.start(settings=Settings(lookback_seconds=3600), clock=lambda: now[0]) as net,
        aiohttp.ClientSession() as session,
    ):
        wire = Wire(session, net)
        net.stage.post("mira.test", "long ago")
        long_ago = net.world.log.events[-1]
        now[0] += 2 * 3600 * 1_000_000
        net.stage.post("mira.test", "just now")
        for cursor in (0, long_ago.seq, long_ago.time_us):
            async with wire.stream(cursor=cursor) as stream:
                assert await stream.texts(1) == ["just now"]
        net.settings.change({"lookback_seconds": 3 * 3600})
        for cursor in (0, long_ago.seq, long_ago.time_us):
            async with wire.stream(cursor=cursor) as stream:
                assert await stream.texts(2) == ["long ago", "just now"]


async def test_servers_before_2026_send_no_cursor(net: Network, wire: Wire) -> None:
    net.settings.change({"seq_in_events": False})
    net.stage.post("mira.test", "old style")
    async with wire.stream(cursor=0) as stream:
        assert "cursor" not in await stream.event()


async def test_two_instances_number_their_events_differently(wire: Wire) -> None:
    wire.net.settings.change({"first_seq": 7_000})
    wire.net.stage.post("mira.test", "seven thousand")
    async with wire.stream(cursor=0) as stream:
        assert (await stream.event())["cursor"] == 7_000


async def test_hello_holds_everything_back_and_options_can_change_on_the_way(net: Network, wire: Wire) -> None:
    post = net.stage.post("mira.test", "before hello")
    async with wire.stream(cursor=0, requireHello="true") as stream:
        assert await stream.quiet()
    async with wire.stream(cursor=0, requireHello="true") as stream:
        await stream.socket.send_json({"type": "who knows", "payload": {}})
        await stream.socket.send_json({"type": "options_update", "payload": {"wantedCollections": [POST]}})
        assert await stream.texts(1) == ["before hello"]
        await stream.socket.send_json(
            {"type": "options_update", "payload": {"wantedCollections": ["app.bsky.feed.like"]}}
        )
        # The update has no answer on this wire: it is in force once a post no longer comes through.
        for attempt in range(50):
            net.stage.post("mira.test", f"attempt {attempt}")
            like = net.stage.like("tom.test", post.uri)
            event = await stream.event()
            if event["commit"]["collection"] == "app.bsky.feed.like":
                assert event["commit"]["cid"] == like.cid
                return
    pytest.fail("the update never came into force")


async def test_bad_options_end_the_connection(wire: Wire) -> None:
    async with wire.stream() as stream:
        await stream.socket.send_json({"type": "options_update", "payload": {"wantedDids": ["nobody"]}})
        assert (await stream.raw()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


async def test_the_server_pings(net: Network, wire: Wire) -> None:
    net.settings.change({"ping_seconds": 0.05})
    address = net.url + "/subscribe"
    async with wire.session.ws_connect(address, autoping=False) as socket:
        assert (await socket.receive(5)).type is aiohttp.WSMsgType.PING
        await socket.ping(b"mine")
        kinds = {(await socket.receive(5)).type for _ in range(4)}
        assert aiohttp.WSMsgType.PONG in kinds


async def test_many_events_arrive_whole_and_in_order_at_two_subscribers(net: Network, wire: Wire) -> None:
    async with wire.stream() as one, wire.stream() as other:
        for n in range(2000):
            net.stage.post(f"p{n % 7}.test", f"post {n}")
        expected = [f"post {n}" for n in range(2000)]
        assert await one.texts(2000) == expected
        assert await other.texts(2000) == expected


async def test_our_own_posts_are_on_the_stream_like_all_others(net: Network, wire: Wire) -> None:
    await wire.log_in()
    async with wire.stream(wantedCollections=POST) as stream:
        answer = await wire.put("3mxyzreply22k", "we are here")
        event = await stream.event()
    assert event["did"] == net.account.did
    assert event["commit"]["rkey"] == "3mxyzreply22k"
    assert event["commit"]["cid"] == answer.body["cid"]
    assert event["commit"]["rev"] == answer.body["commit"]["rev"]


async def test_text_that_is_not_unicode_or_not_printable_survives_as_escapes(net: Network, wire: Wire) -> None:
    nasty = "nul \x00 half \ud83d esc \x1b[2J bidi \u202e 日本 👩‍👩‍👧‍👦"
    async with wire.stream() as stream:
        net.stage.post("mira.test", nasty, validate=False)
        message = await stream.raw()
    assert json.loads(message.data)["commit"]["record"]["text"] == nasty


async def test_a_subscriber_that_does_not_read_is_dropped(net: Network, wire: Wire) -> None:
    net.settings.change({"write_timeout_seconds": 0.2})
    async with wire.stream() as stream:
        net.stage.post("mira.test", "first")
        assert await stream.texts(1) == ["first"]
        for _ in range(40):
            net.stage.post("mira.test", "x" * 1_000_000, validate=False)
        await until(lambda: net.jetstream_door.subscribers == 0)
