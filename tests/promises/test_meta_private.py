"""Private messages of Facebook and Instagram over a pretend Graph: heard, swept, answered once and in time, looked up; and people blocked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from listener.errors import Refused, SourceStopped, TryAgain, Uncertain
from listener.model.accounts import Account
from listener.model.handed import NetworkAct, Reply
from listener.model.heard import Author, Deleted, Gap, Item, Key, Mention
from listener.model.kinds import Via
from listener.model.leaving import Doing
from listener.service.hearing import Hearer
from listener.sources.base import Delivery
from listener.sources.meta import Facebook, Instagram
from listener.webclient.client import WebClient
from pretend.graph import Graph, error
from tests.promises.hearing import hear
from tests.promises.scenes_meta import NOW, source_of

BOTH = pytest.mark.parametrize("desk", ["facebook", "instagram"], indirect=True)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Desk:
    """One of both networks, with our account."""

    net: Graph
    web: WebClient
    source: Facebook | Instagram
    clock: Clock
    said: list[str]

    @property
    def platform(self) -> str:
        return self.source.platform

    @property
    def account(self) -> Account:
        own = next(iter(self.source.seats))
        return Account(1, 1, self.source.name, self.source.name, own, "larkspur")

    def told(self) -> list[Item]:
        """What the webhook was told since."""
        (hook,) = self.source.hooks
        return [item for headers, body in self.net.deliveries() for item in hook.convert(Delivery(headers, body))]

    def message(self, text: str | None = "Where is my parcel?", **other: Any) -> Mention:
        self.net.talks.message(text, platform=self.platform, **other)
        (one,) = self.told()
        assert isinstance(one, Mention)
        return one

    def reply(self, to: Mention, text: str = "In the van.", **other: Any) -> Reply:
        made = Reply(
            1, "k1", self.account, to.key, to.content_id, to.root or "", to.author, text, "en", True, self.clock(), None
        )  # fmt: skip
        return replace(made, **other)

    async def frozen(self, reply: Reply) -> Reply:
        return replace(reply, frozen=json.loads(json.dumps(await self.source.freeze(reply, self.clock()))))

    async def again(self, **options: Any) -> Facebook | Instagram:
        """The source as another program has it, which remembers nothing."""
        made = source_of(self.source.name, self.net, self.web, clock=self.clock, said=self.said, **options)
        await made.identify(made._logins[0].handle)
        return made

    def ours(self) -> list[str]:
        return [row["id"] for rows in self.net.talks.said.values() for row in rows if row["message"] == "In the van."]


@pytest.fixture
async def desk(request: pytest.FixtureRequest, web: WebClient) -> AsyncIterator[Desk]:
    name, clock, said = getattr(request, "param", "facebook"), Clock(), list[str]()
    async with Graph.start(clock=clock) as net:
        source = source_of(name, net, web, clock=clock, said=said)
        await source.identify(source._logins[0].handle)
        yield Desk(net, web, source, clock, said)


@BOTH
async def test_from_a_private_message_to_an_answer_that_was_taken_before_a_500_and_its_echo(desk: Desk) -> None:
    asked = desk.message()
    assert [one.via for one in Hearer([desk.account], {}).hear(asked)] == [Via.DM]
    desk.message("In the van.", to="mira")  # a colleague said the same in the network's own app
    (before,) = desk.ours()
    reply = await desk.frozen(desk.reply(asked))
    desk.net.fail("POST", "messages", after=True)
    with pytest.raises(Uncertain):
        await desk.source.send(reply)
    again = await desk.again()
    found = await again.look_up(reply)
    assert found is not None
    assert desk.ours() == [before, found.external_id]
    assert await again.look_up(reply) == found
    (echo,) = desk.told()
    assert isinstance(echo, Mention)
    assert (echo.key, echo.root) == (Key(asked.key.space, found.external_id), asked.root)
    assert [one.via for one in Hearer([desk.account], {}).hear(echo)] == [Via.OWN]
    # One that was surely not taken is not found, though the words stand there twice by now.
    second = replace(await desk.frozen(desk.reply(asked, key="k2")), key="k2")
    desk.net.fail("POST", "messages")
    with pytest.raises(Uncertain):
        await again.send(second)
    assert await again.look_up(second) is None
    sent = await again.send(second)
    assert await again.look_up(second) == sent


@BOTH
async def test_not_there_means_nothing_before_the_network_has_settled(desk: Desk) -> None:
    reply = await desk.frozen(desk.reply(desk.message()))
    slow = await desk.again()
    slow._settles = timedelta(seconds=20)
    with pytest.raises(TryAgain) as early:
        await slow.look_up(reply)
    assert early.value.code == "settling"
    desk.clock.now += timedelta(seconds=21)
    assert await slow.look_up(reply) is None


@BOTH
async def test_the_window_is_the_networks_a_person_may_answer_longer_where_the_app_may(desk: Desk) -> None:
    asked = desk.message()
    assert asked.reply_until == NOW + timedelta(hours=24)
    desk.clock.now += timedelta(hours=24, seconds=1)
    with pytest.raises(Refused) as closed:
        await desk.source.freeze(desk.reply(asked), desk.clock())
    assert (closed.value.code, desk.net.talks.sent) == ("window_closed", [])
    # Their newest words count, not those that are answered.
    desk.message("Hello?")
    await desk.source.send(await desk.frozen(desk.reply(asked)))
    assert desk.net.talks.sent[-1]["messaging_type"] == "RESPONSE"
    desk.told()
    desk.clock.now += timedelta(days=6)
    desk.net.talks.human_agent = True
    patient = await desk.again(human_agent=True)
    made = replace(desk.reply(asked, "Sorry!"), frozen=await patient.freeze(desk.reply(asked, "Sorry!"), desk.clock()))
    await patient.send(made)
    assert desk.net.talks.sent[-1].items() >= {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}.items()
    desk.clock.now += timedelta(days=1, seconds=1)
    with pytest.raises(Refused, match="seven days"):
        await patient.freeze(desk.reply(asked), desk.clock())


@BOTH
async def test_what_the_network_says_no_to_is_said_in_words(desk: Desk) -> None:
    asked = desk.message()
    for fault, code in (
        (error(10, 2018278), "window_closed"), (error(551), "unreachable"), (error(100, 2018001), "unreachable"),
        (error(10, 2018300), "taken_over"),
    ):  # fmt: skip
        desk.net.fail("POST", "messages", fault)
        with pytest.raises(Refused) as no:
            await desk.source.send(await desk.frozen(desk.reply(asked)))
        assert no.value.code == code
    assert desk.ours() == []
    with pytest.raises(Refused) as long:
        await desk.source.freeze(desk.reply(asked, "é" * (2001 if desk.source.name == "facebook" else 501)), NOW)
    assert long.value.code == "too_long"


@BOTH
async def test_what_was_taken_back_or_edited_is_not_answered_unseen(desk: Desk) -> None:
    asked = desk.message()
    reply = desk.reply(asked)
    desk.net.talks.edit(asked.key.external_id, "Where is my cat?")
    with pytest.raises(Refused) as changed:
        await desk.source.freeze(reply, NOW)
    desk.net.talks.unsend(asked.key.external_id)
    with pytest.raises(Refused) as gone:
        await desk.source.freeze(reply, NOW)
    assert (changed.value.code, gone.value.code) == ("parent_changed", "parent_gone")
    edited, deleted = desk.told()
    assert isinstance(edited, Mention)
    assert edited.revision > asked.revision
    assert deleted == Deleted(asked.key)


async def test_what_is_too_old_to_be_shown_is_not_taken_for_deleted(desk: Desk) -> None:
    first = desk.message()
    for number in range(20):
        desk.net.talks.message(f"and {number}", quiet=True)
    assert await desk.source.recheck(desk.account, [first.key]) == ()
    assert (await desk.source.thread(desk.account, first.key)).missing == ()
    await desk.source.send(await desk.frozen(desk.reply(first)))
    newest = desk.net.talks.said[("messenger", first.author.external_id)][-2]["id"]
    (seen,) = await desk.source.recheck(desk.account, [Key(first.key.space, newest)])
    assert isinstance(seen, Mention)
    assert seen.author.name == "Mira"


@BOTH
async def test_what_webhooks_missed_is_found_with_names_and_a_quiet_turn_asks_once(desk: Desk) -> None:
    net, ids = desk.net, set[str]()
    for by in ("mira", "ola"):
        ids.add(net.talks.message("Where is my parcel?", by=by, platform=desk.platform, quiet=True))
    ids.add(net.talks.message("In the van.", to="ola", platform=desk.platform, quiet=True))
    (own,) = desk.source.account_streams(desk.account.external_id)
    heard = await hear(own, None, lambda heard: heard.ids >= ids)
    by_id = {one.key.external_id: one for one in heard.mentions}
    assert {one.root for one in by_id.values()} == {f"with:{net.talks.person(by)}" for by in ("mira", "ola")}
    assert sorted((one.author.name or one.author.handle) for one in by_id.values() if one.named) == ["Mira", "Ola"]
    assert {one.author.external_id for one in by_id.values() if not one.named} == {desk.account.external_id}
    net.asked.clear()
    found = desk.source.look_back(own.key, NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    assert found is not None
    again = [item for batch in [batch async for batch in found] for item in batch.items]
    assert {one.key.external_id for one in again if isinstance(one, Mention)} >= ids
    batches = own.batches(heard.cursor)
    await anext(batches)
    net.asked.clear()
    assert (await anext(batches)).items == ()
    assert [path for _, path in net.asked if "conversations" in path or path.startswith("t_")] == [
        path for _, path in net.asked if path.endswith("/conversations")
    ]
    await batches.aclose()  # type: ignore[attr-defined]


async def test_more_than_the_network_shows_is_a_gap_and_a_missing_permission_stops_no_comment(desk: Desk) -> None:
    desk.clock.now -= timedelta(hours=3)
    post = desk.net.post("We open")
    for number in range(21):
        desk.net.talks.message(f"{number}", quiet=True)
    said = desk.net.comment(post, "ship?", quiet=True)
    desk.clock.now += timedelta(hours=3)
    (own,) = desk.source.account_streams(desk.net.page)
    heard = await hear(own, None, lambda heard: said in heard.ids)
    gaps = [gap for batch in heard.batches for gap in batch.gaps]
    assert gaps == [Gap(NOW - timedelta(hours=24), NOW, "more was said than is read of one private conversation")]
    desk.net.fail("GET", "conversations", error(200, status=403))
    fresh = await desk.again()
    (own,) = fresh.account_streams(desk.net.page)
    assert said in (await hear(own, None, lambda heard: said in heard.ids)).ids
    assert [line for line in desk.said if "private messages cannot be read" in line]


async def test_who_does_not_want_private_messages_hears_none_and_asks_for_none(desk: Desk) -> None:
    without = await desk.again(private_messages=False)
    desk.net.talks.message("secret")
    ((headers, body),) = desk.net.deliveries()
    assert without.hooks[0].convert(Delivery(headers, body)) == ()
    desk.net.asked.clear()
    post = desk.net.post("We open")
    (own,) = without.account_streams(desk.net.page)
    await hear(own, None, lambda heard: post in heard.ids)
    assert not [path for _, path in desk.net.asked if "conversations" in path]
    assert "messages" not in desk.net.subscribed


@BOTH
async def test_a_private_answer_to_a_comment_stands_in_the_conversation_with_its_writer(desk: Desk) -> None:
    net, page = desk.net, desk.source.name == "facebook"
    top = net.comment(net.post("We open"), "ship?") if page else net.gram_comment(net.medium(), "ship?")
    (comment,) = desk.told()
    assert isinstance(comment, Mention)
    reply = await desk.frozen(desk.reply(comment, root=""))
    if page:  # what was taken before a 500 is found by its own id
        net.fail("POST", "messages", after=True)
        with pytest.raises(Uncertain):
            await desk.source.send(reply)
        sent = await (await desk.again()).look_up(reply)
    else:
        sent = await desk.source.send(reply)
    assert sent is not None
    (echo,) = desk.told()
    assert isinstance(echo, Mention)
    assert (echo.key.external_id, echo.author.external_id) == (sent.external_id, desk.account.external_id)
    assert echo.root == f"with:{net.things[top]['from']['id']}" == f"with:{comment.author.external_id}"


@BOTH
async def test_a_conversation_is_read_whole_around_a_message(desk: Desk) -> None:
    asked = desk.message()
    answer = desk.message("In the van.", to="mira")
    desk.net.talks.message("Where is my cat?", by="ola", platform=desk.platform)
    read = await desk.source.thread(desk.account, asked.key)
    assert {one.key for one in read.mentions} == {asked.key, answer.key}
    assert {one.author.name or one.author.handle for one in read.mentions if one.named} == {"Mira"}
    for one in read.mentions:
        assert one in desk.source.reread(one.raw, NOW)


async def test_somebody_is_blocked_and_no_longer_and_a_lost_answer_is_looked_up(desk: Desk) -> None:
    asked = desk.message()

    def act(what: Doing, **other: Any) -> NetworkAct:
        made = NetworkAct(1, "k", desk.account, what, asked.key, "", "", asked.author, "", NOW, None)
        return replace(made, **other)

    for what, so in ((Doing.BLOCK, {asked.author.external_id}), (Doing.UNBLOCK, set())):
        ready = act(what, frozen=await desk.source.freeze_act(act(what), NOW))
        assert await desk.source.look_up_act(ready) is None
        desk.net.fail("POST" if what is Doing.BLOCK else "DELETE", "blocked", after=True)
        with pytest.raises(Uncertain):
            await desk.source.act(ready)
        assert await desk.source.look_up_act(ready) is not None
        await desk.source.act(ready)
        assert desk.net.talks.blocked == so
    for who, code in ((desk.net.page, "ours"), ("unknown:1", "no_account")):
        with pytest.raises(Refused) as no:
            await desk.source.freeze_act(act(Doing.BLOCK, author=Author("facebook", who)), NOW)
        assert no.value.code == code
    for what in (Doing.LIKE, Doing.HIDE, Doing.DELETE):
        with pytest.raises(Refused, match="not done to a private message"):
            await desk.source.freeze_act(act(what), NOW)


@BOTH
async def test_a_login_that_ended_stops_the_account_also_for_private_messages(desk: Desk) -> None:
    desk.net.fail("GET", "conversations", error(190, 460, 400))
    (own,) = desk.source.account_streams(desk.account.external_id)
    with pytest.raises(SourceStopped):
        await hear(own, None, lambda _: False)
