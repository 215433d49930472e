"""Incidents in the inbox, on the real store: seen from every screen, understood, acted upon, and reported when they are over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from textual.widgets import Input

from inbox_tui.keys import INCIDENTS
from inbox_tui.messages import IncidentsWanted
from inbox_tui.view import curve as drawing
from inbox_tui.view import incidents as view
from inbox_tui.view.lines import line_cells
from inbox_tui.widgets.chart import Chart
from listener.incidents.asked import query_of
from listener.incidents.curve import curve_of
from listener.incidents.shape import Incident, IncidentState
from listener.incidents.story import Listed, Missing, Plan, Story
from listener.model.scales import Severity
from listener.rulebook.alerting import Watched
from listener.store import incident_acts, incident_views
from listener.store.incident_report import report_on
from tests.store.test_incidents import fire, fired
from tests.store.world import World, world
from tests.tui.stage import SMALL
from tests.tui.test_postgres import now, real

STEP = 300


def evidence(at: datetime, last: int = 30) -> dict[str, Any]:
    """A day of one an hour, a hole in it, and a storm at its end."""
    n = 288
    begin = (int(at.timestamp()) // STEP - n) * STEP
    counts: list[int | None] = [1 if i % 12 == 6 else 0 for i in range(n)]
    counts[100:120] = [None] * 20
    counts[-6:] = [last // 6] * 6
    return {
        "why": f"negative: {last} in 1 h, expected 1.0", "seen": last, "expected": 1.0, "low": 0.0, "high": 5.0, "seconds": 3600, "size": 2.5,
        "known": 0.93, "authors": 21, "part": last, "whole": last + 4, "share": 0.2, "counter": "negative", "curve": counts,
        "curve_expected": [1 / 12] * n, "curve_at": begin, "curve_step": STEP,
    }  # fmt: skip


async def stormy(w: World, at: datetime, **more: Any) -> int:
    """An incident that was opened at a time; its number."""
    what = fired(w, at=at, since=at - timedelta(minutes=10), evidence=evidence(at), **more)
    one = await fire(w, what)
    assert one is not None
    return one


async def heard_on(w: World, conversation: int, topic: str = "yoghurt") -> None:
    await w.pool.execute(
        "INSERT INTO hearings (mention_id, brand_id, topic, source_id, via, at, heard_at)"
        " SELECT m.id, $2, $3, $4, 'topic', m.at, m.at FROM conversations c JOIN mentions m ON m.id = c.last_mention_id WHERE c.id = $1",
        conversation, w.brand_id, topic, w.source_id,
    )  # fmt: skip


async def test_an_incident_is_seen_everywhere_understood_taken_worked_off_and_reported(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    w, at = await world(pool), now()
    meant = await w.conversation("the yoghurt is mouldy", at=at, tone="negative")
    earlier = await w.conversation("mouldy last week", at=at - timedelta(days=6), tone="negative")
    kind = await w.conversation("lovely yoghurt", at=at, tone="positive")
    await w.conversation("my parcel is late", at=at, tone="negative")
    for one in (meant, earlier, kind):
        await heard_on(w, one)
    gap = "INSERT INTO gaps (source_id, start_at, end_at, cause, noted_at) VALUES ($1, $2, $3, 'we were away', $3)"
    await pool.execute(gap, w.source_id, at - timedelta(hours=9), at - timedelta(hours=8))
    async with real(dsn, size=(160, 60)) as s:
        await s.shows("● connected")
        id_ = await stormy(w, at)
        await s.shows("▲ 1 incident: open (#) · Bad mood (yoghurt)")
        assert s.app.place.has_class("-alarm-loud")
        await s.press("#")
        await s.shows("negative: 30 in 1 h, expected 1.0")
        for words in (
            "nobody has said yet that they know",
            "30 of 34 negative, usually 20%",
            "we were away",
            "╱",
            "╌╌ threshold 5",
        ):
            await s.shows(words)
        chart = s.app.screen.query_one(Chart)
        assert any("\u2801" <= sign <= "\u28ff" for sign in chart.plain), "a curve of dots"
        await s.press("w")
        await s.shows("the hours around it")
        await s.press("c")
        await s.shows("◔ 1 incident: acknowledged (#) · Bad mood (yoghurt) · Mia is on it")
        assert not s.app.place.has_class("-alarm-loud")
        assert await pool.fetchval("SELECT acknowledged_by FROM incidents") == w.mia.id
        await s.press("a")
        await s.shows("Give it to")
        await s.type("tom\n")
        await s.shows("given to Tom")
        await s.press("z")
        await s.shows("taken back: it is whose it was")
        assert await pool.fetchval("SELECT assignee_id FROM incidents") is None
        await s.press("s")
        await s.shows("Nobody is told of")
        await s.type("\n")
        await s.shows("For how long?")
        await s.type("\n")
        await s.shows("Why?")
        await s.type("the page is up\n")
        await s.shows("silenced until")
        assert await pool.fetchval("SELECT note FROM silences WHERE ended_at IS NULL") == "the page is up"
        await s.press("z")
        await s.shows("taken back: the silence is over")
        await s.shows("was silenced until")
        assert await pool.fetchval("SELECT ended_by FROM silences") == w.mia.id
        # What a colleague writes is here at once.
        await incident_acts.note(pool, id_, w.tom.id, "the dairy knows", now())
        await s.shows("the dairy knows")
        await s.press("i")
        await s.shows("Incident 1")
        await s.until(
            lambda: [row.id for row in s.app.place.rows.window.rows] == [meant], "just those, of all that are open"
        )
        await s.shows("1 incident: acknowledged")
        await s.press("#")
        await s.until(lambda: s.app.place.place == INCIDENTS, "the incidents")
        await s.press("v")
        await s.shows("search topic:yoghurt tone:negative")
        await s.shows("the yoghurt is mouldy")
        await s.press("#")
        await s.until(lambda: s.app.place.place == INCIDENTS, "the incidents")
        await s.press("e")
        await s.shows("Resolve #1?")
        await s.press("w")
        await s.shows("Write the report to")
        s.app.screen.query_one(Input).value = str(tmp_path)
        await s.press("enter")
        await s.shows("written:")
        await s.hides("1 incident")
    text = (tmp_path / f"incident-{id_}.md").read_text(encoding="utf-8")
    for words in (
        "# Incident 1: Bad mood",
        "Mia said that they knew",
        "| seen | 30 |",
        "▇" if "▇" in text else "█",
        "acknowledged by Mia",
        "given to Tom by Mia",
        "silenced by Mia",
        "> the dairy knows",
        "we were away",
        "the page is up",
        "hubbub search 'topic:yoghurt tone:negative",
    ):
        assert words in text, words
    assert "mouldy" not in text, "no word of anybody's post"


async def test_who_may_only_look_changes_nothing_and_an_incident_can_be_opened_by_its_number(
    pool: asyncpg.Pool, dsn: str
) -> None:
    w, at = await world(pool), now()
    id_ = await stormy(w, at)
    other = await world(pool, "globex")
    theirs = await stormy(other, at)
    newer = await stormy(w, at, topic="skyr")
    async with real(dsn, "vera-acme", size=SMALL) as s:
        await s.shows("2 incidents: 2 open (#)")
        s.app.post_message(IncidentsWanted(id_))
        await s.shows("Bad mood · #1")
        before = await pool.fetch("SELECT * FROM incidents ORDER BY id")
        await s.press("c")
        await s.shows("you may look at this brand but not change anything (viewer)")
        await s.press("%", "c")
        await s.shows("read-only: nothing is changed from here")
        assert await pool.fetch("SELECT * FROM incidents ORDER BY id") == before
        await s.press("escape")
        for key, meant in (("g", newer), ("G", id_), ("g", newer)):
            await s.press(key)
            await s.shows(f"Bad mood #{meant}")
            await s.until(lambda id_=meant: s.app.place.story.listed.id == id_, "the cursor is followed again")
        s.app.post_message(IncidentsWanted(theirs))
        await s.shows(f"there is no incident {theirs} here")
        assert not s.sees("Globex")
    assert await incident_views.story(pool, w.brand_id, theirs, at) is None
    assert await incident_views.rows(pool, w.brand_id, [theirs]) == []
    assert await report_on(pool, w.brand_id, theirs, at) is None


async def test_windows_go_through_the_list_both_ways_whoever_needs_somebody_first(pool: asyncpg.Pool) -> None:
    w, at = await world(pool), now()
    ids = [await stormy(w, at, topic=f"t{n}", severity=one) for n, one in enumerate(_severities())]
    for n, id_ in enumerate(ids):
        if n % 3:
            await incident_acts.acknowledge(pool, id_, w.mia.id, at)
        if n % 3 == 2:
            await incident_acts.resolve(pool, id_, w.mia.id, at)
    whole = await incident_views.page(pool, w.brand_id, limit=50)
    states = [one.incident.state.value for one in whole]
    assert states == ["open"] * 3 + ["acknowledged"] * 3 + ["resolved"] * 3
    assert [one.incident.severity.value for one in whole[:3]] == ["critical", "warning", "note"]
    places = [incident_views.place(one) for one in whole]
    assert places == sorted(places)
    there: list[int] = []
    after: incident_views.Place | None = None
    while rows := await incident_views.page(pool, w.brand_id, after=after, limit=2):
        there += [one.id for one in rows]
        after = incident_views.place(rows[-1])
    back: list[int] = []
    before: incident_views.Place | None = (9, 0)
    while rows := await incident_views.page(pool, w.brand_id, before=before, limit=4):
        back = [one.id for one in rows] + back
        before = incident_views.place(rows[0])
    assert there == back == [one.id for one in whole]


def _severities() -> list[Severity]:
    note, warning, critical = Severity.NOTE, Severity.WARNING, Severity.CRITICAL
    return [note, warning, critical, critical, note, warning, warning, critical, note]


async def test_what_is_counted_after_the_alarm_goes_on_with_its_curve(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    at = datetime.fromtimestamp(int(now().timestamp()) // STEP * STEP, UTC) - timedelta(minutes=30)
    id_ = await stormy(w, at)
    row = "INSERT INTO {} (brand_id, topic, source, at, history, mentions, negative, urgent, reach) VALUES ($1, $2, $3, $4, false, 9, $5, 0, 0)"
    await pool.execute(row.format("series"), w.brand_id, "yoghurt", "bluesky", at, 4)
    await pool.execute(row.format("series_deltas"), w.brand_id, "yoghurt", "mastodon", at, 2)
    await pool.execute(row.format("series"), w.brand_id, "skyr", "bluesky", at, 50)
    gap = "INSERT INTO gaps (source_id, start_at, end_at, cause, noted_at) VALUES ($1, $2, $3, 'cut', $3)"
    await pool.execute(gap, w.source_id, at + timedelta(minutes=16), at + timedelta(minutes=19))
    story = await incident_views.story(pool, w.brand_id, id_, at + timedelta(minutes=27))
    assert story is not None
    assert story.after == (6, 0, 0, None, 0), "whole buckets, all sources; where nobody listened nobody knows"
    line = curve_of(story.listed.incident.evidence, story.after)
    assert line is not None
    assert line.seen[-5:] == (36.0, 36.0, 36.0, None, 36.0)


# Pure -----------------------------------------------------------------------------------------------------------------


def test_a_curve_is_what_came_within_the_span_and_a_hole_is_no_zero() -> None:
    at = now()
    line = curve_of(evidence(at))
    assert line is not None
    assert (line.seen[-1], line.span, line.peak) == (30.0, timedelta(hours=1), len(line.seen) - 1)
    assert sum(one is None for one in line.seen) == 20
    assert round(line.expected[-1] or 0, 3) == 1.0
    assert round(line.high[-1] or 0, 3) == 5.0
    whole = evidence(at)["curve"]
    assert line.seen[0] == sum(whole[:12]), "the first hours, before a span is whole, are no curve"
    broken: list[dict[str, Any]] = [
        {"curve": [1], "curve_at": "x", "curve_step": 300},
        {"curve": [1], "curve_at": 0, "curve_step": 0},
        {"curve": []},
        {},
    ]
    assert [curve_of(one) for one in broken] == [None] * 4


def test_the_picture_keeps_to_its_room_and_draws_what_there_is() -> None:
    story = _story()
    line = curve_of(story.listed.incident.evidence, story.after)
    assert line is not None
    for width, height in ((20, 7), (78, 9), (100, 13)):
        picture = drawing.picture(story, line, now(), UTC, width, height)
        assert all(0 <= put.y < height and put.x >= 0 and put.x + len(put.piece[0]) <= width for put in picture.puts), (
            width,
            height,
        )
        assert all(0 <= x < width and 0 <= y < height for part in (*picture.lines, *picture.limits) for x, y in part)
        drawn = "".join(put.piece[0] for put in picture.puts)
        for sign in (drawing.BAND, drawing.HOLE, drawing.BEGAN, drawing.PLANNED, drawing.OPENED):
            assert sign in drawn, sign
        assert len(picture.lines) == 2, "the hole cuts the curve in two"
        assert line_cells(drawing.legend(story, line, width)) <= width
    assert drawing.picture(story, line, now(), UTC, 5, 3).puts[0].piece[1] == "dim"
    short = replace(line, seen=(1.0,) * 100 + (None,) + (1.0,) * (len(line.seen) - 101))
    holes = [
        put
        for put in drawing.picture(story, short, now(), UTC, 20, 9).puts
        if put.piece[0] == drawing.HOLE and put.y == 1
    ]
    assert len(holes) == 1, "the shortest hole is seen in the smallest picture"


def test_one_incident_takes_no_more_than_its_width() -> None:
    story = _story()
    for width in (20, 38, 90):
        lines = [
            *view.incident_page(story, None, (), now(), UTC, width),
            *view.incident_lines(story.listed, width, now()),
        ]
        assert all(line_cells(line) <= width for line in lines)


def _story() -> Story:
    at = now()
    one = Incident(
        7, 1, "k", "storm", Watched.NEGATIVE, "yoghurt", "", IncidentState.OPEN, Severity.CRITICAL, "Bad mood", at - timedelta(hours=1), at,
        at, evidence=evidence(at),
    )  # fmt: skip
    today = at.date()
    return Story(
        Listed(one),
        missing=(Missing("bluesky/a", at - timedelta(hours=3), at - timedelta(hours=2), "we were away", "open"),),
        plans=(Plan("Spring menu", today - timedelta(days=2), today + timedelta(days=2)),),
    )


def test_the_query_of_an_incident_asks_for_its_span_and_ends_with_it() -> None:
    one = _story().listed.incident
    begin = (one.since - timedelta(minutes=55)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert query_of(one) == f"topic:yoghurt tone:negative -is:ours time:>={begin}"
    assert "tone:negative" in query_of(replace(one, evidence={}))
    by_rules = replace(one, watched=Watched.RULE, topic="", evidence={"rules": ["outage", "billing/late"]})
    assert query_of(by_rules).startswith('(rule:outage OR rule:"billing/late") -is:ours time:>=')
    end = one.since + timedelta(minutes=5)
    last = end + timedelta(seconds=1)
    assert query_of(one, end).endswith(f"time:[{begin} TO {last:%Y-%m-%dT%H:%M:%SZ}]"), "to the end of that second"
