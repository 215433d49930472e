"""Mastodon in both directions against a pretend server: what is heard survives every way of breaking, and an answer is given once."""

from __future__ import annotations

import asyncio
import functools
import gzip
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from listener.errors import Refused, SourceStopped, TryAgain, Uncertain
from listener.model.accounts import Capability
from listener.model.handed import Attachment, Reply
from listener.model.heard import Author, Deleted, Key, Mention
from listener.model.kinds import Kind
from listener.model.leaving import Doing
from listener.sources.base import Connected
from listener.sources.mastodon import Mastodon, connect
from listener.sources.mastodon.connect import missing, server_of
from listener.sources.mastodon.convert import SPACE
from listener.sources.mastodon.events import How
from listener.webclient.client import WebClient
from pretend import mastodon as pretended
from pretend.mastodon import Fault, Ways
from tests.promises.hearing import Heard, hear
from tests.promises.scenes_mastodon import QUICK, account, act_on, reply_to, source, stream

STATUSES = "/api/v1/statuses"
SHARED = next((up / "shared" for up in Path(__file__).parents if (up / "shared/contracts").is_dir()), Path("shared"))


@dataclass(frozen=True)
class Call:
    """One call as it is published."""

    method: str
    path: re.Pattern[str]
    params: frozenset[str]
    body: frozenset[str]


@functools.cache
def contract() -> tuple[Call, ...]:
    """What is published of the network's calls; nothing where that is not on this machine."""
    file = SHARED / "contracts/mastodon-openapi.json.gz"
    if not file.exists():
        return ()
    with gzip.open(file) as opened:
        told = json.load(opened)
    shapes = told["components"]["schemas"]

    def fields(shape: Mapping[str, Any]) -> set[str]:
        shape = shapes[shape["$ref"].rpartition("/")[2]] if "$ref" in shape else shape
        inner = [*shape.get("oneOf", ()), *shape.get("allOf", ()), *shape.get("anyOf", ())]
        return set(shape.get("properties", ())).union(*map(fields, inner))

    calls = []
    for path, methods in told["paths"].items():
        for method, call in methods.items():
            if method in {"get", "post", "put", "delete"}:
                names = {one["name"] for one in call.get("parameters", ()) if one["in"] == "query"}
                arrays = {f"{name}[]" for name in names}
                body = call.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
                pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
                calls.append(Call(method.upper(), pattern, frozenset(names | arrays), frozenset(fields(body))))
    return tuple(calls)


@pytest.fixture
async def net(request: pytest.FixtureRequest) -> AsyncIterator[pretended.Mastodon]:
    async with pretended.Mastodon.start(getattr(request, "param", None)) as server:
        yield server
        published = contract()
        for method, path, params, body in server.asked if published else ():
            if path == "/api/v1/streaming":
                continue  # the web socket is described in words only
            known = [call for call in published if call.method == method and call.path.fullmatch(path)]
            assert any(set(params) <= call.params and set(body) <= call.body for call in known), (
                method,
                path,
                params,
                body,
            )


def ways(**differs: Any) -> Any:
    return pytest.mark.parametrize("net", [Ways(**differs)], indirect=True)


async def late(net: pretended.Mastodon, made: Mastodon) -> Mastodon:
    """The source when a server has had its time to show what it took."""
    return source(net, made._homes["acme"].server.web, clock=lambda: datetime.now(UTC) + timedelta(minutes=1))


# Heard ---------------------------------------------------------------------------------------------------------------


