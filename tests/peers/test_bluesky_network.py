"""The real network does what its users rely on, so that a red journey means a fault of ours and not of the peer."""

from __future__ import annotations

import time

import pytest

from tests.peers.bluesky_network import BlueskyNetwork, SignUp
from tests.peers.bluesky_people import XrpcRefused, facets_of, until


def test_facets_count_octets_not_characters() -> None:
    (facet,) = facets_of("hé 👋 @brand.test!", {"brand.test": "did:plc:brand"})
    assert facet["index"] == {"byteStart": 9, "byteEnd": 20}
    assert "hé 👋 @brand.test!".encode()[9:20] == b"@brand.test"


async def test_a_mention_is_notified(bluesky_network: BlueskyNetwork, bluesky_sign_up: SignUp) -> None:
    brand, mira = await bluesky_sign_up("brand"), await bluesky_sign_up("mira")
    began = time.monotonic()
    post = await mira.post(f"hé @{brand.handle}, does it ship to Norway?", mentions=(brand,))
    (seen,) = await until(lambda: brand.notifications("mention"), what="the mention among the notifications")
    print(
        f"posted -> notified: {time.monotonic() - began:.2f} s; network ready after {bluesky_network.ready_seconds:.1f} s"
    )
    assert (seen["uri"], seen["cid"], seen["reason"]) == (post.uri, post.cid, "mention")
    assert seen["author"]["did"] == mira.did
    assert seen["record"]["text"].endswith("does it ship to Norway?")


async def test_an_edit_changes_text_and_cid_but_no_time(bluesky_sign_up: SignUp) -> None:
    brand, mira = await bluesky_sign_up("brand"), await bluesky_sign_up("mira")
    first = await mira.post(f"@{brand.handle} hello", mentions=(brand,))
    (before,) = await until(lambda: brand.notifications("mention"), what="the mention")
    second = await mira.edit(first, f"@{brand.handle} hello, edited", mentions=(brand,))
    assert second.uri == first.uri
    assert second.cid != first.cid

    async def edited() -> list[dict[str, str]]:
        return [post for post in await brand.posts(first.uri) if post["cid"] == second.cid]

    (view,) = await until(edited, what="the edit in the AppView")
    (after,) = await brand.notifications("mention")
    assert after["record"]["text"] == f"@{brand.handle} hello, edited"
    assert after["cid"] == second.cid
    assert (view["indexedAt"], after["indexedAt"]) == (before["indexedAt"], before["indexedAt"])


async def test_a_deleted_post_leaves_no_trace_but_under_our_reply(bluesky_sign_up: SignUp) -> None:
    brand, mira = await bluesky_sign_up("brand"), await bluesky_sign_up("mira")
    post = await mira.post(f"@{brand.handle} oops", mentions=(brand,))
    await until(lambda: brand.notifications("mention"), what="the mention")
    reply = await brand.reply("no worries", post)
    await until(lambda: brand.posts(reply.uri), what="the reply")
    await mira.delete(post)

    async def gone() -> bool:
        return not await brand.posts(post.uri)

    await until(gone, what="the delete in the AppView")
    assert await brand.notifications("mention") == []
    assert (await brand.thread(reply.uri))["parent"]["$type"] == "app.bsky.feed.defs#notFoundPost"
    with pytest.raises(XrpcRefused) as refused:
        await brand.record(post.uri)
    assert refused.value.name == "RecordNotFound"


async def test_a_backdated_mention_is_notified_as_of_the_claimed_time(bluesky_sign_up: SignUp) -> None:
    """The trap for every watermark: `indexedAt` is not the server's time when the author claims an earlier one."""
    brand, mira = await bluesky_sign_up("brand"), await bluesky_sign_up("mira")
    claimed = "2020-01-01T00:00:00.000Z"
    await mira.post(f"@{brand.handle} from long ago", mentions=(brand,), createdAt=claimed)
    (seen,) = await until(lambda: brand.notifications("mention"), what="the backdated mention")
    assert seen["indexedAt"] == claimed
