"""Notifications, threads, posts, search and profiles as a viewer sees them."""

from __future__ import annotations

from typing import Any

import pytest

from pretend.network import Network
from pretend.wire import iso
from tests.pretend_network.wire_client import Wire

NOTIFICATIONS = "app.bsky.notification.listNotifications"
THREAD = "app.bsky.feed.getPostThread"
DEFS = "app.bsky.feed.defs#"


@pytest.fixture(autouse=True)
async def _logged_in(wire: Wire) -> None:
    await wire.log_in()


async def reasons(wire: Wire, **params: Any) -> list[tuple[str, str]]:
    answer = await wire.get(NOTIFICATIONS, **params)
    assert answer.status == 200, answer
    return [(one["reason"], one["record"].get("text", "")) for one in answer.body["notifications"]]


async def test_every_way_of_addressing_us_is_one_notification(net: Network, wire: Wire) -> None:
    ours = net.stage.post("larkspur.test", "launch")
    net.stage.post("mira.test", "hey @larkspur.test and @larkspur.test")
    reply = net.stage.post("tom.test", "nice @larkspur.test", reply_to=ours.uri)  # a mention first, so no second line
    deep = net.stage.post("gwen.test", "agreed", reply_to=reply.uri)
    net.stage.post("okoro.test", "look", quote=ours.uri)
    net.stage.like("mira.test", ours.uri)
    net.stage.repost("mira.test", ours.uri)
    net.stage.follow("mira.test", "larkspur.test")
    net.stage.post("mira.test", "larkspur without a handle")
    net.stage.post("larkspur.test", "our own @larkspur.test", reply_to=deep.uri)
    expected = [
        ("mention", "hey @larkspur.test and @larkspur.test"),
        ("mention", "nice @larkspur.test"),
        ("reply", "agreed"),
        ("quote", "look"),
        ("like", ""),
        ("repost", ""),
        ("follow", ""),
    ]
    assert await reasons(wire) == expected[::-1]
    answer = await wire.get(NOTIFICATIONS)
    quote = answer.body["notifications"][3]
    assert quote["reasonSubject"] == ours.uri
    assert quote["author"]["handle"] == "okoro.test"
    assert quote["isRead"] is False
    assert "reasonSubject" not in answer.body["notifications"][-1]


async def test_reasons_filter_and_pages_run_backwards_without_loss(net: Network, wire: Wire) -> None:
    ours = net.stage.post("larkspur.test", "launch")
    for n in range(23):
        net.stage.post(f"p{n}.test", f"@larkspur.test {n}")
        net.stage.like(f"p{n}.test", ours.uri)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(20):
        answer = await wire.get(NOTIFICATIONS, reasons="mention", limit=5, **cursor)
        seen += [one["record"]["text"] for one in answer.body["notifications"]]
        if "cursor" not in answer.body:
            break
        cursor = {"cursor": answer.body["cursor"]}
    assert seen == [f"@larkspur.test {n}" for n in reversed(range(23))]
    params = [("reasons", "like"), ("reasons", "mention"), ("limit", "2")]
    both = await wire.call("GET", f"/xrpc/{NOTIFICATIONS}", params=params)
    assert [one["reason"] for one in both.body["notifications"]] == ["like", "mention"]


@pytest.mark.parametrize("limit", ["0", "101", "many"])
async def test_limits_out_of_bounds_are_refused(wire: Wire, limit: str) -> None:
    answer = await wire.get(NOTIFICATIONS, limit=limit)
    assert (answer.status, answer.error) == (400, "InvalidRequest")


async def test_deleted_posts_vanish_and_edits_show_the_new_record(net: Network, wire: Wire) -> None:
    gone = net.stage.post("mira.test", "@larkspur.test gone")
    kept = net.stage.post("mira.test", "@larkspur.test kept")
    net.stage.delete(gone.uri)
    net.stage.edit(kept.uri, "@larkspur.test changed")
    assert await reasons(wire) == [("mention", "@larkspur.test changed")]
    net.stage.status("mira.test", "takendown")
    assert await reasons(wire) == []


async def test_what_is_posted_again_under_an_old_key_is_news(net: Network, wire: Wire) -> None:
    ref = net.stage.post("mira.test", "@larkspur.test one", rkey="3kaaaaaaaaa2k")
    net.stage.post("tom.test", "@larkspur.test two")
    net.stage.delete(ref.uri)
    net.stage.post("mira.test", "@larkspur.test three", rkey="3kaaaaaaaaa2k")
    assert [text for _, text in await reasons(wire)] == ["@larkspur.test three", "@larkspur.test two"]


