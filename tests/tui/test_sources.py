"""Sources in the inbox, on the real store: live by bells, paused and filled by leads, only looked at by the others."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from inbox_tui.view import sources as view
from inbox_tui.view.lines import line_cells
from listener.model.heard import Reason
from listener.store import alive, people, source_acts, source_health, sources
from listener.store.source_views import BudgetRow, Fault, GapRow, SourceState
from tests.tui.ruled import Ruled, now, seen
from tests.tui.stage import SMALL

NEWS = "bluesky/notifications/us"


async def test_a_lead_is_told_wherever_they_are_that_a_source_stopped_sees_why_and_lets_it_go_on(
    pool: asyncpg.Pool, dsn: str
) -> None:
    ruled = await Ruled.built(pool)
    at = now()
    news = await sources.open_source(pool, NEWS, at)
    await alive.beat(pool, alive.Program("listener", "here", 1, "0", at, at + timedelta(minutes=5), {}))
    lea = next(one for one in await people.people(pool, ruled.house.brand_id) if one.login == "lea")
    gap = "INSERT INTO gaps (source_id, start_at, end_at, cause, noted_at) VALUES ($1, $2, $3, $4, $3)"
    await pool.execute(gap, news.id, at - timedelta(hours=3), at - timedelta(hours=2), "we were away")
    await source_health.save_budgets(pool, "bluesky", [BudgetRow("bluesky", "reads", 100, 6e6, 25, None, at)], at)
    async with seen(dsn, "lea", size=SMALL) as s:
        await s.shows("● connected")
        await source_health.note_fault(pool, NEWS, "ExpiredToken", "the token \x1b[2Jwas revoked", at, 3)
        await sources.set_state(pool, news.id, "stopped", "the token was revoked", at)
        await s.shows("stopped (N)")
        await s.press("N")
        await s.shows("1 gap not filled")
        await s.shows("1 stopped")
        cursor = s.app.place.rows.cursor_row
        assert cursor.key == NEWS, "what needs somebody stands first"
        await s.press("enter")
        for words in (
            "stopped: the token was revoked",
            "25 of 100 left of reads",
            "ExpiredToken  3 times",
            "we were away",
        ):
            await s.shows(words)
        assert "█" * 3 + "░" * 9 in s.text()
        await s.press("escape")
        await s.press("p")
        await s.shows("goes on from where it was")
        await s.hides("stopped (N)")
        assert await pool.fetchval("SELECT wanted = '' AND wanted_by = $2 FROM sources WHERE key = $1", NEWS, lea.id)
        await s.press("p")
        await s.shows("is paused and keeps its place")
        await s.press("z")
        await s.shows("taken back: it goes on")
        assert await pool.fetchval("SELECT wanted = '' FROM sources WHERE key = $1", NEWS)
        await s.press("i")
        await s.shows("1 gap will be filled")
        assert await pool.fetchval("SELECT state = 'asked' AND asked_by = $1 FROM gaps", lea.id)
        await s.press("e")
        await s.shows("there is nothing to read again")
        # A colleague pauses it from a shell: seen here at once.
        await source_acts.pause(pool, lea.id, ruled.house.brand_id, NEWS, now())
        await s.shows("1 paused")
        await s.press("%", "p")
        await s.shows("read-only: nothing is changed from here")
        await s.press("l")
        await s.until(lambda: s.app.place.place == "inbox", "the inbox")


async def test_who_is_no_lead_looks_only_and_sees_no_other_brands_account(pool: asyncpg.Pool, dsn: str) -> None:
    ruled = await Ruled.built(pool)
    other = await people.ensure_brand(pool, "globex", "Globex", "UTC")
    await people.ensure_account(pool, other, "bluesky", "at", "them", "them.test")
    stopped = await sources.open_source(pool, "bluesky/notifications/them", now())
    await sources.set_state(pool, stopped.id, "stopped", "not ours", now())
    await alive.beat(pool, alive.Program("listener", "here", 1, "0", now(), now() + timedelta(minutes=5), {}))
    async with seen(dsn, "vera") as s:
        await s.press("N")
        await s.shows("leads and admins act here")
        assert not s.sees("them")
        assert not s.sees("stopped (N)")
        before = await pool.fetch("SELECT key, state, wanted FROM sources ORDER BY 1")
        await s.press("p")
        await s.shows("you may look at this brand but not change anything (viewer)")
        assert await pool.fetch("SELECT key, state, wanted FROM sources ORDER BY 1") == before
    assert ruled.house.brand_id != other


def test_a_hostile_source_takes_no_more_than_its_room_and_says_all_without_colour() -> None:
    at, evil = now(), "\x1b[31m" + "x" * 300 + "\u202e"
    gap = GapRow(
        7,
        evil,
        at - timedelta(hours=4),
        at,
        evil,
        "asked",
        at,
        evil,
        3,
        at - timedelta(hours=4),
        at - timedelta(hours=1),
    )
    one = SourceState(
        f"bluesky/notifications/{evil}", "bluesky", "waiting", "", evil, at, at, at, at, timedelta(seconds=5), 9, 8, 12.0,
        (Fault(evil, evil, 3, at, at),), {Reason.BAD_ID.value: 3, evil: 1}, 1,
        (BudgetRow("bluesky", evil, 10, 60, 0, at + timedelta(hours=1), at),), (gap,), at + timedelta(days=2), 1, 2, evil,
    )  # fmt: skip
    for width in (20, 38, 80):
        lines = [*view.source_lines(one, width, at), *view.source_line(one, width, at), *view.summary([one], at, width)]
        page = view.source_page(one, at, None, width)
        assert all(line_cells(line) <= width for line in [*lines, *page])
        text = "".join(piece for line in [*lines, *page] for piece, _ in line)
        assert not {"\x1b", "\u202e"} & set(text)
    for words in ("waiting", "1 gap", "login ends in 2 d"):
        assert words in text or words in "".join(piece for line in lines for piece, _ in line), words
    assert "██░░░░░░ 25%" in text
