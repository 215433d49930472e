"""Facebook and Instagram over a pretend Graph: who may deliver, what a sweep finds, what an answer does when the network is not clear, acts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from listener.errors import Refused, SourceStopped, TryAgain, Uncertain
from listener.model.accounts import Account, Capability
from listener.model.handed import NetworkAct, Reply
from listener.model.heard import Author, Batch, Deleted, Hidden, Key, Mention
from listener.model.kinds import Via
from listener.model.leaving import Doing
from listener.service.hearing import Hearer
from listener.sources.base import Connected, Delivery, Stream
from listener.sources.meta import Facebook, Instagram, connect
from listener.sources.meta.graph import ABUSE
from listener.sources.meta.shapes import content_of
from listener.webclient.client import WebClient
from pretend import graph
from pretend.graph import GONE, Graph, error
from tests.promises.hearing import Heard, hear
from tests.promises.scenes_meta import NOW, options, source_of


@pytest.fixture
async def net() -> AsyncIterator[Graph]:
    async with Graph.start(clock=lambda: NOW) as made:
        yield made


@pytest.fixture
async def facebook(net: Graph, web: WebClient) -> Facebook:
    made = source_of("facebook", net, web)
    await made.identify("larkspur.page")
    assert isinstance(made, Facebook)
    return made


@pytest.fixture
async def instagram(net: Graph, web: WebClient) -> Instagram:
    made = source_of("instagram", net, web)
    await made.identify("larkspur.gram")
    assert isinstance(made, Instagram)
    return made


def reply_to(net: Graph, source: Facebook | Instagram, parent: str, text: str = "We do.", **other: Any) -> Reply:
    own = net.page if source.name == "facebook" else net.gram
    told = net.things.get(parent, {})
    said = told.get("message") or told.get("text") or told.get("caption") or ""
    made = Reply(
        outbox_id=1, key="k1", account=Account(1, 1, source.name, source.name, own, "larkspur"), parent=Key(source.name, parent),
        parent_content_id=content_of(said) if said else "", root="", parent_author=Author(source.name, "2"), text=text, lang="en",
        private=False, queued_at=NOW, frozen=None,
    )  # fmt: skip
    return replace(made, **other)


async def frozen(source: Facebook | Instagram, reply: Reply, now: datetime = NOW) -> Reply:
    """As the deliverer has it: what is frozen went through the database as JSON."""
    return replace(reply, frozen=json.loads(json.dumps(await source.freeze(reply, now))))


def act_on(net: Graph, source: Facebook | Instagram, target: str, what: Doing) -> NetworkAct:
    own = net.page if source.name == "facebook" else net.gram
    account = Account(1, 1, source.name, source.name, own, "larkspur")
    return NetworkAct(1, "k", account, what, Key(source.name, target), "", "", Author(source.name, "2"), "", NOW, None)


async def done(source: Facebook | Instagram, act: NetworkAct) -> NetworkAct:
    made = replace(act, frozen=json.loads(json.dumps(await source.freeze_act(act, NOW))))
    await source.act(made)
    return made


def stream(source: Facebook | Instagram) -> Stream:
    (own,) = source.account_streams(next(iter(source.seats)))
    return own


# Who may deliver -------------------------------------------------------------------------------------------------------


async def test_only_who_holds_the_secret_delivers_and_every_byte_is_signed(net: Graph, web: WebClient) -> None:
    (hook,) = source_of("facebook", net, web).hooks
    net.comment(net.post("We open"), "Grüße aus Köln/Bonn 🌷")
    ((headers, body),) = net.deliveries()
    assert b"\\u00fc" in body
    assert b"\\/" in body
    assert hook.verify(Delivery(headers, body)).taken
    ((said,), *_) = [hook.convert(Delivery(headers, body))]
    assert isinstance(said, Mention)
    assert said.text == "Grüße aus Köln/Bonn 🌷"
    same = json.dumps(json.loads(body)).encode()
    other = graph.signed(body, "another secret")
    for told, raw in (
        (headers, same),
        (headers, body[:-1]),
        (other, body),
        ({}, body),
        ({"x-hub-signature-256": "sha256=é"}, body),
    ):
        verdict = hook.verify(Delivery(told, raw))
        assert (verdict.taken, verdict.status, bool(verdict.why)) == (False, 403, True)
    (open_door,) = source_of("facebook", net, web, app_secret="").hooks
    assert not open_door.verify(Delivery(graph.signed(body, ""), body)).taken, "no secret is no door, not an open one"


async def test_the_handshake_is_answered_for_our_word_only(net: Graph, web: WebClient) -> None:
    (hook,) = source_of("instagram", net, web).hooks
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": graph.WORD}
    assert hook.handshake(Delivery({}, b"", asked)) == (200, b"1158201444")
    for wrong in (
        {"hub.verify_token": "other"},
        {"hub.mode": "x"},
        {"hub.challenge": "<script>"},
        {"hub.verify_token": ""},
    ):
        assert hook.handshake(Delivery({}, b"", asked | wrong)) == (403, b"")
    (wordless,) = source_of("instagram", net, web, verify_token="").hooks
    assert wordless.handshake(Delivery({}, b"", asked | {"hub.verify_token": ""})) == (403, b"")


# The sweep -------------------------------------------------------------------------------------------------------------


async def test_what_webhooks_missed_is_found_with_its_post_and_what_is_hidden_in_the_app(
    net: Graph, facebook: Facebook
) -> None:
    post, dark = net.post("We open"), net.post("Buy now", published=False)
    visitor = net.post("Are you open?", by="ola")
    ids = {net.comment(one, "ship to Norway?", quiet=True) for one in (post, dark, visitor)}
    nested = net.comment(min(ids), "me too", by="ola", quiet=True)
    net.hide(nested, quiet=True)
    heard = await hear(stream(facebook), None, lambda heard: heard.ids >= ids | {nested, post, dark, visitor})
    by_id = {one.key.external_id: one for one in heard.mentions}
    assert (by_id[nested].parent, by_id[nested].root) == (min(ids), next(one["_under"] for one in [net.things[nested]]))
    assert by_id[visitor].answers == (net.page,)
    assert by_id[post].author.external_id == net.page
    hidden = {
        one.key.external_id: one.hidden for batch in heard.batches for one in batch.items if isinstance(one, Hidden)
    }
    assert [name for name, so in hidden.items() if so] == [nested]


async def test_a_quiet_turn_asks_once_for_each_list_and_hands_nothing_over(net: Graph, facebook: Facebook) -> None:
    for number in range(5):
        net.comment(net.post(f"post {number}"), "hello", quiet=True)
    batches = stream(facebook).batches(None)
    first = await anext(batches)
    assert len([one for one in first.items if isinstance(one, Mention)]) == 10
    net.asked.clear()
    for _ in range(3):
        assert (await anext(batches)).items == ()
    lists = ("published_posts", "ads_posts", "visitor_posts", "tagged", "conversations")
    assert net.asked == [("GET", f"{net.page}/{edge}") for _ in range(3) for edge in lists]
    # One that is edited or hidden where something else happens comes again, alone.
    newest = next(one for one in reversed(net.things.values()) if one["_kind"] == "comment")
    newest["message"] = "hello again"
    other = net.comment(newest["_under"], "and me", by="ola", quiet=True)
    said = [one for one in (await anext(batches)).items if isinstance(one, Mention)]
    assert {one.key.external_id: one.text for one in said} == {newest["id"]: "hello again", other: "and me"}
    await batches.aclose()  # type: ignore[attr-defined]


async def test_what_was_read_before_a_turn_broke_off_comes_again(net: Graph, facebook: Facebook) -> None:
    first, second = net.post("one"), net.post("two")
    ids = {net.comment(first, "hello", quiet=True), net.comment(second, "there", quiet=True)}
    net.fail("GET", f"{first}/comments", error(2))
    own = stream(facebook)
    own.poke()  # type: ignore[attr-defined]
    batches, found = own.batches(None), Heard()
    while not found.ids >= ids:
        found.batches.append(await anext(batches))
    await batches.aclose()  # type: ignore[attr-defined]
    assert found.cursor == f"at:{NOW.isoformat()}"


async def test_a_subscription_that_meta_stopped_is_asked_for_again(net: Graph, web: WebClient) -> None:
    said: list[str] = []
    net.subscribed, net.ends_at = ["messages"], 1_800_000_000
    source = source_of("facebook", net, web, said=said)
    await source.identify("larkspur.page")
    assert source.expiries()[net.page].timestamp() == 1_800_000_000
    net.fail("GET", "ads_posts", error(200, status=403))
    post = net.post("We open")
    await hear(stream(source), None, lambda heard: post in heard.ids)
    assert set(net.subscribed) == {"feed", "mention", "messages", "message_echoes", "message_edits", "standby"}
    assert [line for line in said if "asked for again" in line]
    assert [line for line in said if "ads_posts cannot be read" in line], (
        "a permission that is missing for one list stops no other"
    )


@pytest.mark.parametrize("source", ["facebook", "instagram"])
async def test_a_login_that_ended_stops_its_account_by_the_code(net: Graph, web: WebClient, source: str) -> None:
    made = source_of(source, net, web)
    await made.identify(made._logins[0].handle)
    net.fail("GET", "published_posts" if source == "facebook" else "media", error(190, 460, 400))
    with pytest.raises(SourceStopped, match="sign in again: hubbub connect") as stopped:
        await hear(stream(made), None, lambda _: False)
    assert stopped.value.code == "graph_190_460"
    assert "EAA" not in str(stopped.value)


async def test_limits_are_waited_out_as_meta_says_and_answers_come_before_reading(
    net: Graph, facebook: Facebook
) -> None:
    post = net.post("We open")
    busy = json.dumps(
        {
            net.page: [
                {
                    "type": "pages",
                    "call_count": 90,
                    "total_time": 1,
                    "total_cputime": 1,
                    "estimated_time_to_regain_access": 0,
                }
            ]
        }
    )
    net.fail(
        "GET",
        post,
        (200, {"id": post, "created_time": "2026-11-28T11:00:00+0000"}, {"X-Business-Use-Case-Usage": busy}),
    )
    await facebook.recheck(None, [Key("facebook", post)])
    assert 140 < facebook.budgets["reading"].wait() <= 150
    assert facebook.budgets["answers and acts"].wait() == 0
    with pytest.raises(TryAgain):
        await facebook.recheck(None, [Key("facebook", post)])
    reply = await frozen(facebook, reply_to(net, facebook, net.comment(post, "ship?")))
    sent = await facebook.send(reply)
    assert await facebook.look_up(reply) == sent, "the looks that an answer needs are not slowed down"
    full = json.dumps({net.page: [{"type": "pages", "call_count": 100, "estimated_time_to_regain_access": 12}]})
    net.fail("POST", f"{post}/comments", error(80001, headers={"X-Business-Use-Case-Usage": full}))
    with pytest.raises(TryAgain) as limit:
        await facebook._graph.post(f"{post}/comments", graph.PAGE_TOKEN, {"message": "x"})
    assert (limit.value.after, type(limit.value)) == (12 * 60.0, TryAgain)
    assert 700 < facebook.budgets["answers and acts"].wait() <= 720


async def test_looking_back_brings_what_was_said_between_two_times(net: Graph, facebook: Facebook) -> None:
    said = net.comment(net.post("We open"), "hello", quiet=True)
    hour = timedelta(hours=1)
    found = facebook.look_back(stream(facebook).key, NOW - hour, NOW + hour)
    assert found is not None
    batches = [batch async for batch in found]
    assert said in Heard(batches).ids
    assert all(batch.history and batch.cursor is None for batch in batches)
    for start, end in ((NOW + hour, NOW + 2 * hour), (NOW - 2 * hour, NOW - hour)):
        nothing = facebook.look_back("facebook/hooks/facebook", start, end)
        assert nothing is not None
        assert Heard([batch async for batch in nothing]).ids == set()
    assert facebook.look_back("facebook/other", NOW, NOW) is None


# Answers ---------------------------------------------------------------------------------------------------------------


async def test_an_answer_to_an_answer_stands_under_the_same_comment(
    net: Graph, facebook: Facebook, instagram: Instagram
) -> None:
    top = net.comment(net.post("We open"), "ship to Norway?")
    nested = net.comment(top, "me too", by="ola")
    sent = await facebook.send(await frozen(facebook, reply_to(net, facebook, nested)))
    assert net.things[sent.external_id]["parent"] == {"id": top}
    first = net.gram_comment(net.medium("We open"), "ship to Norway?")
    under = net.gram_comment(first, "me too", by="ola")
    sent = await instagram.send(await frozen(instagram, reply_to(net, instagram, under)))
    assert net.things[sent.external_id]["parent_id"] == first


@pytest.mark.parametrize("source", ["facebook", "instagram"])
async def test_what_was_taken_before_a_500_is_found_once_and_never_sent_again(
    net: Graph, web: WebClient, source: str
) -> None:
    made = source_of(source, net, web)
    await made.identify(made._logins[0].handle)
    page = source == "facebook"
    top = net.comment(net.post("We open"), "ship?") if page else net.gram_comment(net.medium(), "ship?")
    edge = "comments" if page else "replies"
    # The same words stood there before: a colleague said them in the network's own app.
    before = net.comment(top, "We do.", by="") if page else net.gram_comment(top, "We do.", by="")
    reply = await frozen(made, reply_to(net, made, top))
    net.fail("POST", f"{top}/{edge}", after=True)
    with pytest.raises(Uncertain):
        await made.send(reply)
    again = source_of(source, net, web)  # by another program, which remembers nothing
    await again.identify(again._logins[0].handle)
    found = await again.look_up(reply)
    assert found is not None
    ours = [one["id"] for one in net.things.values() if one.get("message", one.get("text")) == "We do."]
    assert ours == [before, found.external_id]
    assert await again.look_up(reply) == found
    # And one that was surely not taken is not found, though the words stand there twice by now.
    second = await frozen(again, replace(reply_to(net, again, top), key="k2"))
    net.fail("POST", f"{top}/{edge}")
    with pytest.raises(Uncertain):
        await again.send(second)
    assert await again.look_up(second) is None


async def test_not_there_means_nothing_before_the_network_has_settled(net: Graph, facebook: Facebook) -> None:
    reply = await frozen(facebook, reply_to(net, facebook, net.comment(net.post("We open"), "ship?")))
    facebook._settles = timedelta(seconds=20)
    with pytest.raises(TryAgain) as early:
        await facebook.look_up(reply)
    assert (early.value.code, early.value.after) == ("settling", 20)


async def test_two_answers_with_the_same_words_are_not_taken_for_one_another(net: Graph, facebook: Facebook) -> None:
    top = net.comment(net.post("We open"), "ship?")
    other = net.comment(top, "me too", by="ola")
    lost, sent = (
        await frozen(facebook, reply_to(net, facebook, top)),
        await frozen(facebook, replace(reply_to(net, facebook, other), key="k2")),
    )
    net.fail("POST", f"{top}/comments")
    with pytest.raises(Uncertain):
        await facebook.send(lost)
    await facebook.send(sent)
    assert await facebook.look_up(lost) is None
    assert await facebook.look_up(sent) is not None


async def test_what_changed_or_went_meanwhile_is_not_answered(
    net: Graph, facebook: Facebook, instagram: Instagram
) -> None:
    top = net.comment(net.post("We open"), "ship?")
    reply = reply_to(net, facebook, top)
    net.edit(top, "ship to Mars?", quiet=True)
    with pytest.raises(Refused) as changed:
        await facebook.freeze(reply, NOW)
    ready = await frozen(facebook, reply_to(net, facebook, top))
    net.remove(top, quiet=True)
    with pytest.raises(Refused) as gone:
        await facebook.freeze(reply, NOW)
    with pytest.raises(Refused) as late:
        await facebook.send(ready)
    assert (changed.value.code, gone.value.code, late.value.code) == ("parent_changed", "parent_gone", "parent_gone")
    with pytest.raises(Refused) as never:
        await instagram.freeze(reply_to(net, instagram, "1803999"), NOW)
    assert never.value.code == "parent_gone"


async def test_a_private_answer_goes_out_once_within_its_window(
    net: Graph, facebook: Facebook, instagram: Instagram
) -> None:
    top = net.comment(net.post("We open"), "ship?")
    private = reply_to(net, facebook, top, private=True)
    one, two = await frozen(facebook, private), await frozen(facebook, replace(private, key="k2"))
    await facebook.send(one)
    net.asked.clear()
    with pytest.raises(Refused) as second:
        await facebook.send(two)
    assert (second.value.code, net.asked) == ("private_once", []), "before anything leaves"
    with pytest.raises(Refused) as third:
        await facebook.freeze(replace(private, key="k3"), NOW)
    assert third.value.code == "private_once"
    with pytest.raises(Refused) as old:
        await facebook.freeze(
            reply_to(net, facebook, net.comment(net.post("x"), "y"), private=True), NOW + timedelta(days=7, seconds=1)
        )
    assert old.value.code == "window_closed"
    # Taken before a 500: Facebook shows it on the comment, Instagram nowhere, and that is said.
    other = await frozen(facebook, reply_to(net, facebook, net.comment(net.post("x"), "z"), private=True))
    net.fail("POST", "messages", after=True)
    with pytest.raises(Uncertain):
        await facebook.send(other)
    assert await facebook.look_up(other) is not None
    gram = net.gram_comment(net.medium(), "ship?")
    hers = await frozen(instagram, reply_to(net, instagram, gram, private=True))
    net.fail("POST", "messages", after=True)
    with pytest.raises(Uncertain):
        await instagram.send(hers)
    with pytest.raises(Refused) as unseen:
        await instagram.look_up(hers)
    assert unseen.value.code == "not_shown"
    # What it gave an id is not asked for: nobody could see it.
    clear = await frozen(
        instagram, reply_to(net, instagram, net.gram_comment(net.medium(), "z"), private=True, key="k4")
    )
    sent = await instagram.send(clear)
    assert await instagram.look_up(clear) == sent
    fresh = source_of("instagram", net, instagram._web)
    await fresh.identify("larkspur.gram")
    with pytest.raises(Refused) as again:
        await fresh.send(replace(hers, key="k9"))
    assert again.value.code == "private_once", "by the network itself, where we remember nothing"


async def test_what_meta_takes_for_abuse_stops_all_posting_for_a_day(net: Graph, facebook: Facebook) -> None:
    top = net.comment(net.post("We open"), "ship?")
    reply = await frozen(facebook, reply_to(net, facebook, top))
    net.fail("POST", "comments", error(368, status=400))
    with pytest.raises(TryAgain) as first:
        await facebook.send(reply)
    assert (first.value.after, type(first.value)) == (ABUSE, TryAgain)
    net.asked.clear()
    with pytest.raises(TryAgain) as next_one:
        await facebook.send(reply)
    assert next_one.value.after == pytest.approx(ABUSE, abs=5)
    assert "abuse" in next_one.value.what, "whoever waits is told why"
    assert net.asked == []
    assert await facebook.recheck(None, [Key("facebook", top)]), "reading goes on"


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (error(506), Uncertain, "duplicate"),
        (error(1), Uncertain, "graph_1"),
        (error(100), Refused, "graph_100"),
        (error(10, 2018278), Refused, "window_closed"),
        (error(230, status=403), SourceStopped, "permission"),
        (error(190, 463, 401), SourceStopped, "graph_190_463"),
        ((429, {}, {}), TryAgain, "http_429"),
        ((200, {"error": {"code": "x"}}, {}), Refused, "graph_0"),
    ],
)
async def test_every_no_is_what_its_code_says(
    net: Graph, facebook: Facebook, fault: Any, kind: type[Exception], code: str
) -> None:
    reply = await frozen(facebook, reply_to(net, facebook, net.comment(net.post("We open"), "ship?")))
    net.fail("POST", "comments", fault)
    with pytest.raises(Exception) as told:
        await facebook.send(reply)
    assert (type(told.value), told.value.code) == (kind, code)  # type: ignore[attr-defined]
    assert "nobody may read" not in str(told.value)


# Acts ------------------------------------------------------------------------------------------------------------------


async def test_each_act_asks_for_a_state_and_can_be_looked_up(
    net: Graph, facebook: Facebook, instagram: Instagram
) -> None:
    post = net.post("We open")
    theirs = net.comment(post, "ship?")
    for what, name, so in (
        (Doing.LIKE, "user_likes", True), (Doing.UNLIKE, "user_likes", False), (Doing.HIDE, "is_hidden", True), (Doing.SHOW, "is_hidden", False),
    ):  # fmt: skip
        act = act_on(net, facebook, theirs, what)
        ready = replace(act, frozen=await facebook.freeze_act(act, NOW))
        assert await facebook.look_up_act(ready) is None, what
        await done(facebook, act)
        await done(facebook, act)
        assert net.things[theirs][name] is so
        assert await facebook.look_up_act(ready) is not None
    ours = net.comment(theirs, "We do.", by="")
    for what, target, code in (
        (Doing.DELETE, theirs, "not_ours"),
        (Doing.HIDE, ours, "ours"),
        (Doing.REMOVE, ours, "ours"),
    ):
        with pytest.raises(Refused) as no:
            await facebook.freeze_act(act_on(net, facebook, target, what), NOW)
        assert no.value.code == code
    away = await done(facebook, act_on(net, facebook, ours, Doing.DELETE))
    assert ours not in net.things
    assert await facebook.look_up_act(away) is not None
    await facebook.act(away)
    rude = net.comment(post, "a rude word")
    removed = await done(facebook, act_on(net, facebook, rude, Doing.REMOVE))
    assert rude not in net.things
    assert await facebook.look_up_act(removed) is not None
    await facebook.act(removed)
    gram = net.gram_comment(net.medium(), "ship?")
    hide = act_on(net, instagram, gram, Doing.HIDE)
    net.fail("POST", gram, after=True)
    with pytest.raises(Uncertain):
        await done(instagram, hide)
    assert await instagram.look_up_act(replace(hide, frozen={"id": gram})) is not None
    with pytest.raises(Refused, match="no way for programs to like"):
        await instagram.freeze_act(act_on(net, instagram, gram, Doing.LIKE), NOW)


async def test_a_reply_is_edited_once_and_never_over_somebody_elses_edit(
    net: Graph, facebook: Facebook, instagram: Instagram
) -> None:
    top = net.comment(net.post("We open"), "ship?")
    ours = net.comment(top, "We do.", by="")
    act = replace(
        act_on(net, facebook, ours, Doing.EDIT), text="We do, by sea.", target_content_id=content_of("We do.")
    )
    ready = replace(act, frozen=await facebook.freeze_act(act, NOW))
    assert await facebook.look_up_act(ready) is None
    net.fail("POST", ours, after=True)
    with pytest.raises(Uncertain):
        await facebook.act(ready)
    assert net.things[ours]["message"] == "We do, by sea."
    assert await facebook.look_up_act(ready) is not None
    net.asked.clear()
    await facebook.act(ready)
    assert ("POST", ours) not in net.asked, "what it says already is not said again"
    echo = facebook.hooks[0].convert(Delivery(*net.deliveries()[-1]))[-1]
    assert isinstance(echo, Mention)
    assert (echo.text, echo.author.external_id) == ("We do, by sea.", net.page), "heard as an edit: a version"
    net.edit(ours, "We do, by train.")
    with pytest.raises(Refused) as meanwhile:
        await facebook.act(ready)
    with pytest.raises(Refused) as before:
        await facebook.freeze_act(act, NOW)
    with pytest.raises(Refused) as theirs:
        await facebook.freeze_act(replace(act_on(net, facebook, top, Doing.EDIT), text="x"), NOW)
    with pytest.raises(Refused) as long:
        await facebook.freeze_act(replace(act, text="x" * 8001, target_content_id=""), NOW)
    net.remove(ours)
    with pytest.raises(Refused) as gone:
        await facebook.act(ready)
    codes = [one.value.code for one in (meanwhile, before, theirs, long, gone)]
    assert codes == ["parent_changed", "parent_changed", "not_ours", "too_long", "parent_gone"]
    gram = net.gram_comment(net.medium(), "We do.", by="")
    with pytest.raises(Refused, match="cannot be edited by programs"):
        await instagram.freeze_act(replace(act_on(net, instagram, gram, Doing.EDIT), text="x"), NOW)


async def test_a_look_tells_edits_and_what_is_gone(net: Graph, instagram: Instagram, facebook: Facebook) -> None:
    """Instagram has no notices of either: this is the only way to know."""
    gram, lost = (net.gram_comment(net.medium(), text) for text in ("ship?", "gone"))
    net.things[gram]["text"] = "ship to Mars?"
    del net.things[lost]
    seen, hidden, away = await instagram.recheck(
        None, [Key("instagram", gram), Key("instagram", lost), Key("other", "1")]
    )
    assert isinstance(seen, Mention)
    assert seen.text == "ship to Mars?"
    assert isinstance(hidden, Hidden)
    assert (type(away), away.key.external_id) == (Deleted, lost)
    top = net.comment(net.post("We open"), "ship?")
    net.fail("GET", top, error(200, status=403))
    with pytest.raises(SourceStopped):
        await facebook.recheck(None, [Key("facebook", top)])
    net.fail("GET", top, GONE)
    (away,) = await facebook.recheck(None, [Key("facebook", top)])
    assert isinstance(away, Deleted)


async def test_a_mention_on_instagram_gets_its_words_and_is_answered_where_it_stands(
    net: Graph, instagram: Instagram
) -> None:
    named = net.gram_mention("love @larkspur.gram")
    ((headers, body),) = net.deliveries()
    (bare,) = instagram.hooks[0].convert(Delivery(headers, body))
    assert isinstance(bare, Mention)
    read = await instagram.thread(Account(1, 1, "instagram", "instagram", net.gram, ""), bare.key)
    (full,) = read.mentions
    assert (full.key, full.text, full.author.handle) == (bare.key, "love @larkspur.gram", "ola")
    assert full.revision > bare.revision
    sent = await instagram.send(await frozen(instagram, reply_to(net, instagram, named, "Thank you!")))
    assert sent.external_id
    (told,) = net.under_others
    assert told == {"media_id": full.root, "comment_id": named, "message": "Thank you!"}
    captioned = net.gram_mention("by @larkspur.gram", comment=False)
    await instagram.send(await frozen(instagram, reply_to(net, instagram, captioned, "Thanks!")))
    assert net.under_others[1] == {"media_id": captioned, "message": "Thanks!"}


async def test_a_thread_is_read_up_and_down(net: Graph, facebook: Facebook, instagram: Instagram) -> None:
    post = net.post("We open")
    top = net.comment(post, "ship?")
    nested = net.comment(top, "me too", by="ola")
    read = await facebook.thread(None, Key("facebook", nested))
    assert {one.key.external_id for one in read.mentions} == {post, top, nested}
    assert {one.root for one in read.mentions if one.key.external_id != post} == {post}
    gone = Key("facebook", f"{post.partition('_')[2]}_999")
    assert (await facebook.thread(None, gone)).missing == (gone,)
    media = net.medium("We open")
    first = net.gram_comment(media, "ship?")
    under = net.gram_comment(first, "me too", by="ola")
    read = await instagram.thread(None, Key("instagram", under))
    assert {one.key.external_id: one.root for one in read.mentions} == {media: None, first: media, under: media}


async def test_what_is_kept_is_read_again_by_the_converters_of_now(net: Graph, facebook: Facebook) -> None:
    net.comment(net.post("We open"), "ship?")
    ((headers, body),) = net.deliveries()
    (told,) = facebook.hooks[0].convert(Delivery(headers, body))
    assert facebook.reread(body, NOW) == (told,)
    assert isinstance(told, Mention)
    assert facebook.reread(told.raw, NOW) == (told,)
    heard = await hear(stream(facebook), None, lambda heard: told.key.external_id in heard.ids)
    for one in heard.mentions:
        assert one in facebook.reread(one.raw, NOW)


# The whole way ---------------------------------------------------------------------------------------------------------


async def test_from_a_webhook_to_an_answer_a_look_and_a_hide(net: Graph, facebook: Facebook) -> None:
    (hook,) = facebook.hooks

    def told() -> list[Any]:
        return [item for headers, body in net.deliveries() for item in hook.convert(Delivery(headers, body))]

    asked = net.comment(net.post("We open"), "Does it ship to Norway?")
    (mention,) = told()
    hearer = Hearer([Account(1, 1, "facebook", "facebook", net.page, "larkspur")], {})
    assert [one.via for one in hearer.hear(mention)] == [Via.REPLY]
    reply = await frozen(facebook, replace(reply_to(net, facebook, asked), parent_content_id=mention.content_id))
    net.fail("POST", "comments", after=True)
    with pytest.raises(Uncertain):
        await facebook.send(reply)
    found = await facebook.look_up(reply)
    assert found is not None
    (echo,) = told()
    assert (echo.key.external_id, echo.parent) == (found.external_id, asked)
    assert [one.via for one in hearer.hear(echo)] == [Via.OWN]
    await done(facebook, act_on(net, facebook, asked, Doing.HIDE))
    assert told() == [Hidden(mention.key, True, NOW)]
    net.hide(asked, hidden=False)  # in the network's own app
    net.remove(asked)
    assert told() == [Hidden(mention.key, False, NOW), Deleted(mention.key)]


async def test_instagrams_own_login_speaks_to_its_own_graph(net: Graph, web: WebClient) -> None:
    source = source_of(
        "instagram", net, web, token=graph.GRAM_TOKEN, login="instagram", graph="https://graph.facebook.invalid"
    )
    who = await source.identify("larkspur.gram")
    assert (who.external_id, who.handle) == (net.gram, "larkspur.gram")
    said = net.gram_comment(net.medium("We open"), "ship?", bare=True)
    net.things[said]["hidden"] = True
    heard = await hear(stream(source), None, lambda heard: said in heard.ids)
    assert Hidden(Key("instagram", said), True, NOW) in [item for batch in heard.batches for item in batch.items]
    assert ("GET", "me/subscribed_apps") in net.asked
    short = source_of("instagram", net, web, longest=7.0)
    await short.identify("larkspur.gram")
    with pytest.raises(Refused, match="7 fit"):
        await short.freeze(reply_to(net, short, said, "too long a text"), NOW)


# Signing in ------------------------------------------------------------------------------------------------------------


@dataclass
class Somebody:
    web: WebClient
    options: Mapping[str, Any]
    answers: list[str]
    heard: list[str] = field(default_factory=list)

    async def ask(self, question: str, *, secret: bool = False, default: str = "") -> str:
        return self.answers.pop(0) if self.answers else default

    def say(self, text: str) -> None:
        self.heard.append(text)


async def test_a_person_signs_in_and_is_told_what_is_missing(net: Graph, web: WebClient) -> None:
    net.ends_at = 1_800_000_000
    made: Connected = await connect.facebook(Somebody(web, options("facebook", net), [graph.PERSON_TOKEN, "1"]))
    assert (made.handle, made.secret, made.who.external_id) == ("larkspur.page", graph.PAGE_TOKEN, net.page)
    told = " ".join(made.told)
    assert "pages_messaging is missing: to hear and answer private messages" in told
    assert "pages_show_list is missing" not in told
    assert "2027-01-15" in told
    assert "App Review" in told
    assert graph.PAGE_TOKEN not in repr(made)
    gram = await connect.instagram(Somebody(web, options("instagram", net), ["facebook", graph.PERSON_TOKEN, "1"]))
    assert (gram.handle, gram.who.external_id, gram.options) == ("larkspur.gram", net.gram, {})
    own = await connect.instagram(Somebody(web, options("instagram", net), ["instagram", graph.GRAM_TOKEN]))
    assert (own.who.external_id, own.options) == (net.gram, {"login": "instagram"})
    with pytest.raises(Refused):
        await connect.facebook(Somebody(web, options("facebook", net), ["EAAold"]))


async def test_a_persons_token_finds_its_page_by_the_name_in_the_settings(net: Graph, web: WebClient) -> None:
    source = source_of("facebook", net, web, token=graph.PERSON_TOKEN)
    assert (await source.identify("larkspur.page")).external_id == net.page
    assert source.seats[net.page].token == graph.PAGE_TOKEN
    assert source.capabilities[Capability.REPLY] == ""
    assert isinstance(Batch((), None, NOW), Batch)
