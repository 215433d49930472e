"""Many at once on the real store: people do whatever comes to mind to the same few conversations while a listener hears of them, two
timekeepers look, and a deliverer sends. Then everything is asked whether it still fits together.

Owns the storm and what must be so after any. The dice are replayable by their seed; the order in which the database takes the acts is not, so a
seed that found something finds it again most of the time.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import asyncpg
import msgspec

from inbox_tui.backend.postgres import PostgresBackend
from listener.errors import Refused, TryAgain
from listener.model.accounts import Capability
from listener.model.heard import Deleted, Key
from listener.model.leaving import Doing, OutboxState
from listener.model.people import Role
from listener.model.scales import Priority
from listener.rulebook.people import Person as Listed
from listener.rulebook.roster import Roster
from listener.rulebook.shape import Team
from listener.store import capabilities, claims, inbox, network_lane, people, presence, sharing, upkeep
from listener.store.conversations import COLUMNS, FIELDS, of_row
from listener.store.lane import Settled, freeze
from listener.store.reply_lane import REPLIES, overtaken
from listener.store.views.thread import Opened
from listener.workflow.acts import Act, Assign, Close, HandBack, NotSpam, Reopen, SetPriority, Snooze, Spam, Tag
from listener.workflow.moves import Escalation
from listener.workflow.order import sort_key
from tests.store.builders import NOW, SPACE, House, said

T = TypeVar("T")

STEPS = {"care": Escalation("leads", timedelta(minutes=30))}
FASTER = 240
"""The storm's clock against the wall's: snoozes end and claims die within it."""

LONG = "We looked into it and will write again as soon as we know more. " * 12

_ROW_OF = f"SELECT {COLUMNS}, sort_key AS place FROM conversations WHERE merged_into IS NULL ORDER BY id"

_TOLD = "SELECT id, kind, conversation_id, person_id, before, after FROM events WHERE conversation_id IS NOT NULL ORDER BY id"

_TWO_ANSWER = """
SELECT o.conversation_id, array_agg(DISTINCT r.person_id) AS people FROM outbox o JOIN replies r ON r.id = o.reply_id
WHERE o.state IN ('queued', 'sending', 'unknown') GROUP BY 1 HAVING count(DISTINCT r.person_id) > 1
"""

_TWO_SENDING = """
SELECT conversation_id FROM outbox WHERE state = 'sending' AND conversation_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1
"""

_TWO_WAIT = "SELECT conversation_id FROM approvals WHERE state = 'waiting' GROUP BY 1 HAVING count(*) > 1"

_COUNTED = """
SELECT folder, count(*) AS n FROM conversations WHERE merged_into IS NULL GROUP BY 1
"""

_MINE = "SELECT count(*) FROM conversations WHERE merged_into IS NULL AND folder = 'open' AND assignee_id = $1"

_TO_APPROVE = "SELECT count(DISTINCT conversation_id) FROM approvals WHERE state = 'waiting'"

_NOTES = "SELECT id, conversation_id, body, person_id, removed_at IS NULL AS here FROM notes ORDER BY id"

_ASKS = "SELECT note_id, person_id FROM note_asks"

_CLAIMS = "SELECT conversation_id, person_id FROM claims"


_NEVER_REFUSED = frozenset({"act", "claim", "release", "renew", "note", "mute", "away", "look", "draft"})
"""Whatever others do meanwhile."""

_COMES_TO: Sequence[Settled] = ("accepted", "accepted", "accepted", "accepted", "failed", "unknown")

_OF_SOMETHING_ELSE = ("reply.", "approval.", "network.", "presence.")
"""Events on a conversation whose before and after are another row's."""


@dataclass(frozen=True, slots=True)
class Told:
    """How a storm came out."""

    seed: int
    did: Mapping[str, int]
    """What was done, by name; `name: refused` where the house said no."""
    wrong: Sequence[str]