async def test_a_mention_says_who_what_and_to_whom(net: pretended.Mastodon, web: WebClient) -> None:
    ours = net.say("acme", "Our new kettle")
    uri = net.say(
        "mira", "@acme does it ship? #Kettle https://shop.example/a", host="far.example", above=net.find(ours).id
    )
    whisper = net.say("mira", "@acme my order is 4711", host="far.example", visibility="direct", warning="private")
    heard = await hear(await stream(net, web), None, lambda heard: heard.ids >= {ours, uri, whisper})
    by_id = {mention.key.external_id: mention for mention in heard.mentions}
    told = by_id[uri]
    assert told.text == "@acme does it ship? #Kettle https://shop.example/a"
    assert (told.key, told.kind, told.parent, told.answers) == (
        Key(SPACE, uri),
        Kind.REPLY,
        ours,
        (account(net).external_id,),
    )
    assert told.named == (account(net).external_id,)
    assert told.author == Author(SPACE, "https://far.example/users/mira", "mira@far.example", "Mira")
    assert (told.tags, told.langs, told.likes) == (("kettle",), ("en",), 0)
    assert by_id[whisper].kind is Kind.DM
    assert by_id[whisper].key.space == f"{SPACE}/{account(net).external_id}", "what is private is each account's own"
    assert by_id[whisper].text.startswith("private\n\n"), "a warning is part of what is said"
    assert by_id[ours].author.external_id == account(net).external_id


async def test_nothing_is_lost_over_a_cut_and_twice_pushed_is_once_heard(
    net: pretended.Mastodon, web: WebClient
) -> None:
    opened = await stream(net, web, habits=replace(QUICK, sweep=600.0))  # only a new connection reads the lists
    net.twice = True
    ids = {net.say("fan", "@acme one")}
    batches = opened.batches(None)
    heard = Heard()

    async def until(enough: Any) -> None:
        async with asyncio.timeout(10):
            while not enough(heard):
                heard.batches.append(await anext(batches))

    await until(lambda heard: heard.ids >= ids)
    ids.add(net.say("fan", "@acme pushed"))
    await until(lambda heard: heard.ids >= ids)
    net.pushes = False
    net.cut()
    ids |= {net.say("fan", f"@acme unseen {n}") for n in range(20)}
    await until(lambda heard: heard.ids >= ids)
    net.pushes = True
    await until(lambda heard: net._streams)
    ids.add(net.say("fan", "@acme again"))
    await until(lambda heard: heard.ids >= ids)
    assert len(heard.mentions) == len(heard.ids)
    await batches.aclose()  # type: ignore[attr-defined]


async def test_edits_and_deletes_are_heard_pushed_and_read(net: pretended.Mastodon, web: WebClient) -> None:
    opened = await stream(net, web)
    uri = net.say("fan", "@acme bad")
    heard = await hear(opened, None, lambda heard: heard.ids >= {uri})
    net.edit(uri, "@acme worse")
    edited = await hear(opened, heard.cursor, lambda heard: any(m.text == "@acme worse" for m in heard.mentions))
    assert edited.mentions[-1].revision > heard.mentions[-1].revision
    assert edited.mentions[-1].content_id != heard.mentions[-1].content_id

    whisper = net.say("fan", "@acme aside", visibility="direct")
    batches = opened.batches(edited.cursor)
    await anext(batches)
    async with asyncio.timeout(5):
        while not net._streams:
            await asyncio.sleep(0.01)
        net.delete(uri)
        net.delete(whisper)
        gone: list[Any] = []
        while len(gone) < 2:
            gone += [item for item in (await anext(batches)).items if isinstance(item, Deleted)]
    assert gone == [Deleted(Key(SPACE, uri)), Deleted(Key(f"{SPACE}/{account(net).external_id}", whisper))]
    await batches.aclose()  # type: ignore[attr-defined]


@ways(unknown_tag_404=True)
async def test_tags_are_heard_each_from_its_own_place(net: pretended.Mastodon, web: WebClient) -> None:
    opened = await stream(net, web, hashtags=("unused", "acme", "#Kettle"))
    first = {net.say("fan", f"no name, only #acme {n}") for n in range(9)}
    heard = await hear(opened, None, lambda heard: heard.ids >= first)
    assert heard.cursor
    assert '"tag/acme"' in heard.cursor
    second = {net.say("fan", "of the #kettle"), net.say("fan", "#acme once more"), net.say("fan", "@acme hello")}
    assert (await hear(opened, heard.cursor, lambda heard: heard.ids >= second)).ids >= second
    third = net.say("fan", "pushed #kettle")
    assert (await hear(opened, heard.cursor, lambda heard: third in heard.ids)).ids >= {third}


