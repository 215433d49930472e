"""The inbox on every network: each is named as people write it, offers what it can, and says why it cannot do the rest."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from inbox_tui.screens.inbox.composing import Composing
from inbox_tui.view import names, queue
from inbox_tui.view.authors import card_lines
from listener import networks
from listener.errors import Refused
from listener.model.accounts import Capability
from listener.model.kinds import Audience, Kind
from listener.private import Sort, private
from listener.store import attachments, capabilities, inbox, outbox
from listener.store.reply_lane import REPLIES
from listener.store.views.authors import Author
from listener.webclient.client import WebClient
from pretend import mastodon as pretended
from tests.core.test_pictures import png
from tests.promises.scenes_mastodon import account, source
from tests.store.builders import NOW, House, said
from tests.store.world import world
from tests.tui.fake import START, FakeBackend, message
from tests.tui.stage import SMALL, stage
from tests.tui.test_pictures import chosen
from tests.tui.test_postgres import real


def on(source: str, **more: object) -> FakeBackend:
    """One conversation on a network."""
    backend = FakeBackend(1)
    talk = backend.talk(1)
    talk.source = source
    talk.thread = [replace(one, **more) if one.mine else one for one in talk.thread]  # type: ignore[arg-type]
    return backend


def test_a_name_with_its_server_is_no_e_mail_address() -> None:
    found = [(one.span, one.sort) for one in private("@ana@far.example and (@b@c.example), not a@b.example")]
    assert found == [((41, 52), Sort.MAIL)]


def test_networks_and_accounts_are_written_as_people_write_them() -> None:
    assert [names.network(one) for one in ("facebook", "feeds", "mastodon", "file")] == [
        "Facebook", "Feeds", "Mastodon", "File",
    ]  # fmt: skip
    short = [names.short(one) for one in networks.heard()]
    assert len(set(short)) == len(short), "no two look alike in the queue"
    assert max(map(len, short)) <= 6
    assert [queue.who(*one) for one in (("ana.test", "Ana"), ("", "Ana Sol"), ("Ana Sol", ""), ("@ana", ""), ("", ""))] == [
        "@ana.test", "Ana Sol", "Ana Sol", "@ana", "somebody",
    ]  # fmt: skip
    assert names.account("104200000000001") == "104200000000001", "the number of a Page is no handle"
    someone = Author(
        1, "facebook", "facebook", "7", "", "Ana Sol", "", None, None, None, "active", None, START, None, 0, 0, ()
    )
    card = "\n".join("".join(text for text, _ in line) for line in card_lines(someone, START, UTC, 100))
    assert "Ana Sol" in card
    assert "on Facebook" in card
    assert "@" not in card


async def test_what_can_only_be_read_offers_no_reply_and_says_where_one_is_written() -> None:
    backend = on("feeds")
    backend.talk(1).account_id, backend.talk(1).account_handle = 0, ""
    async with stage(backend) as s:
        await s.shows("on Feeds: ✗r reply  y l copies its address")
        await s.shows("✗r reply")
        await s.press("r")
        await s.shows(
            "not on Feeds: a feed can only be read; an answer is written where the entry's link leads (y l copies its addr"
        )
        await s.press("I")
        assert not s.app.place.composer.is_open
        await s.press("L")
        await s.shows("not on Feeds: a feed can only be read")
        assert backend.network == []
        await s.press("y")
        await s.shows("address  https://pretend.test/")


async def test_an_account_that_cannot_answer_says_so_before_anybody_writes() -> None:
    backend = on("webhook")
    backend.can = {**backend.can, Capability.REPLY: "only where a reply_url is set, and none is"}
    async with stage(backend, size=SMALL) as s:
        await s.press("r")
        await s.shows("not on Webhook: only where a reply_url is set, and none is")
        assert not s.app.place.composer.is_open


async def test_pictures_follow_what_the_account_can_do() -> None:
    backend = on("telegram")
    backend.can = {**backend.can, Capability.MEDIA: "pictures are not sent to Telegram from here"}
    async with stage(backend) as s:
        await s.press("r")
        await s.composes()
        await s.shows("✗^f picture")
        await s.press("ctrl+f")
        await s.shows("no pictures on Telegram: pictures are not sent to Telegram from here")
    async with stage(on("mastodon")) as s:
        await s.press("r")
        await s.composes()
        await s.shows("^f picture")
        assert not s.sees("✗^f picture")


async def test_who_may_read_an_answer_is_said_where_that_is_not_everybody() -> None:
    async with stage(on("mastodon", audience=Audience.FOLLOWERS)) as s:
        await s.shows("only followers may read it")
        await s.press("r")
        await s.shows("FOLLOWERS-ONLY reply as @larkspur.test to @mira0.test")
        await s.shows("our followers and who is named can read it, nobody else")
    async with stage(on("telegram", audience=Audience.MEMBERS)) as s:
        await s.press("r")
        await s.shows("reply IN THE CHAT as @larkspur.test")
    async with stage(on("mastodon", kind=Kind.DM)) as s:
        await s.press("r")
        await s.shows("PRIVATE reply as @larkspur.test to @mira0.test")


async def test_a_comment_is_answered_in_private_once_and_the_time_left_is_said() -> None:
    backend = on("facebook", private_until=START + timedelta(days=2, hours=1))
    backend.can = {**backend.can, Capability.PRIVATE_REPLY: ""}
    async with stage(backend) as s:
        await s.shows("private window closes in 2 d")
        await s.press("I")
        await s.composes()
        await s.shows("PRIVATE reply as @larkspur.test")
        await s.shows("the private window closes in 2 d")
        await s.shows("✗^f picture")
        await s.type("we have sent you a code")
        await s.press("ctrl+s")
        await s.shows("goes out in 8 s")
        await s.press("I")
        await s.shows("Ana Sol answered it in private already: its network takes one such answer")
        assert not s.app.place.composer.is_open
        backend.talk(1).thread.append(
            message(9, "and now?", START, "mira0.test", private_until=START + timedelta(days=7))
        )
        backend.ring(1)
        await s.shows("and now?")
        await s.press("I")
        await s.shows("PRIVATE reply as")


async def test_the_store_refuses_a_second_private_answer_before_it_is_sent(pool: asyncpg.Pool) -> None:
    house = await House.built(pool)
    house.addressed("a")
    done = await house.record(
        said("a", "bad", audience=Audience.FOLLOWERS, private_until=NOW + timedelta(days=7)), now=NOW
    )
    await pool.execute("UPDATE accounts SET source = 'facebook', state = 'ready'")
    await capabilities.publish(pool, house.account.id, {Capability.PRIVATE_REPLY: "", Capability.REPLY: "no rights"})
    parent = await pool.fetchval("SELECT id FROM mentions")

    async def queue(visibility: str, at: datetime) -> int:
        row = await outbox.queue_reply(
            pool, house.person_id, done.opened[0], house.account.id, parent, "between us", visibility=visibility,  # type: ignore[arg-type]
            lang="", fence=1, hold_seconds=5, close_after=False, now=at,
        )  # fmt: skip
        return row.id

    first = await queue("private", NOW)
    with pytest.raises(Refused, match="answered it in private already") as second:
        await queue("private", NOW)
    assert second.value.code == "private_once"
    await outbox.withdraw(pool, first, house.person_id, NOW)
    assert await queue("private", NOW) > first, "what was taken back is no answer"
    with pytest.raises(Refused, match="cannot answer there: no rights"):
        await queue("public", NOW)
    opened = await inbox.open(pool, done.opened[0], house.person_id, NOW)
    assert opened is not None
    assert [one.audience for one in opened.thread] == [Audience.FOLLOWERS], "who may read it is kept"
    assert {one.parent_id for one in opened.replies} == {parent}


async def test_a_picture_goes_from_the_composer_to_a_mastodon_server(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dot.png").write_bytes(png())
    monkeypatch.setattr(Composing, "_folder", f"{tmp_path}/")
    web = WebClient("0.0.test")
    async with pretended.Mastodon.start(None) as net:
        uri = net.say("fan", "@acme show me")
        w = await world(pool)
        await w.conversation("show me", at=datetime.now(UTC))
        await pool.execute("UPDATE accounts SET state = 'ready', source = 'mastodon', handle = 'acme'")
        await pool.execute("UPDATE mentions SET source = 'mastodon', external_id = $1, root = $1", uri)
        await pool.execute("UPDATE conversations SET source = 'mastodon', root = $1", uri)
        await capabilities.publish(pool, w.account.id, dict.fromkeys(Capability, ""))
        async with real(dsn) as s:
            await s.shows("show me")
            await s.press("r")
            await s.composes()
            await s.type("like this")
            await s.press("ctrl+f")
            await chosen(s, "dot.png", "a small dot")
            await s.shows("▣ dot.png")
            await s.press("ctrl+s")
            await s.shows("goes out in 8 s as @acme")
        later = datetime.now(UTC) + timedelta(minutes=1)
        reply = await REPLIES.claim_next(pool, uuid.uuid4(), later, 60)
        assert reply is not None
        reply = replace(
            reply, account=account(net), attachments=await attachments.of_outbox(pool, reply.outbox_id, contents=True)
        )
        made = source(net, web)
        await made.send(replace(reply, frozen=await made.freeze(reply, later)))
        (answer,) = net.answers_to(uri)
        assert [one["description"] for one in answer.media] == ["a small dot"]
        assert answer.text == "@fan like this", "on the same server a name needs no host"
    await web.close()
