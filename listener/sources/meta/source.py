"""What both networks have in common as sources: logins and who they are, streams, looks at messages, answers and acts step by step.

Owns which token speaks for which account, and the care that an answer needs where the network takes no key that tells a repeat: what
stood there before is noted before sending, and afterwards the same words by us that did not stand there are the answer. Refuses to know
what a message looks like on either network: that is said by its two children.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from listener.errors import Refused, SourceStopped, TryAgain, Uncertain
from listener.lengths import Terms, measures
from listener.model.accounts import Account, Capability
from listener.model.handed import NetworkAct, Reply
from listener.model.heard import Author, Batch, Deleted, Item, Key, Mention, Profile, Reason, Reject
from listener.model.leaving import NEEDS, Doing
from listener.sources.base import Hook, Login, Sent, Stream, ThreadRead, Wiring
from listener.sources.meta import private
from listener.sources.meta.graph import Graph
from listener.sources.meta.hook import GraphHook
from listener.sources.meta.shapes import READ, Notice, Piece, ident, inside, loaded, moment, revision, unpacked
from listener.sources.meta.sweep import MOST_PAGES, Ground, Sweep
from listener.sources.meta.talks import Talks
from listener.webclient.client import Params
from listener.webclient.patience import Budget

_AWAY = frozenset({Doing.DELETE, Doing.REMOVE})
_OF_PEOPLE = frozenset({Doing.BLOCK, Doing.UNBLOCK})
SKEW = timedelta(minutes=5)
"""How far the network's clock may be from ours where we look for what we sent."""
SETTLES = timedelta(seconds=20)
"""How long the network may need to show what it has taken: before that, not there means nothing."""
AT_ONCE = 6
_REMEMBERED = 5_000


@dataclass(slots=True)
class Seat:
    """One account of ours that was identified."""

    id: str
    token: str = field(repr=False)
    handle: str = ""
    name: str = ""
    page: str = ""
    """Whose subscription makes its webhooks come; '' : its own."""
    ends_at: datetime | None = None
    app: str = ""
    """The app that the login is for, where Meta says so."""
    since: datetime | None = None
    """When its token was put where it is kept, as far as that is known."""


