"""Telegram: nothing is confirmed that was not handed over, no answer goes out twice, and the token is nowhere to be read."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import traceback
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from listener.errors import FixMe, HubbubError, Refused, SourceStopped, TryAgain, Uncertain
from listener.model.accounts import Account, Capability
from listener.model.handed import NetworkAct, Reply
from listener.model.heard import Author, Batch, Key, Mention
from listener.model.leaving import Doing
from listener.service import deliver
from listener.service.database import House as ServiceHouse
from listener.service.deliver import Deliverer
from listener.service.hearing import Hearer
from listener.service.lanes import Replies
from listener.service.stopping import Stop
from listener.sources.base import Delivery
from listener.sources.telegram import Telegram, connect
from listener.sources.telegram.convert import UPDATES, convert_sent
from listener.sources.telegram.updates import Updates
from listener.sources.telegram.wire import Bot
from listener.store import outbox
from listener.store.record import record
from listener.webclient.client import WebClient
from pretend.telegram import BOT, GROUP, SMALL, TOKEN, BotApi, person, private
from tests.promises.hearing import Heard, hear
from tests.promises.scenes_telegram import HANDLE, telegram
from tests.store.builders import House

CONTRACT = Path("/work") / "shared" / "contracts" / "telegram-bot-api.json.gz"
US = Account(1, 1, "telegram", "telegram", str(BOT["id"]), HANDLE)
SECRET_PART = TOKEN.partition(":")[2]


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi.start(second=0.02) as running:
        yield running


def updates(api: BotApi, web: WebClient, **more: Any) -> Updates:
    return Updates(Bot(web, HANDLE, TOKEN, api.url), **{"wait": 1, "page": 7, "pause": 0.01, **more})


def reply_to(said: dict[str, Any], text: str = "We do.", outbox_id: int = 1, **more: Any) -> Reply:
    parent = Key("telegram", f"{said['chat']['id']}/{said['message_id']}")
    reply = Reply(
        outbox_id, f"key-{outbox_id}", US, parent, "", parent.external_id, Author("telegram", "1"), text, "en", False, datetime.now(UTC), None
    )  # fmt: skip
    return replace(reply, **more)


async def frozen(source: Telegram, reply: Reply) -> Reply:
    made = await source.freeze(reply, datetime.now(UTC))
    assert json.loads(json.dumps(made)) == made, "it is kept as jsonb"
    return replace(reply, frozen=made)


def act_on(said: dict[str, Any], what: Doing, author: str = "1") -> NetworkAct:
    target = Key("telegram", f"{said['chat']['id']}/{said['message_id']}")
    return NetworkAct(1, "k", US, what, target, "", "", Author("telegram", author), "", datetime.now(UTC), None)


# Hearing -------------------------------------------------------------------------------------------------------------


async def test_what_was_not_committed_is_told_again_though_the_network_forgets_what_was_confirmed(
    api: BotApi, web: WebClient
) -> None:
    """A consumer that dies before it commits its third batch hears that batch again, and everything behind it."""
    ids = {f"{GROUP['id']}/{api.say(str(n))['message_id']}" for n in range(30)}
    first = await hear(updates(api, web), None, lambda heard: len(heard.batches) == 3)
    committed = Heard(first.batches[:2])
    rest = await hear(updates(api, web), committed.cursor, lambda heard: committed.ids | heard.ids >= ids)
    assert committed.ids | rest.ids == ids
    asked = [body.get("offset", 0) for method, body in api.calls if method == "getUpdates"]
    assert asked[:3] == [0, 91_000_008, 91_000_015], "each ask confirms the batch before it, and not its own"
    assert api.calls[0][1]["allowed_updates"] == list(UPDATES)


async def test_repeats_disorder_and_late_edits_end_in_the_same_state(api: BotApi, web: WebClient) -> None:
    said = api.say("colour")
    api.edit(said, "color", said["date"] + 5)
    plain = await hear(updates(api, web), None, lambda heard: len(heard.mentions) == 2)
    api.twice = api.backwards = True
    api.say("next")
    api.edit(said, "colour!", said["date"] + 9)
    wild = await hear(updates(api, web), plain.cursor, lambda heard: len(heard.mentions) >= 3)
    newest = max(
        (m for m in (*plain.mentions, *wild.mentions) if m.key == plain.mentions[0].key), key=lambda m: m.revision
    )
    assert newest.text == "colour!"
    assert {m.text for m in wild.mentions} == {"colour", "next", "colour!"}


async def test_a_silence_of_more_than_a_day_is_a_gap_and_a_bookmark_of_a_week_asks_for_whatever_there_is(
    api: BotApi, web: WebClient
) -> None:
    now = int(datetime.now(UTC).timestamp())
    heard = await hear(updates(api, web), f"u:5:{now - 8 * 86400}:{now - 2 * 86400}", lambda _: True)
    (gap,) = heard.gaps
    assert timedelta(hours=23) < gap.end - gap.start < timedelta(hours=25)
    assert "offset" not in api.calls[0][1]
    assert (await hear(updates(api, web), f"u:5:{now}:{now - 60}", lambda _: True)).gaps == []
    assert api.calls[-1][1]["offset"] == 6


async def test_a_webhook_set_elsewhere_and_another_poller_stop_it_and_say_what_to_do(
    api: BotApi, web: WebClient
) -> None:
    api.webhook = "https://elsewhere.example/hook"
    with pytest.raises(SourceStopped) as no:
        await hear(updates(api, web), None, lambda _: True)
    assert no.value.code == "webhook_set"
    assert "deleteWebhook" in no.value.hint
    api.webhook = ""
    api.fault("getUpdates", 409, "Conflict: terminated by other getUpdates request", times=2)
    await hear(updates(api, web), None, lambda _: True)  # two may be our own from before a crash
    api.fault("getUpdates", 409, "Conflict", times=3)
    with pytest.raises(SourceStopped) as no:
        await hear(updates(api, web), None, lambda _: True)
    assert no.value.code == "another_poller"


async def test_passing_faults_are_waited_out_as_the_network_says_and_a_dead_token_is_not(
    api: BotApi, web: WebClient
) -> None:
    api.say("hello")
    api.fault("getUpdates", 429, "Too Many Requests: retry after 1", {"retry_after": 1})
    api.fault("getUpdates", 502, "html")
    api.fault("getUpdates", 200, "html")
    told: list[str] = []
    heard = await hear(updates(api, web, say=told.append), None, lambda heard: bool(heard.mentions))
    assert len(heard.mentions) == 1
    assert "next try in 1.0 s" in told[0]
    with pytest.raises(SourceStopped) as no:
        await hear(Updates(Bot(web, HANDLE, "5551:revoked", api.url), wait=1), None, lambda _: True)
    assert no.value.code == "http_401"


async def test_whoever_listens_can_always_be_stopped(web: WebClient) -> None:
    """Called off at any step of the loop, also while it lets go of its bell."""

    async def nothing(mark: object) -> list[bytes]:
        await asyncio.sleep(0)
        return []

    for steps in range(30):
        stream = Updates(Bot(web, HANDLE, TOKEN, "https://unused.example"))
        stream._ask = nothing  # type: ignore[method-assign]

        async def listen(stream: Updates = stream) -> None:
            async for _ in stream.batches(None):
                await asyncio.sleep(0)

        task = asyncio.ensure_future(listen())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=0.5)
        stopped = task.done()
        task.cancel()
        assert stopped, steps


async def test_updates_without_numbers_are_put_aside_once_and_not_for_ever(api: BotApi, web: WebClient) -> None:
    api.updates.append({"update_id": 0, "message": {}})
    api._get_updates = _numberless  # type: ignore[method-assign]
    heard = await _for(updates(api, web), 0.3)
    assert len(heard.rejects) == 1


async def _numberless(body: Any) -> Any:
    from aiohttp import web as served

    return served.json_response({"ok": True, "result": [{"message": {}}]})


async def _for(stream: Updates, seconds: float) -> Heard:
    heard: list[Batch] = []

    async def take() -> None:
        async for batch in stream.batches(None):
            heard.append(batch)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(take(), seconds)
    return Heard(heard)


# Saying --------------------------------------------------------------------------------------------------------------


async def test_an_answer_stands_under_its_message_and_is_heard_as_our_own(api: BotApi, web: WebClient) -> None:
    source = telegram(api, web)
    assert await source.identify(HANDLE) == Author("telegram", "5551", HANDLE)
    (stream,) = source.account_streams("5551")
    listening = asyncio.ensure_future(hear(stream, None, lambda heard: bool(heard.mentions)))
    await asyncio.sleep(0.02)
    ready = await frozen(source, reply_to({"chat": GROUP, "message_id": 490}, "We ship. @mira_ex https://a.example"))
    sent = await source.send(ready)
    (body,) = [body for method, body in api.calls if method == "sendMessage"]
    assert body == {
        "chat_id": GROUP["id"],
        "text": ready.text,
        "reply_parameters": {"message_id": 490, "allow_sending_without_reply": False},
        "link_preview_options": {"is_disabled": True},
    }
    (own,) = (await listening).mentions
    assert (own.key.external_id, own.author.external_id, own.parent) == (sent.external_id, "5551", f"{GROUP['id']}/490")
    assert source.reread(own.raw, datetime.now(UTC)) == (own,)
    assert await source.look_up(ready) == sent


async def test_after_a_lost_answer_nobody_but_a_person_can_look(api: BotApi, web: WebClient) -> None:
    source = telegram(api, web)
    ready = await frozen(source, reply_to(api.say("hm")))
    api.fault("sendMessage", 500, "after")
    with pytest.raises(Uncertain):
        await source.send(ready)
    assert len(api.sent) == 1
    with pytest.raises(Refused, match="cannot read") as no:
        await source.look_up(ready)
    assert "look in the chat" in no.value.hint
    assert not source.repeatable


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ((429, "Too Many Requests: retry after 12", {"retry_after": 12}), TryAgain, "http_429"),
        ((403, "Forbidden: bot was kicked from the supergroup chat"), Refused, "http_403"),
        ((400, "Bad Request: message to be replied not found"), Refused, "parent_gone"),
        ((400, "Bad Request: upgraded", {"migrate_to_chat_id": -1009}), Refused, "parent_gone"),
        ((400, "Bad Request: message is too long"), Refused, "http_400"),
        ((200, "html"), Uncertain, "not_decoded"),
    ],
)
async def test_what_the_network_says_to_an_answer(
    api: BotApi, web: WebClient, fault: tuple[Any, ...], kind: type[HubbubError], code: str
) -> None:
    source = telegram(api, web)
    ready = await frozen(source, reply_to(api.say("hm")))
    api.fault("sendMessage", *fault)
    with pytest.raises(kind) as no:
        await source.send(ready)
    assert (type(no.value), no.value.code) == (kind, code)
    if isinstance(no.value, TryAgain) and not isinstance(no.value, Uncertain):
        assert no.value.after == 12
        assert max(one.wait() for one in source.budgets.values()) > 11, "the chat is closed for us so long"


async def test_nothing_private_is_said_to_a_group_and_nothing_too_long_is_sent(api: BotApi, web: WebClient) -> None:
    source = telegram(api, web)
    said = api.say("hm")
    for wrong, code in (
        (reply_to(said, private=True), "no_private"),
        (reply_to(said, "x" * 4097), "too_long"),
        (reply_to(said, " "), "empty"),
    ):
        with pytest.raises(Refused) as no:
            await source.freeze(wrong, datetime.now(UTC))
        assert no.value.code == code
    alone = api.say("psst", chat=private(person(1)))
    sent = await source.send(await frozen(source, reply_to(alone, private=True)))
    assert sent.external_id.startswith(f"{person(1)['id']}/")


async def test_a_chat_hears_one_answer_a_second_and_a_group_twenty_a_minute(api: BotApi, web: WebClient) -> None:
    source = telegram(api, web)
    await source.send(await frozen(source, reply_to(api.say("hm"))))
    waits = {name: budget.wait() for name, budget in source.budgets.items()}
    assert 0.5 < waits[f"@{HANDLE}: chat {GROUP['id']}"] <= 1
    assert source.budgets[f"@{HANDLE}: chat {GROUP['id']}, in a minute"].wait(20) > 2
    assert f"@{HANDLE}: everything" in waits


async def test_likes_and_deletes_ask_for_a_state(api: BotApi, web: WebClient) -> None:
    source = telegram(api, web)
    said = api.say("lovely", chat=private(person(1)))
    for what, left in ((Doing.LIKE, [{"type": "emoji", "emoji": "👍"}]), (Doing.UNLIKE, [])):
        act = act_on(said, what)
        await source.act(replace(act, frozen=await source.freeze_act(act, datetime.now(UTC))))
        assert api.reactions[(said["chat"]["id"], said["message_id"])] == left
        source._bots[HANDLE].budgets.clear()
    with pytest.raises(Refused, match="itself"):
        await source.freeze_act(act_on(said, Doing.DELETE), datetime.now(UTC))
    sent = await source.send(await frozen(source, reply_to(said)))
    gone = act_on({"chat": said["chat"], "message_id": sent.receipt["message"]}, Doing.DELETE, str(BOT["id"]))
    gone = replace(gone, frozen=await source.freeze_act(gone, datetime.now(UTC)))
    for _ in range(2):
        source._bots[HANDLE].budgets.clear()
        await source.act(gone)
    assert api.sent == []
    with pytest.raises(Refused, match="throw"):
        await source.freeze_act(act_on(said, Doing.BLOCK), datetime.now(UTC))
    assert set(source.capabilities) == set(Capability)


async def test_a_reply_is_edited_and_heard_as_edited_and_the_same_edit_again_is_harmless(
    api: BotApi, web: WebClient
) -> None:
    source = telegram(api, web)
    said = api.say("where is it?", chat=private(person(1)))
    sent = await source.send(await frozen(source, reply_to(said)))
    place = {"chat": said["chat"], "message_id": sent.receipt["message"]}
    heard: list[bytes] = []
    source._bots[HANDLE].echo = heard.append
    act = replace(act_on(place, Doing.EDIT, str(BOT["id"])), text="In the van. ")
    act = replace(act, frozen=await source.freeze_act(act, datetime.now(UTC)))
    for _ in range(2):
        source._bots[HANDLE].budgets.clear()
        await source.act(act)
    assert [one["text"] for one in api.sent] == ["In the van."]
    (edited,) = convert_sent(source._bots[HANDLE].us, heard[0])[-1:]
    assert len(heard) == 1
    assert isinstance(edited, Mention)
    assert (edited.text, edited.key.external_id) == ("In the van.", sent.external_id)
    for other, code in (
        (replace(act_on(said, Doing.EDIT), text="x"), "not_ours"),
        (replace(act, text="x" * 4097), "too_long"),
    ):
        with pytest.raises(Refused) as no:
            await source.freeze_act(other, datetime.now(UTC))
        assert no.value.code == code
    api.sent.clear()
    source._bots[HANDLE].budgets.clear()
    with pytest.raises(Refused) as gone:
        await source.act(act)
    assert gone.value.code == "parent_gone"


async def test_a_lost_answer_stays_unknown_with_words_for_a_person_and_is_never_sent_again(
    pool: asyncpg.Pool, api: BotApi, web: WebClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way: heard, queued, sent with a lost answer, looked at many times; then another one, which is seen as our own."""
    monkeypatch.setattr(deliver, "LOOK_SECONDS", 0.02)
    house = await House.built(pool)
    await pool.execute(
        "UPDATE accounts SET source = 'telegram', space = 'telegram', external_id = '5551', handle = $1", HANDLE
    )
    account = replace(US, id=house.account.id, brand_id=house.brand_id)
    source = telegram(api, web)
    await source.identify(HANDLE)
    (stream,) = source.account_streams("5551")
    hearer, cursor = Hearer((account,), {}), None
    alone = api.say("does it ship?", chat=private(person(1)))

    async def listen() -> None:
        nonlocal cursor
        async for batch in stream.batches(cursor):
            await record(pool, house.source_id, batch, hearer.hear, house.judge, expect=cursor, now=datetime.now(UTC))
            cursor = batch.cursor or cursor

    async def queue(text: str) -> int:
        row = await pool.fetchrow("SELECT c.id, c.thread_version, c.last_mention_id FROM conversations c")
        queued = await outbox.queue_reply(
            pool, house.person_id, row["id"], account.id, row["last_mention_id"], text, visibility="private", lang="en",
            fence=row["thread_version"], hold_seconds=0, close_after=False, now=datetime.now(UTC),
        )  # fmt: skip
        return queued.id

    async def until(sql: str) -> asyncpg.Record:
        async with asyncio.timeout(20):
            while not (found := await pool.fetchrow(sql)):
                await asyncio.sleep(0.01)
        return found

    stop, bell = Stop(), asyncio.Event()
    sender = Deliverer(Replies(), ServiceHouse("", pool), {"telegram": source}, bell, stop, lambda: datetime.now(UTC))
    tasks = [asyncio.ensure_future(listen()), asyncio.ensure_future(sender.deliver())]
    try:
        await until("SELECT id FROM conversations")
        assert await pool.fetchval("SELECT space FROM conversations") == "telegram/5551"
        api.fault("sendMessage", 500, "after")
        first = await queue("It does.")
        bell.set()
        row = await until("SELECT problem, code, state FROM outbox WHERE code = 'cannot_look'")
        assert row["state"] == "unknown"
        assert "look in the chat" in row["problem"]
        await asyncio.sleep(0.2)
        assert len(api.sent) == 1, "looking is not sending"
        assert await pool.fetchval("SELECT count(*) FROM outbox WHERE state = 'unknown'") == 1
        await outbox.resolve_unknown(pool, first, house.person_id, "not_sent", datetime.now(UTC))
        source._bots[HANDLE].budgets.clear()
        await queue("It does, worldwide.")
        bell.set()
        await until("SELECT id FROM outbox WHERE state = 'seen'")
        seen = await until("SELECT m.ours, m.external_id FROM replies r JOIN mentions m ON m.id = r.mention_id")
        assert (seen["ours"], seen["external_id"]) == (True, f"{alone['chat']['id']}/{api.sent[-1]['message_id']}")
        assert await pool.fetchval("SELECT count(*) FROM conversations") == 1
    finally:
        stop.set("done")
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# Who we are ----------------------------------------------------------------------------------------------------------


