"""Telling people: the lane of pages, to each receiver by a courier of its own, so that a dead one holds up nobody else.

claim -> gather and write the text -> freeze -> send -> write down what became of it. A page that may have arrived is sent again only where the
same under one key is one; else it stays unknown, which counts as not told, so that the escalation goes on. What surely did not arrive is tried
again for a while, then failed, which makes its incident due at once. A page is worth more than its evidence: it never waits long for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from listener.errors import FixMe, HubbubError, Refused, TryAgain, Uncertain
from listener.incidents.message import Evidence, Facts, Message, Undelivered, message
from listener.incidents.shape import Incident, IncidentState, PageKind
from listener.receivers.base import Receiver, Wiring
from listener.receivers.registry import RECEIVERS
from listener.service.database import House
from listener.service.hooks import links
from listener.service.logs import told
from listener.service.stopping import Stop, Stopped
from listener.settings import ReceiverSettings, Settings
from listener.store import alert_lane, lane, page_links
from listener.store.alert_lane import PAGES, Parcel
from listener.store.connect import acquired
from listener.store.evidence import evidence as gather
from listener.store.lane import Settled
from listener.webclient.client import WebClient

log = logging.getLogger("hubbub.notify")
T = TypeVar("T")

AT_ONCE = 2
"""Pages that are on their way to one receiver."""
LEASE_SECONDS = 30.0
TELL_SECONDS = 15.0
"""How long a receiver may take; below the lease."""
EVIDENCE_SECONDS = 3.0
PATIENCE = timedelta(minutes=2)
"""For how long a page is tried that wakes somebody: then others are told instead."""
LONG_PATIENCE = timedelta(hours=1)
"""The same, of pages that wake nobody."""
UNCLAIMED = timedelta(seconds=20)
"""After which a page to a receiver that these settings do not name is nobody's: another listener may have other ones."""
FIRST_RETRY, LONGEST_RETRY = 0.5, 30.0
LONGEST_SLEEP = 15.0
GRACE_SECONDS = 10.0

Build = Callable[[ReceiverSettings], Receiver]


def building(web: WebClient, clock: Callable[[], datetime], version: str) -> Build:
    """Makes receivers of settings. The receiver's own Refused, or FixMe where a secret is missing."""

    def build(one: ReceiverSettings) -> Receiver:
        return RECEIVERS[one.kind](Wiring(one.name, one.options(), web, clock, version))

    return build


async def ask(receiver: Receiver, made: Message, key: str) -> str:
    """Tells a receiver that is ready, with a time limit. Errors as `Receiver.tell`; too slow is Uncertain."""
    try:
        async with asyncio.timeout(TELL_SECONDS):
            return await receiver.tell(made, key)
    except TimeoutError:
        raise Uncertain(f"no answer in {TELL_SECONDS:g} seconds", code="no_answer") from None


