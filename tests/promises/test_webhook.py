"""The signed webhook in both directions: what docs/webhook.md shows runs as it stands; nothing unsigned or stale comes in, nothing goes out twice."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiohttp import web as served
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.errors import FixMe, HubbubError, Refused, SourceStopped, TryAgain, Uncertain
from listener.model.accounts import Account, Capability
from listener.model.handed import NetworkAct, Reply
from listener.model.heard import Author, Deleted, Item, Key, Mention, Reason, Reject
from listener.model.kinds import Kind
from listener.model.leaving import Doing
from listener.service import wiring
from listener.service.hearing import Hearer
from listener.settings import find_paths, parse
from listener.signing import sign, signed
from listener.sources.base import Delivery, Login, Wiring
from listener.sources.webhook import Webhook, build, connect
from listener.sources.webhook import reply as replies
from listener.sources.webhook.convert import MAX_BODY, Wired, convert, reread
from listener.webclient.client import WebClient
from listener.webclient.patience import Retry

PAGE = (Path(__file__).parents[2] / "docs" / "webhook.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SMALL, MANY, SCHEMA, REPLY = (json.loads(text) for sort, text in BLOCKS if sort == "json")
SENDER, RECEIVER = (text for sort, text in BLOCKS if sort == "python")
(SHELL,) = (text for sort, text in BLOCKS if sort == "sh")

NAME, SECRET = "shop-reviews", "a secret of enough characters"
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SHOP = Wired(NAME)
US = Account(1, 1, "webhook", SHOP.space, NAME, NAME)


def source(web: WebClient, **account: Any) -> Webhook:
    return build(Wiring(web, Path(), (Login(NAME, SECRET, options=account),)))


def read(told: Any) -> tuple[Item, ...]:
    return convert(SHOP, json.dumps(told).encode(), NOW)


def delivery(body: bytes, at: datetime = NOW, secret: str = SECRET) -> Delivery:
    return Delivery({name.lower(): value for name, value in signed(secret, at, body).items()}, body, at=NOW)


def a_reply(outbox_id: int = 1, **more: Any) -> Reply:
    parent = Key(SHOP.space, "r-1001")
    reply = Reply(
        outbox_id, f"key-{outbox_id}", US, parent, "", "r-1001", Author(SHOP.space, "c-77", "mira"), "Sorry, Mira.", "en", False, NOW, None
    )  # fmt: skip
    return replace(reply, **more)


async def frozen(made: Webhook, reply: Reply) -> Reply:
    return replace(reply, frozen=await made.freeze(reply, NOW))


# In ------------------------------------------------------------------------------------------------------------------


def test_the_examples_are_what_they_say() -> None:
    (review,) = read(SMALL)
    assert isinstance(review, Mention)
    assert (review.key, review.kind, review.rating) == (Key(SHOP.space, "r-1001"), Kind.REVIEW, 2.0)
    assert (review.author, review.langs) == (Author(SHOP.space, "c-77", "mira", "Mira Ex"), ("en",))
    assert (review.named, review.network_at) == ((NAME,), datetime(2026, 11, 2, 8, 11, 28, tzinfo=UTC))
    answer, edit, gone = read(MANY)
    assert isinstance(answer, Mention)
    assert isinstance(edit, Mention)
    assert (answer.kind, answer.parent, answer.root, answer.media) == (Kind.REPLY, "r-1001", "r-1001", 1)
    assert (edit.key, edit.rating) == (review.key, 1.0)
    assert review.revision < edit.revision < read([{**SMALL, "revision": 10}])[0].revision
    assert review.content_id != edit.content_id, (
        "the first state has no revision: only its content tells that this is an edit"
    )
    assert read({**SMALL, "likes": 7})[0].content_id == review.content_id
    assert gone == Deleted(Key(SHOP.space, "r-0990"), f"{5:020d}")
    hears = Hearer((US,), {}).hear
    assert [one.via for one in hears(review)] == ["mention"]
    assert hears(answer) == ()
    (dm,) = read({**SMALL, "kind": "dm", "account": "elsewhere"})
    (own,) = read({**SMALL, "author": {"id": NAME}})
    assert isinstance(dm, Mention)
    assert isinstance(own, Mention)
    assert ([one.via for one in hears(dm)], [one.via for one in hears(own)]) == (["dm"], ["own"])


WRONG: list[tuple[dict[str, Any], Reason]] = [
    ({"id": ""}, Reason.BAD_ID),
    ({"id": None}, Reason.BAD_ID),
    ({"id": "x" * 513}, Reason.BAD_ID),
    ({"parent": 1.5}, Reason.BAD_ID),
    ({"author": {}}, Reason.BAD_ID),
    ({"author": "Mira"}, Reason.WRONG_SHAPE),
    ({"text": None}, Reason.WRONG_SHAPE),
    ({"text": "x" * 100_001}, Reason.TOO_BIG),
    ({"at": "2026-11-02 09:00"}, Reason.BAD_TIME),
    ({"at": "yesterday"}, Reason.BAD_TIME),
    ({"at": -5}, Reason.BAD_TIME),
    ({"at": "1793610688"}, Reason.BAD_TIME),
    ({"kind": "shout"}, Reason.WRONG_SHAPE),
    ({"kind": []}, Reason.WRONG_SHAPE),
    ({"rating": "5"}, Reason.WRONG_SHAPE),
    ({"media": -1}, Reason.WRONG_SHAPE),
    ({"lang": "english please"}, Reason.WRONG_SHAPE),
    ({"url": "javascript:alert(1)"}, Reason.WRONG_SHAPE),
    ({"likes": 1.5}, Reason.WRONG_SHAPE),
    ({"tags": "one"}, Reason.WRONG_SHAPE),
    ({"deleted": "yes"}, Reason.WRONG_SHAPE),
    ({"revision": -1}, Reason.WRONG_SHAPE),
]


@pytest.mark.parametrize(("change", "reason"), WRONG, ids=[str(change)[:40] for change, _ in WRONG])
def test_a_wrong_field_puts_its_message_aside_and_the_schema_says_the_same(
    change: dict[str, Any], reason: Reason
) -> None:
    check = jsonschema.Draft202012Validator(SCHEMA)
    assert check.is_valid(SMALL)
    assert check.is_valid(MANY)
    wrong, good = {**SMALL, **change}, {**SMALL, "id": "fine"}
    assert not check.is_valid(wrong)
    no, yes = read([wrong, good])
    assert isinstance(no, Reject)
    assert (no.reason, isinstance(yes, Mention)) == (reason, True)
    assert re.fullmatch(r"[ -~]+", no.detail)


def test_every_field_of_the_schema_is_read_and_no_other() -> None:
    fields = set(SCHEMA["$defs"]["message"]["properties"])
    whole = {
        "id": 7, "revision": "b", "text": "t", "author": {"id": 1, "handle": "h", "name": "n"}, "at": 1793610688, "kind": "post",
        "account": NAME, "parent": "p", "root": "r", "quoted": "q", "url": "HTTPS://a.example", "lang": ["en", "pt-BR"], "rating": 4.5,
        "tags": ["a", "a"], "links": ["https://b.example"], "media": 2, "likes": 1, "reposts": 2, "replies": 3, "quotes": 4,
        "reply_until": "2026-12-01T00:00:00Z", "deleted": False,
    }  # fmt: skip
    assert whole.keys() == fields
    (said,) = read({**whole, "unknown": object.__name__})
    assert isinstance(said, Mention)
    for name, value in {
        "revision": "b", "parent": "p", "root": "r", "quoted": "q", "langs": ("en", "pt-BR"), "rating": 4.5, "tags": ("a",), "media": 2,
        "links": ("https://b.example",), "likes": 1, "reposts": 2, "replies": 3, "quotes": 4, "url": "HTTPS://a.example",
        "reply_until": datetime(2026, 12, 1, tzinfo=UTC), "named": (NAME,),
    }.items():  # fmt: skip
        assert getattr(said, name) == value, name
    assert said.key.external_id == "7"
    assert reread(said.raw, NOW) == (said,)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150)
@given(st.sampled_from(sorted(SCHEMA["$defs"]["message"]["properties"])), json_values)
def test_no_value_makes_it_raise(name: str, value: Any) -> None:
    for at in (name, "author"):
        message = deepcopy(SMALL)
        message[at] = {**message["author"], "handle": value, "name": value} if at == "author" else value
        for item in read(message):
            assert isinstance(item, Mention | Reject | Deleted)
            assert reread(item.raw, NOW) == (item,) if isinstance(item, Mention) else True


@settings(max_examples=60)
@given(st.binary(max_size=60))
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    convert(SHOP, raw, NOW)
    reread(raw, NOW)


def test_too_much_is_too_big() -> None:
    assert [one.reason for one in convert(SHOP, b"x" * (MAX_BODY + 1), NOW) if isinstance(one, Reject)] == [
        Reason.TOO_BIG
    ]
    assert [type(one) for one in read([SMALL] * 1002)] == [Mention] * 1000 + [Reject]
    assert isinstance(convert(SHOP, b"[" * 5000 + b"]" * 5000, NOW)[0], Reject)


async def test_only_what_is_signed_lately_comes_in_and_it_counts_once(web: WebClient) -> None:
    (hook,) = source(web).hooks
    assert (hook.name, hook.handshake(Delivery({}, b""))) == ("webhook-shop-reviews", None)
    body = json.dumps(SMALL).encode()
    good = delivery(body)
    verdict = hook.verify(good)
    assert verdict.taken
    assert verdict.once == hook.verify(delivery(body)).once != ""
    assert verdict.once != hook.verify(delivery(body, NOW + timedelta(seconds=1))).once
    at = str(int(NOW.timestamp()))
    for wrong in (
        delivery(body, secret="another secret altogether"),
        replace(good, body=body + b" "),
        replace(good, headers={**good.headers, "x-timestamp": str(int(at) + 1)}),
        delivery(body, NOW - timedelta(seconds=301)),
        delivery(body, NOW + timedelta(seconds=301)),
        replace(good, headers={"x-timestamp": at}),
        replace(good, headers={"x-signature-256": good.headers["x-signature-256"]}),
        replace(good, headers={**good.headers, "x-timestamp": "²"}),
        replace(good, headers={**good.headers, "x-signature-256": "sha256=é"}),
        replace(good, headers={"x-timestamp": "now", "x-signature-256": sign(SECRET, "now", body)}),
    ):
        refused = hook.verify(wrong)
        assert (refused.taken, refused.status, bool(refused.why)) == (False, 401, True)
    assert [type(one) for one in hook.convert(good)] == [Mention]


async def test_a_name_or_a_secret_that_will_not_do_is_told_at_the_start(web: WebClient) -> None:
    long = Login(NAME, SECRET)
    for logins in ((Login("Shop Reviews", SECRET),), (long, long)):
        with pytest.raises(FixMe) as no:
            build(Wiring(web, Path(), logins))
        assert SECRET not in str(no.value)
    weak = build(Wiring(web, Path(), (Login(NAME, "short"),)))
    assert weak.hooks == ()
    with pytest.raises(SourceStopped):
        await weak.identify(NAME)


# Out -----------------------------------------------------------------------------------------------------------------


@dataclass
class Bridge:
    """A receiver that misbehaves on a script."""

    script: list[tuple[int, Any]] = field(default_factory=list)
    seen: list[served.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    url: str = ""

    async def called(self, request: served.Request) -> served.Response:
        self.seen.append(request)
        self.bodies.append(await request.read())
        status, told = self.script.pop(0)
        return served.json_response(told, status=status, headers={"Retry-After": "7"} if status == 429 else None)


@asynccontextmanager
async def serving(handler: Callable[[served.Request], Awaitable[served.StreamResponse]]) -> AsyncIterator[str]:
    app = served.Application()
    app.router.add_route("*", "/{rest:.*}", handler)
    runner = served.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await served.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def bridge(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bridge]:
    monkeypatch.setattr(replies, "ATTEMPTS", Retry(attempts=3, first=0.001))
    made = Bridge()
    async with serving(made.called) as made.url:
        yield made


def test_a_reply_deep_in_a_thread_says_where_the_thread_begins() -> None:
    told = json.loads(replies.body_of(a_reply(root="r-1", frozen={"at": NOW.isoformat()})))
    assert (told["parent"], told["root"]) == ("r-1001", "r-1")


async def test_a_reply_is_handed_over_signed_and_as_the_page_shows_it(web: WebClient, bridge: Bridge) -> None:
    made = source(web, reply_url=f"{bridge.url}/replies")
    bridge.script = [(200, {"id": "r-1003"})]
    ready = await frozen(made, a_reply())
    assert json.loads(json.dumps(ready.frozen)) == ready.frozen
    assert (await made.send(ready)).external_id == "r-1003"
    (request,), (body,) = bridge.seen, bridge.bodies
    told = json.loads(body)
    assert {name: type(value) for name, value in told.items()} == {name: type(value) for name, value in REPLY.items()}
    assert told["at"] == NOW.isoformat() != datetime.now(UTC).isoformat(timespec="seconds")
    assert (told["parent"], told["to"]["id"], request.headers["Idempotency-Key"]) == ("r-1001", "c-77", "key-1")
    assert request.headers["X-Signature-256"] == sign(SECRET, request.headers["X-Timestamp"], body)


@pytest.mark.parametrize(
    ("status", "told", "kind"),
    [
        (401, {}, SourceStopped),
        (410, {}, Refused),
        (422, {"error": "no such review"}, Refused),
        (302, {}, Refused),
        (429, {}, TryAgain),
        (200, {"fine": True}, Uncertain),
        (201, {"id": ""}, Uncertain),
        (503, {}, Uncertain),
    ],
)
async def test_what_the_receiver_says_is_understood(
    web: WebClient, bridge: Bridge, status: int, told: Any, kind: type[HubbubError]
) -> None:
    made = source(web, reply_url=bridge.url)
    bridge.script = [(status, told)]
    with pytest.raises(kind) as no:
        await made.send(await frozen(made, a_reply()))
    assert type(no.value) is kind
    assert len(bridge.seen) == 1, "without `idempotent` it is never handed over again"
    assert SECRET not in str(no.value)
    if status == 429 and isinstance(no.value, TryAgain):
        assert no.value.after == 7
    if status == 422:
        assert "no such review" in no.value.hint


async def test_the_same_reply_goes_out_again_only_where_the_receiver_takes_a_key_once(
    web: WebClient, bridge: Bridge
) -> None:
    made = source(web, reply_url=bridge.url, idempotent=True)
    bridge.script = [(500, {}), (502, {}), (200, {"id": 12})]
    assert (await made.send(await frozen(made, a_reply()))).external_id == "12"
    assert len(set(bridge.bodies)) == 1
    assert {request.headers["Idempotency-Key"] for request in bridge.seen} == {"key-1"}
    bridge.script = [(500, {})] * 3
    with pytest.raises(Uncertain):
        await made.send(await frozen(made, a_reply(2)))
    bridge.script, seen = [(422, {})], len(bridge.seen)
    with pytest.raises(Refused):
        await made.send(await frozen(made, a_reply(3)))
    assert len(bridge.seen) == seen + 1


async def test_only_the_receivers_own_word_says_that_a_reply_is_not_there(web: WebClient, bridge: Bridge) -> None:
    made = source(web, reply_url=bridge.url, lookup_url=f"{bridge.url}/look")
    old = a_reply(queued_at=datetime.now(UTC) - timedelta(minutes=5))
    bridge.script = [
        (200, {"id": "r-9"}),
        (200, {"id": None}),
        (200, {"id": None}),
        (404, {"id": None}),
        (200, {}),
        (200, {"id": []}),
    ]
    found = await made.look_up(old)
    assert found is not None
    assert found.external_id == "r-9"
    request = bridge.seen[0]
    assert (request.method, request.query["key"]) == ("GET", "key-1")
    assert request.headers["X-Signature-256"] == sign(SECRET, request.headers["X-Timestamp"], b"key-1")
    assert await made.look_up(old) is None
    for reply in (replace(old, queued_at=datetime.now(UTC)), old, old, old):
        with pytest.raises(TryAgain):
            await made.look_up(reply)
    with pytest.raises(Refused, match="no lookup_url") as no:
        await source(web, reply_url=bridge.url).look_up(old)
    assert "say so here" in no.value.hint
    assert not made.repeatable


async def test_what_cannot_be_done_says_why(web: WebClient) -> None:
    silent = source(web)
    assert set(silent.capabilities) == set(Capability)
    assert all(silent.capabilities.values())
    with pytest.raises(Refused, match="no reply_url"):
        await silent.freeze(a_reply(), NOW)
    act = NetworkAct(1, "k", US, Doing.LIKE, Key(SHOP.space, "1"), "", "", Author(SHOP.space, "2"), "", NOW, {})
    for refused in (silent.freeze_act(act, NOW), silent.act(act)):
        with pytest.raises(Refused):
            await refused
    assert await silent.look_up_act(act) is None
    assert (silent.length("hé"), await silent.identify(NAME)) == ((2, 0), SHOP.us)
    with pytest.raises(SourceStopped):
        await silent.freeze(a_reply(account=replace(US, external_id="other")), NOW)


class Terminal:
    """Somebody who wires something."""

    def __init__(self, web: WebClient, name: str) -> None:
        self.web = web
        self.options: Mapping[str, Any] = {}
        self.name = name

    async def ask(self, question: str, *, secret: bool = False, default: str = "") -> str:
        return self.name if "name" in question else "https://bridge.example/replies"

    def say(self, text: str) -> None:
        raise AssertionError(text)


async def test_connecting_makes_a_secret_and_says_where_to_deliver(web: WebClient) -> None:
    found = await connect(Terminal(web, NAME))
    assert (found.handle, len(found.secret), found.options) == (
        NAME,
        64,
        {"reply_url": "https://bridge.example/replies"},
    )
    assert found.secret not in repr(found)
    assert "/hooks/webhook-shop-reviews" in found.told[0]
    with pytest.raises(Refused):
        await connect(Terminal(web, "Not A Name"))


# What the page shows -------------------------------------------------------------------------------------------------


async def run(*command: str, **env: str) -> None:
    whole = {**os.environ, "SHOP_REVIEWS_SECRET": SECRET, **env}
    process = await asyncio.create_subprocess_exec(
        *command, env=whole, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    _, told = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0, told.decode()


async def test_the_senders_of_the_page_are_taken_as_they_stand(web: WebClient) -> None:
    (hook,) = source(web).hooks
    heard: list[Item] = []

    async def door(request: served.Request) -> served.Response:
        heads = {name.lower(): value for name, value in request.headers.items()}
        came = Delivery(heads, await request.read())
        verdict = hook.verify(came)
        heard.extend(hook.convert(came) if verdict.taken else ())
        return served.Response(status=verdict.status)

    async with serving(door) as url:
        address = f"{url}/hooks/{hook.name}"
        await run(sys.executable, "-c", SENDER, HUBBUB_HOOK=address)
        if shutil.which("curl") and shutil.which("openssl"):
            await run("bash", "-euc", SHELL, HUBBUB_HOOK=address)
    texts = [one.text for one in heard if isinstance(one, Mention)]
    assert texts == ["Grüße! Does it ship?", "And to Norway?"][: len(texts)]
    assert texts


async def test_the_receiver_of_the_page_takes_a_reply_once_and_can_be_asked(web: WebClient) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RECEIVER, env={**os.environ, "SHOP_REVIEWS_SECRET": SECRET}, stdout=asyncio.subprocess.PIPE
    )  # fmt: skip
    assert process.stdout is not None
    try:
        url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
        made = source(web, reply_url=url, lookup_url=url, idempotent=True)
        ready = await frozen(made, a_reply(queued_at=datetime.now(UTC) - timedelta(minutes=5)))
        assert await made.look_up(ready) is None
        first, second = await made.send(ready), await made.send(ready)
        assert first == second == await made.look_up(ready)
        wrong = build(Wiring(web, Path(), (Login(NAME, "not the same secret", options={"reply_url": url}),)))
        with pytest.raises(SourceStopped, match="does not take our signature"):
            await wrong.send(ready)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


@pytest.mark.parametrize("page", ["telegram.md", "webhook.md"])
def test_the_settings_of_the_page_make_the_source_that_it_speaks_of(
    page: str, web: WebClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (Path(__file__).parents[2] / "docs" / page).read_text("utf-8")
    (block,) = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    monkeypatch.setenv("ACME_BOT_TOKEN", "5551:a_token")
    monkeypatch.setenv("SHOP_REVIEWS_SECRET", SECRET)
    read = parse(block, Path("hubbub.toml"), find_paths({"HUBBUB_HOME": "/nowhere"}))
    built = wiring.build(read, web, lambda _: True, lambda: NOW, listens=False)
    made = built[page.removesuffix(".md")]
    assert made.capabilities[Capability.REPLY] == ""
    assert [hook.name for hook in made.hooks] == (["webhook-shop-reviews"] if page == "webhook.md" else [])
