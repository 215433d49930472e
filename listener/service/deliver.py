"""Delivering: one lane of the outbox onto the networks, each row once, in its order. Owns the steps of an attempt and who may repeat.

claim (own short transaction) -> look and freeze -> store what is frozen -> send -> write down what became of it. No transaction is
open while a network is called. What may have left is looked up, never blindly sent again; only where we chose the record's own id is
the same frozen message sent once more after a look found nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from listener.errors import HubbubError, Refused, SourceStopped, TryAgain, Uncertain
from listener.model.leaving import OutboxState
from listener.service.database import House
from listener.service.lanes import Lane, P
from listener.service.logs import told
from listener.service.stopping import Stop, Stopped
from listener.sources.base import Source
from listener.store import lane, people
from listener.store.lane import Settled

log = logging.getLogger("hubbub.deliver")
T = TypeVar("T")

AT_ONCE = 4
LEASE_SECONDS = 30.0
LOOK_SECONDS = 2.0
"""How long an accepted or unknown one may rest before it is looked up; later looks wait longer."""
LONGEST_LOOK = 600.0
LONGEST_SLEEP = 15.0
FIRST_RETRY, LONGEST_RETRY = 1.0, 300.0
GRACE_SECONDS = 10.0
THREAD_CODES = frozenset({"parent_changed", "parent_gone", "thread_moved", "parent_missing"})


@dataclass(slots=True)
class Deliverer(Generic[P]):
    """The one who sends what goes one way."""

    lane: Lane[P]
    house: House
    sources: Mapping[str, Source]
    bell: asyncio.Event
    stop: Stop
    clock: Callable[[], datetime]
    lease_seconds: float = LEASE_SECONDS
    _busy: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _looks: dict[int, tuple[int, float]] = field(default_factory=dict)
    """Outbox id -> (looks that settled nothing, monotonic time of the next one)."""
    _failures: dict[int, int] = field(default_factory=dict)

    async def deliver(self) -> None:
        """Until the service ends; what is being sent then is given some seconds to end well."""
        try:
            with contextlib.suppress(Stopped):
                while True:
                    await self._keep(lambda: self.lane.expired(self.house.pool, self.clock()))
                    await self._keep(lambda: self.lane.overtaken(self.house.pool, self.clock()))
                    await self._send_due()
                    unsettled = await self._look()
                    await self.stop.wakened(self.bell, await self._sleep(unsettled))
        finally:
            await self._finish()

    async def _finish(self) -> None:
        tasks = list(self._busy.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _sleep(self, unsettled: bool) -> float:
        if len(self._busy) >= AT_ONCE:
            return LONGEST_SLEEP  # a task that ends rings
        due = await self._keep(lambda: self.lane.next_due(self.house.pool))
        wait = LONGEST_SLEEP if due is None else (due - self.clock()).total_seconds()
        if due is not None and wait <= 0:
            wait = 0.25  # due, but behind another of its conversation
        longest = min(
            LONGEST_SLEEP, self.lease_seconds / 2
        )  # what another left half-done is found soon after its lease
        return max(0.01, min(wait, longest, LOOK_SECONDS if unsettled else longest))

    # Sending

    async def _send_due(self) -> None:
        while len(self._busy) < AT_ONCE:
            attempt = uuid.uuid4()
            parcel = await self._claim(attempt)
            if parcel is None:
                return
            self._start(parcel, attempt)

    async def _claim(self, attempt: uuid.UUID) -> P | None:
        return await self._keep(lambda: self.lane.claim(self.house.pool, attempt, self.clock(), self.lease_seconds))

    def _start(self, parcel: P, attempt: uuid.UUID) -> None:
        task = asyncio.ensure_future(self._attempt(parcel, attempt))
        self._busy[parcel.outbox_id] = task

        def ended(done: asyncio.Task[None]) -> None:
            self._busy.pop(parcel.outbox_id, None)
            self.bell.set()
            if not done.cancelled() and (err := done.exception()) is not None and not isinstance(err, Stopped):
                log.error("%s %d: %s", self.lane.word, parcel.outbox_id, told(err))
                self.stop.set("delivery failed")

        task.add_done_callback(ended)

    async def _attempt(self, parcel: P, attempt: uuid.UUID) -> None:
        """One claimed row to whatever end. The lease is renewed meanwhile."""
        source = self.sources.get(parcel.account.source)
        fresh = parcel.frozen is None
        sending = False
        try:
            if source is None:
                raise Refused(f"no source {parcel.account.source!r} runs here", code="no_source")
            async with self._leased(parcel, attempt):
                parcel = await self._keep(lambda: self.lane.loaded(self.house.pool, parcel, contents=fresh))
                if parcel.frozen is None:
                    frozen = await self.lane.freeze(source, parcel, self.clock())
                    if not await self._store_frozen(parcel, attempt, frozen):
                        log.warning(
                            "%s %d: the lease was lost before sending; nothing was sent",
                            self.lane.word,
                            parcel.outbox_id,
                        )
                        return
                    parcel = replace(parcel, frozen=frozen)
                sending = True
                sent = await self.lane.send(source, parcel)
            await self._settle(parcel, attempt, "accepted", receipt=sent.receipt, external_id=sent.external_id)
            log.info("%s %d: accepted by %s", self.lane.word, parcel.outbox_id, parcel.account.source)
        except Uncertain as err:
            await self._settle(
                parcel,
                attempt,
                "unknown",
                problem=f"no clear answer: {err.what}; looking whether it arrived",
                code=err.code or "uncertain",
            )
        except TryAgain as err:
            await self._requeue(parcel, attempt, err, thaw=fresh)
        except SourceStopped as err:
            problem = str(err)
            await self._keep(lambda: people.account_state(self.house.pool, parcel.account.id, "stopped", problem))
            await self._settle(parcel, attempt, "failed", problem=problem, code=err.code or "account_stopped")
        except Refused as err:
            state: Settled = "stopped" if err.code in THREAD_CODES else "failed"
            await self._settle(parcel, attempt, state, problem=str(err), code=err.code or "refused")
        except (Stopped, asyncio.CancelledError):
            raise
        except Exception as err:
            log.exception("%s %d", self.lane.word, parcel.outbox_id)
            await self._settle(
                parcel,
                attempt,
                "unknown" if sending else "failed",
                problem=f"a mistake in Hubbub: {told(err)}",
                code="bug",
            )

    async def _store_frozen(self, parcel: P, attempt: uuid.UUID, frozen: Mapping[str, Any]) -> bool:
        external_id = frozen.get("uri") or frozen.get("external_id")
        return await self._keep(
            lambda: lane.freeze(self.house.pool, parcel.outbox_id, attempt, frozen, external_id, self.clock())
        )

    async def _requeue(self, parcel: P, attempt: uuid.UUID, err: TryAgain, *, thaw: bool) -> None:
        failures = self._failures[parcel.outbox_id] = self._failures.get(parcel.outbox_id, 0) + 1
        wait = max(err.after or 0.0, min(LONGEST_RETRY, FIRST_RETRY * 2 ** (failures - 1)))
        await self._settle(
            parcel,
            attempt,
            "queued",
            problem=f"not sent yet: {err.what}; trying again",
            code=err.code or "try_again",
            not_before=self.clock() + timedelta(seconds=wait),
            thaw=thaw,
        )

    async def _settle(self, parcel: P, attempt: uuid.UUID | None, state: Settled, **what: Any) -> None:
        """Writes down what became of it, however long the database is away; a row that moved on meanwhile stays as it is."""
        written = await self._keep(
            lambda: self.lane.settle(self.house.pool, parcel.outbox_id, attempt, state, self.clock(), **what)
        )
        if state in ("accepted", "seen", "failed", "stopped"):
            self._failures.pop(parcel.outbox_id, None)
            self._looks.pop(parcel.outbox_id, None)
        if written and what.get("problem"):
            log.warning("%s %d is %s: %s", self.lane.word, parcel.outbox_id, state, what["problem"])

    @contextlib.asynccontextmanager
    async def _leased(self, parcel: P, attempt: uuid.UUID) -> AsyncIterator[None]:
        """Renews the lease for as long as the block takes."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(self.lease_seconds / 3)
                until = self.clock() + timedelta(seconds=self.lease_seconds)
                with contextlib.suppress(HubbubError):
                    if not await lane.renew(self.house.pool, parcel.outbox_id, attempt, until):
                        return

        task = asyncio.ensure_future(renew())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    # Looking

    async def _look(self) -> bool:
        """Looks up what is accepted or unknown; True while any of it rests unsettled."""
        rows = await self._keep(lambda: self.lane.unsettled(self.house.pool, self.clock() + timedelta(seconds=1)))
        known = {parcel.outbox_id for _, parcel in rows}
        for gone in set(self._looks) - known:
            del self._looks[gone]
        waiting = False
        for state, parcel in rows:
            if parcel.outbox_id in self._busy:
                continue
            looks, at = self._looks.setdefault(parcel.outbox_id, (0, time.monotonic() + self._rest(state, 0)))
            if time.monotonic() < at:
                waiting = waiting or at - time.monotonic() <= LONGEST_SLEEP
                continue
            self._looks[parcel.outbox_id] = (looks + 1, time.monotonic() + self._rest(state, looks + 1))
            waiting = True
            await self._look_up(state, parcel, first=looks == 0)
        return waiting

    def _rest(self, state: OutboxState, looks: int) -> float:
        first = LOOK_SECONDS / 4 if state is OutboxState.UNKNOWN else LOOK_SECONDS
        return min(LONGEST_LOOK, first * 2.0 ** min(looks, 20))

    async def _look_up(self, state: OutboxState, parcel: P, *, first: bool) -> None:
        source = self.sources.get(parcel.account.source)
        if source is None:
            return
        try:
            sent = await self.stop.unless(self.lane.look_up(source, parcel))
        except (TryAgain, Refused, SourceStopped) as err:
            if first and state is OutboxState.UNKNOWN and isinstance(err, Refused):
                # Nobody can look but a person: it stays unknown, and the row says what to do instead of that we are looking.
                await self._settle(parcel, None, "unknown", problem=str(err), code=err.code or "cannot_look")
                return
            # Where there is no way to look, what the network accepted is no news.
            level = logging.DEBUG if state is OutboxState.ACCEPTED and isinstance(err, Refused) else logging.WARNING
            log.log(level, "%s %d is %s and could not be looked up: %s", self.lane.word, parcel.outbox_id, state, err)
            await self._keep(lambda: lane.looked(self.house.pool, parcel.outbox_id, self.clock()))
            return
        if sent is not None:
            found: Settled = "accepted" if state is OutboxState.UNKNOWN else "seen"
            await self._settle(parcel, None, found, receipt=sent.receipt, external_id=sent.external_id)
            log.info("%s %d: found on the network", self.lane.word, parcel.outbox_id)
        elif state is not OutboxState.UNKNOWN:
            await self._keep(lambda: lane.looked(self.house.pool, parcel.outbox_id, self.clock()))
        elif self.lane.repeatable(source):
            await self._again(parcel)
        else:
            problem = "it did not arrive on the network; send it again if it is still wanted"
            await self._settle(parcel, None, "failed", problem=problem, code="not_arrived")

    async def _again(self, parcel: P) -> None:
        """Sends the same frozen message once more: we chose its id, so a late first one and this one are one."""
        attempt = uuid.uuid4()
        taken = await self._keep(
            lambda: self.lane.again(self.house.pool, parcel.outbox_id, attempt, self.clock(), self.lease_seconds)
        )
        if taken is not None:
            log.info("%s %d: not on the network; sending the same again", self.lane.word, parcel.outbox_id)
            self._start(taken, attempt)

    async def _keep(self, act: Callable[[], Awaitable[T]]) -> T:
        return await self.house.persistently(act, self.stop, "delivery")
