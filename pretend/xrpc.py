"""The XRPC door: ``/xrpc/<method>``. Dispatch, errors as the reference PDS writes them, rate limits, scripted faults.

Methods are plain functions of a `Call`; what they do is in `pds` and `appview`. Every request is noted in the request
log, with its idempotency key where it has one, and never with a password or a token.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from pretend.faults import Effect, Fault, FaultBook
from pretend.log import Clock
from pretend.settings import Settings
from pretend.wire import Json, XrpcError, bad_request, encode

if TYPE_CHECKING:
    from multidict import MultiMapping

MAX_REQUESTS_KEPT = 200_000
WINDOW_SECONDS = 300

_ENDINGS = frozenset({Effect.CUT, Effect.STATUS, Effect.MALFORMED})
_EFFECTS = _ENDINGS | {Effect.LATE}
_NAMES = {
    400: "InvalidRequest",
    401: "AuthenticationRequired",
    413: "PayloadTooLarge",
    429: "RateLimitExceeded",
    500: "InternalServerError",
    501: "MethodNotImplemented",
    502: "UpstreamFailure",
    503: "NotEnoughResources",
    504: "UpstreamTimeout",
}
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a method sees it."""

    params: MultiMapping[str]
    body: Json
    bearer: str | None
    base_url: str
    raw: bytes = b""
    """What came, for a method that takes no JSON."""
    media_type: str = ""

    def param(self, name: str) -> str:
        """A required query parameter."""
        value = self.params.get(name)
        if not value:
            raise bad_request(f'Params must have the property "{name}"')
        return value

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole-number query parameter within bounds."""
        text = self.params.get(name)
        if text is None:
            return default
        try:
            value = int(text)
        except ValueError:
            raise bad_request(f"Params/{name} must be an integer") from None
        if value < low:
            raise bad_request(f"Params/{name} can not be less than {low}")
        if value > high:
            raise bad_request(f"Params/{name} can not be greater than {high}")
        return value

    def field(self, name: str) -> str:
        """A required string of the JSON body."""
        value = self.body.get(name)
        if value is None:
            raise bad_request(f'Input must have the property "{name}"')
        if not isinstance(value, str):
            raise bad_request(f"Input/{name} must be a string")
        return value


@dataclass(frozen=True, slots=True)
class Method:
    """An XRPC method: its HTTP verb and the function that answers; None is an empty answer."""

    verb: str
    answer: Callable[[Call], Json | None]
    raw: bool = False
    """It takes bytes of any sort."""


@dataclass(slots=True)
class Request:
    """A line of the request log. `status` is 0 until answered, and stays 0 where the answer was cut off."""

    at_us: int
    verb: str
    method: str
    key: str
    status: int = 0
    carried_out: bool = False
    fault: str = ""

    def shown(self) -> Json:
        """The line as JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


class RequestLog:
    """The last requests, oldest first."""

    def __init__(self) -> None:
        self.requests: deque[Request] = deque(maxlen=MAX_REQUESTS_KEPT)

    def since(self, at_us: int, method: str = "") -> list[Request]:
        """Requests not older than this, of one method or of all."""
        return [one for one in self.requests if one.at_us >= at_us and method in ("", one.method)]


class Limits:
    """Fixed windows of five minutes, counted per key."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: dict[tuple[str, int], int] = defaultdict(int)

    def take(self, key: str, most: int) -> dict[str, str]:
        """Count one; the rate-limit headers to send.

        Raises:
            XrpcError: 429 RateLimitExceeded when the window is used up.
        """
        if not most:
            return {}
        now = self._clock() // 1_000_000
        window = now // WINDOW_SECONDS
        self._counts[key, window] += 1
        left = most - self._counts[key, window]
        headers = rate_headers(most, max(0, left), (window + 1) * WINDOW_SECONDS)
        if left < 0:
            retry = str((window + 1) * WINDOW_SECONDS - now)
            raise XrpcError(429, "RateLimitExceeded", "Rate Limit Exceeded", headers | {"Retry-After": retry})
        return headers


def rate_headers(most: int, left: int, reset: int) -> dict[str, str]:
    """The headers of the reference server's rate limiter; `reset` is in unix seconds."""
    return {
        "RateLimit-Limit": str(most),
        "RateLimit-Remaining": str(left),
        "RateLimit-Reset": str(reset),
        "RateLimit-Policy": f"{most};w={WINDOW_SECONDS}",
    }