async def test_a_token_that_is_none_or_another_bots_stops_that_account(api: BotApi, web: WebClient) -> None:
    with pytest.raises(SourceStopped, match="no token"):
        await telegram(api, web, token="not a token").identify(HANDLE)
    source = telegram(api, web)
    source._bots["other_bot"] = Bot(web, "other_bot", TOKEN, api.url)
    with pytest.raises(SourceStopped, match="belongs to @acme_bot"):
        await source.identify("other_bot")


async def test_a_webhook_is_set_where_the_settings_want_one_and_only_telegram_may_deliver(
    api: BotApi, web: WebClient
) -> None:
    source = telegram(api, web, webhook_url="https://hub.example/hooks/telegram-acme_bot", own_chats=("@Acme_News",))
    await source.identify(HANDLE)
    (told,) = [body for method, body in api.calls if method == "setWebhook"]
    assert api.webhook == told["url"]
    (hook,) = source.hooks
    assert hook.name == "telegram-acme_bot"
    update = json.dumps(
        {
            "update_id": 1,
            "message": {"message_id": 1, "date": 1793610688, "chat": GROUP, "from": person(1), "text": "hi"},
        }
    )
    head = "x-telegram-bot-api-secret-token"
    good = Delivery({head: told["secret_token"]}, update.encode())
    assert hook.verify(good).taken
    assert not hook.verify(replace(good, headers={head: told["secret_token"][:-1] + "é"})).taken
    assert hook.verify(replace(good, headers={})).status == 401
    (said,) = hook.convert(good)
    assert isinstance(said, Mention)
    assert (said.text, source.reread(said.raw, datetime.now(UTC))) == ("hi", (said,))
    (stream,) = source.account_streams("5551")
    with pytest.raises(AssertionError, match="not enough"):
        await hear(stream, None, lambda _: True, within=0.1)
    assert not [method for method, _ in api.calls if method == "getUpdates"], "what is delivered is not asked for"


