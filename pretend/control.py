"""The control door, ``/_pretend/...``: how another process directs the play and reads the truth back.

It is not part of any network. Mistakes in a request answer 400 with ``{"error", "message"}``; everything else is 200.

====== ========================= ===========================================================================
GET    ``/_pretend/records``     ``repo`` (repeat; default: our account, ``*``: all), ``collection``
GET    ``/_pretend/ledger``      posts that concern us; ``words`` (comma-separated), ``all=1``
GET    ``/_pretend/log``         requests received; ``since`` (unix us), ``method``
GET    ``/_pretend/state``       counts, progress of the day, settings, account
GET    ``/_pretend/faults``      the script in force
POST   ``/_pretend/faults``      a fault or a list of faults to add (`pretend.faults.Fault`)
DELETE ``/_pretend/faults``      behave well again
POST   ``/_pretend/act``         ``{"act": name, ...}``, see `Control.act`; a list is carried out in order
POST   ``/_pretend/burst``       a plan (`pretend.burst.Plan`); ``"wait": true`` answers when it is done
GET    ``/_pretend/burst``       progress of all bursts
POST   ``/_pretend/settings``    turn knobs (`pretend.settings.Settings`)
====== ========================= ===========================================================================
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from aiohttp import web

from pretend import ledger
from pretend.burst import Burst, Plan
from pretend.faults import Fault, FaultBook, Shuffler
from pretend.repo import Actor, World
from pretend.sessions import Sessions
from pretend.settings import Settings
from pretend.stage import Stage
from pretend.wire import Json, XrpcError, bad_request, encode
from pretend.xrpc import RequestLog


class Directed(Protocol):
    """What this door needs of the network behind it; `pretend.network.Network` is it."""

    settings: Settings
    world: World
    account: Actor
    stage: Stage
    sessions: Sessions
    faults: FaultBook
    shuffler: Shuffler
    requests: RequestLog
    bursts: list[Burst]

    def state(self) -> Json:
        """Counts, progress and settings."""

    def records(self, *repos: str, collection: str | None) -> list[Json]:
        """Every record key of these repos, with its commits."""

    def burst(self, plan: Plan) -> Burst:
        """Start emitting random posts in the background."""

    async def burst_over(self, burst: Burst) -> None:
        """Wait until a burst is done."""


class Control:
    """The door of one network."""

    def __init__(self, network: Directed) -> None:
        self._network = network
        stage, account = network.stage, network.account.did
        sessions, world = network.sessions, network.world
        self._acts: dict[str, Callable[[Json], object]] = {
            "post": self._post,
            "edit": lambda row: stage.edit(row["uri"], row["text"]).shown(),
            "delete": lambda row: {"deleted": stage.delete(row["uri"])},
            "like": lambda row: stage.like(row["as"], row["uri"]).shown(),
            "repost": lambda row: stage.repost(row["as"], row["uri"]).shown(),
            "follow": lambda row: stage.follow(row["as"], row.get("whom", account)).shown(),
            "block": lambda row: stage.block(row["as"], row.get("whom", account)).shown(),
            "close": lambda row: stage.close_thread(row["uri"], tuple(row.get("allow", ()))).shown(),
            "account": lambda row: {"did": stage.status(row["as"], row["status"]).did},
            "identity": lambda row: {"did": stage.rename(row["as"], row["handle"]).did},
            "password": lambda row: world.set_password(world.actor(row.get("as", account)), row["password"]),
            "revoke": lambda row: sessions.revoke(world.actor(row.get("as", account))),
            "expire": lambda row: sessions.expire(world.actor(row.get("as", account))),
        }

    def routes(self) -> list[web.RouteDef]:
        """The aiohttp routes."""
        return [
            web.get("/_pretend/records", self.records),
            web.get("/_pretend/ledger", self.ledger),
            web.get("/_pretend/log", self.log),
            web.get("/_pretend/state", self.state),
            web.get("/_pretend/faults", self.faults),
            web.post("/_pretend/faults", self.add_faults),
            web.delete("/_pretend/faults", self.clear_faults),
            web.post("/_pretend/act", self.act),
            web.post("/_pretend/burst", self.burst),
            web.get("/_pretend/burst", self.bursts),
            web.post("/_pretend/settings", self.settings),
        ]

    async def records(self, request: web.Request) -> web.Response:
        """Every record key of a repo, with its number of commits."""
        wanted = request.query.getall("repo", [self._network.account.did])
        return _answer({"records": self._network.records(*wanted, collection=request.query.get("collection"))})

    async def ledger(self, request: web.Request) -> web.Response:
        """What was said that concerns us."""
        words = [word.strip() for word in request.query.get("words", self._network.settings.words).split(",")]
        everything = request.query.get("all") == "1"
        world, ours = self._network.world, self._network.account.did
        return _answer({"posts": ledger.rows(world, ours, words, everything=everything)})

    async def log(self, request: web.Request) -> web.Response:
        """Requests received, oldest first."""
        try:
            since = int(request.query.get("since", "0"))
        except ValueError as error:
            return _refused(bad_request(str(error)))
        lines = self._network.requests.since(since, request.query.get("method", ""))
        return _answer({"requests": [line.shown() for line in lines]})

    async def state(self, request: web.Request) -> web.Response:
        """How things stand."""
        return _answer(self._network.state())

    async def faults(self, request: web.Request) -> web.Response:
        """The script in force."""
        return _answer({"faults": self._network.faults.shown()})

    async def add_faults(self, request: web.Request) -> web.Response:
        """Add to the script."""
        try:
            body = await request.json()
            self._network.faults.add(*map(Fault.read, body if isinstance(body, list) else [body]))
        except ValueError as error:
            return _refused(bad_request(str(error)))
        return await self.faults(request)

    async def clear_faults(self, request: web.Request) -> web.Response:
        """Take the whole script back; what a shuffle held is released."""
        self._network.faults.clear()
        self._network.shuffler.release()
        return await self.faults(request)

    async def act(self, request: web.Request) -> web.Response:
        """Do something as an actor.

        ``post`` (as, text, reply_to, quote, langs, created_at, rkey, extra, validate), ``edit`` (uri, text),
        ``delete`` (uri), ``like``/``repost`` (as, uri), ``follow``/``block`` (as, whom: default us), ``close`` (uri,
        allow), ``account`` (as, status), ``identity`` (as, handle); and for our account, or ``as`` another,
        ``password`` (password), ``revoke`` (end all sessions) and ``expire`` (end all access tokens).
        """
        try:
            body = json.loads(await request.text())
            rows = body if isinstance(body, list) else [body]
            answers = [self._carry_out(row) for row in rows]
        except XrpcError as error:
            return _refused(error)
        except (ValueError, TypeError, AttributeError) as error:
            return _refused(bad_request(str(error)))
        return _answer(answers if isinstance(body, list) else answers[0])

    def _carry_out(self, row: Json) -> object:
        act = self._acts.get(row.get("act", ""))
        if act is None:
            raise bad_request(f"no such act: {row.get('act')!r}; there are {', '.join(self._acts)}")
        try:
            return act(row) or {}
        except KeyError as error:
            raise bad_request(f"act {row['act']} needs {error}") from None

    def _post(self, row: Json) -> Json:
        row = {key: value for key, value in row.items() if key != "act"}
        row["langs"] = tuple(row.get("langs", ()))
        return self._network.stage.post(row.pop("as"), row.pop("text"), **row).shown()

    async def burst(self, request: web.Request) -> web.Response:
        """Start a burst of posts."""
        try:
            body = await request.json()
            wait = body.pop("wait", False)
            burst = self._network.burst(Plan.read(body))
        except (ValueError, TypeError, AttributeError) as error:
            return _refused(bad_request(str(error)))
        if wait:
            await self._network.burst_over(burst)
        return _answer(burst.shown())

    async def bursts(self, request: web.Request) -> web.Response:
        """Progress of all bursts."""
        return _answer({"bursts": [burst.shown() for burst in self._network.bursts]})

    async def settings(self, request: web.Request) -> web.Response:
        """Turn knobs."""
        try:
            self._network.settings.change(await request.json())
        except (ValueError, AttributeError) as error:
            return _refused(bad_request(str(error)))
        return await self.state(request)


def _answer(body: object) -> web.Response:
    return web.Response(body=encode(body), content_type="application/json")


def _refused(error: XrpcError) -> web.Response:
    body = encode({"error": error.error, "message": error.message})
    return web.Response(status=error.status, body=body, content_type="application/json")
