"""Acts on Bluesky beside answering: each asks for a state, so twice is once; hidden replies of one post do not lose each other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from listener.errors import Refused, TryAgain, Uncertain
from listener.model.handed import NetworkAct
from listener.model.heard import Author, Key
from listener.model.leaving import Doing
from listener.sources.bluesky import Bluesky
from listener.sources.bluesky.acts import BLOCK, GATE, LIKE, MOST_HIDDEN
from listener.sources.bluesky.convert import SPACE
from listener.webclient.client import WebClient
from pretend.faults import Effect, Fault
from pretend.network import Network
from pretend.stage import Ref
from tests.promises.hearing import account, bluesky

PUT, DELETE = "com.atproto.repo.putRecord", "com.atproto.repo.deleteRecord"


@pytest.fixture
def source(net: Network, web: WebClient, tmp_path: Path) -> Bluesky:
    return bluesky(net, web, tmp_path)


def act_on(net: Network, what: Doing, ref: Ref, *, root: str = "", made: str = "", outbox_id: int = 1) -> NetworkAct:
    return NetworkAct(
        outbox_id=outbox_id,
        key=f"act-{outbox_id}",
        account=account(net),
        what=what,
        target=Key(SPACE, ref.uri),
        target_content_id=ref.cid,
        root=root or ref.uri,
        author=Author(SPACE, ref.uri.split("/")[2]),
        made=made,
        queued_at=datetime.now(UTC),
        frozen=None,
    )


async def frozen(source: Bluesky, act: NetworkAct) -> NetworkAct:
    made = await source.freeze_act(act, datetime.now(UTC))
    assert json.loads(json.dumps(made)) == made, "it is kept as jsonb"
    return replace(act, frozen=made)


async def do(source: Bluesky, act: NetworkAct) -> NetworkAct:
    ready = await frozen(source, act)
    assert await source.act(ready)
    assert await source.look_up_act(ready) is not None
    return ready


def ours(net: Network, collection: str) -> list[Mapping[str, Any]]:
    """Our records of a kind that are there."""
    entries = net.world.entries(net.account.did, collection)
    return [{"uri": one.uri, "commits": one.commits, **one.record} for one in entries if one.record is not None]


def hidden(net: Network) -> list[str]:
    (gate,) = ours(net, GATE)
    return list(gate["hiddenReplies"])


async def test_a_like_is_one_record_however_often_it_is_sent_and_unlike_takes_it_away(
    net: Network, source: Bluesky
) -> None:
    post = net.stage.post("ann.test", "lovely")
    ready = await frozen(source, act_on(net, Doing.LIKE, post))
    assert await source.look_up_act(ready) is None
    first, second = await source.act(ready), await source.act(ready)
    assert first == second
    (like,) = ours(net, LIKE)
    assert (like["subject"], like["commits"]) == (post.shown(), 1)
    # What the house itself made is taken away also while the AppView has not heard of it.
    net.settings.change({"appview_lag_seconds": 3600.0})
    await do(source, act_on(net, Doing.UNLIKE, post, made=first.external_id, outbox_id=2))
    assert ours(net, LIKE) == []
    await do(source, act_on(net, Doing.UNLIKE, post, outbox_id=3))  # nothing there to take away: as wanted


async def test_a_like_of_the_networks_own_app_is_not_given_twice_and_is_taken_back_from_here(
    net: Network, source: Bluesky
) -> None:
    post = net.stage.post("ann.test", "lovely")
    net.stage.like(net.account.handle, post.uri)
    await do(source, act_on(net, Doing.LIKE, post))
    assert len(ours(net, LIKE)) == 1
    await do(source, act_on(net, Doing.UNLIKE, post, outbox_id=2))
    assert ours(net, LIKE) == []


async def test_a_like_that_only_the_appview_still_knows_is_given_anew(net: Network, source: Bluesky) -> None:
    """The AppView is behind: right after an unlike it tells of a like that our repository holds no more."""
    post = net.stage.post("ann.test", "lovely")
    like = net.stage.like(net.account.handle, post.uri)
    entry = net.world.at(like.uri)
    assert entry is not None
    entry.record = None  # gone from the repository, and no watcher was told
    await do(source, act_on(net, Doing.LIKE, post))
    (given,) = ours(net, LIKE)
    assert given["uri"] != like.uri


async def test_what_was_edited_since_it_was_read_is_not_liked(net: Network, source: Bluesky) -> None:
    post = net.stage.post("ann.test", "lovely")
    net.stage.edit(post.uri, "horrible")
    with pytest.raises(Refused) as no:
        await source.freeze_act(act_on(net, Doing.LIKE, post), datetime.now(UTC))
    assert no.value.code == "parent_changed"


async def test_two_hides_of_one_post_at_the_same_time_are_both_kept_and_so_is_who_may_answer(
    net: Network, source: Bluesky
) -> None:
    root = net.stage.post(net.account.handle, "we launch")
    net.stage.close_thread(root.uri, ("mentionRule",))
    comments = [net.stage.post(f"troll{n}.test", "bad", reply_to=root.uri) for n in range(4)]
    ready = [
        await frozen(source, act_on(net, Doing.HIDE, one, root=root.uri, outbox_id=n)) for n, one in enumerate(comments)
    ]
    await asyncio.gather(*(source.act(one) for one in ready))
    assert sorted(hidden(net)) == sorted(one.uri for one in comments)
    assert [one for one in ready if await source.look_up_act(one) is None] == []
    (gate,) = ours(net, GATE)
    assert gate["allow"] == [{"$type": f"{GATE}#mentionRule"}]
    assert gate["uri"].split("/")[-1] == root.uri.split("/")[-1]
    await do(source, act_on(net, Doing.SHOW, comments[0], root=root.uri, outbox_id=9))
    assert comments[0].uri not in hidden(net)
    assert len(hidden(net)) == 3


async def test_a_hide_repeated_after_somebody_showed_it_again_in_the_app_changes_what_it_asks_for_only(
    net: Network, source: Bluesky
) -> None:
    root = net.stage.post(net.account.handle, "we launch")
    one, other = (net.stage.post("troll.test", text, reply_to=root.uri) for text in ("bad", "worse"))
    first = await do(source, act_on(net, Doing.HIDE, one, root=root.uri))
    await do(source, act_on(net, Doing.HIDE, other, root=root.uri, outbox_id=2))
    await source.act(first)
    assert hidden(net) == [one.uri, other.uri]


async def test_only_comments_under_our_own_posts_can_be_hidden_and_no_more_than_the_network_takes(
    net: Network, source: Bluesky
) -> None:
    theirs = net.stage.post("ann.test", "my own thread")
    comment = net.stage.post("troll.test", "bad", reply_to=theirs.uri)
    # Also where the house thinks otherwise: the message itself says where it stands.
    with pytest.raises(Refused) as no:
        await source.freeze_act(
            act_on(net, Doing.HIDE, comment, root=net.stage.post(net.account.handle, "x").uri), datetime.now(UTC)
        )
    assert no.value.code == "not_ours"
    root = net.stage.post(net.account.handle, "we launch")
    rkey = root.uri.split("/")[-1]
    full = [f"at://did:plc:x/app.bsky.feed.post/{n}" for n in range(MOST_HIDDEN)]
    gate = {"$type": GATE, "post": root.uri, "createdAt": "2026-11-02T09:00:00.000Z", "hiddenReplies": full}
    net.world.write(net.account.did, GATE, rkey, gate)
    one_more = net.stage.post("troll.test", "bad", reply_to=root.uri)
    with pytest.raises(Refused) as no:
        await source.act(await frozen(source, act_on(net, Doing.HIDE, one_more, root=root.uri)))
    assert no.value.code == "full"


async def test_our_reply_is_deleted_and_nobody_elses(net: Network, source: Bluesky) -> None:
    post = net.stage.post("ann.test", "hello")
    answer = net.stage.post(net.account.handle, "oops", reply_to=post.uri)
    ready = await do(source, act_on(net, Doing.DELETE, answer, root=post.uri))
    assert net.world.at(answer.uri).record is None
    await source.act(ready)
    with pytest.raises(Refused) as no:
        await source.freeze_act(act_on(net, Doing.DELETE, post), datetime.now(UTC))
    assert no.value.code == "not_ours"


async def test_who_is_blocked_is_unblocked_by_the_same_record(net: Network, source: Bluesky) -> None:
    post = net.stage.post("troll.test", "bad")
    ready = await do(source, act_on(net, Doing.BLOCK, post))
    await source.act(ready)
    (block,) = ours(net, BLOCK)
    assert block["subject"] == post.uri.split("/")[2]
    await do(source, act_on(net, Doing.BLOCK, post, outbox_id=2))
    assert len(ours(net, BLOCK)) == 1, "blocked already"
    await do(source, act_on(net, Doing.UNBLOCK, post, outbox_id=3))
    assert ours(net, BLOCK) == []


@pytest.mark.parametrize(
    ("what", "method"), [(Doing.LIKE, PUT), (Doing.HIDE, PUT), (Doing.BLOCK, PUT), (Doing.DELETE, DELETE)], ids=str
)
async def test_an_act_whose_answer_is_lost_is_uncertain_then_found_or_harmlessly_done_again(
    net: Network, source: Bluesky, what: Doing, method: str
) -> None:
    root = net.stage.post(net.account.handle, "we launch")
    target = root if what is Doing.DELETE else net.stage.post("troll.test", "bad", reply_to=root.uri)
    ready = await frozen(source, act_on(net, what, target, root=root.uri))
    net.faults.add(Fault(method, Effect.CUT))
    with pytest.raises(Uncertain):
        await source.act(ready)
    assert await source.look_up_act(ready) is None
    net.faults.add(Fault(method, Effect.CUT, carried_out=True))
    with pytest.raises(Uncertain):
        await source.act(ready)
    assert await source.look_up_act(ready) is not None
    await source.act(ready)
    net.faults.add(Fault(method, Effect.STATUS, status=429, retry_after=7))
    if what is not Doing.HIDE:  # a hide that stands already sends nothing
        with pytest.raises(TryAgain):
            await source.act(ready)
    there = [*ours(net, LIKE), *ours(net, GATE), *ours(net, BLOCK)]
    assert len(there) == (0 if what is Doing.DELETE else 1)
