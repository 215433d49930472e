"""The whole pretend network, put together: one loopback server that is PDS, AppView and Jetstream at once.

In a test::

    async with Network.start() as net:
        ref = net.stage.post("mira.test", "hello @larkspur.test")
        net.faults.add(Fault("com.atproto.repo.putRecord", Effect.CUT, carried_out=True))
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from pretend import ledger
from pretend.appview import AppView
from pretend.burst import Burst, Plan
from pretend.control import Control
from pretend.day import DEFAULT_SPEED, TRICKLE_SECONDS, Day, read
from pretend.faults import Fault, FaultBook, Shuffler
from pretend.firehose import EVENTS, Events, Repos
from pretend.index import Index
from pretend.jetstream import First, Jetstream
from pretend.log import Clock, Journal
from pretend.pds import Pds, did_doc
from pretend.repo import Actor, World
from pretend.sessions import Sessions
from pretend.settings import Settings
from pretend.stage import Stage
from pretend.wire import POST, Json, did_of
from pretend.xrpc import RequestLog, Xrpc

HOST = "127.0.0.1"
OUR_HANDLE = "larkspur.test"
OUR_NAME = "Larkspur"
OUR_PASSWORD = "lark-spur-test-pass"  # noqa: S105  an app password of a made-up account on a made-up network
OUR_BIO = "Phone and broadband for people who would rather be doing something else. Here 8 to 20."


def now_us() -> int:
    """Unix microseconds."""
    return time.time_ns() // 1000


class Network:
    """One network. `stage` acts, `faults` misbehaves, `world` is the truth, `settings` are knobs."""

    def __init__(self, settings: Settings, state: Path | None, seed: int, clock: Clock) -> None:
        self.settings = settings
        self.seed = seed
        self._journal = Journal(state) if state is not None else None
        self.world = World(settings, clock, self._journal)
        self.index = Index(self.world, settings)
        self.world.load()
        us = Actor(did_of(OUR_HANDLE), OUR_HANDLE, OUR_NAME, OUR_BIO, 18_400, password=OUR_PASSWORD)
        self.account = self.world.admit(us)
        self.stage = Stage(self.world)
        self.sessions = Sessions(self.world, settings, seed)
        self.sessions.restore()
        self.faults = FaultBook()
        self.shuffler = Shuffler(self.faults, self.world.log, self.account.did, seed)
        self.requests = RequestLog()
        self.doors = {
            path: Jetstream(self.world.log, self.faults, settings, dress, clock)
            for path, dress in (
                ("/subscribe", First()),
                (f"/xrpc/{EVENTS}", Events()),
                ("/xrpc/com.atproto.sync.subscribeRepos", Repos()),
            )
        }
        self.jetstream_door = self.doors["/subscribe"]
        self.appview = AppView(self.world, self.index, self.sessions, settings)
        methods = {**Pds(self.world, self.sessions, settings).methods(), **self.appview.methods()}
        self.xrpc = Xrpc(methods, self.faults, self.requests, settings, clock)
        self.bursts: list[Burst] = []
        self.day: Day | None = None
        self.port = 0
        self._tasks: dict[object, asyncio.Task[None]] = {}

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        port: int = 0,
        settings: Settings | None = None,
        state: Path | None = None,
        seed: int = 1,
        faults: Sequence[Fault] = (),
        day: str | None = None,
        speed: float = DEFAULT_SPEED,
        trickle_seconds: float = TRICKLE_SECONDS,
        when_heard: bool = False,
        told: Callable[[Json], None] = lambda row: None,
        clock: Clock = now_us,
    ) -> AsyncIterator[Network]:
        """A running network on 127.0.0.1; port 0 takes any free one. `state` is the journal's file.

        `day` plays a script in the background at `speed` (seconds of the day per real second, 0 as fast as possible);
        with `when_heard` from the moment on when somebody listens to the Jetstream.

        Raises:
            OSError: The port is taken or the state file cannot be written.
            ValueError: An unknown day or a broken script.
        """
        network = cls(settings or Settings(), state, seed, clock)
        network.faults.add(*faults)
        if day is not None:
            script = read(day, seed)
            network.day = Day(
                script,
                network.stage,
                network.world,
                network.account,
                speed=speed,
                seed=seed,
                trickle_seconds=trickle_seconds,
                told=told,
            )
        runner = web.AppRunner(network._application(), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            site = web.TCPSite(runner, HOST, port)
            await site.start()
            network.port = runner.addresses[0][1]
            if network.day is not None:
                network._spawn(network.day, network._play(network.day, when_heard))
            yield network
        finally:
            await network._stop()
            await runner.cleanup()
            if network._journal is not None:
                network._journal.close()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=2**24)
        application.add_routes(
            [
                *(web.get(path, door.subscribe) for path, door in self.doors.items()),
                web.get("/plc/{did}", self._directory),
                web.route("*", "/xrpc/{method}", self.xrpc.serve),
                *Control(self).routes(),
            ]
        )
        return application

    async def _directory(self, request: web.Request) -> web.Response:
        actor = self.world.find(request.match_info["did"]) if self.settings.directory else None
        return web.Response(status=404) if actor is None else web.json_response(did_doc(actor, self.url))

    async def _play(self, day: Day, when_heard: bool) -> None:
        if when_heard:
            await self.jetstream_door.heard.wait()
        await day.play()

    def _spawn(self, key: object, work: Coroutine[object, object, None]) -> None:
        self._tasks[key] = asyncio.ensure_future(work)

    async def _stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        for task in self._tasks.values():
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self.shuffler.release()
        for door in self.doors.values():
            await door.close()

    @property
    def url(self) -> str:
        """Where XRPC is served, e.g. ``http://127.0.0.1:4711``."""
        return f"http://{HOST}:{self.port}"

    @property
    def jetstream(self) -> str:
        """The websocket address of the Jetstream."""
        return f"ws://{HOST}:{self.port}/subscribe"

    @property
    def firehose(self) -> str:
        """The websocket address of the same stream as a host's own firehose."""
        return f"ws://{HOST}:{self.port}/xrpc/com.atproto.sync.subscribeRepos"

    @property
    def jetstream_events(self) -> str:
        """The websocket address of the same stream by the second wire of Jetstream."""
        return f"ws://{HOST}:{self.port}/xrpc/{EVENTS}"

    def ready(self) -> Json:
        """What the program prints when it is ready."""
        account = {"handle": self.account.handle, "did": self.account.did, "password": self.account.password}
        return {"url": self.url, "jetstream": self.jetstream, "pds": self.url, "account": account, "seed": self.seed}

    def state(self) -> Json:
        """Counts, progress and settings."""
        log = self.world.log.events
        return self.ready() | {
            "events": len(log),
            "last_seq": log[-1].seq if log else None,
            "last_time_us": log[-1].time_us if log else None,
            "posts": len(self.world.posts),
            "subscribers": self.jetstream_door.subscribers,
            "requests": len(self.requests.requests),
            "day": self.day.progress if self.day is not None else None,
            "settings": dataclasses.asdict(self.settings),
        }

    def records(self, *repos: str, collection: str | None = POST) -> list[Json]:
        """Every record key of these repos (handles or DIDs; none: our account's; ``*``: all), with its commits."""
        names = repos or (self.account.did,)
        if "*" in names:
            dids = [actor.did for actor in self.world.actors()]
        else:
            dids = [actor.did for actor in map(self.world.find, names) if actor is not None]
        return ledger.records(self.world, dids, collection)

    def ledger(self, *words: str, everything: bool = False) -> list[Json]:
        """Every post of others that concerns us (`pretend.ledger.rows`)."""
        chosen = words or tuple(word.strip() for word in self.settings.words.split(","))
        return ledger.rows(self.world, self.account.did, chosen, everything=everything)

    def burst(self, plan: Plan) -> Burst:
        """Start emitting random posts in the background."""
        burst = Burst(plan)
        self.bursts.append(burst)
        our_posts = [entry.uri for entry in self.world.entries(self.account.did, POST) if entry.record is not None]
        self._spawn(id(burst), burst.run(self.stage, self.account.handle, our_posts))
        return burst

    async def burst_over(self, burst: Burst) -> None:
        """Wait until a burst is done."""
        await self._tasks[id(burst)]