@ways(strict_types=True, instance_v2=False)
async def test_unknown_notifications_and_older_servers_are_no_trouble(net: pretended.Mastodon, web: WebClient) -> None:
    net.note("moderation_warning", "staff")
    net.note("a_kind_of_2030", "staff")
    uri = net.say("fan", "@acme hello")
    heard = await hear(await stream(net, web), None, lambda heard: heard.ids >= {uri})
    assert not heard.rejects
    assert heard.ids == {uri}


@ways(socket=False, events=False)
async def test_a_list_that_was_cleared_leaves_a_gap(net: pretended.Mastodon, web: WebClient) -> None:
    opened = await stream(net, web)
    uri = net.say("fan", "@acme one")
    heard = await hear(opened, None, lambda heard: heard.ids >= {uri})
    net.say("fan", "@acme lost")
    net.notes["acme"].clear()
    last = net.say("fan", "@acme after")
    again = await hear(opened, heard.cursor, lambda heard: heard.ids >= {last})
    assert [gap.cause for gap in again.gaps] == ["the server keeps no notifications of that time any more"]


async def test_the_best_way_that_there_is_is_taken(web: WebClient) -> None:
    for differs, how in (
        ({}, How.SOCKET),
        ({"socket": False}, How.EVENTS),
        ({"socket": False, "events": False}, How.POLLS),
    ):
        async with pretended.Mastodon.start(Ways(**differs)) as net:
            opened = await stream(net, web)
            uri = net.say("fan", "@acme hello")
            await hear(opened, None, lambda heard, uri=uri: uri in heard.ids)
            assert opened.how is how  # type: ignore[attr-defined]


@pytest.mark.parametrize("plain", [False, True])
async def test_a_token_that_ended_stops_the_account(web: WebClient, plain: bool) -> None:
    async with pretended.Mastodon.start(Ways(plain_400=plain)) as net:
        opened = await stream(net, web)
        cursor = (await hear(opened, None, lambda _: True)).cursor
        net.us.token = "another"
        with pytest.raises(SourceStopped) as stopped:
            await hear(opened, cursor, lambda heard: bool(heard.ids))
        assert stopped.value.code == ("http_400" if plain else "http_401")
        assert "new token" in stopped.value.hint
        assert "token-of" not in str(stopped.value)


async def test_limits_faults_and_half_answers_pass(net: pretended.Mastodon, web: WebClient) -> None:
    opened = await stream(net, web)
    uri = net.say("fan", "@acme hello")
    notes = "/api/v1/notifications"
    net.faults += [Fault("GET", notes, "limit"), Fault("GET", notes, "garbage", 3), Fault("GET", notes, "before", 3)]
    heard = await hear(opened, None, lambda heard: uri in heard.ids)
    assert heard.batches[-1].limits == () or heard.batches[-1].limits[0].characters == 500


async def test_a_topic_is_searched_for_by_words_and_by_the_timelines_of_tags(
    net: pretended.Mastodon, web: WebClient
) -> None:
    net.ways.page = 2
    made = source(net, web)
    await made.identify("acme")
    said = {net.say("fan", f"larkspur {n}") for n in range(5)} | {net.say("fan", "down again #larkspurdown")}
    net.say("fan", "weather")
    key = made.account_streams(account(net).external_id)[0].key
    now = datetime.now(UTC)
    searches = ['"Larkspur 3"', "larkspur", "#larkspurdown"]
    found = made.search(key, searches, now - timedelta(hours=1), now + timedelta(hours=1))
    assert found is not None
    batches = [batch async for batch in found]
    assert all(batch.history and batch.cursor is None for batch in batches)
    assert {m.key.external_id for m in Heard(batches).mentions} == said
    earlier = made.search(key, searches, now - timedelta(hours=2), now - timedelta(hours=1))
    assert earlier is not None
    assert [batch async for batch in earlier] == []
    assert made.search("mastodon/user/nobody", searches, now, now) is None


