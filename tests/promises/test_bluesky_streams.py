"""Bluesky's streams against a network that misbehaves: cut, silent, full of rubbish, renumbered, too old, taken down."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from listener.errors import SourceStopped
from listener.model.heard import AuthorChanged, Deleted, Mention
from listener.sources.bluesky import Jetstream, Notifications
from listener.sources.bluesky.public import Place, unix_us
from listener.sources.bluesky.session import Session
from listener.webclient.client import WebClient
from pretend import garbage
from pretend.faults import Effect, Fault
from pretend.network import Network
from pretend.settings import Settings
from tests.promises.hearing import QUICK, Heard, bluesky, hear, login_of


def jetstream(net: Network, web: WebClient, *hosts: str, wanted=lambda _: True) -> Jetstream:  # type: ignore[no-untyped-def]
    return Jetstream(web, hosts or (net.jetstream,), wanted, habits=QUICK)


def changes(heard: Heard) -> list[object]:
    return [item for batch in heard.batches for item in batch.items if isinstance(item, Deleted | AuthorChanged)]


async def test_a_cut_stream_is_taken_up_where_it_was_cut(net: Network, web: WebClient) -> None:
    net.faults.add(Fault("subscribe", Effect.CUT, times=4, skip=6, every=9))
    ids = {net.stage.post("ann.test", f"message {n}").uri for n in range(40)}
    heard = await hear(jetstream(net, web), None, lambda heard: heard.ids >= ids)
    assert heard.ids == ids
    assert len(heard.mentions) < 2 * len(ids), "a resume by sequence number repeats one event, not the whole margin"


async def test_silence_is_not_taken_for_peace(net: Network, web: WebClient) -> None:
    """The server answers pings and says nothing more: after a while we connect anew."""
    net.faults.add(Fault("subscribe", Effect.STALL, skip=1, pongs=True))
    ids = {net.stage.post("ann.test", f"message {n}").uri for n in range(3)}
    assert (await hear(jetstream(net, web), None, lambda heard: heard.ids >= ids)).ids == ids


async def test_a_server_that_is_warming_up_is_waited_for(net: Network, web: WebClient) -> None:
    net.faults.add(Fault("subscribe", Effect.STATUS, times=3, status=503))
    uri = net.stage.post("ann.test", "hello").uri
    stream = jetstream(net, web)
    assert uri in (await hear(stream, None, lambda heard: uri in heard.ids)).ids
    assert stream.trouble == ""


async def test_a_request_that_is_not_understood_is_not_repeated_blindly(net: Network, web: WebClient) -> None:
    net.faults.add(Fault("subscribe", Effect.STATUS, times=0, status=400))
    with pytest.raises(SourceStopped) as told:
        await hear(jetstream(net, web), None, lambda heard: bool(heard.mentions))
    assert told.value.code == "http_400"
    assert told.value.hint


async def test_the_other_host_has_other_numbers(net: Network, web: WebClient) -> None:
    """Fail-over goes by time: the first host's sequence number is somebody else's event on the second."""
    for n in range(40):
        first = net.stage.post("ann.test", f"on the first {n}").uri
    heard = await hear(jetstream(net, web), None, lambda heard: first in heard.ids)
    seq = Place.read(heard.cursor or "").seq
    async with Network.start() as other:
        ids = {other.stage.post("ben.test", f"on the second {n}").uri for n in range(60)}
        events = other.world.log.events
        assert events[0].seq < seq < events[-1].seq, "the number means something on both"
        stream = jetstream(net, web, "ws://127.0.0.1:9", other.jetstream)
        assert (await hear(stream, heard.cursor, lambda heard: heard.ids >= ids)).ids == ids


async def test_the_same_host_with_new_numbers_is_noticed(web: WebClient, tmp_path: Path) -> None:
    """A server that was rebuilt counts from one again: our number lies in its future, and it would start at the live tip."""
    async with Network.start(settings=Settings(first_seq=5_000_000)) as old:
        uri = old.stage.post("ann.test", "before").uri
        heard = await hear(jetstream(old, web), None, lambda heard: uri in heard.ids)
        port = old.port
    async with Network.start(port=port) as new:
        missed = new.stage.post("ben.test", "while we were away").uri
        assert missed in (await hear(jetstream(new, web), heard.cursor, lambda heard: missed in heard.ids)).ids


async def test_numbers_that_went_past_ours_are_noticed(web: WebClient) -> None:
    """After a rebuild the new numbers may already be beyond ours: the first event is not the one that we asked for."""
    async with Network.start() as old:
        for n in range(3):
            uri = old.stage.post("ann.test", f"before {n}").uri
        heard = await hear(jetstream(old, web), None, lambda heard: uri in heard.ids)
        port = old.port
    async with Network.start(port=port, settings=Settings(first_seq=4)) as new:
        missed = new.stage.post("ben.test", "while we were away").uri
        seq = Place.read(heard.cursor or "").seq
        while new.world.log.events[-1].seq < seq + 5:
            new.stage.post("ben.test", "more")
        cursor = str(Place(unix_us(datetime.now(UTC)), seq + 2, f"127.0.0.1:{port}"))
        new.world.log.events[:] = [event for event in new.world.log.events if event.seq != seq + 2]
        assert missed in (await hear(jetstream(new, web), cursor, lambda heard: missed in heard.ids)).ids


async def test_a_bookmark_that_is_too_old_is_a_gap_and_told_once(net: Network, web: WebClient) -> None:
    """The server starts later than asked and says nothing: the gap ends where its first event is, and moves the bookmark with it."""
    old = datetime.now(UTC) - timedelta(hours=40)
    uri = net.stage.post("ann.test", "after the gap").uri
    net.faults.add(Fault("subscribe", Effect.STATUS, times=3, status=503))
    heard = await hear(jetstream(net, web), str(Place(unix_us(old), 5, "x")), lambda heard: uri in heard.ids)
    assert [gap.start for gap in heard.gaps] == [old]
    assert unix_us(heard.gaps[0].end) == net.world.log.events[0].time_us
    assert Place.read(heard.batches[0].cursor or "").us >= unix_us(heard.gaps[0].end)
    assert not (await hear(jetstream(net, web), heard.batches[0].cursor, lambda heard: uri in heard.ids)).gaps


@pytest.mark.parametrize("off", [timedelta(days=3), timedelta(minutes=-20)], ids=["fast", "slow"])
async def test_a_wrong_clock_of_ours_makes_no_gap_and_loses_nothing(
    net: Network, web: WebClient, off: timedelta
) -> None:
    before = net.stage.post("ann.test", "before").uri
    heard = await hear(jetstream(net, web), None, lambda heard: before in heard.ids)
    ids = {net.stage.post("ann.test", f"message {n}").uri for n in range(5)}
    stream = Jetstream(web, (net.jetstream,), lambda _: True, habits=QUICK, clock=lambda: datetime.now(UTC) + off)
    again = await hear(stream, heard.cursor, lambda heard: heard.ids >= ids)
    assert not again.gaps
    assert Place.read(again.cursor or "").seq == net.world.log.events[-1].seq, "the bookmark goes by the network's time"


async def test_every_known_rubbish_is_survived_and_moves_no_bookmark_astray(net: Network, web: WebClient) -> None:
    net.stage.post("ann.test", "before")
    net.faults.add(Fault("subscribe", Effect.GARBAGE, skip=1))
    after = net.stage.post("ann.test", "after").uri
    stream = Jetstream(web, (net.jetstream,), lambda _: True, habits=replace(QUICK, batch=1))
    heard = await hear(stream, None, lambda heard: after in heard.ids)
    usable = [mention for mention in heard.mentions if mention.author.external_id == garbage.GARBAGE_DID]
    assert len(heard.rejects) + len(usable) >= len(garbage.FRAMES) - 3, "not for us: unknown kind, operation, no commit"
    texts = {mention.text for mention in usable}
    assert "larkspur␀ down ␀" in texts
    assert any("�" in text for text in texts), "a lone surrogate does not cost the post"
    assert all(len(reject.raw) <= 64 << 10 for reject in heard.rejects)
    place = Place.read(heard.cursor or "")
    assert place.seq == net.world.log.events[-1].seq
    for batch in heard.batches:
        assert abs(Place.read(batch.cursor or "").us - unix_us(datetime.now(UTC))) < 60_000_000


async def test_what_nobody_wants_is_only_counted_but_moves_the_bookmark(net: Network, web: WebClient) -> None:
    asked: list[Mention] = []

    def wanted(mention: Mention) -> bool:
        asked.append(mention)
        return "larkspur" in mention.text

    stream = jetstream(net, web, wanted=wanted)
    for n in range(30):
        net.stage.post("ann.test", f"nothing {n}")
    last = net.world.log.events[-1]
    heard = await hear(stream, None, lambda heard: Place.read(heard.cursor or "").seq == last.seq)
    assert not heard.mentions
    assert sum(batch.heard for batch in heard.batches) >= 30
    assert max(batch.item_at for batch in heard.batches if batch.item_at) > datetime.now(UTC) - timedelta(minutes=1)
    stream.wanted = lambda _: True  # a new rulebook
    uri = net.stage.post("ann.test", "now everything").uri
    assert uri in (await hear(stream, heard.cursor, lambda heard: uri in heard.ids)).ids


async def test_edits_deletes_and_vanished_authors_pass_unasked(net: Network, web: WebClient) -> None:
    ref = net.stage.post("ann.test", "larkspur is down")
    gone = net.stage.post("ben.test", "larkspur is up")
    net.stage.edit(ref.uri, "the phone is up again")
    net.stage.delete(gone.uri)
    net.stage.rename("ann.test", "anna.test")
    net.stage.status("ben.test", "deleted")
    stream = jetstream(net, web, wanted=lambda mention: "larkspur" in mention.text)
    heard = await hear(
        stream, None, lambda heard: any(isinstance(one, AuthorChanged) and one.status for one in changes(heard))
    )
    first, second = (mention for mention in heard.mentions if mention.key.external_id == ref.uri)
    assert (first.text, second.text) == ("larkspur is down", "the phone is up again")
    assert first.revision < second.revision
    assert first.content_id != second.content_id
    assert any(isinstance(one, Deleted) and one.key.external_id == gone.uri and one.revision for one in changes(heard))
    assert any(isinstance(one, AuthorChanged) and one.author.handle == "anna.test" for one in changes(heard))
    assert any(isinstance(one, AuthorChanged) and one.status == "deleted" for one in changes(heard))


async def test_a_slow_consumer_bounds_the_memory_and_loses_nothing(net: Network, web: WebClient) -> None:
    stream = jetstream(net, web)
    ids: set[str] = set()
    heard = Heard()
    batches = stream.batches(None)
    try:
        async with asyncio.timeout(30):
            async for batch in batches:
                heard.batches.append(batch)
                assert len(batch.items) <= QUICK.batch
                if len(ids) < 400:
                    ids |= {net.stage.post("ann.test", f"message {len(ids)} {n}").uri for n in range(40)}
                    await asyncio.sleep(0.02)
                if len(ids) >= 400 and heard.ids >= ids:
                    break
    finally:
        await batches.aclose()  # type: ignore[attr-defined]
    assert heard.ids == ids


# Notifications -------------------------------------------------------------------------------------------------------


def notifications(net: Network, web: WebClient, folder: Path) -> Notifications:
    return Notifications(Session(web, login_of(net), folder), net.account.did, poll=0.05)


async def test_mentions_replies_and_quotes_come_and_likes_do_not(net: Network, web: WebClient, tmp_path: Path) -> None:
    ours = net.stage.post(net.account.handle, "we are here")
    mention = net.stage.post("ann.test", f"hello @{net.account.handle}").uri
    reply = net.stage.post("ben.test", "does it ship?", reply_to=ours.uri).uri
    quote = net.stage.post("cat.test", "look", quote=ours.uri).uri
    net.stage.like("dan.test", ours.uri)
    net.stage.follow("dan.test", net.account.handle)
    heard = await hear(notifications(net, web, tmp_path), None, lambda heard: len(heard.ids) == 3)
    by_id = {one.key.external_id: one for one in heard.mentions}
    assert set(by_id) == {mention, reply, quote}
    assert by_id[mention].named == (net.account.did,)
    assert (by_id[reply].parent, by_id[reply].root) == (ours.uri, ours.uri)
    assert by_id[quote].quoted == ours.uri
    assert [by_id[uri].kind for uri in (mention, reply, quote)] == ["post", "reply", "quote"]
    assert by_id[mention].author.handle == "ann.test"
    assert [one.network_at for one in heard.mentions] == sorted(
        one.network_at or datetime.max for one in heard.mentions
    )


async def test_a_long_absence_is_swept_page_by_page(net: Network, web: WebClient, tmp_path: Path) -> None:
    await hear(notifications(net, web, tmp_path), None, lambda _: True)
    ids = set()
    for n in range(230):
        await asyncio.sleep(0.0012)
        ids.add(net.stage.post("ann.test", f"@{net.account.handle} {n}").uri)
    heard = await hear(notifications(net, web, tmp_path), None, lambda heard: heard.ids >= ids)
    assert heard.ids == ids
    assert len(heard.mentions) == len(ids), "the overlap is not handed over again and again"


async def test_a_notification_is_heard_once_while_we_listen(net: Network, web: WebClient, tmp_path: Path) -> None:
    net.stage.post("ann.test", f"@{net.account.handle} hello")
    heard = await hear(notifications(net, web, tmp_path), None, lambda heard: len(heard.batches) >= 6)
    assert len(heard.mentions) == 1
    assert all(batch.cursor == heard.cursor for batch in heard.batches)


async def test_what_was_indexed_late_is_found_behind_the_mark(net: Network, web: WebClient, tmp_path: Path) -> None:
    """The bookmark may be newer than a notification that shows up only now; the sweep looks ten minutes behind it."""
    uri = net.stage.post("ann.test", f"@{net.account.handle} late").uri
    ahead = f"at:{(datetime.now(UTC) + timedelta(minutes=5)).isoformat()}"
    assert uri in (await hear(notifications(net, web, tmp_path), ahead, lambda heard: uri in heard.ids)).ids


async def test_a_post_with_a_slow_clock_turns_up_behind_the_mark(net: Network, web: WebClient, tmp_path: Path) -> None:
    """Its `indexedAt` is what its author claims: two hours behind what we have seen."""
    net.stage.post("ann.test", f"@{net.account.handle} now")
    stream = notifications(net, web, tmp_path)
    slow = (datetime.now(UTC) - timedelta(hours=2)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    late: list[str] = []

    def enough(heard: Heard) -> bool:
        if heard.mentions and not late:
            late.append(net.stage.post("ben.test", f"@{net.account.handle} late", created_at=slow).uri)
        return bool(late) and late[0] in heard.ids

    heard = await hear(stream, None, enough)
    assert len(heard.mentions) == 2
    assert await hear(stream, heard.cursor, lambda heard: late[0] in heard.ids)


async def test_passing_faults_of_the_poll_are_waited_out(net: Network, web: WebClient, tmp_path: Path) -> None:
    where = "app.bsky.notification.listNotifications"
    net.faults.add(
        Fault(where, Effect.STATUS, status=429, retry_after=1),
        Fault(where, Effect.STATUS, times=2, status=502),
        Fault(where, Effect.CUT),
        Fault(where, Effect.MALFORMED),
    )
    uri = net.stage.post("ann.test", f"@{net.account.handle} hello").uri
    stream = notifications(net, web, tmp_path)
    assert uri in (await hear(stream, None, lambda heard: uri in heard.ids)).ids
    assert stream.trouble == ""


async def test_a_revoked_login_stops_the_source_by_name(net: Network, web: WebClient, tmp_path: Path) -> None:
    await hear(notifications(net, web, tmp_path), None, lambda _: True)
    net.sessions.revoke(net.account)
    net.sessions.expire(net.account)
    stream = Notifications(Session(web, login_of(net, None), tmp_path), net.account.did, poll=0.05)
    with pytest.raises(SourceStopped) as told:
        await hear(stream, None, lambda heard: len(heard.batches) > 3)
    assert told.value.code == "ExpiredToken"
    assert "ExpiredToken" in str(told.value)
    assert "app password" in told.value.hint


async def test_a_taken_down_account_stops_the_source_by_name(net: Network, web: WebClient, tmp_path: Path) -> None:
    await hear(notifications(net, web, tmp_path), None, lambda _: True)
    net.stage.status(net.account.did, "takendown")
    with pytest.raises(SourceStopped) as told:
        await hear(notifications(net, web, tmp_path), None, lambda heard: len(heard.batches) > 3)
    assert told.value.code == "AccountTakedown"


async def test_the_source_puts_its_streams_together(net: Network, web: WebClient, tmp_path: Path) -> None:
    source = bluesky(net, web, tmp_path)
    assert [stream.key for stream in source.streams()] == ["bluesky/jetstream"]
    who = await source.identify(net.account.handle)
    assert (who.external_id, who.handle) == (net.account.did, net.account.handle)
    assert [stream.key for stream in source.account_streams(who.external_id)] == [
        f"bluesky/notifications/{who.external_id}"
    ]
