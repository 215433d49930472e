"""Two people beside one another on the real store: seen, given work, warned, escalated past, relieved."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg

from listener.rulebook.parse import parse
from listener.rulebook.roster import Roster
from listener.rulebook.shape import Rulebook
from listener.service.bells import Bells
from listener.service.database import House
from listener.service.staffing import Staffing
from listener.service.stopping import Stop
from listener.service.timekeeper import Timekeeper
from listener.store import acts, presence, rulebooks
from listener.workflow.acts import Assign
from tests.store.world import world
from tests.tui.test_postgres import now, ready, real

RULES = """\
teams:
  - {key: care, share out: yes, escalate to: duty}
  - {key: duty}
people:
  - {id: mia-acme, teams: [care]}
  - {id: tom-acme, teams: [care, duty]}
"""


async def test_a_day_beside_a_colleague(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    await ready(w)
    files = {"staff.yaml": RULES}
    book = parse(files)
    assert isinstance(book, Rulebook)
    await rulebooks.publish(pool, book.hash, files, "", now())
    staffing = Staffing(House(dsn, pool))
    one = await w.conversation("where is my parcel?", author="ana", due_at=now() + timedelta(minutes=40), at=now())
    two = await w.conversation("and mine?", author="bob", due_at=now() + timedelta(minutes=50), at=now())
    await pool.execute("UPDATE conversations SET team = 'care'")

    async def seen() -> dict[int, int | None]:
        return {p.person_id: p.conversation_id for p in await presence.present(pool, w.brand_id, now())}

    async with real(dsn, size=(80, 24)) as s:
        await s.shows("@ana")
        async with asyncio.timeout(30):
            while await seen() != {w.mia.id: one}:
                await asyncio.sleep(0.05)
        # Tom comes, and writes to the second one.
        await presence.attend(pool, "tom's", w.brand_id, w.tom.id, two, True, now())
        await s.shows("✎ Tom writes")
        # Work is shared out: Tom is busy, so both come to Mia, by the rules in force.
        busy = [await w.conversation("busy", author=f"cy{n}", at=now()) for n in range(3)]
        await acts.do(pool, w.tom.id, busy, Assign(w.tom.id), now())
        stop = Stop()
        keeping = asyncio.create_task(Timekeeper(House(dsn, pool), Bells(), stop, now).keep())
        await s.shows("→ you")
        stop.set("the test goes on")
        await keeping
        assert await pool.fetchval("SELECT count(*) FROM conversations WHERE assignee_id = $1", w.mia.id) == 2
        # She is reminded of what is hers, once.
        await pool.execute(
            "UPDATE conversations SET assignee_id = $2, due_at = $3, next_at = $3 WHERE id = $1", one, w.mia.id, now()
        )
        await staffing.wake(now() + timedelta(seconds=1))
        await s.shows("overdue: @ana")
        await s.press("0")
        await s.until(lambda: s.app.place.opened is not None and s.app.place.opened.conversation.id == one, "ana's")
        # She hands it back; nobody takes it; it goes to the duty team.
        await s.press("B")
        await s.shows("handed back (z takes it back)")
        await staffing.wake(now() + timedelta(seconds=1))
        await s.shows("escalated from care: nobody had taken it")
        assert await pool.fetchval("SELECT team FROM conversations WHERE id = $1", one) == "duty"
        await s.press("escape")
        await s.shows("care ⇒ duty")
        # She goes, and leaves a note.
        await s.press("O")
        await s.shows("until I say")
        await s.press("enter")
        await s.shows("1 conversation that you have not begun on")
        await s.press("k")
        await s.shows("away (O: back)")
        await s.press("T")
        await s.shows("Your hand-over")
        await s.shows(f"#{two}")
        await s.press("ctrl+s")
        await s.shows("handed over: everybody")
    assert [p.person_id for p in await presence.present(pool, w.brand_id, now())] == [w.tom.id], (
        "her terminal is closed"
    )
    async with real(dsn, "tom-acme", size=(80, 24)) as s:
        await s.shows("hand-over from Mia")
        await s.press("a")
        await s.shows("Mia mia-acme  away")
        await s.press("escape", "T")
        await s.shows("Hand-over from Mia")


def test_the_roster_says_when_days_away_end() -> None:
    book = parse(
        {
            "staff.yaml": """\
teams: [{key: care}]
people:
  - id: mia
    teams: [care]
    zone: Europe/Berlin
    away: [{from: 2026-12-24, to: 2026-12-26}, {from: 2026-12-27, to: 2026-12-31}]
"""
        }
    )
    assert isinstance(book, Rulebook)
    roster = Roster.of(book)
    christmas = datetime(2026, 12, 25, 12, 0, tzinfo=UTC)
    assert roster.away_until("mia", christmas) == datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    assert not roster.works("mia", "care", christmas)
    assert roster.away_until("mia", datetime(2026, 12, 23, 22, 59, tzinfo=UTC)) is None
    assert roster.works("mia", "care", datetime(2026, 12, 23, 22, 59, tzinfo=UTC))