async def test_looking_back_and_rechecking_say_what_is_there_now(net: pretended.Mastodon, web: WebClient) -> None:
    made = source(net, web)
    await made.identify("acme")
    kept, gone = net.say("fan", "@acme stays"), net.say("fan", "@acme goes")
    strange = "https://elsewhere.example/users/x/statuses/1"
    net.say("fan", f"has anybody seen {strange}?")  # a search finds words as well
    key = made.account_streams(account(net).external_id)[0].key
    back = made.look_back(key, datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC))
    assert back is not None
    batches = [batch async for batch in back]
    assert all(batch.history and batch.cursor is None for batch in batches)
    assert {m.key.external_id for m in Heard(batches).mentions} == {kept, gone}
    net.edit(kept, "@acme stays, edited")
    net.delete(gone)
    items = await made.recheck(account(net), [Key(SPACE, kept), Key(SPACE, gone), Key(SPACE, strange)])
    assert [item.text if isinstance(item, Mention) else item for item in items] == [
        "@acme stays, edited",
        Deleted(Key(SPACE, gone)),
    ]
    thread = await made.thread(account(net), Key(SPACE, kept))
    assert [m.key.external_id for m in thread.mentions] == [kept]
    assert made.reread(thread.mentions[0].raw, datetime.now(UTC)) == (thread.mentions[0],)
    profile = await made.profile(account(net), thread.mentions[0].author)
    assert profile is not None
    assert (profile.followers, profile.bio) == (812, "I am fan")


# Answered ------------------------------------------------------------------------------------------------------------


async def sent(made: Mastodon, reply: Reply) -> Reply:
    """The reply, frozen and sent."""
    reply = replace(reply, frozen=await made.freeze(reply, datetime.now(UTC)))
    await made.send(reply)
    return reply


async def test_an_answer_names_whom_it_answers_and_is_shown_to_nobody_more(
    net: pretended.Mastodon, web: WebClient
) -> None:
    made = source(net, web)
    for visibility in ("public", "unlisted", "private", "direct"):
        uri = net.say("mira", f"@acme {visibility}", host="far.example", visibility=visibility, warning="mood")
        await sent(made, reply_to(net, uri, "It does.", private=visibility == "direct", key=visibility))
        (answer,) = net.answers_to(uri)
        assert answer.text == "@mira@far.example It does."
        assert (answer.visibility, answer.warning, answer.language) == (visibility, "mood", "en")
        assert [one.name for one in answer.named] == ["mira"]
    aside = net.say("mira", "@acme in public", host="far.example")
    await sent(made, reply_to(net, aside, "@mira@far.example in private", private=True))
    assert [(one.visibility, one.text) for one in net.answers_to(aside)] == [("direct", "@mira@far.example in private")]


@pytest.mark.parametrize("keeps_keys", [True, False])
@pytest.mark.parametrize(
    "text", ["We are on it.", "See https://shop.example/a?b=1&c=2 and <this>\n\nor @mira@far.example, #soon"]
)
async def test_an_answer_whose_acceptance_is_lost_is_given_once(web: WebClient, keeps_keys: bool, text: str) -> None:
    async with pretended.Mastodon.start(Ways(keeps_keys=keeps_keys)) as net:
        made = source(net, web)
        uri = net.say("mira", "@acme help", host="far.example")
        earlier = await sent(made, reply_to(net, uri, text, key="an earlier one"))
        reply = replace(reply_to(net, uri, text), frozen=None)
        reply = replace(reply, frozen=await made.freeze(reply, datetime.now(UTC)))
        with pytest.raises(TryAgain):
            await made.look_up(reply)  # nothing is there yet, and it is too early to be sure
        assert await (await late(net, made)).look_up(reply) is None, "the earlier answer with the same words is another"
        net.faults.append(Fault("POST", STATUSES, "after"))
        with pytest.raises(Uncertain):
            await made.send(reply)
        found = await made.look_up(reply)
        assert found is not None
        assert found == await made.send(reply), "a repeat finds it and sends nothing"
        assert len(net.answers_to(uri)) == 2
        assert found.external_id != (await made.look_up(earlier)).external_id
        net.delete(uri)
        assert await made.look_up(reply) == found, "it is found when what it answers is gone meanwhile, too"


