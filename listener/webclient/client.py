"""Calls and streams to the outside: time-outs, bounded answers, polite repeats, web sockets, and our errors.

It says for sure what can be said for sure about a call that went wrong: `TryAgain` when surely nothing was taken, `Uncertain` when a
write may have arrived. It refuses to follow redirects, to keep cookies, to send a secret in the clear over a network, to put user names
into addresses, and to log anything: bodies and headers hold people's words and our tokens. Where a stranger may have chosen the address
(`Trust`) it refuses private ones, whatever their name resolves to.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp
import aiohttp.abc

from listener.errors import FixMe, HubbubError, Refused, TryAgain, Uncertain
from listener.webclient.addresses import INSIDE, Trust, check_literal, check_url, checked, is_loopback, is_public
from listener.webclient.patience import ONCE, Asked, Budget, Retry, bounded, is_used_up, wait_asked, wait_asked_nothing

MAX_BODY = 8 << 20
"""Bytes of an answer that we are ready to hold."""

MAX_MESSAGE = 32 << 20
"""Bytes of one web socket message."""

_MAX_ASKED = 64 << 10
"""Bytes of the body of a 429 that are looked at."""

_TEXT, _BINARY = aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY


Params = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: 2xx to 4xx. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True
    """False: it broke off, or was longer than asked for, and the caller wanted it as far as it came."""


class Socket:
    """An open web socket. Text arrives as bytes: whoever reads decides what valid text is."""

    def __init__(self, inner: aiohttp.ClientWebSocketResponse[bool], where: str) -> None:
        self._inner = inner
        self._where = where

    async def say(self, text: str) -> None:
        """One text message to the server, such as what to subscribe to. TryAgain when the connection is at its end."""
        try:
            await self._inner.send_str(text)
        except (aiohttp.ClientError, OSError, RuntimeError) as err:
            raise TryAgain(f"the stream broke: {_told(err)}", where=self._where, code="broken") from None

    async def receive(self) -> bytes:
        """The next message. TryAgain when the connection is at its end, however it ended."""
        try:
            message = await self._inner.receive()
        except (aiohttp.ClientError, OSError, RuntimeError) as err:
            raise TryAgain(f"the stream broke: {_told(err)}", where=self._where, code="broken") from None
        if message.type is _TEXT or message.type is _BINARY:
            data: bytes = message.data
            return data
        if message.type is aiohttp.WSMsgType.ERROR:
            raise TryAgain(f"the stream broke: {type(message.data).__name__}", where=self._where, code="broken")
        raise TryAgain(f"the stream was closed (code {self._inner.close_code})", where=self._where, code="closed")


class WebClient:
    """Calls and streams to the outside. One for the whole program; `close` it at the end."""

    def __init__(self, version: str, *, connect_timeout: float = 10.0, context: ssl.SSLContext | None = None) -> None:
        self._agent = f"hubbub/{version}"
        self._connect_timeout = connect_timeout
        self._context = context
        self._sessions: dict[Trust, aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """Let go of all connections."""
        while self._sessions:
            await self._sessions.popitem()[1].close()

    async def get(
        self,
        url: str,
        *,
        params: Params = (),
        headers: Mapping[str, str] | None = None,
        timeout: float = 20.0,
        max_body: int = MAX_BODY,
        retry: Retry = ONCE,
        budget: Budget | None = None,
        trust: Trust = Trust.NAMED,
        partly: bool = False,
    ) -> Answer:
        """Read something. Answers of 200 to 499 come back; TryAgain for a passing fault (also 408, 425, 429, 5xx) after all repeats.

        With `partly`, what breaks off or is too long comes back as far as it came. A private address that a stranger chose is Refused.
        """
        return await self._call(
            "GET", url, params, headers, None, False, timeout, max_body, retry, budget, 1.0, trust, partly
        )

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        write: bool,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        max_body: int = MAX_BODY,
        retry: Retry = ONCE,
        budget: Budget | None = None,
        points: float = 1.0,
    ) -> Answer:
        """`send` by POST."""
        return await self.send(
            "POST", url, body, write=write, headers=headers, timeout=timeout, max_body=max_body, retry=retry,
            budget=budget, points=points,
        )  # fmt: skip

    async def send(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        *,
        write: bool,
        params: Params = (),
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        max_body: int = MAX_BODY,
        retry: Retry = ONCE,
        budget: Budget | None = None,
        points: float = 1.0,
        where: str = "",
        asked: Asked = wait_asked_nothing,
        trust: Trust = Trust.NAMED,
    ) -> Answer:
        """POST, PUT, PATCH or DELETE, with JSON unless the headers name another type, or with nothing at all.

        With `write`, raises `Uncertain` whenever the bytes may have arrived and no clear answer came, and never repeats then.
        `where` stands in messages instead of the address, where that holds a secret. `asked`: how long the body of a 429 asks us to wait.
        """
        head = {**({"Content-Type": "application/json"} if body else {}), **(headers or {})}
        return await self._call(
            method,
            url,
            params,
            head,
            body,
            write,
            timeout,
            max_body,
            retry,
            budget,
            points,
            trust,
            where=where,
            asked=asked,
        )

    async def _call(
        self,
        method: str,
        url: str,
        params: Params,
        headers: Mapping[str, str] | None,
        body: bytes | None,
        write: bool,
        timeout: float,
        max_body: int,
        retry: Retry,
        budget: Budget | None,
        points: float,
        trust: Trust,
        partly: bool = False,
        *,
        where: str = "",
        asked: Asked = wait_asked_nothing,
    ) -> Answer:
        where = checked(url, trust, where)
        attempt = 0
        while True:
            attempt += 1
            if budget is not None:
                await budget.spend(points)
            try:
                return await self._once(
                    method, url, where, params, headers, body, write, timeout, max_body, budget, trust, partly, asked
                )
            except Uncertain:
                raise
            except TryAgain as fault:
                if attempt >= retry.attempts or (fault.after or 0.0) > retry.longest:
                    raise
                await asyncio.sleep(max(fault.after or 0.0, retry.pause(attempt)))

    async def _once(
        self,
        method: str,
        url: str,
        where: str,
        params: Params,
        headers: Mapping[str, str] | None,
        body: bytes | None,
        write: bool,
        timeout: float,
        max_body: int,
        budget: Budget | None,
        trust: Trust,
        partly: bool,
        asked_in: Asked,
    ) -> Answer:
        if trust is not Trust.NAMED:
            check_literal(url, where, trust)
        left = SimpleNamespace(house=False)  # set by the trace just before the first byte is written
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=self._connect_timeout)
        try:
            async with self._open(trust).request(
                method,
                url,
                params=list(params) or None,
                headers=headers,
                data=body,
                timeout=limits,
                allow_redirects=False,
                trace_request_ctx=left,
            ) as response:
                heads = {name.lower(): value for name, value in response.headers.items()}
                asked = wait_asked(heads, time.time())
                if budget is not None and asked and is_used_up(heads):
                    budget.close_for(asked)
                if response.status == 429 and asked is None:
                    asked = await _asked_in_body(response, asked_in)
                _check_status(response.status, where, write, asked, budget)
                answer, whole = await _read(response, max_body, partly)
        except HubbubError:
            raise
        except (aiohttp.InvalidURL, ValueError) as err:
            raise FixMe(f"not an address: {type(err).__name__}", where=where) from None
        except (aiohttp.ClientError, OSError, TimeoutError, _TooBig) as err:
            told = f"no clear answer: {_told(err)}"
            if write and left.house and not isinstance(err, aiohttp.ClientConnectorError):
                raise Uncertain(told, where=where, code="no_answer") from None
            raise TryAgain(told, where=where, code="no_answer") from None
        return Answer(response.status, heads, answer, whole)

    @asynccontextmanager
    async def socket(
        self,
        url: str,
        *,
        params: Params = (),
        headers: Mapping[str, str] | None = None,
        heartbeat: float = 30.0,
        max_message: int = MAX_MESSAGE,
        timeout: float = 20.0,
    ) -> AsyncIterator[Socket]:
        """An open web socket. TryAgain when it cannot be opened now, Refused (code 'http_400' and so on) when the server does not want us."""
        where = check_url(url, frozenset({"ws", "wss"}))
        try:
            async with asyncio.timeout(timeout):
                inner = await self._open().ws_connect(
                    url,
                    params=list(params) or None,
                    headers=headers,
                    heartbeat=heartbeat,
                    max_msg_size=max_message,
                    decode_text=False,
                    timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
                )
        except aiohttp.WSServerHandshakeError as err:
            said = {name.lower(): value for name, value in (err.headers or {}).items()}
            if err.status in {408, 425, 429} or err.status >= 500:
                after = wait_asked(said, time.time())
                raise TryAgain(
                    f"the server answered {err.status}", after=after, where=where, code=f"http_{err.status}"
                ) from None
            raise Refused(f"the server answered {err.status}", where=where, code=f"http_{err.status}") from None
        except (aiohttp.ClientError, OSError, TimeoutError) as err:
            raise TryAgain(f"no connection: {_told(err)}", where=where, code="no_connection") from None
        try:
            yield Socket(inner, where)
        finally:
            await inner.close()

    @asynccontextmanager
    async def lines(
        self,
        url: str,
        *,
        params: Params = (),
        headers: Mapping[str, str] | None = None,
        silence: float = 90.0,
        max_line: int = MAX_BODY,
        timeout: float = 20.0,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """An answer that does not end, line by line without their ends (server-sent events). Errors as `get` before the first line.

        The lines raise TryAgain when the stream ends, breaks, is silent for `silence` seconds or sends a line that is too long.
        Refused (code 'http_401' and so on) when the server does not want us.
        """
        where = check_url(url)
        limits = aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout, sock_read=silence)
        try:
            async with asyncio.timeout(timeout):
                response = await self._open().get(
                    url, params=list(params) or None, headers=headers, timeout=limits, allow_redirects=False
                )
        except (aiohttp.ClientError, OSError, TimeoutError) as err:
            raise TryAgain(f"no connection: {_told(err)}", where=where, code="no_connection") from None
        try:
            heads = {name.lower(): value for name, value in response.headers.items()}
            _check_status(response.status, where, False, wait_asked(heads, time.time()), None)
            if response.status != 200:
                raise Refused(f"the server answered {response.status}", where=where, code=f"http_{response.status}")
            yield _lines(response, where, max_line)
        finally:
            response.close()

    def _open(self, trust: Trust = Trust.NAMED) -> aiohttp.ClientSession:
        if trust not in self._sessions:
            trace = aiohttp.TraceConfig()
            trace.on_request_headers_sent.append(_leaves_the_house)
            tls = self._context or True
            if trust is Trust.NAMED:
                connector = aiohttp.TCPConnector(limit=64, limit_per_host=16, ssl=tls)
            else:
                outside = _Outside(here=trust is Trust.STRANGER_OR_HERE)
                connector = aiohttp.TCPConnector(
                    limit=16, limit_per_host=2, ssl=tls, resolver=outside, force_close=True
                )
            self._sessions[trust] = aiohttp.ClientSession(
                connector=connector,
                headers={"User-Agent": self._agent},
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[trace],
            )
        return self._sessions[trust]


class _Outside(aiohttp.abc.AbstractResolver):
    """Names to addresses, without those inside of our own network: what is resolved here is what is called."""

    def __init__(self, *, here: bool) -> None:
        self._here = here
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        """Refused when a name leads inside only."""
        found = await self._inner.resolve(host, port, family)
        outside = [one for one in found if is_public(one["host"]) or (self._here and is_loopback(one["host"]))]
        if not outside:
            raise Refused(INSIDE, where=host, code="private_address")
        return outside

    async def close(self) -> None:
        """Let go of threads."""
        await self._inner.close()


async def _lines(response: aiohttp.ClientResponse, where: str, longest: int) -> AsyncIterator[bytes]:
    rest = b""
    try:
        async for part in response.content.iter_any():
            *whole, rest = (rest + part).split(b"\n")
            for line in whole:
                yield line.removesuffix(b"\r")
            if len(rest) > longest:
                raise _TooBig
    except (aiohttp.ClientError, OSError, TimeoutError, _TooBig) as err:
        raise TryAgain(f"the stream broke: {_told(err)}", where=where, code="broken") from None
    raise TryAgain("the stream ended", where=where, code="closed")


class _TooBig(Exception):
    """The answer is longer than we are ready to hold."""


async def _leaves_the_house(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: Any) -> None:
    if (told := context.trace_request_ctx) is not None:
        told.house = True


def _check_status(status: int, where: str, write: bool, asked: float | None, budget: Budget | None) -> None:
    """Passing faults as our errors; every other status is the caller's to judge."""
    told = f"the server answered {status}"
    if status in {425, 429}:
        if budget is not None and asked:
            budget.close_for(asked)
        raise TryAgain(told, after=asked, where=where, code=f"http_{status}")
    if status == 408 or status >= 500:
        kind = Uncertain if write else TryAgain
        raise kind(told, after=asked, where=where, code=f"http_{status}")


