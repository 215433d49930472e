"""The composition root: everything is built here, handed what it needs, and run in the one task group. Owns start and end.

Files that the thinking wing needs are read from here (`rules`); sources get plain values and secrets; nothing below knows the settings.
Refuses to go on when something inside is broken: the first error that only a human can mend ends the whole, loudly.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import importlib.metadata
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from listener.errors import FixMe, Refused, SourceStopped, TryAgain
from listener.model.accounts import Account
from listener.model.heard import Author, Batch, Mention
from listener.service import notify, processes, wiring
from listener.service.backfill import Backfill
from listener.service.bells import Bells
from listener.service.budgets import Ledger
from listener.service.calendars import Calendars
from listener.service.database import House, opened
from listener.service.deliver import LEASE_SECONDS, Deliverer
from listener.service.duties import Duties
from listener.service.escalate import Escalator
from listener.service.heartbeat import LEARNING, Heartbeat, Signs, hearts, other_half
from listener.service.hooks.door import Door, Way
from listener.service.hooks.figures import health
from listener.service.hooks.links import Links
from listener.service.hooks.stream import DeliveryStream, key_of
from listener.service.lanes import NetworkActs, Replies
from listener.service.listen import Ear, Recorder, wall_clock
from listener.service.pulse import Pulse
from listener.service.rules import Bench
from listener.service.school import School
from listener.service.stopping import Backoff, Stop, Stopped
from listener.service.sweep import Sweep
from listener.service.threads import Threads
from listener.service.timekeeper import Timekeeper
from listener.service.watch import Watch
from listener.settings import AccountSettings, Settings
from listener.sources.base import Source, Stream
from listener.store import capabilities, learned, people
from listener.store.record import Recorded, record
from listener.webclient.client import WebClient

log = logging.getLogger("hubbub")

POOL_SIZE = 10
GARBAGE = 10_000
"""Objects that are made before Python looks among them for circles that nobody holds. A batch is made of many more, which live to its end."""
PROGRAMS = {None: "listener", "listen": "listener", "deliver": "deliverer"}
"""What each half is called in the `programs` table."""


def version() -> str:
    """This program's version."""
    return importlib.metadata.version("hubbub")


async def serve(
    settings: Settings, *, only: str | None = None, leashed: bool = False, recorder: Recorder = record,
    lease_seconds: float = LEASE_SECONDS,
) -> int:  # fmt: skip
    """The listener until it is asked to end: both halves, or `only` "listen" or "deliver". `leashed`: also when our starter is gone.

    FixMe, NotReachable: what a human must mend. Returns 0 after a good end.
    """
    gc.set_threshold(GARBAGE)
    roles = [only] if only else list(processes.ROLES)
    stop = Stop()
    with processes.held(settings, roles), _signals(stop):
        async with _leash(stop, leashed):
            say = logging.getLogger("hubbub.database").info
            async with opened(
                settings, f"hubbub {only or 'listener'}", migrating=True, say=say, max_size=POOL_SIZE
            ) as house:
                await Service(settings, house, stop, only, recorder, lease_seconds).run()
    log.info("ended: %s", stop.why or "done")
    return 0


@contextlib.contextmanager
def _signals(stop: Stop) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set, f"asked by {number.name}")
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def _leash(stop: Stop, leashed: bool) -> AsyncIterator[None]:
    if not leashed:
        yield
        return
    async with processes.leash() as gone:

        async def watch() -> None:
            await gone.wait()
            stop.set("whoever started it is gone")

        task = asyncio.ensure_future(watch())
        try:
            yield
        finally:
            task.cancel()


def _nothing(_batch: Batch, _recorded: Recorded) -> None:
    """Where nobody asks who wrote."""


def _meeting(threads: Threads, source: str) -> Callable[[Batch, Recorded], None]:
    """After a commit: who wrote without being named is asked for."""

    def heard(batch: Batch, recorded: Recorded) -> None:
        if recorded.new:
            threads.meet(source, (item.author for item in batch.items if isinstance(item, Mention)))

    return heard