class Meta(ABC):
    """What `Facebook` and `Instagram` are."""

    name: str
    title: str
    about: str
    """What its webhook's deliveries say that they are about."""
    platform: str
    """What its private messages are called where they are asked for."""
    repeatable = False

    def __init__(self, wiring: Wiring, *, settles: timedelta = SETTLES) -> None:
        own = wiring.options
        self.own = own
        self.say = wiring.say
        self.clock = wiring.clock
        self._logins = wiring.logins
        self._settles = settles
        self._overlap = timedelta(minutes=float(own["overlap_minutes"]))
        self._web = wiring.web
        self._secret = str(own.get("app_secret") or "")
        self._graphs: dict[str, Graph] = {}
        self._graph = self._graph_of("")
        self.budgets: Mapping[str, Budget] = self._graph.usage.budgets
        self.seats: dict[str, Seat] = {}
        self._handles: dict[str, str] = {}
        self._sweeps: dict[str, Sweep] = {}
        self.talks: dict[str, Talks] = {}
        """By account: its conversations in private."""
        self.terms = private.Terms(self.name, private.BY_A_PERSON if own["human_agent"] else private.STANDARD)
        self._sent: OrderedDict[str, str] = OrderedDict()
        """What was sent by us: external id to the reply's key."""
        self._aside: OrderedDict[str, str] = OrderedDict()
        """Which comments were answered in private: id to the reply's key."""
        word = str(own.get("verify_token") or "")
        self._hook = GraphHook(self.name, self.about, self._of_notice, app_secret=self._secret, verify_token=word)
        self.hooks: tuple[Hook, ...] = (self._hook,)
        self.capabilities: Mapping[Capability, str] = self._can("" if wiring.logins else "no account of ours is set up")

    # What the children say

    @abstractmethod
    def _can(self, silent: str) -> Mapping[Capability, str]:
        """Each capability; `silent` where there is nothing against it but that no account may be there."""

    @abstractmethod
    async def _who(self, graph: Graph, login: Login) -> Seat:
        """Whose token it is."""

    @abstractmethod
    def _told(self, notice: Notice) -> tuple[Item, ...]:
        """What a notice of what is public means."""

    @abstractmethod
    def _read(self, piece: Piece) -> tuple[Item, ...]:
        """What a piece of what is public means."""

    @abstractmethod
    def _ground(self, seat: Seat) -> Ground:
        """What is read of an account."""

    @abstractmethod
    async def _look(self, seat: Seat, external_id: str, *, hurry: bool = False) -> Piece:
        """A message as it is now. Refused (code 'gone') where the network says that it is not there, or not for us."""

    @abstractmethod
    async def _around(self, seat: Seat, piece: Piece) -> list[Piece]:
        """What it answers, and what was answered to that."""

    @abstractmethod
    async def _freeze(self, seat: Seat, reply: Reply, parent: Piece, now: datetime) -> Mapping[str, Any]:
        """Where an answer goes, and where it is looked for."""

    @abstractmethod
    async def _look_up_aside(self, seat: Seat, reply: Reply) -> Sent | None:
        """Whether a public message was answered in private."""

    @abstractmethod
    def _look_params(self, since: datetime) -> Params:
        """How an edge is asked for answers of ours."""

    @abstractmethod
    def _may(self, what: Doing, piece: Piece) -> None:
        """Raises Refused where the network says that it does not let us."""

    @abstractmethod
    async def _do(self, seat: Seat, what: Doing, target: str) -> None:
        """Do it to a message; of a block, to a person."""

    @abstractmethod
    def _is_so(self, what: Doing, piece: Piece) -> bool:
        """Whether a message is as an act wanted it."""

    def names(self, seat: Seat) -> frozenset[str]:
        """By which names, in lower case, the network may tell of an account instead of by its id."""
        return frozenset()

    def items(self, piece: Piece) -> tuple[Item, ...]:
        """What a piece that was read means."""
        return private.of_piece(piece, self.terms) if piece.edge == private.EDGE else self._read(piece)

    def _of_notice(self, notice: Notice) -> tuple[Item, ...]:
        if notice.field not in private.FIELDS:
            return self._told(notice)
        return private.of_notice(notice, self.terms) if self.own["private_messages"] else ()

    # Who we are

    def _graph_of(self, service: str) -> Graph:
        base = service or str(self.own["graph"])
        if base not in self._graphs:
            usage = self._graphs[str(self.own["graph"])].usage if self._graphs else None
            self._graphs[base] = Graph(
                self._web, base, str(self.own["version"]), network=self.title.split()[0], app_secret=self._secret, usage=usage
            )  # fmt: skip
        return self._graphs[base]

    async def identify(self, handle: str) -> Author:
        """As `Source.identify`: whose token it is, by the network itself."""
        login = next((one for one in self._logins if one.handle == handle), None)
        if login is None or not login.secret:
            raise SourceStopped(
                "no login for this account", where=handle, hint="add it to the settings", code="NoLogin"
            )
        graph = self._graph_of(login.service)
        seat = await self._who(graph, login)
        self.seats[seat.id] = seat
        self._handles[handle] = seat.id
        await self.note_end(graph, seat)
        self.talks[seat.id] = Talks(
            self.graph_for(seat), lambda: seat.token, self.terms, account=seat.id, owner=seat.page or seat.id, platform=self.platform,
            names=self.names(seat), overlap=self._overlap, clock=self.clock, say=self.say,
        )  # fmt: skip
        if seat.id not in self._sweeps:
            self._sweeps[seat.id] = Sweep(
                f"{self.name}/sweep/{seat.id}",
                self._ground(seat),
                poll=float(self.own["sweep_seconds"]),
                overlap=self._overlap,
                say=self.say,
                clock=self.clock,
            )
        return Author(self.name, seat.id, seat.handle, seat.name)

    async def note_end(self, graph: Graph, seat: Seat) -> None:
        """When the login ends, where Meta says so: it is worth knowing and nothing fails without it."""
        token, app_id = seat.token, str(self.own.get("app_id") or "")
        asking = f"{app_id}|{self._secret}" if app_id and self._secret else token
        try:
            told = inside(await graph.ask("debug_token", asking, {"input_token": token}), "data")
        except (Refused, TryAgain, SourceStopped):
            return
        ends = [at for name in ("expires_at", "data_access_expires_at") if (at := moment(inside(told, name)))]
        seat.ends_at, seat.app = min(ends, default=None), ident(inside(told, "app_id")) or app_id

    def expiries(self) -> Mapping[str, datetime]:
        """As `Source.expiries`: of the token, or of the right to read by it, whichever is first."""
        return {seat.id: seat.ends_at for seat in self.seats.values() if seat.ends_at is not None}

    async def _seat(self, account: Account | None) -> Seat:
        if account is None:
            found = next(iter(self.seats.values()), None)
        else:
            found = self.seats.get(account.external_id)
            for login in self._logins if found is None else ():
                if login.handle not in self._handles:
                    await self.identify(login.handle)
            found = self.seats.get(account.external_id)
        if found is None:
            where = "" if account is None else account.handle or account.external_id
            raise SourceStopped("no login for this account", where=where, hint="add it to the settings", code="NoLogin")
        return found

    def graph_for(self, seat: Seat) -> Graph:
        login = next((one for one in self._logins if self._handles.get(one.handle) == seat.id), None)
        return self._graph if login is None else self._graph_of(login.service)

    # Hearing

    def streams(self) -> tuple[Stream, ...]:
        """None: nothing of these networks can be listened to in public."""
        return ()

    def account_streams(self, external_id: str) -> tuple[Stream, ...]:
        """One account's sweep; none before `identify`."""
        found = self._sweeps.get(external_id)
        return () if found is None else (found,)

    def reread(self, raw: bytes, heard_at: datetime) -> tuple[Item, ...]:
        """As `Source.reread`: a notice, or a piece that was read."""
        box = loaded(raw)
        if isinstance(box, dict) and "entry" in box:
            return self._hook.read(raw)
        piece = unpacked(raw, heard_at)
        if piece is None:
            return (Reject(Reason.NOT_DECODED, "neither a notice nor a piece that was read", raw[:65536]),)
        return self.items(piece)

    def look_back(self, stream: str, start: datetime, end: datetime) -> AsyncIterator[Batch] | None:
        """As `Source.look_back`: by the sweep of the account, also for what its webhook missed."""
        everybody = stream.startswith(f"{self.name}/hooks/")
        asked = [sweep for sweep in self._sweeps.values() if everybody or stream == sweep.key]

        async def each() -> AsyncIterator[Batch]:
            for sweep in asked:
                async for batch in sweep.look_back(start, end):
                    yield batch

        return each() if asked else None

    def search(
        self, stream: str, searches: Sequence[str], start: datetime, end: datetime
    ) -> AsyncIterator[Batch] | None:
        """None: the network does not let one search it."""
        return None

    async def recheck(self, account: Account | None, keys: Sequence[Key]) -> tuple[Item, ...]:
        """As `Source.recheck`."""
        seat = await self._seat(account)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(key: Key) -> tuple[Item, ...]:
            async with gate:
                try:
                    return self.items(await self._look_at(seat, key))
                except Refused as no:
                    # Of a private message that is not among the newest the network always says so.
                    gone = no.code == "gone" and key.space == self.name
                    return (Deleted(key, revision(self.clock(), READ)),) if gone else ()

        known = {self.name, self.terms.space(seat.id)}
        found = await asyncio.gather(*(one(key) for key in keys if key.space in known))
        return tuple(item for items in found for item in items if not isinstance(item, Reject))

    async def thread(self, account: Account | None, key: Key) -> ThreadRead:
        """As `Source.thread`: the message, what it answers, and what was answered to that."""
        seat = await self._seat(account)
        aside = key.space != self.name
        try:
            pieces = [await self._look_at(seat, key)]
        except Refused as no:
            if no.code == "gone":
                return ThreadRead((), () if aside else (key,))
            raise
        with suppress(Refused):  # the message itself is what matters
            pieces += await (self.talks[seat.id].around(pieces[0].post) if aside else self._around(seat, pieces[0]))
        items = [item for piece in pieces for item in self.items(piece) if isinstance(item, Mention)]
        return ThreadRead(tuple({item.key: item for item in items}.values()))

    async def _look_at(self, seat: Seat, key: Key) -> Piece:
        if key.space == self.name:
            return await self._look(seat, key.external_id)
        return await self.talks[seat.id].look(key.external_id)

    async def profile(self, account: Account | None, author: Author) -> Profile | None:
        """As much as the messages say: the networks tell programs no more about people."""
        return Profile(author)

    # Answers

    async def freeze(self, reply: Reply, now: datetime) -> Mapping[str, Any]:
        """As `Source.freeze`."""
        if reply.attachments:
            raise Refused("pictures are not sent there from here", code="no_media")
        if not reply.text.strip():
            raise Refused("there is no text", code="empty")
        self._fits(reply.text, private=reply.private or self._in_private(reply))
        if reason := self.capabilities[Capability.PRIVATE_REPLY if self._aside_of(reply) else Capability.REPLY]:
            raise Refused(reason, code="no_reply")
        seat, at = await self._seat(reply.account), {"at": now.astimezone(UTC).isoformat()}
        if self._in_private(reply):
            return {**await self.talks[seat.id].freeze(reply, now), **at}
        parent = await self._parent(seat, reply)
        if reply.private:
            self._once(reply)
        return {**await self._freeze(seat, reply, parent, now), **at}

    def _fits(self, text: str, *, private: bool) -> None:
        for measure in measures(self.name, text, Terms(private=private)):
            if measure.over:
                raise Refused(f"the text has {measure.used} {measure.unit}, {measure.limit} fit", code="too_long")

    def _in_private(self, reply: Reply) -> bool:
        """Whether it answers a private message."""
        return reply.parent.space != self.name

    def _aside_of(self, reply: Reply) -> bool:
        """Whether it answers a public message in private."""
        return reply.private and not self._in_private(reply)

    async def _parent(self, seat: Seat, reply: Reply) -> Piece:
        try:
            piece = await self._look(seat, reply.parent.external_id, hurry=True)
        except Refused as no:
            if no.code == "gone":
                raise Refused("the message is no longer on the network", code="parent_gone") from None
            raise
        now = next((item for item in self.items(piece) if isinstance(item, Mention)), None)
        if now is None:
            raise TryAgain("the network shows the message in a shape that we do not understand", code="wrong_shape")
        if reply.parent_content_id and now.content_id != reply.parent_content_id:
            raise Refused("the message was edited since it was read", code="parent_changed", hint="read it again")
        return piece

    def _once(self, reply: Reply) -> None:
        if self._aside.get(reply.parent.external_id, reply.key) != reply.key:
            raise Refused("it was answered in private already: the network takes one", code="private_once")

    async def send(self, reply: Reply) -> Sent:
        """As `Source.send`: no repeat can be told from a first one, so a frozen reply leaves once, and is looked for afterwards."""
        frozen = reply.frozen
        if frozen is None:
            raise ValueError("freeze first")
        seat = await self._seat(reply.account)
        graph = self.graph_for(seat)
        if self._in_private(reply):
            made = await self.talks[seat.id].send(reply, frozen)
            if not made:
                raise Uncertain("the network took it, and its answer is not understood", code="wrong_shape")
            _remember(self._sent, made, reply.key)
            return Sent(made, {"id": made})
        if reply.private:
            self._once(reply)
            fields = {
                "recipient": json.dumps({"comment_id": frozen["comment"]}),
                "message": json.dumps({"text": reply.text}),
            }
        else:
            fields = {**frozen["fields"], "message": reply.text}
        try:
            answer = await graph.post(str(frozen["path"]), seat.token, fields)
        except Uncertain:
            self._note_private(reply)
            raise
        except Refused as no:
            if no.code == "gone":
                raise Refused("the message is no longer on the network", code="parent_gone") from None
            raise
        self._note_private(reply)
        sent = ident(answer.get("id")) or private.mid(answer.get("message_id")) or str(frozen["path"])
        _remember(self._sent, sent, reply.key)
        return Sent(sent, {"id": sent})

    def _note_private(self, reply: Reply) -> None:
        if self._aside_of(reply):
            _remember(self._aside, reply.parent.external_id, reply.key)

    async def look_up(self, reply: Reply) -> Sent | None:
        """As `Source.look_up`: the same words by us under the same message, which did not stand there before."""
        frozen = reply.frozen
        if frozen is None:
            return None
        seat = await self._seat(reply.account)
        told = next((one for one, key in self._sent.items() if key == reply.key), "")
        if told and (reply.private or not frozen.get("look")):
            return Sent(told, {"id": told})  # the network gave it an id, and shows it to nobody but a person
        if self._in_private(reply):
            found = self._new(await self.talks[seat.id].look_up(reply, frozen, _sent_since(frozen)), reply)
        elif reply.private:
            found = await self._look_up_aside(seat, reply)
        else:
            found = await self._look_up(seat, reply, frozen)
        if found is not None:
            _remember(self._sent, found.external_id, reply.key)
            return found
        waited = self.clock() - datetime.fromisoformat(str(frozen["at"]))
        if waited < self._settles:
            after = (self._settles - waited).total_seconds()
            raise TryAgain("the network may not show it yet", after=after, code="settling")
        if self._aside_of(reply):
            self._aside.pop(reply.parent.external_id, None)
        return None

    def _new(self, found: Sequence[Sent], reply: Reply) -> Sent | None:
        """The first of these that is not known to be another answer."""
        return next((one for one in found if self._sent.get(one.external_id, reply.key) == reply.key), None)

    async def _look_up(self, seat: Seat, reply: Reply, frozen: Mapping[str, Any]) -> Sent | None:
        known = set(frozen["known"])
        same = await self._ours(seat, str(frozen["look"]), _sent_since(frozen), reply.text)
        return self._new([Sent(one, {"id": one}) for one in same if one not in known], reply)

    async def _ours(self, seat: Seat, look: str, since: datetime, text: str) -> list[str]:
        """Ids of what we said there with these words since then, oldest first. TryAgain where the list cannot be read to its end."""
        found: list[tuple[datetime, str]] = []
        async for rows, cut in self.graph_for(seat).pages(
            look, seat.token, self._look_params(since), most=MOST_PAGES, hurry=True
        ):
            for row in rows:
                item = next(iter(self.items(Piece("comment", seat.id, row, self.clock()))), None)
                if not isinstance(item, Mention) or item.author.external_id != seat.id or item.network_at is None:
                    continue
                if item.network_at >= since and _same(item.text, text):
                    found.append((item.network_at, item.key.external_id))
            if cut:
                raise TryAgain("more was said there than can be looked through", code="too_many")
        return [one for _, one in sorted(found)]

    # Acts

    async def freeze_act(self, act: NetworkAct, now: datetime) -> Mapping[str, Any]:
        """As `Source.freeze_act`."""
        if reason := self.capabilities[NEEDS[act.what]]:
            raise Refused(reason, code="no_act")
        seat = await self._seat(act.account)
        if act.what in _OF_PEOPLE:
            return self._whom(seat, act)
        if act.target.space != self.name:
            raise Refused("that is not done to a private message", hint="it can be answered", code="no_act")
        try:
            piece = await self._look(seat, act.target.external_id, hurry=True)
        except Refused as no:
            if no.code == "gone" and act.what in _AWAY:
                return {"id": act.target.external_id}
            if no.code == "gone":
                raise Refused("the message is no longer on the network", code="parent_gone") from None
            raise
        now_there = next((item for item in self.items(piece) if isinstance(item, Mention)), None)
        ours = now_there is not None and now_there.author.external_id == seat.id
        if act.what in {Doing.DELETE, Doing.EDIT} and not ours:
            raise Refused("only what this account wrote can be deleted or edited", code="not_ours")
        if act.what in {Doing.HIDE, Doing.SHOW, Doing.REMOVE} and ours:
            raise Refused("that is a message of our own: it is deleted as such, and never hidden", code="ours")
        edited = now_there is not None and act.target_content_id not in {"", now_there.content_id}
        if act.what in {Doing.LIKE, Doing.EDIT} and edited:
            raise Refused("the message was edited since it was read", code="parent_changed", hint="read it again")
        self._may(act.what, piece)
        if act.what is Doing.EDIT and now_there is not None:
            self._fits(act.text, private=False)
            return {"id": act.target.external_id, "was": now_there.content_id}
        return {"id": act.target.external_id}

    def _whom(self, seat: Seat, act: NetworkAct) -> Mapping[str, Any]:
        """Who is blocked: by the id that the network gives them for this account."""
        person = act.author.external_id
        if person == seat.id:
            raise Refused("that is our own account", code="ours")
        if not person.isdecimal():
            raise Refused("the network did not say who wrote it", code="no_account")
        return {"id": person}

    async def act(self, act: NetworkAct) -> Sent:
        """As `Source.act`: each call asks for a state."""
        if reason := self.capabilities[NEEDS[act.what]]:
            raise Refused(reason, code="no_act")
        if act.frozen is None:
            raise ValueError("freeze first")
        seat = await self._seat(act.account)
        target = str(act.frozen["id"])
        try:
            await (self._edit(seat, act, target) if act.what is Doing.EDIT else self._do(seat, act.what, target))
        except Refused as no:
            if no.code != "gone":
                raise
            if act.what in _OF_PEOPLE:
                raise Refused("the network does not know that person", code="no_account") from None
            if act.what not in _AWAY:
                raise Refused("the message is no longer on the network", code="parent_gone") from None
        return Sent(target, {"id": target})

    async def _edit(self, seat: Seat, act: NetworkAct, target: str) -> None:
        """Unless it says so already; Refused where it says anything but what its editor knew."""
        piece = await self._look(seat, target, hurry=True)
        now = next((item for item in self.items(piece) if isinstance(item, Mention)), None)
        if now is not None and _same(now.text, act.text):
            return
        if now is None or now.content_id != (act.frozen or {}).get("was"):
            raise Refused("the message was edited since it was read", code="parent_changed", hint="read it again")
        await self._reword(seat, target, act.text.strip())

    async def _reword(self, seat: Seat, target: str, text: str) -> None:
        """Where a network lets one edit what one wrote."""
        raise Refused(self.capabilities[Capability.EDIT] or "that is not done from here", code="no_act")

    async def look_up_act(self, act: NetworkAct) -> Sent | None:
        """As `Source.look_up_act`."""
        if self.capabilities[NEEDS[act.what]] or not act.frozen:
            return None
        seat = await self._seat(act.account)
        if act.what in _OF_PEOPLE:
            blocked = await self._is_blocked(seat, str(act.frozen["id"]))
            return Sent(act.target.external_id, {"looked": True}) if blocked == (act.what is Doing.BLOCK) else None
        try:
            piece = await self._look(seat, str(act.frozen["id"]), hurry=True)
        except Refused as no:
            if no.code == "gone":
                return Sent(act.target.external_id, {"looked": True}) if act.what in _AWAY else None
            raise
        if act.what is Doing.EDIT:
            says = any(isinstance(item, Mention) and _same(item.text, act.text) for item in self.items(piece))
            return Sent(act.target.external_id, {"looked": True}) if says else None
        return Sent(act.target.external_id, {"looked": True}) if self._is_so(act.what, piece) else None

    async def _is_blocked(self, seat: Seat, person: str) -> bool:
        """Whether an account has blocked somebody."""
        raise Refused("the network does not say whom an account has blocked", code="no_act")

    def length(self, text: str) -> tuple[int, int]:
        """Characters, and how many the network takes."""
        counted = measures(self.name, text)[0]
        return counted.used, counted.limit

    async def close(self) -> None:  # noqa: B027 - whole as it is
        """Nothing of its own to let go: connections are the web client's."""


def _remember(kept: OrderedDict[str, str], name: str, value: str) -> None:
    kept[name] = value
    while len(kept) > _REMEMBERED:
        kept.popitem(last=False)


def _sent_since(frozen: Mapping[str, Any]) -> datetime:
    """When it may have been sent at the earliest, by the network's clock."""
    return datetime.fromisoformat(str(frozen["at"])) - SKEW


def _same(one: str, other: str) -> bool:
    """Whether two texts say the same, however the network treats their spaces."""
    return one.split() == other.split()
