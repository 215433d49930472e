"""The demo without a screen: a stand-in answers a few conversations as the staff would, and the day is summed up and checked.

Checked against the pretend network's own account of what was said, not against ours. Owns the summary's words and figures.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from listener.errors import FixMe, HubbubError, Refused
from listener.model.leaving import OutboxState

if TYPE_CHECKING:
    from listener.model.people import Person
    from listener.service.database import House
    from listener.service.stopping import Stop
    from listener.store.views.thread import Opened

ANSWERS = 8
SETTLE_WITHIN = 30.0
DAY_WITHIN = 900.0
ADDRESSES = frozenset({"mention", "reply", "quote"})
WORDS = (
    "Thank you for telling us. We are looking into it now and will come back to you here.",
    "Sorry about that. Could you send us a direct message with your postcode? We will check the line.",
    "Good question: yes, it does. The steps are at https://larkspur.test/help",
    "Thanks, that made our day!",
)


@dataclass(frozen=True, slots=True)
class Network:
    """The pretend network, as it announced itself."""

    url: str
    handle: str
    did: str
    password: str


@dataclass(slots=True)
class Day:
    """One played day."""

    house: House
    network: Network
    lines: asyncio.StreamReader
    stop: Stop
    speed: float
    tell: Callable[[str], None]
    _answered: dict[int, int] = field(default_factory=dict)
    """Conversation -> outbox row."""
    _declined: dict[int, str] = field(default_factory=dict)
    _started: float = field(default_factory=time.monotonic)

    async def play(self, *, as_json: bool) -> int:
        """Until the day is over, answered and checked; prints the summary. 0: all came out right."""
        self.tell(f"playing the day, {self.speed:g} times as fast as it was")
        over = asyncio.ensure_future(self._over())
        try:
            await self._staff(over)
            played = time.monotonic() - self._started
            truth = await self._settled()
            found = await self._sum_up(truth, played)
        finally:
            over.cancel()
            await asyncio.gather(over, return_exceptions=True)
        if as_json:
            from listener.cli.terminal import print_json

            print_json(found)
        else:
            print_summary(found)
        return 0 if found["fine"] else 1

    async def _over(self) -> None:
        """Until the network says that its day is done."""
        async with asyncio.timeout(DAY_WITHIN):
            while line := await self.lines.readline():
                with contextlib.suppress(ValueError):
                    if json.loads(line).get("day") == "done":
                        return
        raise FixMe(
            "the pretend network ended before its day did", hint="python -m pretend --day product-launch says why"
        )

    # The staff

    async def _staff(self, over: asyncio.Future[None]) -> None:
        """Answers now and then while the day lasts, and a few more at its end."""
        person, brand_id = await self._person()
        while not over.done():
            await asyncio.wait({over}, timeout=0.5)
            if len(self._answered) < ANSWERS // 2:
                await self._answer_one(person, brand_id)
        over.result()
        for _ in range(60):
            if len(self._answered) >= ANSWERS:
                return
            if not await self._answer_one(person, brand_id):
                await asyncio.sleep(0.1)

    async def _person(self) -> tuple[Person, int]:
        from listener.model.people import Role
        from listener.store import people

        brand_id = next(number for number, key, _ in await people.brands(self.house.pool) if key == "larkspur")
        return await people.ensure_person(self.house.pool, "demo", "The demo", brand_id, Role.RESPONDER), brand_id

    async def _answer_one(self, person: Person, brand_id: int) -> bool:
        from listener.store import inbox

        rows = await inbox.page(self.house.pool, brand_id, "open", limit=100)
        for row in rows:
            if row.id in self._answered or row.id in self._declined or row.snippet is None:
                continue
            opened = await inbox.open(self.house.pool, row.id, person.id, datetime.now(UTC))
            if opened is None or not opened.account_id:
                continue
            try:
                self._answered[row.id] = await self._answer(opened, person)
            except Refused as err:
                self._declined[row.id] = err.what
                continue
            return True
        return False

    async def _answer(self, opened: Opened, person: Person) -> int:
        from listener.cli.looking import parent_of
        from listener.store import outbox

        parent, words = parent_of(opened), WORDS[len(self._answered) % len(WORDS)]
        row = await self.house.persistently(
            lambda: outbox.queue_reply(
                self.house.pool, person.id, opened.conversation.id, opened.account_id, parent.id, words,
                visibility="public", lang="en", fence=opened.conversation.thread_version, hold_seconds=0.2,
                close_after=False, now=datetime.now(UTC),
            ),
            self.stop, "an answer",
        )  # fmt: skip
        return row.id

    # The truth

    async def _get(self, path: str) -> Any:
        from listener.service.run import version
        from listener.webclient.client import WebClient

        web = WebClient(version())
        try:
            return json.loads((await web.get(f"{self.network.url}{path}", timeout=30.0, max_body=64 << 20)).body)
        finally:
            await web.close()

    async def _settled(self) -> dict[str, Any]:
        """Waits until what the network's account holds is stored and every answer has an end; the account."""
        deadline = time.monotonic() + SETTLE_WITHIN
        while True:
            truth = await self._truth()
            waiting = [
                number for number, state in truth["outbox"].items() if state in ("queued", "sending", "accepted")
            ]
            if (not truth["missing"] and not truth["differing"] and not waiting) or time.monotonic() > deadline:
                return truth
            await asyncio.sleep(0.25)

    async def _truth(self) -> dict[str, Any]:
        """The network's account beside ours: what addresses us and is missing, and what differs in version or fate."""
        from listener.store import outbox
        from listener.store.summary import messages

        # Ours first, so that what is said in between cannot count against us.
        posts = (await self._get("/_pretend/ledger"))["posts"]
        records = {row["uri"]: row for row in (await self._get("/_pretend/records"))["records"]}
        addressed = {row["uri"]: row for row in posts if ADDRESSES & set(row["because"])}
        held = await messages(self.house.pool, list(addressed))
        missing = [uri for uri, row in addressed.items() if uri not in held and not _gone(row)]
        differing = [
            uri
            for uri, row in addressed.items()
            if uri in held and (held[uri].deleted != _gone(row) or (not _gone(row) and held[uri].text != row["text"]))
        ]
        rows = {number: await outbox.row(self.house.pool, number) for number in self._answered.values()}
        found = {number: row for number, row in rows.items() if row is not None}
        return {
            "addressed": len(addressed),
            "missing": missing,
            "differing": differing,
            "outbox": {number: row.state.value for number, row in found.items()},
            "problems": {number: row.problem for number, row in found.items() if row.problem},
            "once": all(
                row.external_id in records and records[row.external_id]["commits"] == 1
                for row in found.values()
                if row.state is OutboxState.SEEN
            ),
            "to_seen": [
                (row.changed_at - row.not_before).total_seconds()
                for row in found.values()
                if row.state is OutboxState.SEEN
            ],
        }

    async def _sum_up(self, truth: Mapping[str, Any], played: float) -> dict[str, Any]:
        from listener.service.pulse import percentiles
        from listener.store import alive, sources, summary

        await asyncio.sleep(0)
        whole = await summary.whole(self.house.pool)
        programs = await self._fresh_figures()
        health = await sources.health(self.house.pool)
        states = list(truth["outbox"].values())
        # A network may say no (a closed thread, a block); then the reply must say so.
        told = all(state != "failed" or number in truth["problems"] for number, state in truth["outbox"].items())
        ended = all(state in ("seen", "failed", "stopped") for state in states)
        answered = sum(state == "seen" for state in states)
        fine = bool(not truth["missing"] and not truth["differing"] and ended and told and truth["once"] and answered)
        figures: alive.Program | None = programs
        return {
            "fine": fine,
            "seconds": round(played, 1),
            "heard": sum(row.heard for row in health),
            "heard_per_second": round(sum(row.heard for row in health) / played, 1),
            **whole,
            "addressed_on_the_network": truth["addressed"],
            "missing": len(truth["missing"]),
            "differing": len(truth["differing"]),
            "replies": {state: states.count(state) for state in sorted(set(states))},
            "replies_problems": list(truth["problems"].values()),
            "each_reply_once": truth["once"],
            "latency_ms": figures.state.get("latency_ms", {}) if figures else {},
            "reply_latency_ms": percentiles(truth["to_seen"]),
        }  # fmt: skip

    async def _fresh_figures(self) -> Any:
        """The listener's figures of a moment after now."""
        from listener.store import alive

        since, deadline = datetime.now(UTC), time.monotonic() + 10.0
        while time.monotonic() < deadline:
            with contextlib.suppress(HubbubError):
                rows = [row for row in await alive.programs(self.house.pool) if row.name == "listener"]
                if rows and rows[0].beat_at >= since:
                    return rows[0]
            await asyncio.sleep(0.2)
        return None