async def test_seen_is_remembered(net: Network, wire: Wire) -> None:
    net.stage.post("mira.test", "@larkspur.test one")
    count = await wire.get("app.bsky.notification.getUnreadCount")
    assert count.body == {"count": 1}
    assert (await wire.post("app.bsky.notification.updateSeen", seenAt=iso(net.world.clock() + 10**6))).status == 200
    assert (await wire.get("app.bsky.notification.getUnreadCount")).body == {"count": 0}
    assert (await wire.get(NOTIFICATIONS)).body["notifications"][0]["isRead"] is True
    assert (await wire.post("app.bsky.notification.updateSeen", seenAt="now")).status == 400


async def test_notifications_need_a_login(wire: Wire) -> None:
    assert (await wire.get(NOTIFICATIONS, token="")).error == "AuthMissing"


async def test_the_appview_runs_behind_when_told_to(net: Network, wire: Wire) -> None:
    net.settings.change({"appview_lag_seconds": 3600})
    ref = net.stage.post("mira.test", "@larkspur.test hi")
    assert await reasons(wire) == []
    assert (await wire.get(THREAD, uri=ref.uri)).error == "NotFound"
    net.settings.change({"appview_lag_seconds": 0})
    assert len(await reasons(wire)) == 1


async def test_notifications_can_be_lost_as_they_are_on_the_real_network(net: Network, wire: Wire) -> None:
    net.settings.change({"lost_notices": 3})
    async with wire.stream() as stream:
        refs = [net.stage.post("mira.test", f"@larkspur.test {n}") for n in range(6)]
        assert len(await stream.events(6)) == 6
    assert [text for _, text in await reasons(wire)] == [f"@larkspur.test {n}" for n in (4, 3, 1, 0)]
    net.stage.delete(refs[2].uri)
    net.stage.delete(refs[4].uri)
    assert len(await reasons(wire)) == 3


async def test_a_thread_has_parents_and_replies_and_says_what_is_missing(net: Network, wire: Wire) -> None:
    root = net.stage.post("mira.test", "root")
    middle = net.stage.post("tom.test", "middle", reply_to=root.uri)
    anchor = net.stage.post("gwen.test", "anchor", reply_to=middle.uri)
    below = net.stage.post("okoro.test", "below", reply_to=anchor.uri)
    net.stage.post("mira.test", "deepest", reply_to=below.uri)
    record = net.world.at(anchor.uri)
    assert record is not None
    assert record.record is not None
    assert record.record["reply"] == {"root": root.shown(), "parent": middle.shown()}
    thread = (await wire.get(THREAD, uri=anchor.uri)).body["thread"]
    assert thread["$type"] == DEFS + "threadViewPost"
    assert thread["post"]["record"]["text"] == "anchor"
    assert thread["parent"]["post"]["uri"] == middle.uri
    assert thread["parent"]["parent"]["post"]["uri"] == root.uri
    assert thread["replies"][0]["post"]["uri"] == below.uri
    assert thread["replies"][0]["replies"][0]["post"]["record"]["text"] == "deepest"
    assert thread["post"]["replyCount"] == 1

    shallow = (await wire.get(THREAD, uri=anchor.uri, depth=1, parentHeight=1)).body["thread"]
    assert "replies" not in shallow["replies"][0]
    assert "parent" not in shallow["parent"]

    net.stage.delete(middle.uri)
    thread = (await wire.get(THREAD, uri=anchor.uri)).body["thread"]
    assert thread["parent"] == {"$type": DEFS + "notFoundPost", "uri": middle.uri, "notFound": True}
    gone = await wire.get(THREAD, uri=middle.uri)
    assert (gone.status, gone.error) == (400, "NotFound")


