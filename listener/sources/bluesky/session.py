"""A login on a PDS: opened once, kept in a file, refreshed by one at a time, and its end told by the network's error name.

Owns tokens and the calls that need them. Nothing of them is ever logged or shown in a repr. It refuses to log in often: the network
allows 30 logins in five minutes and 300 a day, for everything that this account does.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from listener.errors import FixMe, Refused, SourceStopped, TryAgain, Uncertain
from listener.webclient.addresses import check_url, is_loopback
from listener.webclient.client import Answer, Params, WebClient
from listener.webclient.patience import ONCE, Budget, Retry

READ = Retry(attempts=2)

# Error names after which only a person can help, and what they can do.
STOPS: Mapping[str, str] = {
    "AccountTakedown": "the network has taken the account down; write to its moderators",
    "AccountDeactivated": "the account is deactivated; activate it in the network's app",
    "AccountSuspended": "the account is suspended; write to the network's moderators",
    "AccountNotFound": "the account is gone; check its handle in the settings",
    "AuthenticationRequired": "make a new app password in the network's app and put it where the settings say",
    "AuthFactorTokenRequired": "use an app password, not the account's own one",
    "AuthMissing": "log in again: make a new app password and put it where the settings say",
}
EXPIRED = frozenset({"ExpiredToken", "InvalidToken"})

LOGINS_IN_FIVE_MINUTES = 10
LOGINS_A_DAY = 100


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are on the network. `identifier` is a handle or a DID; without a password the saved session must last."""

    identifier: str
    password: str | None = field(default=None, repr=False)
    service: str = "https://bsky.social"


@dataclass(slots=True)
class _Tokens:
    """What is kept in the file."""

    did: str = ""
    handle: str = ""
    endpoint: str = ""
    access: str = field(default="", repr=False)
    refresh: str = field(default="", repr=False)
    logins: list[float] = field(default_factory=list)
    """Unix seconds of our logins of the last day."""


def xrpc_error(answer: Answer) -> tuple[str, str]:
    """(error name, message) of an answer that is not 200: the network's own words, bounded; never raises."""
    try:
        body = json.loads(answer.body[:4096])
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return f"HTTP{answer.status}", ""
    name, message = body.get("error"), body.get("message")
    plain = isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9]{1,64}", name)
    return name if plain and isinstance(name, str) else f"HTTP{answer.status}", (
        message[:300] if isinstance(message, str) else ""
    )


def body_of(raw: bytes) -> dict[str, Any]:
    """An answer as the JSON object that it must be. TryAgain when it is none."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise TryAgain("an answer that is not JSON", code="not_decoded")
    return body


def endpoint_of(document: object, service: str) -> str:
    """An account's own server by its DID document; '' when it names none that one who logs in at `service` would talk to."""
    services = document.get("service") if isinstance(document, dict) else None
    for one in services if isinstance(services, list) else ():
        if isinstance(one, dict) and str(one.get("id")).endswith("#atproto_pds"):
            url = str(one.get("serviceEndpoint")).rstrip("/")
            try:
                check_url(url)
            except FixMe:
                return ""
            # A document must not send our tokens from the outside world to a program on this machine.
            inside, home = is_loopback(urlsplit(url).hostname or ""), urlsplit(service).hostname or ""
            return url if not inside or is_loopback(home) else ""
    return ""


