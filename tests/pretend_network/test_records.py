"""Writing records: validation, keys, no-ops, swaps, listing."""

from __future__ import annotations

from typing import Any

import pytest

from pretend.network import Network
from tests.pretend_network.wire_client import NOW, POST, Wire

REPO = "com.atproto.repo."
KEY = "3mxyzreply22k"


@pytest.fixture(autouse=True)
async def _logged_in(wire: Wire) -> None:
    await wire.log_in()


async def test_an_identical_put_commits_nothing_and_a_differing_one_is_an_update(net: Network, wire: Wire) -> None:
    async with wire.stream() as stream:
        first = await wire.put(KEY, "yes")
        same = await wire.put(KEY, "yes")
        other = await wire.put(KEY, "yes, really")
        events = await stream.events(2)
        assert await stream.quiet()
    assert (first.status, same.status, other.status) == (200, 200, 200)
    assert first.body["uri"] == f"at://{net.account.did}/{POST}/{KEY}"
    assert first.body["validationStatus"] == "valid"
    assert same.body["cid"] == first.body["cid"]
    assert "commit" in first.body
    assert "commit" not in same.body
    assert other.body["cid"] != first.body["cid"]
    assert [event["commit"]["operation"] for event in events] == ["create", "update"]
    assert [row["commits"] for row in net.records()] == [2]


async def test_another_creation_time_is_another_record(wire: Wire) -> None:
    first = await wire.put(KEY, "yes")
    later = await wire.put(KEY, "yes", createdAt="2026-11-02T09:20:01.000Z")
    assert first.body["cid"] != later.body["cid"]


async def test_create_takes_a_fresh_key_and_fails_on_a_used_one_as_the_reference_server_does(wire: Wire) -> None:
    record = {"$type": POST, "text": "hi", "createdAt": NOW}
    fresh = await wire.post(REPO + "createRecord", repo=wire.us, collection=POST, record=record)
    assert fresh.status == 200
    rkey = fresh.body["uri"].rsplit("/", 1)[1]
    assert len(rkey) == 13
    again = await wire.post(REPO + "createRecord", repo=wire.us, collection=POST, rkey=rkey, record=record)
    assert (again.status, again.error) == (500, "InternalServerError")


async def test_deleting_is_idempotent(net: Network, wire: Wire) -> None:
    await wire.put(KEY, "yes")
    one = await wire.post(REPO + "deleteRecord", repo=wire.us, collection=POST, rkey=KEY)
    two = await wire.post(REPO + "deleteRecord", repo=wire.us, collection=POST, rkey=KEY)
    assert (one.status, two.status) == (200, 200)
    assert "commit" in one.body
    assert two.body == {}
    gone = await wire.get(REPO + "getRecord", repo=wire.us, collection=POST, rkey=KEY)
    assert (gone.status, gone.error) == (400, "RecordNotFound")
    assert [(row["commits"], row["deleted"]) for row in net.records()] == [(2, True)]
    back = await wire.put(KEY, "yes")
    assert "commit" in back.body


async def test_records_are_listed_newest_key_first_in_pages(wire: Wire) -> None:
    for n in range(5):
        await wire.put(f"3mxyzreply2{n}k", f"post {n}")
    first = await wire.get(REPO + "listRecords", repo="larkspur.test", collection=POST, limit=3, token="")
    assert [row["value"]["text"] for row in first.body["records"]] == ["post 4", "post 3", "post 2"]
    rest = await wire.get(REPO + "listRecords", repo=wire.us, collection=POST, cursor=first.body["cursor"])
    assert [row["value"]["text"] for row in rest.body["records"]] == ["post 1", "post 0"]
    upwards = await wire.get(REPO + "listRecords", repo=wire.us, collection=POST, reverse="true")
    assert [row["value"]["text"] for row in upwards.body["records"]][:2] == ["post 0", "post 1"]


async def test_a_handle_will_do_for_the_repo_but_not_somebody_elses(net: Network, wire: Wire) -> None:
    record = {"$type": POST, "text": "hi", "createdAt": NOW}
    body: dict[str, Any] = {"collection": POST, "rkey": KEY, "record": record}
    assert (await wire.post(REPO + "putRecord", repo="larkspur.test", **body)).status == 200
    net.stage.post("mira.test", "mine")
    answer = await wire.post(REPO + "putRecord", repo=net.world.actor("mira.test").did, **body)
    assert (answer.status, answer.error) == (401, "AuthenticationRequired")
    assert (await wire.post(REPO + "putRecord", token="", repo=wire.us, **body)).error == "AuthMissing"


