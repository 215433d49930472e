"""Fetches the calendars that say who is on duty, and keeps the last good reading of each. Owns when to look, and which answer counts.

Whatever goes wrong, what was read last stays: no answer, a page to log in, an empty calendar, one that cannot be read, and one in which suddenly
nobody has a turn to come. Each is told once. The address is a secret: it is in no message, no row and no log.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urldefrag, urljoin, urlsplit

from listener.errors import HubbubError, TryAgain
from listener.harmless import harmless
from listener.rulebook.ical import BadCalendar
from listener.rulebook.published import Published, shrunk, span
from listener.rulebook.shape import Rulebook
from listener.service.database import House
from listener.service.stopping import Stop, Stopped
from listener.service.unroller import unrolled
from listener.settings import CalendarSettings
from listener.store import calendars
from listener.store.calendars import CalendarState
from listener.webclient.addresses import Trust
from listener.webclient.client import Answer, WebClient

T = TypeVar("T")
log = logging.getLogger("hubbub.calendars")

EVERY = 900.0
"""Seconds between two looks at a calendar, with a tenth more or less, so that many do not ask at once."""
LONGEST_WAIT = 6 * 3600.0
"""That a server may ask for."""
LONGEST_SLEEP = 60.0
MOST_BYTES = 8 << 20
TIMEOUT = 30.0
MOST_REDIRECTS = 3
AFRESH = timedelta(hours=24)
"""After so long it is read anew, changed or not: repeated events are known for a year only, and time goes on."""
LOGIN = "it answered a web page, as where one has to log in"
NO_CALENDAR = "what it answered is no calendar"
SHRUNK = "nobody whom the rules know has a turn to come in it any more; taken for a mistake"


@dataclass(frozen=True, slots=True)
class Had:
    """An answer that was good, to ask again with. Never in the database: these belong to the address."""

    url: str = field(repr=False)
    etag: str
    modified: str
    body: str
    """Its hash."""
    digest: str
    """Of what was kept of it."""
    at: datetime


@dataclass(slots=True)
class Calendars:
    """The loop of the service. Several programs may run it: a calendar is fetched by one of them at a time."""

    settings: Sequence[CalendarSettings]
    web: WebClient
    book: Callable[[], Rulebook]
    """The rulebook of now: whom it knows."""
    house: House
    stop: Stop
    clock: Callable[[], datetime]
    every: float = EVERY
    timeout: float = TIMEOUT
    _had: dict[str, Had] = field(default_factory=dict)

    async def work(self) -> None:
        """Until the service ends."""
        if not self.settings:
            return
        names = [one.name for one in self.settings]
        with contextlib.suppress(Stopped):
            await self._keep(lambda: calendars.know(self.house.pool, names, self.clock()))
            while True:
                if await self.once() is None:
                    await self.stop.pause(await self._sleep(names))

    async def once(self) -> str | None:
        """Fetches one whose time it is, and returns its name; None: there is none."""
        by_name = {one.name: one for one in self.settings}
        state = await self._keep(lambda: calendars.take(self.house.pool, list(by_name), self.clock()))
        if state is None:
            return None
        try:
            new, wait = await self.stop.unless(self._fetched(by_name[state.name], state))
            await self._good(state, new, wait)
        except BadCalendar as bad:
            await self._bad(state, str(bad), self._wait())
        except HubbubError as err:
            # Never `where`: it may hold a part of the address.
            told = f"{err.what} ({err.hint})" if err.hint else err.what
            await self._bad(state, told, self._wait(err.after if isinstance(err, TryAgain) else None))
        return state.name

    # What is fetched

    async def _fetched(self, one: CalendarSettings, state: CalendarState) -> tuple[Published | None, float]:
        """A new reading, or None when it is as it was; and how long to wait. Raises BadCalendar and our errors."""
        url = address_of(one.url.read().reveal())
        had = self._had.get(one.name)
        if had is not None and (had.url != url or had.digest != state.digest or self.clock() - had.at > AFRESH):
            had = None  # of another address, of what somebody else has replaced since, or too long ago
        answer, asked_there = await fetch(self.web, url, had, self.timeout)
        wait = self._wait()
        if answer.status == 304 and had is not None:
            return None, wait
        text = text_of(answer)
        body = hashlib.sha256(answer.body).hexdigest()
        if had is not None and had.body == body:
            return None, wait
        begin, end = span(self.clock())
        new = Published(await unrolled(text, begin, end), begin, end)
        if shrunk(new, state.published, self.book().people, self.clock()):
            raise BadCalendar(SHRUNK)
        digest, heads = calendars.digest_of(new), answer.headers if asked_there else {}
        kept = Had(url, _short(heads, "etag"), _short(heads, "last-modified"), body, digest, self.clock())
        self._had[one.name] = kept
        return new, wait

    # What becomes of it

    async def _good(self, state: CalendarState, new: Published | None, wait: float) -> None:
        pool, now, then = self.house.pool, self.clock(), self.clock() + timedelta(seconds=wait)
        if new is None:
            await self._keep(lambda: calendars.stands(pool, state.name, now, then))
        else:
            kept = new
            await self._keep(lambda: calendars.keep(pool, state.name, kept, now, then))
        if state.good_at is None or state.problem:
            log.info("calendar %s: it is read", state.name)

    async def _bad(self, state: CalendarState, why: str, wait: float) -> None:
        why = harmless(why)[:500]
        then = self.clock() + timedelta(seconds=wait)
        await self._keep(lambda: calendars.failed(self.house.pool, state.name, why, self.clock(), then))
        if why == state.problem:
            return  # said before, also when another program or an earlier run said so
        if state.good_at is None:
            log.warning("calendar %s: %s; it was never read: the layers of its rotas decide", state.name, why)
        else:
            log.warning("calendar %s: %s; as it was at %s it goes on being used", state.name, why, _said(state.good_at))

    # When to look

    def _wait(self, asked: float | None = None) -> float:
        return max(self.every * random.uniform(0.9, 1.1), min(asked or 0.0, LONGEST_WAIT))

    async def _sleep(self, names: Sequence[str]) -> float:
        due = await self._keep(lambda: calendars.next_at(self.house.pool, names))
        wait = LONGEST_SLEEP if due is None else (due - self.clock()).total_seconds()
        return max(0.05, min(wait, LONGEST_SLEEP))

    async def _keep(self, act: Callable[[], Awaitable[T]]) -> T:
        return await self.house.persistently(act, self.stop, "the calendars")


def address_of(written: str) -> str:
    """The address to call: what calendar programs call webcal is https."""
    scheme, there, rest = written.partition("://")
    return f"https://{rest}" if there and scheme.lower() in {"webcal", "webcals"} else written


async def fetch(web: WebClient, url: str, had: Had | None, timeout: float) -> tuple[Answer, bool]:
    """The answer at the end of the redirects, and whether it came from the address itself. Raises our errors, without the address.

    The address is an operator's: it may be inside of our own network. Where it sends us is not, and never from https to http.
    """
    at, trust = url, Trust.NAMED
    for _ in range(MOST_REDIRECTS + 1):
        head = {"Accept": "text/calendar, */*;q=0.1", "Accept-Encoding": "gzip, deflate"}
        if had is not None and at == url:
            head |= {"If-None-Match": had.etag} if had.etag else {}
            head |= {"If-Modified-Since": had.modified} if had.modified else {}
        answer = await web.send(
            "GET", at, write=False, headers=head, timeout=timeout, max_body=MOST_BYTES, where="its address", trust=trust
        )
        if answer.status not in {301, 302, 303, 307, 308} or "location" not in answer.headers:
            return answer, at == url
        before, at = at, _next(at, answer.headers["location"])
        trust = trust if _origin(before) == _origin(at) else Trust.STRANGER
    raise BadCalendar(f"it sends us on more than {MOST_REDIRECTS} times")


def _next(at: str, location: str) -> str:
    try:
        following = urldefrag(urljoin(at, location.strip())).url
        scheme = urlsplit(following).scheme
    except ValueError:
        following = scheme = ""
    if scheme not in {"http", "https"} or len(following) > 4096:
        raise BadCalendar("it sends us on to what is no address")
    if scheme == "http" and at.startswith("https:"):
        raise BadCalendar("it sends us on from https to http")
    return following


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def text_of(answer: Answer) -> str:
    """The calendar in an answer. Raises BadCalendar."""
    if answer.status in {401, 403}:
        raise BadCalendar(f"it answered {answer.status}: it lets nobody in any more, or never did; publish it anew")
    if answer.status in {404, 410}:
        raise BadCalendar(f"it answered {answer.status}: there is no calendar any more; publish it anew")
    if answer.status != 200:
        raise BadCalendar(f"it answered {answer.status}")
    start = answer.body[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:15].upper() != b"BEGIN:VCALENDAR":
        is_page = start.startswith(b"<") or answer.headers.get("content-type", "").lower().startswith("text/html")
        raise BadCalendar(LOGIN if is_page else NO_CALENDAR)
    try:
        return answer.body.decode("utf-8-sig").lstrip()
    except UnicodeDecodeError:
        raise BadCalendar("it is not UTF-8 text") from None


def _short(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "")
    return value if len(value) <= 1024 and value.isprintable() else ""


def _said(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
