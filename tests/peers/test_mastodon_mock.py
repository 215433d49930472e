"""The whole way against a Mastodon server that we did not write: a mention heard in each of three ways, and answered once.

`mastodon-mock` is a third party's program, run as it is. Seen of it, for those who write against it: its web socket reads the token from the
address only and takes no subscriptions; its search looks into texts, not addresses; a lookup knows its own people without their host only.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from listener.errors import Refused, TryAgain, Uncertain
from listener.model.accounts import Account
from listener.model.handed import NetworkAct, Reply
from listener.model.heard import Author, Deleted, Key
from listener.model.leaving import Doing
from listener.sources.base import Login
from listener.sources.mastodon import Mastodon
from listener.sources.mastodon.convert import SPACE
from listener.sources.mastodon.events import How
from listener.webclient.client import Answer, WebClient
from tests.promises.hearing import Heard, hear
from tests.promises.scenes_mastodon import QUICK

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.xdist_group("mastodon")]

SEED = "\n".join(
    f'[[seed.accounts]]\nusername = "{name}"\naccess_token = "token-of-{name}"' for name in ("acme", "fan")
)
FAULTS = "/api/v1/_mock/faults"


class Server:
    """The running server, and what people do there."""

    def __init__(self, url: str, web: WebClient) -> None:
        self.url, self.web = url, web

    async def call(self, method: str, path: str, body: Any = None, by: str = "fan") -> Any:
        heads = {"Authorization": f"Bearer token-of-{by}"}
        wire = b"" if body is None else json.dumps(body).encode()
        if method == "GET":
            answer = await self.web.get(self.url + path, headers=heads)
        else:
            answer = await self.web.send(method, self.url + path, wire, write=False, headers=heads)
        assert answer.status in {200, 201, 204}, (path, answer.status, answer.body[:300])
        return json.loads(answer.body) if answer.body else None

    async def say(self, text: str, **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = await self.call("POST", "/api/v1/statuses", {"status": text, **more})
        return found

    async def breaks(self, method: str, path: str, times: int, **effect: Any) -> None:
        await self.call(
            "POST", FAULTS, {"match": {"methods": [method], "path": path}, "effect": effect, "count": times}
        )

    def source(self, best: How = How.SOCKET, **options: Any) -> Mastodon:
        login = Login("acme", "token-of-acme", self.url, options)
        later = timedelta(minutes=1)  # a server that we saw take nothing has had its time
        return Mastodon(self.web, [login], habits=QUICK, best=best, clock=lambda: datetime.now(UTC) + later)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mastodon")
    (folder / "seed.toml").write_text(SEED)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "log").open("wb") as log:
        program = subprocess.Popen(
            [sys.executable, "-m", "mastodon_mock", "serve", "--config", str(folder / "seed.toml"), "--in-memory",
             "--host", "127.0.0.1", "--port", str(port), "--domain", f"127.0.0.1:{port}"], stdout=log, stderr=log,
        )  # fmt: skip
    try:
        _answers(port, program, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        program.kill()
        program.wait()


def _answers(port: int, program: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert program.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the server did not start: {log.read_text()}")


@asynccontextmanager
async def losing(url: str, path: bytes) -> AsyncIterator[str]:
    """The server's address behind a wire that loses the first answer to a POST to `path`."""
    lost: list[bytes] = []
    host, _, port = url.partition("://")[2].partition(":")

    async def wire(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up, down = await asyncio.open_connection(host, int(port))
        asked = b""

        async def there() -> None:
            nonlocal asked
            while part := await reader.read(65536):
                asked += part
                down.write(part)

        task = asyncio.ensure_future(there())
        while part := await up.read(65536):
            if asked.rpartition(b"POST ")[2].startswith(path + b" ") and not lost:
                lost.append(part)
                break
            writer.write(part)
        task.cancel()
        down.close()
        writer.close()

    relay = await asyncio.start_server(wire, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{relay.sockets[0].getsockname()[1]}"
    finally:
        relay.close()
    assert lost


@pytest.fixture
async def server(address: str) -> AsyncIterator[Server]:
    web = WebClient("0.0.test")
    made = Server(address, web)
    await made.call("POST", "/api/v1/_mock/reset", {})
    yield made
    await web.close()


class Hasty(WebClient):
    """A client that waits for one second only."""

    async def get(self, url: str, **other: Any) -> Answer:
        return await super().get(url, **{**other, "timeout": 1.0})

    async def send(self, method: str, url: str, body: bytes = b"", **other: Any) -> Answer:
        return await super().send(method, url, body, **{**other, "timeout": 1.0})

    async def post(self, url: str, body: bytes, **other: Any) -> Answer:
        return await super().post(url, body, **{**other, "timeout": 1.0})


async def account(made: Mastodon) -> Account:
    who = await made.identify("acme")
    return Account(1, 1, "mastodon", SPACE, who.external_id, who.handle)


@pytest.mark.parametrize(
    ("how", "options"), [(How.SOCKET, {"token_in_address": True}), (How.EVENTS, {}), (How.POLLS, {})]
)
async def test_a_mention_is_heard_pushed_and_read(server: Server, how: How, options: dict[str, Any]) -> None:
    made = server.source(how, **options)
    ours = await account(made)
    (stream,) = made.account_streams(ours.external_id)
    before = [(await server.say(f"@acme before {n}"))["uri"] for n in range(9)]
    heard, batches = Heard(), stream.batches(None)

    async def until(enough: Any) -> None:
        async with asyncio.timeout(20):
            while not enough():
                heard.batches.append(await anext(batches))

    await until(lambda: heard.ids >= set(before))
    assert stream.how is how  # type: ignore[attr-defined]
    await server.breaks("GET", "/api/v1/notifications", 2, type="malformed")
    await server.breaks("GET", "/api/v1/notifications", 1, type="latency", delay_ms=300)
    said = await server.say("@acme pushed https://shop.example/a")
    await until(lambda: said["uri"] in heard.ids)
    (mention,) = [one for one in heard.mentions if one.key.external_id == said["uri"]]
    assert mention.text == "@acme pushed https://shop.example/a"
    assert mention.named == (ours.external_id,)
    if how is not How.POLLS:
        await server.call("PUT", f"/api/v1/statuses/{said['id']}", {"status": "@acme edited"})
    await batches.aclose()  # type: ignore[attr-defined]
    last = (await server.say("@acme last"))["uri"]
    anew = server.source(how, **options)
    await account(anew)
    resumed = await hear(anew.account_streams(ours.external_id)[0], heard.cursor, lambda more: last in more.ids)
    assert last in resumed.ids


async def test_an_answer_is_given_once_whatever_happens_to_its_acceptance(server: Server) -> None:
    made = server.source()
    ours = await account(made)
    said = await server.say("@acme help", visibility="unlisted", spoiler_text="mood")
    reply = Reply(
        1, "key-1", ours, Key(SPACE, said["uri"]), "", said["uri"], Author(SPACE, said["account"]["uri"], "fan"), "We are on it.", "en",
        False, datetime.now(UTC), None,
    )  # fmt: skip
    reply = replace(reply, frozen=await made.freeze(reply, datetime.now(UTC)))
    assert await made.look_up(reply) is None
    await server.breaks("POST", "/api/v1/statuses", 1, type="ratelimit")
    with pytest.raises(TryAgain) as limited:
        await made.send(reply)
    assert not isinstance(limited.value, Uncertain)
    assert limited.value.after == 300
    again = server.source()  # a program that starts anew remembers no ids, and no limit
    await again.identify("acme")
    await server.breaks("POST", "/api/v1/statuses", 1, type="malformed")
    with pytest.raises(Uncertain):
        await again.send(reply)
    assert await again.look_up(reply) is None, "the server answered nonsense and took nothing"
    async with losing(server.url, b"/api/v1/statuses") as address:
        lossy = Server(address, server.web).source()
        await lossy.identify("acme")
        with pytest.raises(Uncertain):
            await lossy.send(reply)
        sent = await lossy.look_up(reply)
    assert sent is not None
    assert sent == await again.look_up(reply) == await again.send(reply)
    context = await server.call("GET", f"/api/v1/statuses/{said['id']}/context")
    (answer,) = context["descendants"]
    assert (answer["visibility"], answer["spoiler_text"], answer["uri"]) == ("unlisted", "mood", sent.external_id)
    assert [one["username"] for one in answer["mentions"]] == ["fan"]

    thread = await again.thread(ours, Key(SPACE, sent.external_id))
    assert [one.key.external_id for one in thread.mentions] == [said["uri"], sent.external_id]
    assert thread.mentions[1].parent == said["uri"]
    for what, target in ((Doing.LIKE, said["uri"]), (Doing.UNLIKE, said["uri"]), (Doing.DELETE, sent.external_id)):
        act = NetworkAct(
            2, "k", ours, what, Key(SPACE, target), "", target, reply.parent_author, "", datetime.now(UTC), None
        )
        act = replace(act, frozen=await again.freeze_act(act, datetime.now(UTC)))
        await again.act(act)
        assert await again.look_up_act(act) is not None
    assert await again.recheck(ours, [Key(SPACE, sent.external_id)]) == (Deleted(Key(SPACE, sent.external_id)),)
    await server.call("DELETE", f"/api/v1/statuses/{said['id']}")
    with pytest.raises(Refused) as gone:
        await again.freeze(reply, datetime.now(UTC))
    assert gone.value.code == "parent_gone"


async def test_a_server_that_does_not_answer_is_asked_again_and_what_it_holds_is_looked_for(server: Server) -> None:
    """It holds a call for half a minute and serves it then, also to nobody: the key that a reply carries makes the two one."""
    ours = await account(server.source())
    said = await server.say("@acme hello?")
    hasty = Server(server.url, Hasty("0.0.test"))
    made = hasty.source()
    await server.breaks("GET", "/api/v1/accounts/verify_credentials", 1, type="timeout")
    assert (await made.identify("acme")).handle == ours.handle, "a read is simply asked again"
    reply = Reply(
        1, "key-2", ours, Key(SPACE, said["uri"]), "", said["uri"], Author(SPACE, said["account"]["uri"], "fan"), "We are here.", "en",
        False, datetime.now(UTC), None,
    )  # fmt: skip
    reply = replace(reply, frozen=await made.freeze(reply, datetime.now(UTC)))
    await server.breaks("POST", "/api/v1/statuses", 1, type="timeout")
    with pytest.raises(Uncertain):
        await made.send(reply)
    assert await made.look_up(reply) is None
    sent = await made.send(reply)
    assert await made.look_up(reply) == sent
    await hasty.web.close()