async def test_what_cannot_be_answered_is_refused_before_anything_leaves(
    net: pretended.Mastodon, web: WebClient
) -> None:
    made = source(net, web)
    uri = net.say("mira", "@acme help", host="far.example", warning="w" * 20)
    heard = await hear(await stream(net, web), None, lambda heard: uri in heard.ids)
    content = heard.mentions[0].content_id
    room = 500 - len("@mira ") - 20
    link = "https://shop.example/" + "x" * 200
    fits = "y" * (room - 24) + " " + link
    await made.freeze(reply_to(net, uri, fits, parent_content_id=content), datetime.now(UTC))
    with pytest.raises(Refused, match="characters") as long:
        await made.freeze(reply_to(net, uri, "y" + fits), datetime.now(UTC))
    assert long.value.code == "too_long"
    net.edit(uri, "@acme help me")
    with pytest.raises(Refused) as changed:
        await made.freeze(reply_to(net, uri, parent_content_id=content), datetime.now(UTC))
    assert changed.value.code == "parent_changed"
    reply = reply_to(net, uri)
    reply = replace(reply, frozen=await made.freeze(reply, datetime.now(UTC)))
    net.delete(uri)
    for attempt in (made.freeze(reply_to(net, uri), datetime.now(UTC)), made.send(reply)):
        with pytest.raises(Refused) as gone:
            await attempt
        assert gone.value.code == "parent_gone"
    assert not [said for said in net.statuses.values() if said.by is net.us]


@ways(slow_media=2)
async def test_pictures_go_along_with_their_words(net: pretended.Mastodon, web: WebClient) -> None:
    uri = net.say("fan", "@acme show me")
    picture = Attachment(7, "image/png", 2, 2, "A kettle — blue", b"\x89PNG\r\n\x1a\n--\r\nrest")
    reply = await sent(source(net, web), reply_to(net, uri, attachments=[picture]))
    (answer,) = net.answers_to(uri)
    assert [(one["description"], one["meta"]["size"]) for one in answer.media] == [
        ("A kettle — blue", len(picture.content))
    ]
    assert reply.frozen
    assert "A kettle" not in str(reply.frozen)


@ways(search=False)
async def test_acts_ask_for_a_state_and_find_their_message_without_a_search(
    net: pretended.Mastodon, web: WebClient
) -> None:
    made = source(net, web)
    uri = net.say("fan", "@acme hello")
    fan = Author(SPACE, net.external_id(net.join("fan")), "fan")
    ours = net.say("acme", "a slip")
    fan_id = net.join("fan").id
    cases: list[tuple[Doing, str, Callable[[], bool]]] = [
        (Doing.LIKE, uri, lambda: net.us.id in net.find(uri).liked),
        (Doing.UNLIKE, uri, lambda: not net.find(uri).liked),
        (Doing.BLOCK, uri, lambda: fan_id in net.us.blocks),
        (Doing.UNBLOCK, uri, lambda: not net.us.blocks),
        (Doing.DELETE, ours, lambda: not [said for said in net.statuses.values() if said.text == "a slip"]),
    ]
    for what, target, is_so in cases:
        act = act_on(net, what, target, fan)
        act = replace(act, frozen=await made.freeze_act(act, datetime.now(UTC)))
        assert await made.look_up_act(act) is None
        net.faults.append(
            Fault("DELETE" if what is Doing.DELETE else "POST", "/api/v1/(statuses|accounts)/.*", "after")
        )
        with pytest.raises(Uncertain):
            await made.act(act)
        assert await made.look_up_act(act) is not None
        await made.act(act)
        assert is_so(), what
    with pytest.raises(Refused):
        await made.freeze_act(act_on(net, Doing.DELETE, uri, fan), datetime.now(UTC))
    assert made.capabilities[Capability.HIDE]