class Terminal:
    """Somebody who signs in."""

    def __init__(self, web: WebClient, api: BotApi, token: str) -> None:
        self.web, self.token = web, token
        self.options: Mapping[str, Any] = {"api": api.url}
        self.said: list[str] = []

    async def ask(self, question: str, *, secret: bool = False, default: str = "") -> str:
        return self.token if secret else default

    def say(self, text: str) -> None:
        self.said.append(text)


async def test_connecting_tells_what_the_bot_may_read_and_what_stands_in_the_way(api: BotApi, web: WebClient) -> None:
    api.webhook = "https://elsewhere.example/"
    found = await connect(Terminal(web, api, TOKEN))
    assert (found.handle, found.secret, found.who.external_id, found.service) == (HANDLE, TOKEN, "5551", "")
    assert TOKEN not in repr(found)
    assert any("privacy mode is on" in line for line in found.told)
    assert any("a webhook is set" in line for line in found.told)
    for wrong in ("nonsense", "5551:wrong"):
        with pytest.raises(Refused):
            await connect(Terminal(web, api, wrong))


async def test_the_token_is_nowhere_to_be_read(api: BotApi, web: WebClient, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong: not in the error, its trace, a row's problem, a repr, a budget's name or a log line."""
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    source = telegram(api, web)
    ready = await frozen(source, reply_to(api.say("hm")))
    seen: list[str] = [repr(source), repr(source._bots), repr(source.hooks), str(dict(source.budgets))]
    for fault in (
        (500, "after"),
        (400, "no"),
        (401, "no"),
        (403, "no"),
        (409, "no"),
        (429, "no"),
        (200, "html"),
        (302, "x"),
    ):
        api.fault("sendMessage", *fault)
        source._bots[HANDLE].budgets.clear()
        with pytest.raises(HubbubError) as no:
            await source.send(ready)
        seen += [str(no.value), repr(no.value), no.value.where, "".join(traceback.format_exception(no.value))]
    for base in (
        "http://not.this.machine",
        "https://",
        "nonsense",
        "https://127.0.0.1:1",
        "http://127.0.0.1:99999",
        "https://[bad",
    ):
        with pytest.raises(HubbubError) as no:
            await Bot(web, HANDLE, TOKEN, base).read("getMe", {})
        assert isinstance(no.value, FixMe | TryAgain)
        seen += [str(no.value), no.value.where, "".join(traceback.format_exception(no.value))]
    said = json.dumps({"update_id": 1, "message": {**api.say("x"), "message_id": "x"}}).encode()
    seen += [str(source.reread(b'{"bot":"5551","update":%s}' % said, datetime.now(UTC)))]
    everything = "\n".join([*seen, caplog.text])
    assert SECRET_PART not in everything
    assert "telegram sendMessage" in everything


async def test_every_call_is_as_the_published_contract_wants_it(api: BotApi, web: WebClient) -> None:
    if not CONTRACT.exists():
        pytest.skip("the published contract of the Bot API is not on this machine")
    contract = json.loads(gzip.decompress(CONTRACT.read_bytes()))
    source = telegram(api, web, webhook_url="https://hub.example/hooks/telegram-acme_bot")
    await source.identify(HANDLE)
    api.webhook = ""
    said = api.say("hm", chat=SMALL)
    await source.send(await frozen(source, reply_to(said)))
    for what in (Doing.LIKE, Doing.DELETE):
        source._bots[HANDLE].budgets.clear()
        act = act_on({"chat": SMALL, "message_id": api.sent[0]["message_id"]}, what, "5551")
        await source.act(replace(act, frozen=await source.freeze_act(act, datetime.now(UTC))))
    assert await source.profile(None, Author("telegram", str(person(1)["id"])))
    assert await source.profile(None, Author("telegram", "12")) is None
    api.migrate()
    heard = await hear(updates(api, web), None, lambda heard: sum(batch.heard for batch in heard.batches) == 3)
    assert [mention.text for mention in heard.mentions] == ["hm"]
    await updates(api, web).webhook()
    methods = {method for method, _ in api.calls}
    assert methods == {
        "getMe",
        "setWebhook",
        "sendMessage",
        "setMessageReaction",
        "deleteMessage",
        "getChat",
        "getUpdates",
        "getWebhookInfo",
    }
    for method, body in api.calls:
        told = contract["methods"][method]
        _fits(contract, method, told.get("fields", []), body)
    for update in api.updates:
        _fits(contract, "Update", contract["types"]["Update"]["fields"], update)


def _fits(contract: Any, name: str, fields: list[dict[str, Any]], body: dict[str, Any]) -> None:
    known = {one["name"]: one for one in fields}
    assert body.keys() <= known.keys(), (name, body.keys() - known.keys())
    assert {one["name"] for one in fields if one["required"]} <= body.keys(), name
    for key, value in body.items():
        sorts = known[key]["types"]
        assert any(_is(contract, sort, value) for sort in sorts), (name, key, sorts)
        for sort in sorts:
            if isinstance(value, dict) and sort in contract["types"]:
                _fits(contract, sort, contract["types"][sort].get("fields", []), value)


def _is(contract: Any, sort: str, value: object) -> bool:
    if sort.startswith("Array of "):
        return isinstance(value, list) and all(_is(contract, sort.removeprefix("Array of "), one) for one in value)
    plain = {"Integer": int, "String": str, "Boolean": bool, "Float": float}
    return isinstance(value, plain[sort]) if sort in plain else isinstance(value, dict)