class Xrpc:
    """Answers ``/xrpc/...``."""

    def __init__(
        self, methods: Mapping[str, Method], book: FaultBook, log: RequestLog, settings: Settings, clock: Clock
    ) -> None:
        self._methods = methods
        self._book = book
        self._log = log
        self._settings = settings
        self._clock = clock
        self._limits = Limits(clock)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The aiohttp handler."""
        name = request.match_info["method"]
        raw = await request.read() if request.can_read_body else b""
        method = self._methods.get(name)
        taken_raw = method is not None and method.raw
        try:
            body = json.loads(raw) if raw and not taken_raw else {}
        except (ValueError, RecursionError):
            body = None
        line = Request(self._clock(), request.method, name, _key(body))
        self._log.requests.append(line)
        faults = self._book.due(name, _EFFECTS, _ENDINGS)
        line.fault = ",".join(fault.effect for fault in faults)
        bad = next((fault for fault in faults if fault.effect is not Effect.LATE), None)
        if bad is None or bad.carried_out or bad.effect is Effect.MALFORMED:
            line.carried_out = True
            answer = self._answer(request, name, body, raw if taken_raw else b"")
        else:
            answer = web.Response()
        for fault in faults:
            if fault.effect is Effect.LATE:
                await asyncio.sleep(fault.seconds)
        if bad is not None:
            answer = self._misbehave(request, bad)
        line.status = 0 if bad is not None and bad.effect is Effect.CUT else answer.status
        return answer

    def _misbehave(self, request: web.Request, fault: Fault) -> web.Response:
        if fault.effect is Effect.CUT:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if fault.effect is Effect.MALFORMED:
            return web.Response(body=fault.body.encode("utf-8", "surrogateescape"), content_type="application/json")
        headers: dict[str, str] = {}
        if fault.status == 429:
            reset = self._clock() // 1_000_000 + fault.retry_after
            headers = rate_headers(3000, 0, reset) | {"Retry-After": str(fault.retry_after)}
        name = fault.error or _NAMES.get(fault.status, "InternalServerError")
        return _failed(XrpcError(fault.status, name, fault.message or name, headers))

    def _answer(self, request: web.Request, name: str, body: object, raw: bytes) -> web.Response:
        try:
            headers = self._limits.take(f"ip {request.remote}", self._settings.requests_per_five_minutes)
            call = self._call(request, name, body, raw)
            if name == "com.atproto.server.createSession":
                key = f"login {call.body.get('identifier')}"
                headers |= self._limits.take(key, self._settings.logins_per_five_minutes)
            answer = self._methods[name].answer(call)
        except XrpcError as error:
            return _failed(error)
        except Exception:
            _LOGGER.exception("a method of the pretend network failed: %s", name)
            return _failed(XrpcError(500, "InternalServerError", "Internal Server Error"))
        return web.Response(
            body=b"" if answer is None else encode(answer), content_type="application/json", headers=headers
        )

    def _call(self, request: web.Request, name: str, body: object, raw: bytes) -> Call:
        method = self._methods.get(name)
        if method is None:
            raise XrpcError(501, "MethodNotImplemented", "Method Not Implemented")
        if request.method != method.verb:
            raise bad_request(f"Incorrect HTTP method ({request.method}) expected {method.verb}")
        if not isinstance(body, dict):
            raise bad_request("Request body must be a JSON object")
        if method.verb == "POST" and body and request.content_type != "application/json":
            raise bad_request(f"Wrong request encoding (Content-Type): {request.content_type}")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        bearer = token if scheme == "Bearer" and token else None
        return Call(request.query, body, bearer, f"http://{request.host}", raw, request.content_type)


def _failed(error: XrpcError) -> web.Response:
    body = encode({"error": error.error, "message": error.message})
    return web.Response(status=error.status, body=body, content_type="application/json", headers=error.headers)


def _key(body: object) -> str:
    if not isinstance(body, dict):
        return ""
    parts = (body.get("repo"), body.get("collection"), body.get("rkey"))
    return "/".join(str(part) for part in parts) if isinstance(body.get("rkey"), str) else ""
