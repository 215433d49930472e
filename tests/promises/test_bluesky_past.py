"""Bluesky beside the first wire: a firehose and the second wire that renumber and forget, what was missed, and held messages as they are now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from listener.errors import Refused
from listener.model.heard import AuthorChanged, Batch, Deleted, Item, Key, Mention, Reject
from listener.networks import NETWORKS
from listener.sources.base import Login as BaseLogin
from listener.sources.base import Wiring
from listener.sources.bluesky import Firehose, Jetstream, build, searching
from listener.sources.bluesky.convert import POST, SPACE
from listener.sources.bluesky.frames import convert_frame
from listener.sources.bluesky.public import Place, PublicStream, unix_us
from listener.sources.bluesky.rechecks import BEHIND
from listener.sources.bluesky.reply import mint_tid, read_tid
from listener.webclient.client import WebClient
from pretend.faults import Effect, Fault
from pretend.firehose import repos_frame
from pretend.network import Network
from pretend.settings import Settings
from tests.promises.hearing import QUICK, Heard, account, bluesky, hear

Open = Callable[[WebClient, Network], PublicStream]


def open_first(web: WebClient, *nets: Network) -> PublicStream:
    return Jetstream(web, [net.jetstream for net in nets], lambda _: True, habits=QUICK)


def open_second(web: WebClient, *nets: Network) -> PublicStream:
    return Jetstream(web, [net.jetstream_events for net in nets], lambda _: True, habits=QUICK)


def open_firehose(web: WebClient, *nets: Network) -> PublicStream:
    return Firehose(web, [net.firehose for net in nets], lambda _: True, habits=QUICK)


every_wire = pytest.mark.parametrize("opened", [open_first, open_second, open_firehose])
newer_wires = pytest.mark.parametrize("opened", [open_second, open_firehose])


class Time:
    """The network's clock, which goes where it is told to."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> int:
        return unix_us(self.at)

    def on(self, step: timedelta) -> datetime:
        self.at += step
        return self.at


async def drain(batches: AsyncIterator[Batch] | None, heard: Heard | None = None) -> Heard:
    """All of a look back; what is raised passes."""
    assert batches is not None
    heard = heard or Heard()
    async for batch in batches:
        heard.batches.append(batch)
    return heard


@newer_wires
async def test_a_cut_stream_is_taken_up_where_it_was_cut(net: Network, web: WebClient, opened: Open) -> None:
    before = {net.stage.post("ann.test", f"before {n}").uri for n in range(30)}
    heard = await hear(opened(web, net), None, lambda heard: heard.ids >= before)
    net.faults.add(Fault("subscribe", Effect.CUT, times=3, skip=4, every=6))
    ids = {net.stage.post("ann.test", f"message {n}").uri for n in range(20)}
    again = await hear(opened(web, net), heard.cursor, lambda heard: heard.ids >= ids)
    assert len(again.mentions) <= len(ids) + 4, "each resume repeats one event, not the whole margin"


@newer_wires
@pytest.mark.parametrize("first_seq", [1, 30], ids=["before-ours", "past-ours"])
async def test_a_host_that_was_rebuilt_and_another_host_lose_nothing(
    web: WebClient, opened: Open, first_seq: int
) -> None:
    """Its numbers begin anew, below ours or beyond: what was said there while we were away is heard all the same."""
    async with Network.start(settings=Settings(first_seq=40)) as old:
        uri = [old.stage.post("ann.test", f"before {n}").uri for n in range(3)][-1]
        heard = await hear(opened(web, old), None, lambda heard: uri in heard.ids)
        port = old.port
    async with Network.start(port=port, settings=Settings(first_seq=first_seq)) as new:
        ids = {new.stage.post("ben.test", f"while we were away {n}").uri for n in range(20)}
        assert (await hear(opened(web, new), heard.cursor, lambda heard: heard.ids >= ids)).ids >= ids
        elsewhere = str(Place(Place.read(heard.cursor or "").us, first_seq + 5, "other.example"))
        assert (await hear(opened(web, new), elsewhere, lambda heard: heard.ids >= ids)).ids >= ids


