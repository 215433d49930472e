"""Answers on Bluesky: looked at first, sent once, found again, and told in the network's words when they are not taken."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from listener.errors import Refused, SourceStopped, TryAgain, Uncertain
from listener.model.handed import Attachment, Reply
from listener.model.heard import Author, Key
from listener.sources.bluesky import Bluesky
from listener.sources.bluesky.session import Session
from listener.webclient.client import WebClient
from pretend.faults import Effect, Fault
from pretend.network import Network
from tests.promises.hearing import account, bluesky, login_of, reply_to

PUT = "com.atproto.repo.putRecord"
UPLOAD = "com.atproto.repo.uploadBlob"


@pytest.fixture
def source(net: Network, web: WebClient, tmp_path: Path) -> Bluesky:
    return bluesky(net, web, tmp_path)


async def frozen(source: Bluesky, reply: Reply) -> Reply:
    made = await source.freeze(reply, datetime.now(UTC))
    assert json.loads(json.dumps(made)) == made, "it is kept as jsonb"
    return replace(reply, frozen=made)


def ours(net: Network) -> list[Mapping[str, Any]]:
    return [dict(row) for row in net.records()]


def record_of(net: Network, uri: str) -> Mapping[str, Any]:
    entry = net.world.at(uri)
    assert entry is not None
    assert entry.record is not None
    return entry.record


async def test_a_reply_stands_where_it_belongs(net: Network, source: Bluesky) -> None:
    root = net.stage.post("ann.test", "my line is down")
    parent = net.stage.post("ben.test", "mine too", reply_to=root.uri)
    text = "Señor @ann.test 🙂: see https://larkspur.example/a(b)?x=1, and #outage! (@nobody.test)"
    reply = await frozen(source, reply_to(net, parent.uri, text, cid=parent.cid))
    sent = await source.send(reply)
    record = record_of(net, sent.external_id)
    assert record["reply"] == {"root": root.shown(), "parent": parent.shown()}
    assert record["text"] == text
    assert record["langs"] == ["en"]
    wire = text.encode()
    facets = {
        wire[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode(): facet["features"][0]
        for facet in record["facets"]
    }
    ann = net.world.find("ann.test")
    assert ann is not None
    assert facets["@ann.test"]["did"] == ann.did
    assert facets["https://larkspur.example/a(b)?x=1"]["uri"] == "https://larkspur.example/a(b)?x=1"
    assert facets["#outage"]["tag"] == "outage"
    assert len(facets) == 3, "a handle that nobody has stays plain text"
    assert "text" not in reply.frozen if reply.frozen else False
    assert sent.external_id == (reply.frozen or {})["uri"]


PICTURES = (
    Attachment(7, "image/png", 30, 20, "a broken suitcase", b"\x89PNG bytes"),
    Attachment(9, "image/jpeg", 4, 3, "ünser Büro 🙂", b"\xff\xd8 bytes"),
)


async def test_pictures_are_handed_over_before_and_stand_in_the_record_with_their_words(
    net: Network, source: Bluesky
) -> None:
    parent = net.stage.post("ann.test", "what did it look like?")
    reply = await frozen(source, replace(reply_to(net, parent.uri), attachments=PICTURES))
    assert "suitcase" not in json.dumps(reply.frozen), "the words are kept in one place"
    assert ours(net) == [], "nothing is shown by handing over"
    wordless = replace(reply, attachments=[replace(one, content=b"") for one in PICTURES])
    first, second = await source.send(reply), await source.send(wordless)
    assert first == second
    assert ours(net)[0]["commits"] == 1, "the repeat committed nothing"
    embed = record_of(net, first.external_id)["embed"]
    assert embed["$type"] == "app.bsky.embed.images"
    assert [
        (one["alt"], one["aspectRatio"], one["image"]["mimeType"], one["image"]["size"]) for one in embed["images"]
    ] == [
        ("a broken suitcase", {"width": 30, "height": 20}, "image/png", 10),
        ("ünser Büro 🙂", {"width": 4, "height": 3}, "image/jpeg", 8),
    ]
    with pytest.raises(Refused, match="attach it again"):
        await source.send(replace(reply, attachments=()))


@pytest.mark.parametrize(
    "fault",
    [
        Fault(UPLOAD, Effect.CUT, carried_out=True, times=2),
        Fault(UPLOAD, Effect.STATUS, status=502, carried_out=True, times=2),
        Fault(UPLOAD, Effect.STATUS, status=304),
        Fault(UPLOAD, Effect.MALFORMED),
    ],
    ids=["cut", "502", "an answer that is none", "half an answer"],
)
async def test_a_picture_whose_answer_is_lost_is_handed_over_again(net: Network, source: Bluesky, fault: Fault) -> None:
    reply = replace(reply_to(net, net.stage.post("ann.test", "hello").uri), attachments=PICTURES)
    net.faults.add(fault)
    with pytest.raises(TryAgain) as told:
        await frozen(source, reply)
    assert not isinstance(told.value, Uncertain), "nothing can have been shown"
    await source.send(await frozen(source, reply))
    assert len(ours(net)) == 1


async def test_a_picture_that_the_network_refuses_is_told_in_its_words(net: Network, source: Bluesky) -> None:
    reply = replace(reply_to(net, net.stage.post("ann.test", "hello").uri), attachments=PICTURES)
    net.faults.add(Fault(UPLOAD, Effect.STATUS, status=400, error="BlobTooLarge", message="This file is too large"))
    with pytest.raises(Refused, match="This file is too large"):
        await frozen(source, reply)


async def test_the_same_reply_twice_is_one_reply(net: Network, source: Bluesky) -> None:
    parent = net.stage.post("ann.test", "hello")
    reply = await frozen(source, reply_to(net, parent.uri))
    first, second = await source.send(reply), await source.send(reply)
    assert first == second
    assert len(ours(net)) == 1
    assert ours(net)[0]["commits"] == 1, "the repeat committed nothing"
    assert net.world.at(parent.uri) is not None


async def test_two_replies_of_the_same_microsecond_do_not_overwrite_each_other(net: Network, source: Bluesky) -> None:
    uri = net.stage.post("ann.test", "hello").uri
    now = datetime.now(UTC)
    keys = {(await source.freeze(reply_to(net, uri, outbox_id=n), now))["rkey"] for n in range(1, 6)}
    assert len(keys) == 5


@pytest.mark.parametrize(
    "fault",
    [
        Fault(PUT, Effect.CUT, carried_out=True),
        Fault(PUT, Effect.STATUS, status=500, carried_out=True),
        Fault(PUT, Effect.STATUS, status=502, carried_out=True),
        Fault(PUT, Effect.MALFORMED),
    ],
    ids=["cut", "500", "502", "half an answer"],
)
async def test_a_write_whose_answer_is_lost_is_uncertain_and_then_found(
    net: Network, source: Bluesky, fault: Fault
) -> None:
    reply = await frozen(source, reply_to(net, net.stage.post("ann.test", "hello").uri))
    assert await source.look_up(reply) is None
    net.faults.add(fault)
    with pytest.raises(Uncertain):
        await source.send(reply)
    found = await source.look_up(reply)
    assert found is not None
    assert found.external_id == (reply.frozen or {})["uri"]
    await source.send(reply)
    assert len(ours(net)) == 1


async def test_a_write_that_was_cut_before_it_was_taken_is_uncertain_too_but_not_found(
    net: Network, source: Bluesky
) -> None:
    reply = await frozen(source, reply_to(net, net.stage.post("ann.test", "hello").uri))
    net.faults.add(Fault(PUT, Effect.CUT))
    with pytest.raises(Uncertain):
        await source.send(reply)
    assert await source.look_up(reply) is None
    assert source.repeatable
    await source.send(reply)
    assert len(ours(net)) == 1


async def test_a_rate_limit_is_surely_not_taken(net: Network, source: Bluesky) -> None:
    reply = await frozen(source, reply_to(net, net.stage.post("ann.test", "hello").uri))
    net.faults.add(Fault(PUT, Effect.STATUS, status=429, retry_after=7))
    with pytest.raises(TryAgain) as told:
        await source.send(reply)
    assert not isinstance(told.value, Uncertain)
    assert told.value.after == 7
    assert not ours(net)


async def test_an_expired_token_is_refreshed_and_the_reply_goes_out_once(net: Network, source: Bluesky) -> None:
    reply = await frozen(source, reply_to(net, net.stage.post("ann.test", "hello").uri))
    net.sessions.expire(net.account)
    await source.send(reply)
    assert len(ours(net)) == 1
    assert len(net.requests.since(0, "com.atproto.server.refreshSession")) == 1
    assert len(net.requests.since(0, "com.atproto.server.createSession")) == 1


async def test_too_long_is_refused_before_anything_is_asked(net: Network, source: Bluesky) -> None:
    uri = net.stage.post("ann.test", "hello").uri
    assert source.length("👩‍👩‍👧‍👦" * 300)[1] == 3000
    assert source.length("e\u0301" * 301) == (301, 300)
    with pytest.raises(Refused) as told:
        await source.freeze(reply_to(net, uri, "e\u0301" * 301), datetime.now(UTC))
    assert told.value.code == "too_long"
    await source.freeze(reply_to(net, uri, "e\u0301" * 300), datetime.now(UTC))


async def test_the_networks_own_no_is_told_in_its_words(net: Network, source: Bluesky) -> None:
    reply = await frozen(source, reply_to(net, net.stage.post("ann.test", "hello").uri))
    too_long = replace(reply, text="x" * 301)
    with pytest.raises(Refused) as told:
        await source.send(too_long)
    assert "grapheme too big" in told.value.what
    assert told.value.code == "InvalidRequest"


async def test_a_parent_that_is_gone_changed_or_closed_stops_the_reply(net: Network, source: Bluesky) -> None:
    gone = net.stage.post("ann.test", "gone")
    net.stage.delete(gone.uri)
    edited = net.stage.post("ann.test", "before")
    net.stage.edit(edited.uri, "after")
    closed = net.stage.post("ben.test", "closed")
    net.stage.close_thread(closed.uri)
    blocked = net.stage.post("cat.test", "blocked")
    net.stage.block("cat.test", net.account.handle)
    vanished = net.stage.post("dan.test", "vanished")
    net.stage.status("dan.test", "takendown")
    for ref, code in (
        (gone, "parent_gone"),
        (edited, "parent_changed"),
        (closed, "reply_disabled"),
        (blocked, "blocked"),
        (vanished, "parent_gone"),
    ):
        with pytest.raises(Refused) as told:
            await source.freeze(reply_to(net, ref.uri, cid=ref.cid), datetime.now(UTC))
        assert told.value.code == code
    assert not net.requests.since(0, PUT)


async def test_an_appview_that_lags_or_is_away_does_not_hide_the_parent(net: Network, source: Bluesky) -> None:
    net.settings.appview_lag_seconds = 60
    root = net.stage.post("ann.test", "hello")
    parent = net.stage.post("ben.test", "me too", reply_to=root.uri)
    made = await source.freeze(reply_to(net, parent.uri, cid=parent.cid), datetime.now(UTC))
    assert made["root"] == root.shown()
    net.faults.add(Fault("app.bsky.feed.getPosts", Effect.STATUS, times=0, status=502))
    assert (await source.freeze(reply_to(net, parent.uri), datetime.now(UTC)))["parent"] == parent.shown()


# Sessions ------------------------------------------------------------------------------------------------------------


async def test_the_session_is_kept_for_the_next_program_and_readable_by_us_alone(
    net: Network, web: WebClient, tmp_path: Path
) -> None:
    assert await Session(web, login_of(net), tmp_path).start() == net.account.did
    assert await Session(web, login_of(net, None), tmp_path).start() == net.account.did
    assert len(net.requests.since(0, "com.atproto.server.createSession")) == 1
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == [name for name in os.listdir(tmp_path) if not name.startswith(".")]
    session = Session(web, login_of(net), tmp_path)
    await session.start()
    password = net.account.password or "?"
    assert password not in repr(session.login)
    assert password not in repr(session._tokens)


async def test_many_calls_with_an_expired_token_refresh_once(net: Network, web: WebClient, tmp_path: Path) -> None:
    one, other = (Session(web, login_of(net), tmp_path) for _ in range(2))
    await asyncio.gather(one.start(), other.start())
    net.sessions.expire(net.account)
    calls = [session.get("app.bsky.notification.getUnreadCount") for session in (one, other) for _ in range(8)]
    await asyncio.gather(*calls)
    assert len(net.requests.since(0, "com.atproto.server.createSession")) == 1
    assert len(net.requests.since(0, "com.atproto.server.refreshSession")) == 1


async def test_a_lost_answer_to_a_refresh_does_not_end_the_session(
    net: Network, web: WebClient, tmp_path: Path
) -> None:
    session = Session(web, login_of(net, None), tmp_path)
    await Session(web, login_of(net), tmp_path).start()
    net.sessions.expire(net.account)
    net.faults.add(Fault("com.atproto.server.refreshSession", Effect.CUT, carried_out=True))
    await session.get("app.bsky.notification.getUnreadCount")


async def test_a_revoked_session_logs_in_anew_when_there_is_a_password(
    net: Network, web: WebClient, tmp_path: Path
) -> None:
    session = Session(web, login_of(net), tmp_path)
    await session.start()
    net.sessions.revoke(net.account)
    net.sessions.expire(net.account)
    await session.get("app.bsky.notification.getUnreadCount")
    assert len(net.requests.since(0, "com.atproto.server.createSession")) == 2


async def test_a_wrong_password_is_told_by_name_and_not_shown(net: Network, web: WebClient, tmp_path: Path) -> None:
    with pytest.raises(SourceStopped) as told:
        await Session(web, login_of(net, "hunter2-secret"), tmp_path).start()
    assert told.value.code == "AuthenticationRequired"
    assert "app password" in told.value.hint
    assert "hunter2" not in str(told.value)
    for file in tmp_path.glob("*.json"):
        assert "hunter2" not in file.read_text()


async def test_logins_are_counted_against_the_networks_limits(net: Network, web: WebClient, tmp_path: Path) -> None:
    for _ in range(10):
        with pytest.raises(SourceStopped):
            await Session(web, login_of(net, "wrong"), tmp_path).start()
    with pytest.raises(TryAgain) as told:
        await Session(web, login_of(net, "wrong"), tmp_path).start()
    assert told.value.after is not None
    assert 200 < told.value.after <= 300
    assert len(net.requests.since(0, "com.atproto.server.createSession")) == 10


async def test_half_a_session_file_is_no_session(net: Network, web: WebClient, tmp_path: Path) -> None:
    await Session(web, login_of(net), tmp_path).start()
    file = next(tmp_path.glob("*.json"))
    for broken in (file.read_text()[:40], "[]", '{"did": 7}', '{"surprise": true}', ""):
        file.write_text(broken)
        assert await Session(web, login_of(net), tmp_path).start() == net.account.did


async def test_no_session_and_no_password_says_what_to_do(net: Network, web: WebClient, tmp_path: Path) -> None:
    with pytest.raises(SourceStopped) as told:
        await Session(web, login_of(net, None), tmp_path).start()
    assert "password" in told.value.hint


async def test_a_reply_for_an_account_that_is_not_ours_stops(net: Network, source: Bluesky) -> None:
    reply = reply_to(net, net.stage.post("ann.test", "hello").uri)
    stranger = replace(reply.account, external_id="did:plc:other", handle="other.test")
    with pytest.raises(SourceStopped):
        await source.freeze(replace(reply, account=stranger), datetime.now(UTC))


# Threads and profiles ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_us", [True, False], ids=["our account", "anybody"])
async def test_the_thread_is_read_from_the_top_with_what_is_missing(net: Network, source: Bluesky, as_us: bool) -> None:
    root = net.stage.post("ann.test", "the root")
    middle = net.stage.post("ben.test", "in between", reply_to=root.uri)
    here = net.stage.post("cat.test", "here", reply_to=middle.uri)
    answers = [net.stage.post("dan.test", f"answer {n}", reply_to=here.uri).uri for n in range(3)]
    asker = account(net) if as_us else None
    read = await source.thread(asker, Key("bluesky", here.uri))
    assert [one.key.external_id for one in read.mentions] == [root.uri, middle.uri, here.uri, *answers]
    assert read.mentions[3].root == root.uri
    assert not read.missing
    net.stage.delete(middle.uri)
    read = await source.thread(asker, Key("bluesky", here.uri))
    assert [key.external_id for key in read.missing] == [middle.uri]
    net.stage.delete(here.uri)
    assert (await source.thread(asker, Key("bluesky", here.uri))).missing == (Key("bluesky", here.uri),)


async def test_profiles(net: Network, source: Bluesky) -> None:
    net.stage.post("ann.test", "hello")
    ann = net.world.find("ann.test")
    assert ann is not None
    for asker in (account(net), None):
        profile = await source.profile(asker, Author("bluesky", ann.did))
        assert profile is not None
        assert profile.author.handle == "ann.test"
        assert profile.posts == 1
        assert profile.followers is not None
        assert await source.profile(asker, Author("bluesky", "did:plc:nobody")) is None
    net.stage.status("ann.test", "takendown")
    assert await source.profile(account(net), Author("bluesky", ann.did)) is None
