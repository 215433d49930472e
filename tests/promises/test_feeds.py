"""Feeds on a real server: asked politely, followed where they move, never into a private network, told by their hubs."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import time
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from listener.errors import FixMe, Refused, SourceStopped
from listener.model.heard import Deleted, Mention, Reject
from listener.networks import NETWORKS
from listener.sources.base import Delivery, Wiring
from listener.sources.feeds import Feeds, build
from listener.sources.feeds.bookmark import read, write
from listener.sources.feeds.feed import Feed
from listener.sources.feeds.fetch import _next
from listener.sources.feeds.websub import FeedHook, Subscriptions, key_in
from listener.sources.registry import SOURCES
from listener.webclient.addresses import Trust, is_public
from listener.webclient.client import WebClient
from pretend.feeds import Answer, FeedHost
from tests.promises.hearing import Heard, hear
from tests.promises.scenes_feeds import QUICK

ONCE = replace(QUICK, every=3600.0)


@pytest.fixture
async def host() -> AsyncIterator[FeedHost]:
    async with FeedHost.start() as made:
        yield made


def feed(web: WebClient, url: str, said: list[str] | None = None, **options: object) -> Feed:
    source = Feeds(web, [url], habits=replace(QUICK, **options), say=[].append if said is None else said.append)  # type: ignore[arg-type]
    (one,) = source.streams()
    assert isinstance(one, Feed)
    return one


async def once(stream: Feed, cursor: str | None = None) -> Heard:
    return await hear(stream, cursor, lambda _: True)


def paths(host: FeedHost) -> list[str]:
    return [asked.path for asked in host.asked]


@pytest.mark.parametrize("ending", ["rss", "atom", "json"])
async def test_the_first_reading_is_history_what_comes_later_is_news_and_304_costs_nothing(
    host: FeedHost, web: WebClient, ending: str
) -> None:
    host.say("old")
    stream = feed(web, f"{host.url}/feed.{ending}")
    first = await once(stream)
    assert [(batch.history, len(batch.items)) for batch in first.batches] == [(True, 1)]
    validated = await hear(stream, first.cursor, lambda heard: len(heard.batches) == 2)
    assert not validated.mentions
    for asked in host.asked[1:]:
        assert asked.headers["if-modified-since"] == "Mon, 02 Nov 2026 09:00:00 GMT"
        assert asked.headers["if-none-match"].encode("utf-8", "surrogateescape").decode().endswith(', é"')
    new = host.say("new").id
    later = await hear(stream, validated.cursor, lambda heard: bool(heard.mentions))
    assert later.ids == {new}
    assert not later.batches[-1].history


async def test_an_edit_is_a_later_revision_and_falling_off_is_no_delete(host: FeedHost, web: WebClient) -> None:
    for number in range(3):
        host.say(f"say {number}")
    stream = feed(web, f"{host.url}/feed.atom")
    first = await once(stream)
    gone = host.entries.pop(0)
    host.entries[1].title = "edited"
    second = await hear(stream, first.cursor, lambda heard: bool(heard.mentions))
    (edit,) = second.mentions
    before = next(one for one in first.mentions if one.key == edit.key)
    assert (edit.text, edit.revision > before.revision) == ("edited", True)
    assert stream_reread(edit) == edit
    host.head = f'<at:deleted-entry xmlns:at="http://purl.org/atompub/tombstones/1.0" ref="{gone.id}" when="2026-11-03T00:00:00Z"/>'
    third = await hear(stream, second.cursor, lambda heard: any(batch.items for batch in heard.batches))
    (deleted,) = [item for batch in third.batches for item in batch.items]
    assert isinstance(deleted, Deleted)
    assert deleted.key.external_id == gone.id
    new = host.say("new").id
    fourth = await hear(stream, third.cursor, lambda heard: bool(heard.mentions))
    assert fourth.ids == {new}
    assert sum(len(batch.items) for batch in fourth.batches) == 1, "gone is told once"


def stream_reread(mention: Mention) -> object:
    return Feeds(None, []).reread(mention.raw, datetime.now(UTC))[0]  # type: ignore[arg-type]


async def test_a_feed_that_moved_for_good_is_asked_there_one_that_is_elsewhere_today_is_not(
    host: FeedHost, web: WebClient
) -> None:
    host.say("one")
    stream = feed(web, f"{host.url}/old.rss")
    host.script["/old.rss"].append(Answer(302, headers={"Location": "/feed.rss#top"}))
    first = await once(stream)
    host.script["/old.rss"].append(Answer(301, headers={"Location": "/new.rss"}))
    host.script["/new.rss"].append(Answer(308, headers={"Location": f"{host.url}/feed.rss"}))
    second = await once(stream, first.cursor)
    assert not second.mentions, "the entries are the same feed's"
    await once(stream, second.cursor)
    assert paths(host) == ["/old.rss", "/feed.rss", "/old.rss", "/new.rss", "/feed.rss", "/feed.rss"]
    assert "if-none-match" not in host.asked[2].headers, "an address is not shown what another one gave"
    # The new place goes away: after three failures the settings' own address is asked.
    host.script["/feed.rss"].extend([Answer(404)] * 3)
    quick = feed(web, f"{host.url}/old.rss", every=0.001)
    await hear(quick, second.cursor, lambda _: paths(host)[-1] == "/old.rss")


async def test_what_a_server_asks_is_waited_for_and_failures_back_off_to_a_day(host: FeedHost, web: WebClient) -> None:
    url = f"{host.url}/feed.rss"
    host.say("one")
    stream = feed(web, url)
    host.script["/feed.rss"].append(Answer(429, headers={"Retry-After": "7200"}))
    busy = await once(stream)
    assert 7190 < waits(busy) < 8000
    assert "429" in stream.trouble
    host.headers["Cache-Control"] = "public, max-age=5400"
    host.head = "<ttl>120</ttl>"
    assert 7190 < waits(await once(feed(web, url))) < 8000, "the longest of setting, ttl and max-age"
    for failures, seconds in ((1, 1800), (3, 7200), (20, 86_400)):
        mark = replace(read(busy.cursor or ""), next_at=0, failures=failures - 1)
        host.script["/feed.rss"].append(Answer(404))
        slow = feed(web, url, every=900.0)
        assert seconds * 0.99 < waits(await once(slow, write(mark))) < seconds * 1.11
    host.script["/feed.rss"].append(Answer(410))
    with pytest.raises(SourceStopped, match="gone"):
        await once(feed(web, url))


def waits(heard: Heard) -> float:
    return read(heard.cursor or "").next_at / 1000 - datetime.now(UTC).timestamp()


async def test_no_redirect_leads_inside_in_circles_or_into_the_clear(host: FeedHost, web: WebClient) -> None:
    url = f"{host.url}/feed.rss"
    for location in ("http://10.0.0.1/feed", "http://169.254.169.254/latest", "http://[::ffff:192.168.0.1]/", "file:///etc/passwd",
                     "http://user:pw@127.0.0.1/", url):  # fmt: skip
        host.script["/feed.rss"].extend([Answer(301, headers={"Location": location})] * 6)
        stream = feed(web, url)
        heard = await once(stream)
        assert not heard.mentions
        assert stream.trouble
        assert read(heard.cursor or "").moved == ""
        host.script["/feed.rss"].clear()
    assert len(host.asked) == 5 + 6, "five redirects are followed, the sixth is one too many"
    # A name is looked at after it is resolved, a number as it stands; this machine only where the setting says so.
    for inside in (url, url.replace("127.0.0.1", "localhost")):
        with pytest.raises(Refused) as told:
            await web.get(inside, trust=Trust.STRANGER)
        assert told.value.code == "private_address"
    with pytest.raises(FixMe):
        await web.get(url.replace("127.0.0.1", "2130706433"), trust=Trust.STRANGER)
    assert len(host.asked) == 11
    with pytest.raises(Refused, match="https to http"):
        _next("https://a.test/feed", "http://a.test/feed")
    for address in (
        "10.1.2.3",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "fe80::1%eth0",
        "224.0.0.1",
        "100.64.0.1",
        "0.0.0.0",
    ):
        assert not is_public(address)
    assert is_public("93.184.216.34")


async def test_what_is_cut_packed_or_blown_up_is_read_as_far_as_it_goes(host: FeedHost, web: WebClient) -> None:
    for number in range(5):
        host.say(f"say {number}")
    whole, url, said = host.rss(), f"{host.url}/feed.rss", list[str]()
    at = whole.rindex(b"</item>") - 20
    kind = {"Content-Type": "application/rss+xml", "ETag": '"x"'}
    host.script["/feed.rss"].append(Answer(200, whole[:at], kind, cut=True))
    stream = feed(web, url, said)
    cut = await once(stream)
    assert len(cut.ids) == 4
    assert "broke off" in said[0]
    rest = await hear(stream, cut.cursor, lambda heard: bool(heard.mentions))
    assert len(rest.ids) == 1
    assert "if-none-match" not in host.asked[1].headers, "what broke off must not come back as unchanged"
    deflate = zlib.compress(whole)
    for coding, body in (("gzip", gzip.compress(whole)), ("deflate", deflate)):
        host.script["/feed.rss"].append(Answer(200, body, {**kind, "Content-Encoding": coding}))
        assert len((await once(feed(web, url))).ids) == 5
    bomb = gzip.compress(b"<rss><channel>" + b" " * (200 << 20), 1)
    host.script["/feed.rss"].append(Answer(200, bomb, {**kind, "Content-Encoding": "gzip"}))
    host.script["/feed.rss"].append(Answer(200, b"\x8b\x00", {**kind, "Content-Encoding": "br"}))
    for _ in range(2):
        bad = feed(web, url)
        heard = await once(bad)
        assert not heard.mentions
        assert bad.trouble
    # A page that is no feed is put aside once, and told each time.
    host.script["/feed.rss"].extend([Answer(200, b"<html><p>Sign in<br></html>", {"Content-Type": "text/html"})] * 2)
    page = feed(web, url, every=0.001)
    twice = await hear(page, None, lambda heard: len(heard.batches) == 2)
    assert len(twice.rejects) == 1


async def test_a_feed_that_went_on_unseen_tells_of_a_gap_and_looks_back_over_its_pages(
    host: FeedHost, web: WebClient
) -> None:
    for number in range(4):
        host.say(f"say {number}")
    url = f"{host.url}/feed.atom"
    first = await once(feed(web, url))
    archived = host.atom()
    host.script["/archive"].extend([Answer(200, archived, {"Content-Type": "application/atom+xml"})] * 2)
    host.entries = [host.say(f"later {number}") for number in range(4)]
    host.head = '<link rel="prev-archive" href="/archive"/>'
    second = await once(feed(web, url), first.cursor)
    (gap,) = second.gaps
    assert gap.start < gap.end
    source = Feeds(web, [url], habits=QUICK)
    day = datetime(2026, 11, 2, tzinfo=UTC)
    back = source.look_back(source.streams()[0].key, day, day + timedelta(days=1))
    assert back is not None
    batches = [batch async for batch in back]
    assert Heard(batches).ids == first.ids | second.ids
    assert all(batch.history and batch.cursor is None for batch in batches)
    assert source.look_back("feeds/other", day, day) is None


async def test_a_hub_is_asked_answered_and_believed_only_by_its_signature(
    host: FeedHost, web: WebClient, tmp_path: Path
) -> None:
    host.say("old")
    host.head = f'<link rel="hub" href="{host.url}/hub"/><link rel="self" href="{host.url}/feed.atom"/>'
    hubs = Subscriptions("https://inbox.test/", key_in(tmp_path / "state"))
    source = Feeds(web, [f"{host.url}/feed.atom"], hubs, QUICK)
    (stream,), (hook,) = source.streams(), source.hooks
    first = await hear(stream, None, lambda _: True)
    (form,) = host.subscribed
    callback = urlsplit(form["hub.callback"])
    ours = {name: values[0] for name, values in parse_qs(callback.query).items()}
    assert (callback.netloc, callback.path) == ("inbox.test", "/hooks/feeds")
    assert (form["hub.mode"], form["hub.topic"], len(form["hub.secret"])) == ("subscribe", f"{host.url}/feed.atom", 64)

    def asked(**more: str) -> tuple[int, bytes] | None:
        wanted = {
            "hub.mode": "subscribe",
            "hub.topic": form["hub.topic"],
            "hub.challenge": "ch4",
            "hub.lease_seconds": "1000",
        }
        return hook.handshake(
            Delivery({}, b"", {**ours, **wanted, **{name.replace("_", "."): said for name, said in more.items()}})
        )

    assert asked(hub_topic="https://other.test/") == (404, b"")
    assert asked(token="guess") == (404, b"")
    assert asked(hub_mode="unsubscribe") == (404, b"")
    assert asked() == (200, b"ch4")
    # From now on the hub tells: the next look is near four fifths of the lease, or a day away.
    agreed = await hear(stream, first.cursor, lambda _: True)
    assert 700 < waits(agreed) < 900
    mark = read(agreed.cursor or "")
    assert mark.subscription.until - time.time() > 900

    # Another program, another memory: the bookmark and the key are enough.
    later = Subscriptions("https://inbox.test", key_in(tmp_path / "state"))
    Feeds(web, [f"{host.url}/feed.atom", f"{host.url}/other.atom"], later)
    hook = FeedHook(later)
    new = host.say("news").id
    body = host.atom()
    for algorithm in ("sha1", "sha256", "sha384", "sha512"):
        signed = hmac.new(form["hub.secret"].encode(), body, algorithm).hexdigest()
        good = Delivery(
            {"x-hub-signature": f"{algorithm}={signed}", "content-type": "application/atom+xml"}, body, ours
        )
        assert hook.verify(good).taken
        assert not hook.verify(replace(good, body=body + b" ")).taken
    verdict = hook.verify(Delivery({"x-hub-signature": f"md5={hashlib.md5(body).hexdigest()}"}, body, ours))
    assert (verdict.taken, verdict.status) == (False, 202)
    assert hook.verify(Delivery({}, body, ours)).status == 202
    assert hook.verify(replace(good, query={**ours, "token": "guess"})).status == 410
    items = {item.key.external_id: item for item in hook.convert(good) if isinstance(item, Mention)}
    polled = first.mentions[0]
    assert items[polled.key.external_id] == polled, "delivered or polled, it is the same message"
    assert new in items
    # What is stored of a delivery need not hold its address: the document says whose it is, and nobody speaks for another feed.
    assert hook.convert(replace(good, query={})) == hook.convert(good)
    assert isinstance(hook.convert(replace(good, query={}, body=b"rubbish"))[0], Reject)
    other = body.replace(b"/feed.atom", b"/other.atom")
    signed = hmac.new(form["hub.secret"].encode(), other, "sha256").hexdigest()
    assert hook.verify(replace(good, body=other, headers={"x-hub-signature": f"sha256={signed}"})).status == 202

    # At four fifths it is asked again, and a hub that does not answer costs nothing but its news.
    until = int(time.time()) + 100
    due = replace(mark, next_at=0, subscription=replace(mark.subscription, until=until, asked=until - 10_000))
    host.hub_status = 500
    kept = await hear(Feeds(web, [f"{host.url}/feed.atom"], later, QUICK).streams()[0], write(due), lambda _: True)
    assert len(host.subscribed) == 2
    assert kept.ids == {new}


async def test_two_hundred_feeds_idle_at_no_cost(host: FeedHost, web: WebClient) -> None:
    host.say("old")
    source = Feeds(web, [f"{host.url}/{number}.rss" for number in range(200)], habits=ONCE)
    streams = source.streams()
    assert len({stream.key for stream in streams}) == 200
    readers = [stream.batches(None) for stream in streams]
    await asyncio.gather(*(anext(reader) for reader in readers))
    waiting = [asyncio.ensure_future(anext(reader)) for reader in readers]
    began = time.process_time()
    await asyncio.sleep(0.5)
    assert time.process_time() - began < 0.2
    assert len(host.asked) == 200
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_settings_make_the_source(web: WebClient, tmp_path: Path) -> None:
    options = {one.name: one.default for one in NETWORKS["feeds"].settings}
    source = build(Wiring(web, tmp_path, options={**options, "feeds": ("http://a.test/feed", "https://b.test/")}))
    assert SOURCES["feeds"] is build
    assert [stream.key.partition("-")[0] for stream in source.streams()] == ["feeds/a.test", "feeds/b.test"]
    assert source.hooks == ()
    assert not list(tmp_path.iterdir())
    told = build(Wiring(web, tmp_path, options={**options, "feeds": (), "websub_callback": "https://inbox.test"}))
    assert [hook.name for hook in told.hooks] == ["feeds"]
    assert (tmp_path / "feeds-websub.key").stat().st_mode & 0o77 == 0