@every_wire
async def test_a_bookmark_that_is_too_old_is_a_gap_from_it_to_the_first_event(web: WebClient, opened: Open) -> None:
    time = Time(datetime.now(UTC) - timedelta(hours=50))
    async with Network.start(clock=time) as net:
        old = net.stage.post("ann.test", "long ago").uri
        heard = await hear(opened(web, net), str(Place(time() - 1000)), lambda heard: old in heard.ids)
        lost = net.stage.post("ann.test", "never heard").uri
        first = time.on(timedelta(hours=49))
        new = net.stage.post("ann.test", "after the gap").uri
        time.on(timedelta(hours=1))
        again = await hear(opened(web, net), heard.cursor, lambda heard: new in heard.ids)
        assert lost not in again.ids
        ((begins, ends),) = {(gap.start, gap.end) for gap in again.gaps}
        assert begins == Place.read(heard.cursor or "").at
        assert timedelta() <= ends - first < timedelta(seconds=1)


@every_wire
async def test_a_gap_is_filled_beside_the_live_stream(web: WebClient, opened: Open) -> None:
    """A second reading, from its start to its end and no further; by a firehose it is searched for."""
    time = Time(datetime.now(UTC) - timedelta(minutes=60))
    async with Network.start(clock=time) as net:
        said: list[tuple[datetime, str]] = []
        for n in range(1500):
            said.append((time.on(timedelta(seconds=2)), net.stage.post("ann.test", f"message {n}").uri))
        start, end = said[700][0], said[900][0]
        stream = opened(web, net)
        live = stream.batches(str(Place(time())))
        waiting = asyncio.ensure_future(anext(live))
        heard = await drain(stream.look_back(start, end))
        inside = {uri for at, uri in said if start <= at < end - timedelta(seconds=1)}
        assert heard.ids >= inside
        after = {uri for at, uri in said if at > end + timedelta(seconds=1)}
        assert not heard.ids & after
        assert all(batch.history and batch.cursor is None for batch in heard.batches)
        rests = [gap.start for gap in heard.gaps]
        assert rests == sorted(rests)
        assert {gap.end for gap in heard.gaps} == {end}
        net.stage.post("ann.test", "live")
        assert (await waiting).cursor is not None
        assert isinstance(live, AsyncGenerator)
        await live.aclose()


@every_wire
async def test_what_the_network_no_longer_has_is_told_as_lost(web: WebClient, opened: Open) -> None:
    now = datetime.now(UTC)
    time = Time(now - timedelta(hours=20))
    async with Network.start(clock=time, settings=Settings(first_seq=1000)) as net:
        kept = net.stage.post("ann.test", "kept").uri
        time.on(timedelta(hours=20))
        net.stage.post("ann.test", "now")
        stream = opened(web, net)
        assert stream.look_back(now - timedelta(hours=60), now - timedelta(hours=50)) is None
        heard = Heard()
        with pytest.raises(Refused) as told:
            await drain(stream.look_back(now - timedelta(hours=60), now - timedelta(hours=1)), heard)
        assert told.value.code == "too_old"
        assert heard.ids == {kept}


async def test_what_addressed_an_account_is_read_back_page_by_page(
    net: Network, web: WebClient, tmp_path: Path
) -> None:
    source = bluesky(net, web, tmp_path)
    await source.identify(net.account.handle)
    (stream,) = source.account_streams(net.account.did)
    uris = []
    for n in range(130):
        await asyncio.sleep(0.0012)
        uris.append(net.stage.post("ann.test", f"@{net.account.handle} {n}").uri)
    heard = await drain(source.look_back(stream.key, datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC)))
    assert heard.ids == set(uris)
    assert len(heard.batches) == 2
    assert [gap.start < gap.end for gap in heard.gaps] == [True], "what is left after the first page"
    assert all(batch.history and batch.cursor is None for batch in heard.batches)
    middle = heard.mentions[0].network_at
    assert middle is not None
    assert 0 < len((await drain(source.look_back(stream.key, middle, datetime.now(UTC)))).ids) < 130
    assert source.look_back("bluesky/nobody", middle, middle) is None