async def test_a_reply_is_edited_with_all_that_it_carries_and_never_over_somebody_elses_edit(
    net: pretended.Mastodon, web: WebClient
) -> None:
    made, fan = source(net, web), Author(SPACE, net.external_id(net.us), "acme")
    uri = net.say("mira", "@acme where is it?", host="far.example", warning="parcels")
    reply = reply_to(net, uri, "In the van.")
    sent = await made.send(replace(reply, frozen=await made.freeze(reply, datetime.now(UTC))))
    (seen,) = await made.recheck(account(net), [Key(SPACE, sent.external_id)])
    assert isinstance(seen, Mention)
    act = replace(
        act_on(net, Doing.EDIT, sent.external_id, fan), text="At the depot.", target_content_id=seen.content_id
    )
    act = replace(act, frozen=await made.freeze_act(act, datetime.now(UTC)))
    assert await made.look_up_act(act) is None
    net.faults.append(Fault("PUT", "/api/v1/statuses/.*", "after"))
    with pytest.raises(Uncertain):
        await made.act(act)
    assert await made.look_up_act(act) is not None
    await made.act(act)
    said = net.find(sent.external_id)
    assert (said.text, said.warning) == ("@mira@far.example At the depot.", "parcels"), (
        "whom it answers, and its warning"
    )
    assert [method for method, *_ in net.asked].count("PUT") == 1, "what it says already is not said again"
    # Of what was edited elsewhere since its editor read it nothing is written over, neither before nor after it was frozen.
    other = replace(act, text="Lost.", target_content_id="", frozen=None)
    ready = replace(other, frozen=await made.freeze_act(other, datetime.now(UTC)))
    net.edit(sent.external_id, "@mira@far.example At your neighbour's.")
    for step in (
        made.act(ready),
        made.freeze_act(replace(other, target_content_id=seen.content_id), datetime.now(UTC)),
    ):
        with pytest.raises(Refused) as changed:
            await step
        assert changed.value.code == "parent_changed"
    with pytest.raises(Refused) as long:
        await made.freeze_act(replace(other, text="x" * 501), datetime.now(UTC))
    with pytest.raises(Refused) as theirs:
        await made.freeze_act(replace(act_on(net, Doing.EDIT, uri, fan), text="x"), datetime.now(UTC))
    net.delete(sent.external_id)
    with pytest.raises(Refused) as gone:
        await made.act(ready)
    assert [one.value.code for one in (long, theirs, gone)] == ["too_long", "not_ours", "parent_gone"]


async def test_one_accounts_private_message_is_not_read_through_another_server(
    net: pretended.Mastodon, web: WebClient
) -> None:
    uri = net.say("mira", "not for us", visibility="direct")
    made = source(net, web)
    with pytest.raises(Refused) as gone:
        await made.freeze(reply_to(net, uri), datetime.now(UTC))
    assert gone.value.code == "parent_gone"


# Connected -----------------------------------------------------------------------------------------------------------


class Person:
    """Who answers the questions of a sign-in."""

    def __init__(self, web: WebClient, *answers: str) -> None:
        self.web = web
        self.options: Mapping[str, Any] = {}
        self.answers, self.told = list(answers), ""

    async def ask(self, question: str, *, secret: bool = False, default: str = "") -> str:
        return self.answers.pop(0)

    def say(self, text: str) -> None:
        self.told += text


async def test_signing_in_gives_a_token_and_says_what_it_lacks(net: pretended.Mastodon, web: WebClient) -> None:
    person = Person(web, net.url, "", "the-code")
    made: Connected = await connect(person)
    host = net.url.partition("://")[2]
    assert (made.handle, made.service, made.secret) == (f"acme@{host}", net.url, net.us.token)
    assert "/oauth/authorize?response_type=code&client_id=app" in person.told
    assert any("all scopes" in line for line in made.told)
    assert net.us.token not in repr(made)
    net.scopes = ["read", "write:statuses"]
    pasted = await connect(Person(web, net.url, net.us.token))
    assert [line.split(" (")[0] for line in pasted.told[1:]] == [
        "missing: write:media", "missing: write:favourites", "missing: write:blocks",
    ]  # fmt: skip
    with pytest.raises(Refused):
        await connect(Person(web, net.url, "wrong"))
    with pytest.raises(Refused):
        await connect(Person(web, net.url, "", "another code"))


def test_scopes_cover_their_kind_and_servers_are_written_in_many_ways() -> None:
    assert not missing(["read", "write"])
    assert server_of("me@social.example") == server_of("social.example") == server_of("https://social.example/")
    for bad in ("", "http://social.example", "a b"):
        with pytest.raises(Refused):
            server_of(bad)