@dataclass(slots=True)
class Courier:
    """Who takes pages to one receiver."""

    settings: ReceiverSettings
    build: Build
    house: House
    bell: asyncio.Event
    stop: Stop
    clock: Callable[[], datetime]
    address: str = ""
    """Where links to acknowledge begin; '': there are none."""
    lease_seconds: float = LEASE_SECONDS
    turned: Callable[[str], None] = lambda _: None
    """Hears of every turn of the loop: it lives."""
    _receiver: Receiver | None = None
    _busy: dict[int, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The receiver's, in the settings."""
        return self.settings.name

    async def deliver(self) -> None:
        """Until the service ends; what is being sent then is given some seconds to end well."""
        try:
            with contextlib.suppress(Stopped):
                await self._prepare()
                while True:
                    self.turned(f"pages to {self.name}")
                    await self._keep(lambda: PAGES.expired(self.house.pool, self.clock()))
                    await self._again()
                    await self._send_due()
                    await self.stop.wakened(self.bell, await self._sleep())
        finally:
            await self._finish()

    async def _prepare(self) -> None:
        """What takes long the first time is done before a page waits for it; what is wrong with the settings is said now, not at night."""
        try:
            await self.stop.unless(self._built().ready())
        except HubbubError as err:
            log.error("the receiver %s cannot be used: %s", self.name, err)

    async def _finish(self) -> None:
        tasks = list(self._busy.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _sleep(self) -> float:
        longest = min(LONGEST_SLEEP, self.lease_seconds / 2)
        if len(self._busy) >= AT_ONCE:
            return longest  # a task that ends rings
        due = await self._keep(lambda: PAGES.next_due_at(self.house.pool, self.name))
        wait = longest if due is None else (due - self.clock()).total_seconds()
        return max(0.01, min(wait if wait > 0 else 0.25, longest))

    # Sending

    async def _again(self) -> None:
        """What may have left when its sender died: the same once more, where that is one."""
        for outbox_id in await self._keep(lambda: alert_lane.unsure(self.house.pool, self.name)):
            if outbox_id in self._busy or len(self._busy) >= AT_ONCE:
                continue
            if await self._withdrawn(outbox_id):
                continue
            attempt = uuid.uuid4()
            if (parcel := await self._taken_again(outbox_id, attempt)) is not None:
                self._start(parcel, attempt)

    async def _withdrawn(self, outbox_id: int) -> bool:
        return await self._keep(lambda: alert_lane.withdraw_overtaken(self.house.pool, outbox_id, self.clock()))

    async def _taken_again(self, outbox_id: int, attempt: uuid.UUID) -> Parcel | None:
        return await self._keep(
            lambda: PAGES.again(self.house.pool, outbox_id, attempt, self.clock(), self.lease_seconds)
        )

    async def _send_due(self) -> None:
        while len(self._busy) < AT_ONCE:
            attempt = uuid.uuid4()
            if (parcel := await self._claimed(attempt)) is None:
                return
            self._start(parcel, attempt)

    async def _claimed(self, attempt: uuid.UUID) -> Parcel | None:
        return await self._keep(
            lambda: PAGES.claim_next(self.house.pool, attempt, self.clock(), self.lease_seconds, self.name)
        )

    def _start(self, parcel: Parcel, attempt: uuid.UUID) -> None:
        task = asyncio.ensure_future(self._attempt(parcel, attempt))
        self._busy[parcel.outbox_id] = task

        def ended(done: asyncio.Task[None]) -> None:
            self._busy.pop(parcel.outbox_id, None)
            self.bell.set()
            if not done.cancelled() and (err := done.exception()) is not None and not isinstance(err, Stopped):
                log.error("page %d: %s", parcel.page_id, told(err))
                self.stop.set("telling failed")

        task.add_done_callback(ended)

    async def _attempt(self, parcel: Parcel, attempt: uuid.UUID) -> None:
        """One claimed page to whatever end."""
        sending = False
        try:
            receiver = self._built()
            await receiver.ready()
            made = await self._written(parcel)
            if parcel.frozen is None and not await self._frozen(parcel, attempt, receiver.repeatable):
                log.warning("page %d: the lease was lost before sending; nothing was sent", parcel.page_id)
                return
            sending = True
            said = await ask(receiver, made, parcel.key)
        except Uncertain as err:
            await self._unsure(parcel, attempt, err)
        except TryAgain as err:
            await self._later(parcel, attempt, err, _code(err), f"not told yet: {err.what}", thaw=True)
        except (Refused, FixMe) as err:
            code = err.code if err.code in {"auth", "rate_limit", "refused"} else "settings"
            await self._settle(parcel, attempt, "failed", problem=str(err), code=code)
        except (Stopped, asyncio.CancelledError):
            raise
        except Exception as err:
            log.exception("page %d", parcel.page_id)
            once = self._receiver is not None and not self._receiver.repeatable
            state: Settled = "unknown" if sending and once else "failed"
            await self._settle(parcel, attempt, state, problem=f"a mistake in Hubbub: {type(err).__name__}", code="bug")
        else:
            await self._settle(parcel, attempt, "accepted", receipt={"said": said})
            log.info("page %d: %s took it", parcel.page_id, self.name)

    def _built(self) -> Receiver:
        """The receiver; what is wrong with its settings is wrong for this page only, as somebody may mend it meanwhile."""
        if self._receiver is None:
            self._receiver = self.build(self.settings)
        return self._receiver

    async def _unsure(self, parcel: Parcel, attempt: uuid.UUID, err: Uncertain) -> None:
        if self._receiver is not None and self._receiver.repeatable:
            what = f"no clear answer: {err.what}"
            await self._later(parcel, attempt, err, "no_answer", what, thaw=False)
            return
        problem = f"nobody knows whether it arrived: {err.what}; it is not sent twice, and counts as not told"
        await self._settle(parcel, attempt, "unknown", problem=problem, code="no_answer")

    async def _later(
        self, parcel: Parcel, attempt: uuid.UUID, err: TryAgain, code: str, what: str, *, thaw: bool
    ) -> None:
        """Once more after a wait, or given up where that is too late for whoever waits to be told."""
        now = self.clock()
        wakes = parcel.what in alert_lane.WAKING or parcel.what is PageKind.DIGEST
        last = parcel.queued_at + (PATIENCE if wakes else LONG_PATIENCE)
        at = now + timedelta(seconds=max(err.after or 0.0, wait_before(parcel.attempts)))
        if at > last:
            tries = "attempt" if parcel.attempts == 1 else "attempts"
            problem = f"given up after {parcel.attempts} {tries}: {err.what}"
            await self._settle(parcel, attempt, "failed", problem=problem, code=code)
            return
        problem = f"{what}; trying again"
        await self._settle(parcel, attempt, "queued", problem=problem, code=code, not_before=at, thaw=thaw)

    async def _frozen(self, parcel: Parcel, attempt: uuid.UUID, again: bool) -> bool:
        """Says in the row that it may leave from now on, and whether the same may be sent again. Its text is no part of that."""
        frozen = {"at": self.clock().isoformat(), "again": again}
        return await self._keep(
            lambda: lane.freeze(self.house.pool, parcel.outbox_id, attempt, frozen, None, self.clock())
        )

    async def _settle(self, parcel: Parcel, attempt: uuid.UUID, state: Settled, **what: Any) -> None:
        """Writes down what became of it, however long the database is away."""
        written = await self._keep(
            lambda: PAGES.settle(self.house.pool, parcel.outbox_id, attempt, state, self.clock(), **what)
        )
        if written and what.get("problem"):
            log.warning("page %d to %s is %s: %s", parcel.page_id, self.name, state, what["problem"])

    # What it says

    async def _written(self, parcel: Parcel) -> Message:
        facts = await self._keep(lambda: facts_of(self.house, parcel, self.clock()))
        incident = facts.incident
        wanted = incident is not None and incident.state is IncidentState.OPEN and parcel.what in alert_lane.WAKING
        if self.address and wanted and parcel.may_act:
            token = secrets.token_urlsafe(24)
            await self._keep(lambda: page_links.keep(self.house.pool, token, parcel.page_id, self.clock()))
            facts = replace(facts, link=f"{self.address}{links.PATH}{token}")
        return message(facts)

    async def _keep(self, act: Callable[[], Awaitable[T]]) -> T:
        return await self.house.persistently(act, self.stop, "telling people")


async def facts_of(house: House, parcel: Parcel, now: datetime) -> Facts:
    """All that the page's text is made of. Where evidence cannot be had in time, the numbers of the incident have to do."""
    ids = [parcel.incident_id] if parcel.incident_id is not None else list(parcel.about)
    async with acquired(house.pool) as connection:
        found = await alert_lane.standing(connection, ids)
        undelivered: tuple[Undelivered, ...] = ()
        if parcel.what is PageKind.UNDELIVERED and parcel.incident_id is not None:
            undelivered = await alert_lane.undelivered(connection, parcel.incident_id)
    standing = found.get(parcel.incident_id) if parcel.incident_id is not None else None
    seen = Evidence()
    if standing is not None and parcel.what in alert_lane.WAKING:
        seen = await _evidence(house, standing.incident.id)
    return Facts(
        what=parcel.what,
        receiver=parcel.receiver,
        now=now,
        brand=parcel.brand,
        zone=parcel.zone,
        incident=None if standing is None else standing.incident,
        evidence=seen,
        person=parcel.person_name,
        note=parcel.note,
        by="" if standing is None else standing.resolved_by or standing.acknowledged_by,
        digest=() if parcel.incident_id is not None else _standing(found),
        undelivered=undelivered,
    )


def _standing(found: Mapping[int, alert_lane.Standing]) -> tuple[Incident, ...]:
    """Of several incidents those that still stand when it is told; all, where none does."""
    every = tuple(one.incident for one in found.values())
    return tuple(one for one in every if one.state is not IncidentState.RESOLVED) or every


async def _evidence(house: House, incident_id: int) -> Evidence:
    try:
        async with asyncio.timeout(EVIDENCE_SECONDS), acquired(house.pool) as connection:
            return await gather(connection, incident_id)
    except (HubbubError, TimeoutError) as err:
        log.warning("incident %d: told without its posts: %s", incident_id, told(err) or "too slow")
    except Exception:
        log.exception("incident %d: told without its posts", incident_id)
    return Evidence()


def wait_before(attempts: int) -> float:
    """Seconds until the attempt after so many."""
    return min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** min(attempts - 1, 20))


def _code(err: TryAgain) -> str:
    return "rate_limit" if err.code in {"http_429", "rate_limit"} else "not_reachable"


@dataclass(slots=True)
class Lost:
    """Who fails pages to receivers that the settings do not name."""

    known: Sequence[str]
    house: House
    bell: asyncio.Event
    stop: Stop
    clock: Callable[[], datetime]

    async def watch(self) -> None:
        """Until the service ends."""
        with contextlib.suppress(Stopped):
            while True:
                await self.house.persistently(self._expired, self.stop, "telling people")
                if n := await self.house.persistently(self._fail, self.stop, "telling people"):
                    log.error("%d pages failed: the settings name no such receiver", n)
                await self.stop.wakened(self.bell, UNCLAIMED.total_seconds())

    async def _expired(self) -> int:
        return await PAGES.expired(self.house.pool, self.clock())

    async def _fail(self) -> int:
        now = self.clock()
        return await alert_lane.fail_nobodys(self.house.pool, self.known, now - UNCLAIMED, now)


def couriers(
    settings: Settings, build: Build, house: House, bell: Callable[[], asyncio.Event], stop: Stop,
    clock: Callable[[], datetime], lease_seconds: float = LEASE_SECONDS, turned: Callable[[str], None] = lambda _: None,
) -> Mapping[str, Callable[[], Coroutine[Any, Any, None]]]:  # fmt: skip
    """What runs for as long as the service does, by a name for the log: one courier a receiver, and who fails what is for nobody."""
    found: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {}
    for one in settings.receivers:
        courier = Courier(one, build, house, bell(), stop, clock, settings.alerts.address, lease_seconds, turned)
        found[f"pages to {one.name}"] = courier.deliver
    lost = Lost([one.name for one in settings.receivers], house, bell(), stop, clock)
    found["pages to nobody"] = lost.watch
    return found