async def test_a_topic_is_searched_for_window_by_window_and_page_by_page(
    net: Network, web: WebClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "DEEPEST", 2)  # further back than a cursor goes is asked anew
    now = datetime.now(UTC)
    said: dict[str, timedelta] = {}

    def say(text: str, ago: timedelta) -> str:
        uri = net.stage.post("ann.test", text, created_at=(now - ago).isoformat().replace("+00:00", "Z")).uri
        said[uri] = ago
        return uri

    many = {say(f"larkspur number {n}", timedelta(days=1, seconds=n // 3)) for n in range(250)}
    old = {say("is Larkspur Cloud any good?", timedelta(days=20)), say("#larkspurdown again", timedelta(days=9))}
    say("larkspur, long ago", timedelta(days=40))
    say("weather", timedelta(days=2))
    not_ours = say("larkspur the flower", timedelta(days=3))
    source = bluesky(net, web, tmp_path, wanted=lambda mention: "flower" not in mention.text)
    assert source.public is not None
    key, start = source.public.key, now - timedelta(days=30)
    await source.identify(net.account.handle)
    heard = await drain(source.search(key, ["larkspur", '"larkspur cloud"', "#larkspurdown"], start, now))
    assert heard.ids == many | old
    assert not_ours not in heard.ids
    assert all(batch.history and batch.cursor is None for batch in heard.batches)
    rests = [gap.end for batch in heard.batches for gap in batch.gaps]
    assert rests == sorted(rests, reverse=True), "it goes back in time, and can go on where it was cut"
    assert not heard.batches[-1].gaps
    cut = next(gap for batch in heard.batches for gap in batch.gaps if gap.end < now - timedelta(days=6))
    rest = await drain(source.search(key, ["larkspur", "#larkspurdown"], cut.start, cut.end))
    assert rest.ids == old
    assert source.search("bluesky/notifications/x", ["larkspur"], start, now) is None


async def test_a_search_without_an_account_says_what_it_wants(net: Network, web: WebClient, tmp_path: Path) -> None:
    source = build(Wiring(web, tmp_path, options={one.name: one.default for one in NETWORKS["bluesky"].settings}))
    assert source.public is not None
    found = source.search(source.public.key, ["larkspur"], datetime.now(UTC) - timedelta(days=1), datetime.now(UTC))
    with pytest.raises(Refused, match="signed in"):
        await drain(found)


# As they are now -----------------------------------------------------------------------------------------------------


def later(hours: float = 2) -> Callable[[], datetime]:
    return lambda: datetime.now(UTC) + timedelta(hours=hours)


def of(items: Sequence[Item], kind: type[Item]) -> list[Item]:
    return [item for item in items if isinstance(item, kind)]


async def test_held_messages_are_compared_and_only_what_is_surely_gone_is_deleted(
    net: Network, web: WebClient, tmp_path: Path
) -> None:
    posts = [net.stage.post("ann.test", f"message {n}") for n in range(30)]
    keys = [Key(SPACE, one.uri) for one in posts]
    left, blocker = net.stage.post("ben.test", "I leave"), net.stage.post("cat.test", "you do not see me")
    keys += [Key(SPACE, left.uri), Key(SPACE, blocker.uri), Key("other", "x")]
    net.stage.edit(posts[1].uri, "edited")
    net.stage.like("dan.test", posts[2].uri)
    net.stage.delete(posts[0].uri)
    net.stage.status("ben.test", "deactivated")
    net.stage.block("cat.test", net.account.handle)
    source = bluesky(net, web, tmp_path, clock=later())
    await source.identify(net.account.handle)
    for us in (account(net), None):
        items = await source.recheck(us, keys)
        assert of(items, Deleted) == [Deleted(keys[0])]
        ((changed),) = of(items, AuthorChanged)
        assert isinstance(changed, AuthorChanged)
        assert (changed.author.external_id, changed.status) == (left.uri.split("/")[2], "deactivated")
        shown = {item.key: item for item in items if isinstance(item, Mention)}
        assert (keys[31] in shown) is (us is None), "hidden from us is not gone"
        assert shown[keys[1]].text == "edited"
        assert (shown[keys[2]].likes, shown[keys[3]].likes) == (1, 0)
        assert source.reread(shown[keys[1]].raw, datetime.now(UTC)) is not None
    fresh = bluesky(net, web, tmp_path)
    assert of(await fresh.recheck(None, keys), Deleted) == [], "what is young the network may not have seen yet"


async def test_what_is_shown_undoes_nothing_that_was_heard_since(net: Network, web: WebClient, tmp_path: Path) -> None:
    """The views run behind: they count as a state of ten minutes ago, older than the edit that we heard, newer than what we missed."""
    post = net.stage.post("ann.test", "hello")
    heard = await hear(open_first(web, net), None, lambda heard: bool(heard.mentions))
    now = datetime.now(UTC)
    for clock, wins in ((lambda: now, False), (lambda: now + timedelta(minutes=11), True)):
        (shown,) = await bluesky(net, web, tmp_path, clock=clock).recheck(None, [Key(SPACE, post.uri)])
        assert isinstance(shown, Mention)
        assert (shown.revision > heard.mentions[0].revision) is wins
    assert read_tid(mint_tid(unix_us(now - BEHIND), 5)) == unix_us(now - BEHIND)
    assert read_tid("self") is None


async def test_an_author_who_is_gone_for_good_takes_their_messages_along(
    net: Network, web: WebClient, tmp_path: Path
) -> None:
    post = net.stage.post("ann.test", "hello")
    net.stage.status("ann.test", "deleted")
    source = bluesky(net, web, tmp_path, clock=later())
    assert await source.recheck(None, [Key(SPACE, post.uri)]) == (Deleted(Key(SPACE, post.uri)),)
    assert f"/{POST}/" in post.uri


async def test_what_is_kept_is_read_again_as_the_same_whatever_wire_it_came_by(
    net: Network, web: WebClient, tmp_path: Path
) -> None:
    post = net.stage.post("ann.test", f"señor 🙂 @{net.account.handle}")
    source = bluesky(net, web, tmp_path)
    await source.identify(net.account.handle)
    (notified,) = source.account_streams(net.account.did)
    heard = [
        (await hear(stream, None, lambda heard: bool(heard.mentions))).mentions[0]
        for stream in (open_first(web, net), open_second(web, net), open_firehose(web, net), notified)
    ]
    heard += [item for item in await source.recheck(None, [Key(SPACE, post.uri)]) if isinstance(item, Mention)]
    assert len(heard) == 5
    for mention in heard:
        (again,) = source.reread(mention.raw, datetime.now(UTC))
        assert isinstance(again, Mention)
        assert replace(again, revision=mention.revision) == mention
    frame = repos_frame({"kind": "identity", "did": "no did", "time_us": 1, "identity": {}}, 3)
    ((reject,),) = (convert_frame(frame, datetime.now(UTC)),)
    assert isinstance(reject, Reject)
    assert isinstance(source.reread(frame, datetime.now(UTC))[0], Reject)
    assert isinstance(source.reread(b"{half", datetime.now(UTC))[0], Reject)


async def test_the_settings_choose_the_wire(net: Network, web: WebClient, tmp_path: Path) -> None:
    options = {one.name: one.default for one in NETWORKS["bluesky"].settings}
    own = {**options, "firehose": (net.firehose,)}
    keys = [
        [stream.key for stream in build(Wiring(web, tmp_path, options=told)).streams()]
        for told in (options, own, {**own, "listen": False})
    ]
    assert keys == [["bluesky/jetstream"], ["bluesky/firehose"], []]
    login = BaseLogin(net.account.handle, net.account.password, net.url)
    names = set(build(Wiring(web, tmp_path, (login,), options)).budgets)
    assert names == {"public reads", "requests of larkspur.test", "write points of larkspur.test"}


@every_wire
async def test_whoever_listens_can_be_stopped_at_any_step(net: Network, web: WebClient, opened: Open) -> None:
    for n in range(20):
        net.stage.post("ann.test", f"message {n}")

    async def listen() -> None:
        async for _ in opened(web, net).batches(None):
            await asyncio.sleep(0)

    for steps in range(0, 60, 2):
        task = asyncio.ensure_future(listen())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=2)
        assert task.cancelled(), steps