async def test_a_swap_that_does_not_fit_is_refused(wire: Wire) -> None:
    first = await wire.put(KEY, "one")
    body: dict[str, Any] = {"repo": wire.us, "collection": POST, "rkey": KEY}
    record = {"$type": POST, "text": "two", "createdAt": NOW}
    wrong = await wire.post(REPO + "putRecord", **body, record=record, swapRecord="bafyreiother")
    assert (wrong.status, wrong.error) == (400, "InvalidSwap")
    right = await wire.post(REPO + "putRecord", **body, record=record, swapRecord=first.body["cid"])
    assert right.status == 200


async def test_three_hundred_graphemes_are_enough(wire: Wire) -> None:
    family = "👩‍👩‍👧‍👦"
    assert (await wire.put(KEY, "é" * 300)).status == 200
    assert (await wire.put(KEY, "e\u0301" * 300)).status == 200
    answer = await wire.put(KEY, "x" * 301)
    assert (answer.status, answer.error) == (400, "InvalidRequest")
    assert "grapheme too big" in answer.body["message"]
    answer = await wire.put(KEY, family * 121)  # 121 graphemes but 3025 bytes
    assert answer.status == 400
    assert "string too big" in answer.body["message"]
    assert (await wire.put(KEY, family * 120)).status == 200


def _facet(start: Any, end: Any, **feature: Any) -> dict[str, Any]:
    feature = feature or {"$type": "app.bsky.richtext.facet#link", "uri": "https://x.test"}
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [feature]}


@pytest.mark.parametrize(
    "over",
    [
        {"facets": [_facet(0, 7)]},
        {"facets": [_facet(-1, 3)]},
        {"facets": [_facet(3, 3)]},
        {"facets": [_facet("0", 3)]},
        {"facets": [_facet(0, 3), _facet(2, 5)]},
        {"facets": [_facet(0, 3, **{"$type": "app.bsky.richtext.facet#mention", "did": "mira.test"})]},
        {"facets": "all"},
        {"createdAt": "yesterday"},
        {"createdAt": "2026-11-02T09:20:00"},
        {"createdAt": None},
        {"langs": ["en", "de", "fr", "es"]},
        {"reply": {"root": {"uri": "at://did:plc:x/app.bsky.feed.post/1", "cid": "c"}}},
        {"reply": {"root": {"uri": "http://x", "cid": "c"}, "parent": {"uri": "http://x", "cid": "c"}}},
        {
            "reply": {
                "root": {"uri": "at://did:plc:x/app.bsky.feed.post/1"},
                "parent": {"uri": "at://did:plc:x/app.bsky.feed.post/1", "cid": "c"},
            }
        },
        {"text": 7},
        {"text": "\ud800"},
        {"$type": "app.bsky.feed.like"},
    ],
)
async def test_bad_records_are_refused_and_leave_nothing(net: Network, wire: Wire, over: dict[str, Any]) -> None:
    answer = await wire.put(KEY, "éé!", **over)
    assert (answer.status, answer.error) == (400, "InvalidRequest")
    assert net.records() == []


async def test_good_facets_and_a_reply_to_a_deleted_post_are_accepted(net: Network, wire: Wire) -> None:
    parent = net.stage.post("mira.test", "going soon")
    net.stage.delete(parent.uri)
    reply = {"root": parent.shown(), "parent": parent.shown()}
    answer = await wire.put(KEY, "éé!", facets=[_facet(0, 4), _facet(4, 5)], reply=reply)
    assert answer.status == 200, answer


async def test_validation_can_be_switched_off_by_the_caller(wire: Wire) -> None:
    record = {"$type": POST, "text": "x" * 400, "createdAt": NOW}
    body: dict[str, Any] = {"repo": wire.us, "collection": POST, "rkey": KEY, "record": record, "validate": False}
    answer = await wire.post(REPO + "putRecord", **body)
    assert (answer.status, answer.body["validationStatus"]) == (200, "unknown")


@pytest.mark.parametrize("rkey", ["a/b", "..", "", "ü"])
async def test_bad_keys_are_refused(wire: Wire, rkey: str) -> None:
    assert (await wire.put(rkey, "hi")).status == 400


async def test_repos_that_are_gone_are_not_found(net: Network, wire: Wire) -> None:
    net.stage.post("mira.test", "hi")
    for status in ("takendown", "deactivated", "deleted"):
        net.stage.status("mira.test", status)
        answer = await wire.get(REPO + "listRecords", repo="mira.test", collection=POST)
        assert (answer.status, answer.error) == (400, "InvalidRequest")


async def test_facets_may_be_as_sloppy_as_the_real_server_lets_them_be(net: Network, wire: Wire) -> None:
    net.settings.change({"strict_facets": False})
    assert (await wire.put(KEY, "abc", facets=[_facet(0, 99), _facet(2, 1)])).status == 200
    assert (await wire.put(KEY, "abc", facets=[_facet(-1, 2)])).status == 400