@dataclass
class Storm:
    """One storm."""

    seed: int
    house: House
    backends: Sequence[PostgresBackend]
    ids: Sequence[int]
    seconds: float
    begun: float = field(default_factory=time.monotonic)
    did: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    ours: list[Any] = field(default_factory=list)
    """What left and is seen on the network now."""

    @property
    def pool(self) -> asyncpg.Pool:
        return self.house.pool

    def now(self) -> datetime:
        """Time, hurrying."""
        return NOW + timedelta(hours=1, seconds=(time.monotonic() - self.begun) * FASTER)

    async def blow(self) -> Told:
        """All of it."""
        beginning = {row["id"]: of_row(row) for row in await self.pool.fetch(_ROW_OF)}
        since = await self.pool.fetchval("SELECT coalesce(max(id), 0) FROM events")
        ends = time.monotonic() + self.seconds
        async with asyncio.TaskGroup() as group:
            jobs: list[Callable[[random.Random], Awaitable[None]]] = [
                self._person(backend) for backend in self.backends
            ]
            jobs += [self._hear, self._keep_time, self._keep_time, self._deliver, self._deliver, self._look]
            for n, job in enumerate(jobs):
                group.create_task(self._until(ends, job, random.Random(f"{self.seed}/{n}")))
        await self._at_rest(beginning, since)
        return Told(self.seed, dict(sorted(self.did.items())), self.wrong)

    async def _until(self, ends: float, job: Callable[[random.Random], Awaitable[None]], dice: random.Random) -> None:
        while time.monotonic() < ends and len(self.wrong) < 20:
            try:
                await job(dice)
            except Exception as fault:
                self.wrong.append(_whole(fault))
            await asyncio.sleep(dice.random() * 0.004)

    async def _kept(self, act: Callable[[], Awaitable[T]]) -> T:
        """As the service does it: what the database took from two at once is done again."""
        while True:
            try:
                return await act()
            except TryAgain as fault:
                if not fault.code.startswith("40"):
                    raise
                self.did["kept on"] += 1

    # People ----------------------------------------------------------------------------------------------------------

    def _person(self, backend: PostgresBackend) -> Callable[[random.Random], Awaitable[None]]:
        doings = {
            name.removeprefix("_do_"): getattr(self, name) for name in sorted(dir(self)) if name.startswith("_do_")
        }
        names = [*doings, *["act"] * 5, *["claim"] * 3, *["queue"] * 3, *["undo"] * 2, *["settle"] * 3]

        async def once(dice: random.Random) -> None:
            name = dice.choice(names)
            try:
                await doings[name](backend, dice)
                self.did[name] += 1
            except Refused as no:
                if name in _NEVER_REFUSED:
                    self.wrong.append(f"{name} was refused: {no}")
                self.did[f"{name}: refused"] += 1
                self.did[f"    {name}, {no.code or str(no)[:40]}"] += 1

        return once

    async def _opened(self, backend: PostgresBackend, dice: random.Random) -> Opened:
        opened = await backend.open(dice.choice(self.ids), self.now())
        assert opened is not None
        return opened

    async def _do_act(self, backend: PostgresBackend, dice: random.Random) -> None:
        colleague = dice.choice(self.backends).me.id
        choices: list[Act] = [
            Close(), Reopen(), Spam(), NotSpam(), HandBack(), Assign(colleague), Assign(None, "care"), Assign(None),
            Snooze(self.now() + timedelta(minutes=dice.randrange(1, 20))), Tag(add=(f"t{dice.randrange(3)}",)),
            Tag(remove=(f"t{dice.randrange(3)}",)), SetPriority(Priority(dice.randrange(1, 5))), SetPriority(None),
        ]  # fmt: skip
        ids = dice.sample(list(self.ids), dice.choice([1, 1, 1, 3, len(self.ids)]))
        await backend.do(ids, dice.choice(choices), self.now())

    async def _do_undo(self, backend: PostgresBackend, dice: random.Random) -> None:
        if last := await backend.last_act():
            await backend.undo(last, self.now(), anyway=dice.random() < 0.3)

    async def _do_redo(self, backend: PostgresBackend, dice: random.Random) -> None:
        if last := await backend.last_undo():
            await backend.undo(last, self.now())

    async def _do_claim(self, backend: PostgresBackend, dice: random.Random) -> None:
        await backend.claim(dice.choice(self.ids), self.now(), take_over=dice.random() < 0.3)

    async def _do_release(self, backend: PostgresBackend, dice: random.Random) -> None:
        await backend.release(dice.choice(self.ids), self.now())

    async def _do_renew(self, backend: PostgresBackend, dice: random.Random) -> None:
        await backend.renew_claims(self.now())

    async def _do_leave(self, backend: PostgresBackend, dice: random.Random) -> None:
        await claims.release_all(self.pool, backend.session, self.now())

    async def _do_look(self, backend: PostgresBackend, dice: random.Random) -> None:
        await backend.attend(dice.choice(self.ids), typing=dice.random() < 0.5, now=self.now())

    async def _do_read(self, backend: PostgresBackend, dice: random.Random) -> None:
        await backend.mark_read(dice.choice(self.ids), self.now())

    async def _do_note(self, backend: PostgresBackend, dice: random.Random) -> None:
        whom = dice.choice(self.backends).me.login
        await backend.note(dice.choice(self.ids), f"@{whom} have a look", self.now())

    async def _do_see_notes(self, backend: PostgresBackend, dice: random.Random) -> None:
        await backend.asked_seen(dice.choice(self.ids), self.now())

    async def _do_mute(self, backend: PostgresBackend, dice: random.Random) -> None:
        opened = await self._opened(backend, dice)
        await (backend.mute if dice.random() < 0.4 else backend.unmute)([opened.author_id], self.now())

    async def _do_away(self, backend: PostgresBackend, dice: random.Random) -> None:
        if dice.random() < 0.7:
            await backend.back(self.now())
        else:
            await backend.away(None, self.now())

    async def _do_draft(self, backend: PostgresBackend, dice: random.Random) -> None:
        opened = await self._opened(backend, dice)
        fence = opened.conversation.thread_version
        await backend.save_draft(opened.conversation.id, "Dear", fence, self.now(), private=False)

    async def _do_queue(self, backend: PostgresBackend, dice: random.Random) -> None:
        opened = await self._opened(backend, dice)
        parent = _parent(opened, dice)
        planned = self.now() + timedelta(minutes=dice.randrange(1, 9)) if dice.random() < 0.3 else None
        long = dice.random() < 0.25
        await asyncio.sleep(dice.random() * 0.01)
        await backend.queue_reply(
            opened, parent, LONG if long else "We are on it", private=False, fence=opened.conversation.thread_version,
            hold_seconds=dice.choice([0.0, 8.0]), close_after=dice.random() < 0.2, now=self.now(), planned=planned, in_parts=long,
        )  # fmt: skip

    async def _do_ask(self, backend: PostgresBackend, dice: random.Random) -> None:
        opened = await self._opened(backend, dice)
        await backend.ask_approval(
            opened, _parent(opened, dice), "May this go out?", private=False, fence=opened.conversation.thread_version,
            close_after=False, planned=None, now=self.now(),
        )  # fmt: skip

    async def _do_decide(self, backend: PostgresBackend, dice: random.Random) -> None:
        opened = await self._opened(backend, dice)
        if not opened.approvals:
            return
        row, now = opened.approvals[-1], self.now()
        match dice.randrange(6):
            case 0 | 1 | 2:
                body = dice.choice([None, "May this go out? Yes.", LONG])
                fence = opened.conversation.thread_version
                await backend.approve(row.id, now, fence=fence, hold_seconds=4.0, body=body, moved=dice.random() < 0.5)
            case 3:
                await backend.reject(row.id, "warmer, please", now)
            case 4:
                await backend.take_back_asked(row.id, now)
            case _:
                await backend.reconsider(row.id, now)

    async def _do_settle(self, backend: PostgresBackend, dice: random.Random) -> None:
        """Whatever can be done to a reply: taken back, planned anew, sent again, found on the network."""
        opened = await self._opened(backend, dice)
        if not opened.replies:
            return
        row, now = dice.choice(opened.replies[-4:]), self.now()
        match row.state:
            case OutboxState.QUEUED if row.planned is not None and dice.random() < 0.6:
                await backend.plan(row.id, dice.choice([None, now + timedelta(minutes=3)]), now)
            case OutboxState.QUEUED:
                await backend.withdraw(row.id, now)
            case OutboxState.FAILED | OutboxState.STOPPED if dice.random() < 0.7:
                later = dice.choice([None, now + timedelta(minutes=3)])
                await backend.retry(row.id, opened.conversation.thread_version, now, planned=later)
            case OutboxState.FAILED | OutboxState.STOPPED:
                await backend.withdraw(row.id, now)
            case OutboxState.UNKNOWN:
                await backend.resolve_unknown(row.id, dice.random() < 0.5, now)
            case _:
                pass

    async def _do_network(self, backend: PostgresBackend, dice: random.Random) -> None:
        opened = await self._opened(backend, dice)
        if opened.network and dice.random() < 0.4:
            row = dice.choice(opened.network[-3:])
            if row.state is OutboxState.QUEUED:
                await backend.withdraw_act(row.id, self.now())
            else:
                await backend.retry_act(row.id, self.now())
        else:
            what = dice.choice([Doing.LIKE, Doing.UNLIKE, Doing.HIDE, Doing.SHOW, Doing.BLOCK, Doing.UNBLOCK])
            await backend.act_on_network(opened, _parent(opened, dice), what, hold_seconds=2.0, now=self.now())

    # What is no person -----------------------------------------------------------------------------------------------

    async def _hear(self, dice: random.Random) -> None:
        items, self.ours = self.ours, []
        for _ in range(dice.randrange(1, 5)):
            n, part = dice.randrange(len(self.ids)), dice.randrange(1, 30)
            name, root = f"m{n}.{part}", f"m{n}"
            self.house.addressed(name)
            roll = dice.random()
            if roll < 0.1:
                items.append(Deleted(Key(SPACE, name), f"9{dice.randrange(9)}"))
            else:
                revision = f"{dice.randrange(3, 6)}{dice.choice('abc')}"
                text = dice.choice(["and now?", "this is bad", "thanks"])
                items.append(said(name, text, by=f"a{n}", parent=root, root=root, at=self.now(), revision=revision))
        await self._kept(lambda: self.house.record(*items, now=self.now()))
        self.did["heard"] += 1
        await asyncio.sleep(0.03)

    async def _keep_time(self, dice: random.Random) -> None:
        now, logins = self.now(), [backend.me.login for backend in self.backends]
        listed = {login: Listed(login, login, frozenset({"care"})) for login in logins}
        await self._kept(lambda: upkeep.wake(self.pool, now, STEPS))
        await self._kept(lambda: claims.expire(self.pool, now))
        await self._kept(lambda: overtaken(self.pool, now))
        await self._kept(lambda: REPLIES.expired(self.pool, now))
        await self._kept(lambda: upkeep.fold(self.pool))
        roster = Roster(listed, {"care": Team("care", "Care", "", share_out=True, at_most=4)}, {})
        self.did["shared out"] += await self._kept(lambda: sharing.share_out(self.pool, now, roster))
        self.did["looked at the clock"] += 1
        await asyncio.sleep(0.02)

    async def _deliver(self, dice: random.Random) -> None:
        attempt, now = uuid.uuid4(), self.now()
        reply = await self._kept(lambda: REPLIES.claim_next(self.pool, attempt, now, 30))
        if reply is not None:
            planned = await self.pool.fetchval("SELECT planned FROM outbox WHERE id = $1", reply.outbox_id)
            if planned is not None and planned > now:
                self.wrong.append(f"outbox {reply.outbox_id} left at {now}, planned for {planned}")
            self.did["delivered"] += 1
            await asyncio.sleep(dice.random() * 0.02)
            if await freeze(self.pool, reply.outbox_id, attempt, {"text": reply.text}, f"r{reply.outbox_id}", now):
                state: Settled = dice.choice(_COMES_TO)
                name, parent = f"r{reply.outbox_id}", reply.parent.external_id
                seen = said(name, reply.text, by="us", parent=parent, root=reply.root, at=now)
                if state != "failed" and dice.random() < 0.7:
                    self.ours.append(
                        seen
                    )  # the stream may show it before the deliverer has written down what became of it
                    await asyncio.sleep(dice.random() * 0.03)
                await self._kept(lambda: REPLIES.settle(self.pool, reply.outbox_id, attempt, state, self.now()))
        act = await self._kept(lambda: network_lane.claim_next(self.pool, attempt, now, 30))
        if act is not None:
            became: Settled = dice.choice(["accepted", "failed"])
            await self._kept(lambda: network_lane.settle(self.pool, act.outbox_id, attempt, became, now))

    # What must be so -------------------------------------------------------------------------------------------------

    async def _look(self, dice: random.Random) -> None:
        """While it blows."""
        for told, statement in (
            ("two people answer", _TWO_ANSWER),
            ("two replies leave at once", _TWO_SENDING),
            ("two wait for approval", _TWO_WAIT),
        ):
            self.wrong += [f"{told}: {dict(row)}" for row in await self.pool.fetch(statement)]
        await asyncio.sleep(0.01)

    async def _at_rest(self, beginning: Mapping[int, Any], since: int) -> None:
        """When it is over: rows, events, counters, notes and claims tell one story."""
        wrong, names = self.wrong, dict.fromkeys(FIELDS)
        fields = {id_: {name: _plain(getattr(c, name)) for name in names} for id_, c in beginning.items()}
        holder: dict[int, int | None] = dict.fromkeys(fields)
        noted: dict[int, bool] = {}
        for event in await self.pool.fetch(_TOLD):
            if event["id"] <= since:
                continue
            one, before, after = event["conversation_id"], event["before"] or {}, event["after"] or {}
            where = f"event {event['id']}, {event['kind']} on {one}"
            if event["kind"].startswith("claim."):
                was = before.get("person")
                if holder[one] != was:
                    wrong.append(f"{where}: held by {holder[one]}, told of {was}")
                holder[one] = after.get("person")
                continue
            if not event["kind"].startswith(_OF_SOMETHING_ELSE):
                for name in names.keys() & (before.keys() | after.keys()):
                    if name not in before or name not in after:
                        wrong.append(f"{where}: {name} has only one side: {before} -> {after}")
                    elif fields[one][name] != before[name]:
                        wrong.append(f"{where}: {name} was {fields[one][name]}, told as {before[name]}")
                    fields[one][name] = after.get(name, fields[one][name])
                noted |= {id_: here for side, here in ((before, False), (after, True)) if (id_ := side.get("note"))}
        for row in await self.pool.fetch(_ROW_OF):
            c = of_row(row)
            is_now = {name: _plain(getattr(c, name)) for name in names}
            if is_now != fields[c.id]:
                wrong.append(f"conversation {c.id} is {is_now}, its events say {fields[c.id]}")
            if row["place"] != sort_key(c):
                wrong.append(f"conversation {c.id} does not stand where it belongs")
        await self._look(random.Random(0))
        held = {row["conversation_id"]: row["person_id"] for row in await self.pool.fetch(_CLAIMS)}
        if held != {one: person for one, person in holder.items() if person is not None}:
            wrong.append(f"held: {held}, told: {holder}")
        await self._counted()
        await self._noted(noted)

    async def _counted(self) -> None:
        folders = {row["folder"]: row["n"] for row in await self.pool.fetch(_COUNTED)}
        to_approve = await self.pool.fetchval(_TO_APPROVE)
        for backend in self.backends:
            counts = await inbox.counts(self.pool, self.house.brand_id, backend.me.id)
            mine = await self.pool.fetchval(_MINE, backend.me.id)
            if {key: n for key, n in counts.folders.items() if n} != folders:
                self.wrong.append(f"counted {counts.folders}, there are {folders}")
            if (counts.mine, counts.to_approve) != (mine, to_approve):
                self.wrong.append(f"counted {counts.mine} and {counts.to_approve}, there are {mine} and {to_approve}")

    async def _noted(self, noted: Mapping[int, bool]) -> None:
        rows = await self.pool.fetch(_NOTES)
        if {row["id"]: row["here"] for row in rows} != dict(noted):
            self.wrong.append("notes and their events differ")
        by_login = {backend.me.login: backend.me.id for backend in self.backends}
        asked = {(row["note_id"], row["person_id"]) for row in await self.pool.fetch(_ASKS)}
        wanted = {(row["id"], by_login[row["body"].split()[0][1:]]) for row in rows}
        wanted -= {(row["id"], row["person_id"]) for row in rows}
        if asked != wanted:
            self.wrong.append(f"asked: {asked ^ wanted}")