def _gone(row: Mapping[str, Any]) -> bool:
    return bool(row["deleted"]) or row["author_status"] == "deleted"


def print_summary(found: Mapping[str, Any]) -> None:
    """The day in lines."""
    from listener.cli.terminal import coloured

    def counted(of: Mapping[str, int]) -> str:
        return ", ".join(f"{name} {n}" for name, n in sorted(of.items(), key=lambda item: (-item[1], item[0])))

    def timed(of: Mapping[str, Any]) -> str:
        return f"p50 {of['p50']:g} ms, p99 {of['p99']:g} ms ({of['n']} measured)" if of.get("n") else "not measured"

    lines = [
        ("heard", f"{found['heard']:,} items in {found['seconds']:g} s ({found['heard_per_second']:g}/s)"),
        (
            "stored",
            f"{found['mentions']:,} mentions by {found['authors']:,} authors, {found['edits']} edits, {found['deleted']} deleted",
        ),
        ("topics", counted(found["topics"]) or "none"),
        ("tone", counted(found["tones"])),
        ("flagged", f"{found['flagged']:,}: {counted(found['rules'])}" if found["rules"] else "nothing"),
        ("conversations", f"{sum(found['conversations'].values()):,}: {counted(found['conversations'])}"),
        (
            "answered",
            f"{counted(found['replies'])}; each on the network {'once' if found['each_reply_once'] else 'NOT ONCE'}",
        ),
        ("event to commit", timed(found["latency_ms"])),
        ("reply to seen", timed(found["reply_latency_ms"])),
        ("rejects", counted(found["rejects"]) or "none"),
    ]
    for name, text in lines:
        print(f"  {name:<16} {text}")
    for problem in found["replies_problems"]:
        print(f"  {'':<16} not sent: {problem}")
    total, missing = found["addressed_on_the_network"], found["missing"]
    verdict = f"{total - missing} of {total} posts that address us are stored, {found['differing']} differ from the network's own account"
    print(f"  {'checked':<16} {verdict}")
    print(
        coloured("everything came out right", "green")
        if found["fine"]
        else coloured("something did not come out right", "red")
    )