async def test_blocks_hide_both_ways(net: Network, wire: Wire) -> None:
    top = net.stage.post("gwen.test", "top")
    root = net.stage.post("mira.test", "@larkspur.test root", reply_to=top.uri)
    reply = net.stage.post("tom.test", "reply", reply_to=root.uri)
    net.stage.block("mira.test", "larkspur.test")
    blocked = (await wire.get(THREAD, uri=root.uri)).body["thread"]
    assert blocked["$type"] == DEFS + "blockedPost"
    assert (blocked["uri"], blocked["blocked"]) == (root.uri, True)
    thread = (await wire.get(THREAD, uri=reply.uri)).body["thread"]
    assert thread["parent"]["$type"] == DEFS + "blockedPost"
    assert "parent" not in thread["parent"]
    assert (await wire.get("app.bsky.feed.getPosts", uris=root.uri)).body["posts"] == []
    assert await reasons(wire) == []
    assert (await wire.get(THREAD, uri=root.uri, token="")).body["thread"]["$type"] == DEFS + "threadViewPost"


async def test_a_closed_thread_says_that_replying_is_disabled(net: Network, wire: Wire) -> None:
    root = net.stage.post("mira.test", "root")
    reply = net.stage.post("tom.test", "@larkspur.test reply", reply_to=root.uri)
    view = (await wire.get(THREAD, uri=reply.uri)).body["thread"]["post"]["viewer"]
    assert "replyDisabled" not in view
    net.stage.close_thread(root.uri)
    view = (await wire.get(THREAD, uri=reply.uri)).body["thread"]["post"]["viewer"]
    assert view["replyDisabled"] is True
    named = net.stage.post("mira.test", "for @larkspur.test only")
    net.stage.close_thread(named.uri, ("mentionRule",))
    assert "replyDisabled" not in (await wire.get(THREAD, uri=named.uri)).body["thread"]["post"]["viewer"]


async def test_posts_are_fetched_by_address_and_what_is_gone_is_missing(net: Network, wire: Wire) -> None:
    refs = [net.stage.post("mira.test", f"post {n}") for n in range(3)]
    net.stage.like("tom.test", refs[0].uri)
    net.stage.delete(refs[1].uri)
    params = [("uris", ref.uri) for ref in refs] + [("uris", "at://did:plc:nobody/app.bsky.feed.post/1")]
    posts = (await wire.call("GET", "/xrpc/app.bsky.feed.getPosts", params=params)).body["posts"]
    assert [post["record"]["text"] for post in posts] == ["post 0", "post 2"]
    assert (posts[0]["likeCount"], posts[0]["cid"]) == (1, refs[0].cid)
    many = await wire.call("GET", "/xrpc/app.bsky.feed.getPosts", params=[("uris", refs[0].uri)] * 26)
    assert (many.status, many.error) == (400, "InvalidRequest")


async def test_search_finds_words_and_phrases_newest_first(net: Network, wire: Wire) -> None:
    for text in ("larkspur is down", "Larkspur up", "larkspurs in bloom", "down with larkspur"):
        net.stage.post("mira.test", text)

    async def found(**params: Any) -> list[str]:
        answer = await wire.get("app.bsky.feed.searchPosts", **params)
        return [post["record"]["text"] for post in answer.body["posts"]]

    assert await found(q="larkspur") == ["down with larkspur", "Larkspur up", "larkspur is down"]
    assert await found(q="larkspur down") == ["down with larkspur", "larkspur is down"]
    assert await found(q='"down with"') == ["down with larkspur"]
    assert await found(q="larkspur", limit=1, cursor="1") == ["Larkspur up"]
    assert await found(q="larkspur", author="tom.test") == []
    assert await found(q="larkspur", until="2020-01-01T00:00:00Z") == []
    assert (await wire.get("app.bsky.feed.searchPosts", q="x", token="")).status == 401


async def test_profiles(net: Network, wire: Wire) -> None:
    net.stage.post("mira.test", "one")
    net.stage.follow("tom.test", "mira.test")
    profile = (await wire.get("app.bsky.actor.getProfile", actor="mira.test", token="")).body
    assert (profile["handle"], profile["postsCount"], profile["followersCount"]) == ("mira.test", 1, 1)
    params = [("actors", "mira.test"), ("actors", net.account.did), ("actors", "nobody.test")]
    both = (await wire.call("GET", "/xrpc/app.bsky.actor.getProfiles", params=params)).body["profiles"]
    assert [one["handle"] for one in both] == ["mira.test", "larkspur.test"]
    assert (await wire.get("app.bsky.actor.getProfile", actor="nobody.test")).body["message"] == "Profile not found"
    net.stage.status("mira.test", "takendown")
    assert (await wire.get("app.bsky.actor.getProfile", actor="mira.test")).error == "AccountTakedown"