async def _asked_in_body(response: aiohttp.ClientResponse, asked: Asked) -> float | None:
    """A body that is cut or too long asks for nothing: that we are to wait is known all the same."""
    if asked is wait_asked_nothing:
        return None
    try:
        said = asked((await _read(response, _MAX_ASKED, False))[0])
    except (aiohttp.ClientError, OSError, TimeoutError, _TooBig):
        return None
    return None if said is None else bounded(said)


async def _read(response: aiohttp.ClientResponse, max_body: int, partly: bool) -> tuple[bytes, bool]:
    """The body, and whether it is whole."""
    parts: list[bytes] = []
    size = 0
    try:
        async for part in response.content.iter_any():
            size += len(part)
            if size > max_body:
                if not partly:
                    raise _TooBig
                parts.append(part[: max_body - size])
                return b"".join(parts), False
            parts.append(part)
    except aiohttp.ClientPayloadError:
        if not partly or not parts:
            raise
        return b"".join(parts), False
    return b"".join(parts), True


def _told(err: BaseException) -> str:
    """What happened, in words that hold nothing of ours: library messages may repeat addresses with their parameters."""
    if isinstance(err, _TooBig):
        return "the answer is too big"
    if isinstance(err, TimeoutError):
        return "time-out"
    if isinstance(err, aiohttp.ClientConnectorCertificateError):
        return "the server's certificate is not trusted"
    if isinstance(err, OSError) and err.strerror:
        return err.strerror
    return type(err).__name__