@dataclass(slots=True)
class Service:
    """All parts of one running listener."""

    settings: Settings
    house: House
    stop: Stop
    only: str | None = None
    recorder: Recorder = record
    lease_seconds: float = LEASE_SECONDS
    pulse: Pulse = field(default_factory=Pulse)
    bells: Bells = field(default_factory=Bells)
    _brand_ids: dict[str, int] = field(default_factory=dict)
    _accounts: dict[int, Account] = field(default_factory=dict)
    _threads: Threads | None = None
    _ledger: Ledger | None = None
    signs: Signs = field(default_factory=Signs)
    _hearts: Mapping[str, Heartbeat] = field(default_factory=dict)
    _pasts: dict[str, asyncio.Event] = field(default_factory=dict)
    """By source: rung when a gap was found."""
    _ears: list[Ear] = field(default_factory=list)
    _refusals: dict[str, str] = field(default_factory=dict)
    """Handle -> why its login was refused: such an account may have no row yet."""

    async def run(self) -> None:
        """Until the end is asked for. Whatever a human must mend ends all of it and is raised."""
        web = WebClient(version())
        try:
            await self._brands()
            bench = Bench(self.settings, self.house, self.stop, wall_clock)
            sources = wiring.build(self.settings, web, bench.wanted, wall_clock, listens=self.only != "deliver")
            if self.only != "deliver":
                await bench.start(self._brand_ids, list(self._accounts.values()))
            await self._run(sources, bench, web)
        except* Stopped:
            pass
        finally:
            await web.close()

    async def _run(self, sources: Mapping[str, Source], bench: Bench, web: WebClient) -> None:
        keeper = Timekeeper(
            self.house, self.bells, self.stop, wall_clock, PROGRAMS[self.only], version(), self._figures, self._living
        )
        for earlier in list(self._accounts.values()):  # of another run: colleagues need not wait for the login
            await self._publish(earlier, sources)
        ledger = self._ledger = Ledger(self.house, sources, self.stop, wall_clock)
        await ledger.open()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.bells.listen(self.house, self.stop), name="bells")
            group.create_task(keeper.keep(), name="timekeeper")
            group.create_task(ledger.keep(), name="budgets")
            names, reach = [one.name for one in self.settings.receivers], self.settings.reach
            turned = functools.partial(self.signs.sign, "the escalation")
            duties = Duties(names, reach, [one.name for one in self.settings.calendars])
            escalator = Escalator(self.house, self.bells.incidents, self.stop, wall_clock, duties, turned=turned)
            group.create_task(escalator.work(), name="incidents")
            if self.only != "listen":
                shared, lease = (self.stop, wall_clock), self.lease_seconds
                replies = Deliverer(Replies(), self.house, sources, self.bells.replies, *shared, lease)
                acts = Deliverer(NetworkActs(), self.house, sources, self.bells.network, *shared, lease)
                group.create_task(replies.deliver(), name="deliver")
                group.create_task(acts.deliver(), name="deliver acts")
                self._tell_people(group, web)
            if self.only != "deliver":
                threads = Threads(self.house, sources, bench, self.stop, wall_clock)
                self.bells.conversations = threads.ring
                self._threads = threads
                group.create_task(threads.fetch(), name="threads")
                group.create_task(bench.watch(), name="rules")
                group.create_task(bench.weigh(), name="weights")
                turned = functools.partial(self.signs.sign, "the watch", LEARNING)
                watch = Watch(
                    self.house,
                    lambda: bench.now.rulebook,
                    Duties(names, reach),
                    self.bells.alerts,
                    self.stop,
                    wall_clock,
                    turned,
                )
                group.create_task(watch.watch(), name="watch")
                group.create_task(bench.follow(self.bells.learned), name="what was learned")
                told = (lambda: bench.now.rulebook, self.house, self.stop, wall_clock)
                group.create_task(Calendars(self.settings.calendars, web, *told).work(), name="calendars")
                school = School(self.house, bench, self._brand_ids, self.stop, wall_clock)
                group.create_task(school.keep(), name="learning")
                for source in sources.values():
                    self._look_after(group, source, bench)
                    for stream in source.streams():
                        self._listen(group, source, stream, bench)
                self._open_door(group, sources, bench)
            for account in self.settings.accounts:
                known = self._account(group, sources[account.source], bench, account)
                group.create_task(known, name=f"account {account.handle}")
            self.pulse.since = wall_clock()
            processes.tell_ready()
            log.info("hubbub %s listens (%s)", version(), self.only or "everything")

    def _tell_people(self, group: asyncio.TaskGroup, web: WebClient) -> None:
        """Pages to each receiver, and that all is well to whoever watches from outside."""
        build = notify.building(web, wall_clock, version())
        told = (
            self.settings,
            build,
            self.house,
            self.bells.paged,
            self.stop,
            wall_clock,
            self.lease_seconds,
            self.signs.sign,
        )
        for name, deliver in notify.couriers(*told).items():
            group.create_task(deliver(), name=name)
        alerts = self.settings.alerts
        self._hearts = hearts(alerts, self.settings.receivers, web, build, self._fares, self.stop, wall_clock)
        for name, heart in self._hearts.items():
            group.create_task(heart.beat(), name=name)

    def _unwell(self) -> str:
        """Why this program is not well, for whoever watches from outside; '': it is."""
        if self.house.problem:
            return self.house.problem
        if part := self.signs.hangs():
            return f"{part} hangs"
        well, _ = health(True, self._states())
        return "" if well else "every stream is stopped"

    async def _fares(self) -> str:
        """The same, of the other half too, where that is a program of its own."""
        if (why := self._unwell()) or self.only is None:
            return why
        return await other_half(self.house, PROGRAMS["listen"], wall_clock())

    def _listen(self, group: asyncio.TaskGroup, source: Source, stream: Stream, bench: Bench) -> None:
        accounts = list(self._accounts.values())
        ear = Ear(
            self.house,
            stream,
            bench,
            self.pulse,
            self.stop,
            accounts,
            clock=wall_clock,
            record=self.recorder,
            heard=self._heard(source),
            bell=self.bells.wishes(stream.key),
        )
        self._ears.append(ear)
        group.create_task(ear.listen(), name=stream.key)

    def _heard(self, source: Source) -> Callable[[Batch, Recorded], None]:
        """After a commit: who wrote without being named is asked for, and what was missed is fetched."""
        meet = _nothing if self._threads is None else _meeting(self._threads, source.name)

        def heard(batch: Batch, recorded: Recorded) -> None:
            meet(batch, recorded)
            if batch.gaps:
                self._pasts[source.name].set()

        return heard

    def _look_after(self, group: asyncio.TaskGroup, source: Source, bench: Bench) -> None:
        """A source's past: gaps and rejects, and what became of its old messages."""
        bell = self._pasts[source.name] = self.bells.wishes(source.name)
        past = Backfill(self.house, source, bench, bell, self.stop, wall_clock)
        group.create_task(past.work(), name=f"the past of {source.name}")
        if every := self.settings.recheck.every_hours:
            hours, days = timedelta(hours=every), timedelta(days=self.settings.recheck.days)
            sweep = Sweep(self.house, source, bench, self.stop, wall_clock, hours, days)
            group.create_task(sweep.work(), name=f"old messages of {source.name}")

    def _open_door(self, group: asyncio.TaskGroup, sources: Mapping[str, Source], bench: Bench) -> None:
        """The webhooks of all sources, each read as a stream; no door where nobody needs one."""
        ways: dict[str, Way] = {}
        keep = timedelta(hours=self.settings.door.keep_hours) or None
        for source in sources.values():
            for hook in source.hooks:
                if hook.name in ways:
                    raise FixMe(f"two webhooks are called {hook.name!r}", where=f"{ways[hook.name].key}, {source.name}")
                key = key_of(source.name, hook)
                ways[hook.name] = Way(key, hook)
                bell = self.bells.delivered(key)
                stream = DeliveryStream(key, hook, self.house, bell, self.stop, wall_clock, keep)
                self._listen(group, source, stream, bench)
        address = self.settings.alerts.address
        if ways or self.settings.door.wanted or address:
            links = Links(self.house, wall_clock, address) if address else None
            told = (self.pulse.shown, self._states, links)
            door = Door(self.settings.door, ways, self.house, self.stop, wall_clock, *told)
            group.create_task(door.serve(), name="the door")

    def _states(self) -> list[str]:
        return [ear.state for ear in self._ears]

    def _living(self) -> list[int]:
        return [ear.waits for ear in self._ears if ear.waits is not None]

    # Brands and accounts

    async def _brands(self) -> None:
        """Rows for what the settings name. Accounts known from an earlier run count at once, also while their network is away."""
        for brand in self.settings.brands:
            ensure = functools.partial(people.ensure_brand, self.house.pool, brand.key, brand.name, brand.zone)
            brand_id = self._brand_ids[brand.key] = await self.house.persistently(ensure, self.stop, "the start")
            wanted = functools.partial(learned.by_settings, self.house.pool, brand_id, brand.learning, wall_clock())
            await self.house.persistently(wanted, self.stop, "the start")
        named = {(a.source, a.handle.lower(), self._brand_ids[a.brand]) for a in self.settings.accounts}
        known = await self.house.persistently(lambda: people.accounts(self.house.pool), self.stop, "the start")
        for account in known:
            if (account.source, account.handle.lower(), account.brand_id) in named:
                self._accounts[account.id] = account

    async def _account(self, group: asyncio.TaskGroup, source: Source, bench: Bench, wanted: AccountSettings) -> None:
        """Logs in, however long the network is away, and listens to what addresses the account. A refused login stops this account only."""
        backoff = Backoff(1.0, 300.0)
        with contextlib.suppress(Stopped):
            while True:
                try:
                    who = await self.stop.unless(source.identify(wanted.handle))
                except TryAgain as err:
                    log.warning("%s: no login yet: %s", wanted.handle, err)
                    await self.stop.pause(max(err.after or 0.0, backoff.next()))
                    continue
                except (SourceStopped, Refused) as err:
                    await self._refused(wanted, err)
                    return
                break
            account = await self._ensure_account(wanted, who)
            await self._publish(account, {source.name: source})
            if self._ledger is not None:
                await self._ledger.publish(source)
            bench.know(list(self._accounts.values()))
            if self.only != "deliver":
                for stream in source.account_streams(account.external_id):
                    self._listen(group, source, stream, bench)

    async def _ensure_account(self, wanted: AccountSettings, who: Author) -> Account:
        brand_id = self._brand_ids[wanted.brand]
        account = await self.house.persistently(
            lambda: people.ensure_account(
                self.house.pool, brand_id, wanted.source, who.space, who.external_id, who.handle or wanted.handle
            ),
            self.stop,
            wanted.handle,
        )
        self._accounts[account.id] = account
        await self._mark(account, "ready", "")
        return account

    async def _publish(self, account: Account, sources: Mapping[str, Source]) -> None:
        """What the account can do, for the inbox, which knows no source."""
        if (source := sources.get(account.source)) is not None:
            publish = functools.partial(capabilities.publish, self.house.pool, account.id, dict(source.capabilities))
            await self.house.persistently(publish, self.stop, account.handle)

    async def _mark(self, account: Account, state: str, problem: str) -> None:
        await self.house.persistently(
            lambda: people.account_state(self.house.pool, account.id, state, problem), self.stop, account.handle
        )

    async def _refused(self, wanted: AccountSettings, err: SourceStopped | Refused) -> None:
        log.error("%s is stopped: %s", wanted.handle, err)
        self._refusals[wanted.handle] = str(err)
        for account in self._accounts.values():
            if account.source == wanted.source and account.handle.lower() == wanted.handle.lower():
                await self._mark(account, "stopped", str(err))

    def _figures(self) -> dict[str, object]:
        told = {"problem": self.house.problem, "refused": dict(self._refusals), "track": list(self.settings.track)}
        told |= {"unwell": self._unwell(), "outside": {name: heart.shown() for name, heart in self._hearts.items()}}
        return {**self.pulse.shown(), **told}
