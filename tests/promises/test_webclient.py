"""The door for HTTP out: what it says for sure when a call goes wrong, how patient it is, and what it refuses."""

from __future__ import annotations

import asyncio
import email.utils
import gzip
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web as server

from listener.errors import FixMe, Refused, TryAgain, Uncertain
from listener.webclient.addresses import check_url
from listener.webclient.client import WebClient
from listener.webclient.patience import Budget, Retry, wait_asked

QUICK = Retry(attempts=4, first=0.001, longest=0.5)
Handler = Callable[[server.Request], Awaitable[server.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    app = server.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = server.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = server.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_server(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    listening = await asyncio.start_server(one, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def test_a_write_that_never_left_may_be_repeated(web: WebClient) -> None:
    with pytest.raises(TryAgain) as told:
        await web.post("http://127.0.0.1:9/x", b"{}", write=True)
    assert not isinstance(told.value, Uncertain)


@pytest.mark.parametrize("ending", ["reset", "close", "garbage", "half", "silence"])
async def test_a_write_whose_answer_did_not_come_is_uncertain(web: WebClient, ending: str) -> None:
    taken = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(await reader.readuntil(b'{"a":1}'))
        if ending == "reset":
            writer.transport.abort()
        elif ending == "garbage":
            writer.write(b"\x00\xff\r\n\r\n")
        elif ending == "half":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
        elif ending == "silence":
            await asyncio.sleep(1)

    async with raw_server(talk) as url:
        with pytest.raises(Uncertain):
            await web.post(url, b'{"a":1}', write=True, timeout=0.3, retry=QUICK)
        assert len(taken) == 1, "an uncertain write is never repeated"


@pytest.mark.parametrize(
    ("status", "kind"), [(500, Uncertain), (502, Uncertain), (503, Uncertain), (408, Uncertain), (429, TryAgain)]
)
async def test_bad_answers_to_a_write(web: WebClient, status: int, kind: type[TryAgain]) -> None:
    async def handler(_: server.Request) -> server.Response:
        return server.Response(status=status, headers={"Retry-After": "3"}, text="secret words of a person")

    async with serving(handler) as url:
        with pytest.raises(TryAgain) as told:
            await web.post(f"{url}/path", b"{}", write=True)
    assert type(told.value) is kind
    assert told.value.after == 3
    assert told.value.code == f"http_{status}"
    assert "secret words" not in str(told.value)


async def test_the_connection_of_before_may_be_dead_and_a_write_on_it_is_uncertain(web: WebClient) -> None:
    """A kept connection that the server closes as we send: the bytes may have been read."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        await reader.readuntil(b'{"a":1}')
        writer.transport.abort()

    async with raw_server(talk) as url:
        await web.get(url)
        with pytest.raises(Uncertain):
            await web.post(url, b'{"a":1}', write=True)


async def test_reads_are_repeated_until_they_work(web: WebClient) -> None:
    statuses = [503, 500, 429]

    async def handler(_: server.Request) -> server.Response:
        return server.Response(status=statuses.pop(0)) if statuses else server.json_response({"ok": True})

    async with serving(handler) as url:
        answer = await web.get(url, retry=QUICK)
    assert answer.status == 200
    assert answer.body == b'{"ok": true}'
    assert answer.headers["content-type"].startswith("application/json")


async def test_a_long_wait_is_the_callers_to_wait(web: WebClient) -> None:
    asked = []

    async def handler(_: server.Request) -> server.Response:
        asked.append(1)
        return server.Response(status=429, headers={"RateLimit-Reset": str(int(time.time()) + 120)})

    async with serving(handler) as url:
        with pytest.raises(TryAgain) as told:
            await web.get(url, retry=QUICK)
    assert len(asked) == 1
    assert told.value.after == pytest.approx(120, abs=3)


async def test_what_the_caller_must_judge_comes_back(web: WebClient) -> None:
    async def handler(request: server.Request) -> server.Response:
        return server.Response(status=int(request.query["s"]), headers={"Location": "http://127.0.0.1:9/elsewhere"})

    async with serving(handler) as url:
        for status in (200, 302, 307, 400, 401, 403, 404, 410, 422):
            assert (await web.get(url, params=[("s", str(status))])).status == status, "no redirect is followed"


async def test_an_answer_that_is_too_big_is_not_held(web: WebClient) -> None:
    async def handler(request: server.Request) -> server.Response:
        body = b"x" * (4 << 20)
        if request.path == "/bomb":
            return server.Response(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})
        return server.Response(body=body)

    async with serving(handler) as url:
        for path in ("/plain", "/bomb"):
            with pytest.raises(TryAgain):
                await web.get(url + path, max_body=1 << 20)
        with pytest.raises(Uncertain):
            await web.post(url, b"{}", write=True, max_body=1 << 20)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@127.0.0.1/x",
        "https://secret@example.org/x",
        "http://example.org/x",
        "ftp://127.0.0.1/x",
        "https://",
        "127.0.0.1/x",
        "http://127.0.0.1:99999/",
        "http://[::1/",
        "",
    ],
)
async def test_addresses_that_we_do_not_call(web: WebClient, url: str) -> None:
    with pytest.raises(FixMe) as told:
        await web.get(url)
    assert "secret" not in str(told.value)


def test_plain_http_is_for_this_machine() -> None:
    assert check_url("http://localhost:8080/a") == "localhost:8080/a"
    assert check_url("http://127.0.0.2/") == "127.0.0.2/"
    assert check_url("http://[::1]:1/x") == "::1:1/x"
    with pytest.raises(FixMe):
        check_url("http://127.0.0.1.example.org/")


async def test_nothing_of_a_call_is_logged(web: WebClient, caplog: pytest.LogCaptureFixture) -> None:
    async def handler(_: server.Request) -> server.Response:
        return server.Response(text="the answer's words")

    async with serving(handler) as url:
        with caplog.at_level(logging.DEBUG):
            await web.post(url, b'"my words"', write=True, headers={"Authorization": "Bearer my-token"})
    told = [r.getMessage() for r in caplog.records if "server" not in r.name and "access" not in r.name]
    assert not any("words" in line or "my-token" in line for line in told)


async def test_who_we_are_and_that_we_keep_no_cookies(web: WebClient) -> None:
    seen = []

    async def handler(request: server.Request) -> server.Response:
        seen.append((request.headers["User-Agent"], request.headers.get("Cookie")))
        answer = server.Response()
        answer.set_cookie("a", "b")
        return answer

    async with serving(handler) as url:
        url = url.replace("127.0.0.1", "localhost")
        await web.get(url)
        await web.get(url)
    assert seen == [("hubbub/0.0.test", None)] * 2


# How long to wait ----------------------------------------------------------------------------------------------------


def test_what_servers_ask_us_to_wait() -> None:
    now = 1_800_000_000.0
    assert wait_asked({}, now) is None
    assert wait_asked({"retry-after": "7"}, now) == 7
    assert wait_asked({"retry-after": email.utils.formatdate(now + 30, usegmt=True)}, now) == 30
    assert wait_asked({"retry-after": email.utils.formatdate(now - 30, usegmt=True)}, now) == 0
    assert wait_asked({"ratelimit-reset": str(now + 12)}, now) == 12
    assert wait_asked({"ratelimit-reset": "12"}, now) == 12
    assert wait_asked({"retry-after": "soon", "ratelimit-reset": "12"}, now) == 12
    iso = datetime.fromtimestamp(now + 90.5, UTC).isoformat().replace("+00:00", "Z")
    assert wait_asked({"x-ratelimit-reset": iso}, now) == 90.5
    assert wait_asked({"x-ratelimit-reset": str(int(now) + 9), "x-ratelimit-remaining": "0"}, now) == 9
    for nonsense in ("", "-5", "1e999", "NaN", "9" * 400, "٣", "Mon, 99 Foo 2026", "\x00"):
        assert wait_asked({"retry-after": nonsense}, now) in (None, 0.0)
    assert wait_asked({"retry-after": "99999999999"}, now) == 24 * 3600


def test_full_jitter_stays_between_nothing_and_a_doubling_bound() -> None:
    retry = Retry(first=1.0, longest=10.0)
    for attempt, bound in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (5000, 10)):
        pauses = [retry.pause(attempt) for _ in range(200)]
        assert all(0 <= pause <= bound for pause in pauses)
        assert max(pauses) > bound / 2
        assert min(pauses) < bound / 2


def test_a_budget_fills_evenly_and_closes_when_told() -> None:
    now = [0.0]
    budget = Budget(10, 100, lambda: now[0])
    assert budget.wait(10) == 0
    asyncio.run(budget.spend(10))
    assert budget.wait(1) == pytest.approx(10)
    now[0] = 5
    assert budget.wait(1) == pytest.approx(5)
    now[0] = 1000
    assert budget.wait(10) == 0
    budget.close_for(30)
    assert budget.wait(1) == pytest.approx(30)
    with pytest.raises(TryAgain) as told:
        asyncio.run(budget.spend(1, patience=5))
    assert told.value.after == pytest.approx(30)
    now[0] = 1031
    assert budget.wait(1) == 0


async def test_a_used_up_limit_closes_the_budget(web: WebClient) -> None:
    async def handler(_: server.Request) -> server.Response:
        return server.Response(headers={"RateLimit-Remaining": "0", "RateLimit-Reset": str(int(time.time()) + 60)})

    budget = Budget(3000, 300)
    async with serving(handler) as url:
        await web.get(url, budget=budget)
    assert budget.wait() == pytest.approx(60, abs=3)


# Web sockets ---------------------------------------------------------------------------------------------------------


async def test_a_socket_gives_bytes_and_says_how_it_ended(web: WebClient) -> None:
    async def handler(request: server.Request) -> server.StreamResponse:
        socket = server.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(request.query["cursor"])
        await socket.send_frame(b"\xff\xfe", server.WSMsgType.TEXT)
        await socket.close(code=1008)
        return socket

    async with serving(handler) as url, web.socket(url.replace("http", "ws"), params=[("cursor", "é")]) as socket:
        assert await socket.receive() == "é".encode()
        assert await socket.receive() == b"\xff\xfe"
        with pytest.raises(TryAgain) as told:
            await socket.receive()
    assert "1008" in str(told.value)


async def test_a_message_that_is_too_big_ends_the_socket(web: WebClient) -> None:
    async def handler(request: server.Request) -> server.StreamResponse:
        socket = server.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_bytes(b"x" * 5000)
        await asyncio.sleep(1)
        return socket

    async with serving(handler) as url, web.socket(url.replace("http", "ws"), max_message=1000) as socket:
        with pytest.raises(TryAgain):
            await socket.receive()


@pytest.mark.parametrize(
    ("status", "kind"), [(503, TryAgain), (429, TryAgain), (400, Refused), (404, Refused), (200, Refused)]
)
async def test_a_socket_that_is_not_opened(web: WebClient, status: int, kind: type[Exception]) -> None:
    async def handler(_: server.Request) -> server.Response:
        return server.Response(status=status, headers={"Retry-After": "4"})

    async with serving(handler) as url:
        with pytest.raises(kind) as told:
            async with web.socket(url.replace("http", "ws")):
                pass
    assert getattr(told.value, "code", "") == f"http_{status}"
    if kind is TryAgain:
        assert told.value.after == 4  # type: ignore[attr-defined]


async def test_a_socket_to_nobody(web: WebClient) -> None:
    with pytest.raises(TryAgain):
        async with web.socket("ws://127.0.0.1:9/"):
            pass
    with pytest.raises(FixMe):
        async with web.socket("ws://example.org/"):
            pass
