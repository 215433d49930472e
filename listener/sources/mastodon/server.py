"""One account's server: calls with its token, what it allows, and its faults as ours. Owns the token and the rate budgets.

Nothing of the token is ever logged or shown. Faults are told by status and by the body's `error`, never by the words in it alone.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from listener.errors import FixMe, Refused, SourceStopped, TryAgain, Uncertain
from listener.lengths import Terms
from listener.sources.base import Login
from listener.sources.mastodon.convert import Us, decoded, external_id_of, handle_of, host_of, id_of, text_of
from listener.webclient.addresses import check_url, is_loopback
from listener.webclient.client import Answer, Params, WebClient
from listener.webclient.patience import ONCE, Budget, Retry

READ = Retry(attempts=3)
GONE = frozenset({"http_404", "http_410"})
NEW_TOKEN = "make a new token (hubbub connect mastodon) and put it where the settings say"  # noqa: S105 - words
NOT_ALLOWED = (
    "the token may lack a scope, or the server forbids it: hubbub connect mastodon says which scopes are missing"
)


@dataclass(frozen=True, slots=True)
class Page:
    """An answer, decoded."""

    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Customs:
    """What one server takes, as it says itself."""

    domain: str
    terms: Terms
    streaming: str = ""
    """Where its streams are; '' : it does not say."""
    pictures: int = 4


class Server:
    """Calls to the server of one account of ours. Safe for many tasks."""

    def __init__(self, web: WebClient, login: Login) -> None:
        self.login = login
        self.base = base_of(login)
        self.host = host_of(self.base)
        self.web = web
        self.calls = Budget(300, 300)
        self.pictures = Budget(30, 1800)
        """The server counts uploads apart,"""
        self.deletes = Budget(30, 1800)
        """and so with deletes; its rate headers speak of the tightest, so each has a budget of its own."""
        self.handle = ""
        self.customs = Customs(self.host, Terms())
        self._us: Us | None = None
        self._turn = asyncio.Lock()

    @property
    def heads(self) -> dict[str, str]:
        """What a call as this account needs."""
        return {"Authorization": f"Bearer {self.login.secret}"}

    async def start(self) -> Us:
        """Who we are on this server. SourceStopped when only a person can help, TryAgain for a passing fault."""
        if self._us is None:
            async with self._turn:
                if self._us is None:
                    self._us = await self._introduced()
        return self._us

    async def _introduced(self) -> Us:
        if not self.base:
            hint = "write the handle as name@host, or set its service"
            raise SourceStopped("which server is it on?", where=self.login.handle, hint=hint, code="NoServer")
        if not self.login.secret:
            raise SourceStopped("no token", where=self.login.handle, hint=NEW_TOKEN, code="NoToken")
        try:
            body = (await self.get("/api/v1/accounts/verify_credentials")).body
        except Refused as no:
            raise SourceStopped(no.what, where=self.login.handle, hint=NEW_TOKEN, code=no.code) from None
        if not isinstance(body, dict) or not id_of(body) or not external_id_of(body):
            raise TryAgain("the server does not say who we are", where=self.host, after=60.0, code="wrong_shape")
        await self.ask_customs()
        self.handle = handle_of(body, self.customs.domain)
        return Us(self.base, self.customs.domain, id_of(body), external_id_of(body))

    async def ask_customs(self) -> Customs:
        """What the server takes and where its streams are, asked anew; what it does not say stays as it was."""
        for path in ("/api/v2/instance", "/api/v1/instance"):
            try:
                body = (await self.get(path)).body
            except Refused:
                continue
            if isinstance(body, dict):
                self.customs = read_customs(body, self.host)
                break
        return self.customs

    # Calls -----------------------------------------------------------------------------------------------------------

    async def get(self, path: str, params: Params = (), *, timeout: float = 15.0) -> Page:
        """An answer as JSON. Refused (code 'http_404' and so on) when the server says no; TryAgain for a passing fault."""
        answer = await self.web.get(
            self.base + path, params=params, headers=self.heads, timeout=timeout, retry=READ, budget=self.calls
        )
        if answer.status not in {200, 202, 206}:
            await self._no(answer, path, write=False)
        body = decoded(answer.body)
        if body is None and answer.body.strip() != b"null":
            raise TryAgain("an answer that is not JSON", where=f"{self.host}{path}", code="not_decoded")
        return Page(body, {**answer.headers, ":status": str(answer.status)})

    async def write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: str = "",
        budget: Budget | None = None,
    ) -> Any:
        """A write's answer. Uncertain when its fate is not known, Refused when the server says no."""
        wire = b"" if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        heads = {**self.heads, **({"Idempotency-Key": key} if key else {})}
        spend = self.calls if budget is None else budget
        answer = await self.web.send(
            method, self.base + path, wire, write=True, headers=heads, budget=spend, retry=ONCE
        )
        if answer.status not in {200, 202}:
            await self._no(answer, path, write=True)
        return decoded(answer.body)

    async def upload(self, content: bytes, media_type: str, alt: str) -> dict[str, Any]:
        """A picture, shown to nobody until a status names it: an answer that is none is TryAgain. It may still be worked on."""
        edge = uuid.uuid4().hex
        name = {"image/png": "picture.png", "image/webp": "picture.webp"}.get(media_type, "picture.jpg")
        head = f'--{edge}\r\nContent-Disposition: form-data; name="description"\r\n\r\n'
        mid = f'\r\n--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: {media_type}\r\n\r\n'
        wire = b"".join(
            [head.encode(), alt.encode("utf-8", "replace"), mid.encode(), content, f"\r\n--{edge}--\r\n".encode()]
        )
        heads = {**self.heads, "Content-Type": f"multipart/form-data; boundary={edge}"}
        try:
            answer = await self.web.post(
                f"{self.base}/api/v2/media", wire, write=False, headers=heads, timeout=60.0, budget=self.pictures
            )
        except Uncertain as fault:
            raise TryAgain(fault.what, where=fault.where, code=fault.code) from None
        if answer.status not in {200, 202}:
            await self._no(answer, "/api/v2/media", write=False)
        body = decoded(answer.body)
        if not isinstance(body, dict) or not id_of(body):
            raise TryAgain(
                "the server took a picture but its answer is not understood", where=self.host, code="wrong_shape"
            )
        return {**body, ":ready": answer.status == 200}

    async def _no(self, answer: Answer, path: str, *, write: bool) -> None:
        """Raises what an answer that is none of ours means."""
        code, words = f"http_{answer.status}", said_no(answer)
        where = f"{self.host}{path}"
        if answer.status == 401:
            raise SourceStopped(words or "the token is not taken", where=self.login.handle, hint=NEW_TOKEN, code=code)
        if answer.status == 400 and not words:
            # Relatives say 400 in plain text to a bad token: whether it is that, the account's own page says.
            if path.endswith("/verify_credentials"):
                raise SourceStopped("the token is not taken", where=self.login.handle, hint=NEW_TOKEN, code=code)
            await self._still_us()
        if not 400 <= answer.status < 500:
            if write:
                raise Uncertain(f"an answer that is none ({answer.status})", where=where, code=code)
            raise TryAgain(f"an answer that is none ({answer.status})", where=where, code=code)
        hint = NOT_ALLOWED if answer.status == 403 else ""
        raise Refused(words or f"the server answered {answer.status}", where=where, hint=hint, code=code)

    async def _still_us(self) -> None:
        """SourceStopped when the token is not taken any more."""
        url = f"{self.base}/api/v1/accounts/verify_credentials"
        answer = await self.web.get(url, headers=self.heads, budget=self.calls)
        if answer.status in {400, 401}:
            raise SourceStopped(
                "the token is not taken", where=self.login.handle, hint=NEW_TOKEN, code=f"http_{answer.status}"
            )

    # Streams ---------------------------------------------------------------------------------------------------------

    def socket_address(self) -> str:
        """Where its web socket is, as it says itself; '' where we would not go there."""
        told = self.customs.streaming or self.base
        secure = {"https": "wss", "wss": "wss", "http": "ws", "ws": "ws"}.get(told.partition("://")[0], "")
        url = f"{secure}://{told.partition('://')[2].rstrip('/')}"
        try:
            check_url(url, frozenset({"ws", "wss"}))
        except FixMe:
            return ""
        # What a server says must not send our token from the outside world to a program on this machine.
        inside, home = (is_loopback(urlsplit(one).hostname or "") for one in (url, self.base))
        return url if home or not inside else ""