class Session:
    """One account's session. Safe for many tasks, and for two processes that share the folder."""

    def __init__(
        self,
        web: WebClient,
        login: Login,
        folder: Path,
        *,
        clock: Callable[[], float] = time.time,
        points: float = 5000,
    ) -> None:
        self.login = login
        self._web = web
        self._folder = folder
        self._clock = clock
        digest = hashlib.sha256(f"{login.service}\n{login.identifier.lower()}".encode()).hexdigest()[:12]
        self._name = f"{re.sub(r'[^a-z0-9.-]', '_', login.identifier.lower())[:80]}-{digest}"
        self._turn = asyncio.Lock()
        self._tokens: _Tokens | None = None
        self.requests = Budget(3000, 300)
        """Calls, by address of ours."""
        self.points = Budget(points, 3600)
        """Writes of the account: a put costs two, a delete one."""

    @property
    def did(self) -> str:
        """The account's DID; '' before the first call."""
        return self._tokens.did if self._tokens else ""

    @property
    def handle(self) -> str:
        """The account's handle as the network said at the last login; '' before the first call."""
        return self._tokens.handle if self._tokens else ""

    async def start(self) -> str:
        """Make sure that there is a session; its DID. SourceStopped when only a person can help, TryAgain for a passing fault."""
        return (await self._current()).did

    async def get(self, method: str, params: Params = (), *, timeout: float = 10.0) -> bytes:
        """The body of an XRPC query. Refused (code: error name) when the network says no."""

        async def call(tokens: _Tokens) -> Answer:
            url = f"{tokens.endpoint}/xrpc/{method}"
            heads = {"Authorization": f"Bearer {tokens.access}"}
            return await self._web.get(
                url, params=params, headers=heads, timeout=timeout, retry=READ, budget=self.requests
            )

        return await self._with_tokens(method, call)

    async def write(self, method: str, body: Mapping[str, Any], points: float, *, timeout: float = 20.0) -> bytes:
        """The body of an XRPC procedure's answer. Uncertain when its fate is not known, Refused when the network says no."""
        wire = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        await self.points.spend(points, patience=5.0)

        async def call(tokens: _Tokens) -> Answer:
            url = f"{tokens.endpoint}/xrpc/{method}"
            heads = {"Authorization": f"Bearer {tokens.access}"}
            return await self._web.post(url, wire, write=True, headers=heads, timeout=timeout, budget=self.requests)

        return await self._with_tokens(method, call)

    async def upload(self, content: bytes, media_type: str, *, timeout: float = 60.0) -> bytes:
        """The body of uploadBlob's answer. Nothing is shown to anybody by it and the same bytes get the same name: a repeat is harmless, so
        an answer that is none is TryAgain. Refused when the network says no.
        """
        method = "com.atproto.repo.uploadBlob"

        async def call(tokens: _Tokens) -> Answer:
            url = f"{tokens.endpoint}/xrpc/{method}"
            heads = {"Authorization": f"Bearer {tokens.access}", "Content-Type": media_type}
            return await self._web.post(
                url, content, write=False, headers=heads, timeout=timeout, retry=READ, budget=self.requests
            )

        try:
            return await self._with_tokens(method, call)
        except Uncertain as fault:
            raise TryAgain(fault.what, where=fault.where, code=fault.code) from None

    async def _with_tokens(self, method: str, call: Callable[[_Tokens], Any]) -> bytes:
        tokens = await self._current()
        for again in (True, False):
            answer: Answer = await call(tokens)
            if answer.status == 200:
                return answer.body
            name, message = xrpc_error(answer)
            if name in EXPIRED and again:
                tokens = await self._renewed(tokens)
                continue
            break
        # With 400 the name may speak of another account: the AppView says AccountTakedown of an author whose profile we asked for.
        ours = answer.status in {401, 403} or name == "AccountNotFound"
        if name in EXPIRED or (ours and name in STOPS):
            raise self._stopped(name, message)
        where = f"{urlsplit(tokens.endpoint).netloc}/{method}"
        if not 400 <= answer.status < 500:
            raise Uncertain(f"an answer that is none ({answer.status})", where=where, code=name)
        raise Refused(message or name, where=where, code=name)

    def _stopped(self, name: str, message: str) -> SourceStopped:
        hint = STOPS.get(name, STOPS["AuthMissing"])
        return SourceStopped(f"{name}: {message or 'no message'}", where=self.login.identifier, hint=hint, code=name)

    # The session's life ----------------------------------------------------------------------------------------------

    async def _current(self) -> _Tokens:
        if self._tokens is not None:
            return self._tokens
        async with self._turn:
            if self._tokens is None:
                async with self._locked():
                    saved = self._load()
                    self._tokens = saved if saved.access else await self._log_in(saved)
            return self._tokens

    async def _renewed(self, old: _Tokens) -> _Tokens:
        """Other tokens than the expired ones: somebody else's newer ones, refreshed ones, or those of a new login."""
        async with self._turn:
            if self._tokens is not None and self._tokens.access != old.access:
                return self._tokens
            async with self._locked():
                saved = self._load()
                if saved.access and saved.access != old.access:
                    self._tokens = saved
                else:
                    self._tokens = await self._refresh(saved if saved.refresh else old)
            return self._tokens

    async def _refresh(self, old: _Tokens) -> _Tokens:
        url = f"{old.endpoint}/xrpc/com.atproto.server.refreshSession"
        heads = {"Authorization": f"Bearer {old.refresh}"}
        # The spent token gives the same successor for a while, so that a repeat after a lost answer is safe.
        answer = await self._web.post(url, b"", write=False, headers=heads, retry=READ, budget=self.requests)
        if answer.status == 200:
            return self._taken(answer, old)
        name, message = xrpc_error(answer)
        if name in EXPIRED or name in {"AuthMissing", "AuthenticationRequired"}:
            if self.login.password is None:
                raise self._stopped(name, message)
            return await self._log_in(old)
        if name in STOPS:
            raise self._stopped(name, message)
        raise TryAgain(f"refreshSession answered {name}: {message}", where=self.login.identifier, after=60.0, code=name)

    async def _log_in(self, old: _Tokens) -> _Tokens:
        if self.login.password is None:
            raise SourceStopped(
                "no saved session and no password",
                where=self.login.identifier,
                hint="put an app password where the settings say",
                code="NoPassword",
            )
        self._note_login(old)
        body = json.dumps({"identifier": self.login.identifier, "password": self.login.password}).encode()
        url = f"{self.login.service.rstrip('/')}/xrpc/com.atproto.server.createSession"
        answer = await self._web.post(url, body, write=False, retry=ONCE, budget=self.requests)
        if answer.status == 200:
            return self._taken(answer, old)
        name, message = xrpc_error(answer)
        if name in STOPS or name in EXPIRED:
            raise self._stopped(name, message)
        raise SourceStopped(
            f"{name}: {message}", where=self.login.identifier, hint="check handle and service", code=name
        )

    def _note_login(self, old: _Tokens) -> None:
        now = self._clock()
        old.logins = sorted(at for at in old.logins if now - 86_400 < at <= now)
        lately = [at for at in old.logins if at > now - 300]
        if len(lately) >= LOGINS_IN_FIVE_MINUTES:
            raise TryAgain("too many logins lately", after=lately[0] + 300 - now, where=self.login.identifier)
        if len(old.logins) >= LOGINS_A_DAY:
            raise TryAgain("too many logins today", after=old.logins[0] + 86_400 - now, where=self.login.identifier)
        old.logins.append(now)
        self._save(old)

    def _taken(self, answer: Answer, old: _Tokens) -> _Tokens:
        """The new pair, saved before anybody uses it: a refresh token that is lost is a login that is lost."""
        try:
            body = json.loads(answer.body)
            did, access, refresh = body["did"], body["accessJwt"], body["refreshJwt"]
            handle = body.get("handle")
        except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
            raise TryAgain("the login's answer is not one", where=self.login.identifier, after=60.0) from None
        if not all(isinstance(text, str) and text for text in (did, access, refresh)):
            raise TryAgain("the login's answer lacks something", where=self.login.identifier, after=60.0)
        if body.get("active") is False:
            status = body.get("status")
            name = {"takendown": "AccountTakedown", "suspended": "AccountSuspended"}.get(
                str(status), "AccountDeactivated"
            )
            raise self._stopped(name, "the account is not active")
        endpoint = endpoint_of(body.get("didDoc"), self.login.service) or old.endpoint or self.login.service.rstrip("/")
        fresh = _Tokens(did, handle if isinstance(handle, str) else "", endpoint, access, refresh, old.logins)
        self._save(fresh)
        return fresh

    # The file --------------------------------------------------------------------------------------------------------

    @property
    def _file(self) -> Path:
        return self._folder / f"{self._name}.json"

    def _load(self) -> _Tokens:
        try:
            raw = json.loads(self._file.read_bytes())
            tokens = _Tokens(**raw)
            texts = (tokens.did, tokens.handle, tokens.endpoint, tokens.access, tokens.refresh)
            fits = all(isinstance(text, str) for text in texts) and isinstance(tokens.logins, list)
            fits = fits and all(isinstance(at, int | float) for at in tokens.logins)
        except FileNotFoundError:
            return _Tokens()
        except OSError as err:
            raise FixMe(f"the saved session cannot be read: {err.strerror}", where=str(self._file)) from None
        except (ValueError, TypeError, RecursionError):
            return _Tokens()  # half a file from a crash, or another version's: log in anew
        return tokens if fits else _Tokens()

    def _save(self, tokens: _Tokens) -> None:
        """Whole or not at all, readable by us alone from its first byte."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number, name = tempfile.mkstemp(dir=self._folder, prefix=f".{self._name}.")  # 0600 by promise
            try:
                with os.fdopen(number, "w", encoding="utf-8") as file:
                    json.dump(asdict(tokens), file)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self._file)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as err:
            raise FixMe(
                f"the session cannot be saved: {err.strerror}", where=str(self._folder), hint="check the permissions"
            ) from None

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        """One process at a time; waits for the other one up to half a minute."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = os.open(self._folder / f"{self._name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as err:
            raise FixMe(f"the session's folder cannot be used: {err.strerror}", where=str(self._folder)) from None
        try:
            for _ in range(600):
                try:
                    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(0.05)
            else:
                raise TryAgain("another process holds the login", where=self.login.identifier)
            yield
        finally:
            os.close(number)