def _whole(fault: BaseException) -> str:
    """What it was, where, and what the database said of it."""
    cause = fault.__cause__
    rooms = [frame.name for frame in traceback.extract_tb(fault.__traceback__) if "/listener/store/" in frame.filename]
    detail = "" if cause is None else f" ({cause}; {getattr(cause, 'detail', '')}; {getattr(cause, 'context', '')})"
    return f"{type(fault).__name__} in {' > '.join(rooms)}: {fault}{detail}"


def _plain(value: Any) -> Any:
    return json.loads(msgspec.json.encode(value))


def _parent(opened: Opened, dice: random.Random) -> int:
    found = [one.id for one in opened.thread if one.mine and not one.ours and not one.deleted]
    if not found:
        raise Refused("nothing to answer", code="nothing")
    return dice.choice(found[-2:])


async def storm(
    pool: asyncpg.Pool, seed: int, *, people_n: int = 8, conversations: int = 6, seconds: float = 4.0
) -> Told:
    """Build a house, let the storm blow through it, and say how it came out."""
    house = await House.built(pool)
    await pool.execute("DELETE FROM memberships")
    await capabilities.publish(pool, house.account.id, dict.fromkeys(Capability, ""))
    backends = []
    for n in range(people_n):
        role = Role.LEAD if n % 3 == 0 else Role.RESPONDER
        person = await people.ensure_person(pool, f"p{n}", f"P{n}", house.brand_id, role)
        backends.append(PostgresBackend("", pool, house.brand_id, "lark", "Lark", person, f"terminal {n}", ""))
        await presence.attend(pool, f"terminal {n}", house.brand_id, person.id, None, False, NOW + timedelta(days=1))
    house.judge.opens = True
    roots = [f"m{n}" for n in range(conversations)]
    house.addressed(*roots)
    done = await house.record(*(said(root, "this is bad", by=f"a{root[1:]}", at=NOW) for root in roots))
    await pool.execute("UPDATE conversations SET team = 'care'")
    return await Storm(seed, house, backends, done.opened, seconds).blow()