def base_of(login: Login) -> str:
    """https://host of an account's server: as the settings say, else as its handle does; '' where neither does."""
    if login.service:
        return login.service.rstrip("/")
    host = login.handle.lstrip("@").partition("@")[2]
    return f"https://{host}" if host else ""


def read_customs(body: Mapping[str, Any], host: str) -> Customs:
    """What an instance says of itself, in either version; what it does not say is what most do. Never raises."""
    settings = _box(body, "configuration")
    statuses, urls = _box(settings, "statuses"), _box(settings, "urls")
    usual = Terms()
    most = _number(statuses.get("max_characters")) or _number(body.get("max_toot_chars")) or usual.characters
    per_link = _number(statuses.get("characters_reserved_per_url"))
    domain = text_of(body, "domain") or text_of(body, "uri").removeprefix("https://").rstrip("/") or host
    streaming = text_of(urls, "streaming") or text_of(_box(body, "urls"), "streaming_api")
    terms = Terms(most, usual.per_link if per_link is None else per_link)
    return Customs(domain[:253], terms, streaming, _number(statuses.get("max_media_attachments")) or 4)


def _box(box: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = box.get(name)
    return found if isinstance(found, dict) else {}


def _number(value: object) -> int | None:
    return value if type(value) is int and 0 < value <= 10_000_000 else None


def said_no(answer: Answer) -> str:
    """The server's own words for a refusal, bounded; '' where its body is not its usual one. Never raises."""
    body = decoded(answer.body[:4096])
    words = [text_of(body, "error"), text_of(body, "error_description")]
    return ": ".join(word for word in words if word)[:300]


def query(address: str, params: Params) -> str:
    """An address with its parameters."""
    return f"{address}?{urlencode(list(params))}"
