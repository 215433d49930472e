"""Draws the pictures of the pages about the inbox: plays the demo's day, then photographs the real inbox on it.

.venv/bin/python docs/draw_screens.py
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from math import pi, sin
from pathlib import Path
from typing import Any

from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from inbox_tui.app import Inbox
from inbox_tui.backend.postgres import connect
from inbox_tui.screens.base import Desk
from listener.cli.running import seated
from listener.incidents.escalation import Staffed
from listener.incidents.shape import Fired, Told
from listener.model.people import Role
from listener.model.problems import Problem
from listener.rulebook.alerting import Policy, Severity, Watched
from listener.service.database import House, opened
from listener.settings import load
from listener.store import incident_acts, incidents, people, rulebooks

DOCS = Path(__file__).parent
SIZE = (148, 38)
SMALL = (112, 28)
DRAFT = (
    "Hello Edith, unfortunately nobody can look into an account here. Please write to help@larkspur.example, or see "
    "https://larkspur.example/help/accounts/overdraft-fees #refunds"
)
ASKED = (
    "Hello, we are sorry. Somebody calls you within the hour, and this is what we know: https://larkspur.example/status"
)
LATER = timedelta(minutes=7)
"""The day is played in seconds; seen a little later, ages and due times read as they do at work."""


def play(home: Path) -> Path:
    """The demo's day in a database that stays; its folder."""
    environment = {**os.environ, "HUBBUB_HOME": str(home)}
    command = [str(Path(sys.executable).with_name("hubbub")), "demo", "--no-screen", "--keep"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    return home / "demo"


async def draw(folder: Path) -> None:
    """Open the inbox on that database and save what it shows."""
    environment = {**os.environ, "HUBBUB_HOME": str(folder)}
    settings = load(folder / "hubbub.toml", environment)
    async with opened(settings, "drawing the screens", migrating=False, say=lambda _: None) as house:
        login = await seated(settings, house, settings.brands[0].key)
        await house.pool.execute("UPDATE people SET name = 'Ana Sol' WHERE login = $1", login)
        backend = await connect(house.dsn, settings.brands[0].key, login)
        desk = Desk(backend, lambda: datetime.now(UTC) + LATER, zone=UTC, read_only=False)
        desk.beat, desk.beat_known = desk.now() + timedelta(days=1), True
        app = Inbox(desk)
        try:
            async with app.run_test(size=SIZE) as pilot:
                app._pulse = _nobody_asks  # type: ignore[method-assign]
                await pilot.pause(1.5)
                save(app, "queue")
                rows = app.place.rows.window.rows
                row = next(r for r in rows if r.messages > 1 and r.outbox is None and "#" not in (r.snippet or ""))
                app.place.rows.go(row.id)
                await pilot.press("enter")
                await pilot.pause(0.8)
                await pilot.press("r")
                await pilot.pause(0.8)
                app.place.composer.put_all(DRAFT)
                await pilot.pause(0.8)
                save(app, "conversation")
                await pilot.press("ctrl+x")
                await pilot.pause(0.5)
                await pilot.press("escape")
                await beside(app, pilot, house)
                await pilot.press("l")
                await pilot.pause(1.5)
                save(app, "listening")
                await search_box(app, pilot)
                await rules(app, pilot, house.pool)
                await incident(app, pilot, house)
        finally:
            await backend.close(datetime.now(UTC))


async def beside(app: Inbox, pilot: Pilot[None], house: House) -> None:
    """What lies over the list: an author, a post, the macros, a reply to approve; and the list in high contrast."""
    await pilot.resize_terminal(*SMALL)
    await pilot.pause(0.5)
    rows = app.place.rows.window.rows
    backend, now = app.desk.backend, datetime.now(UTC)
    cards = {row.id: await backend.open(row.id, now) for row in rows[:30]}
    past = next(one for one, opened in cards.items() if opened.author_handle == "gwen-reads.test")
    app.place.rows.go(past)
    await backend.note_author(cards[past].author_id, "Writes for the neighbourhood paper; be exact.", now)
    await pilot.pause(0.5)
    await over(app, pilot, "A", "author")
    under = next((one for one, opened in cards.items() if opened.thread[0].ours), past)
    app.place.rows.go(under)
    await pilot.pause(0.5)
    await over(app, pilot, "P", "post")
    await over(app, pilot, "comma", "macros")
    await ask_for_approval(house, rows[0].id)
    await pilot.press("6")
    await pilot.pause(1.0)
    await over(app, pilot, "x", "approval")
    await pilot.press("1")
    await pilot.pause(1.0)
    for _ in range(2):
        await pilot.press("d")
    await pilot.pause(0.5)
    save(app, "contrast")
    for _ in range(2):
        await pilot.press("d")
    await pilot.resize_terminal(*SIZE)
    await pilot.pause(0.8)


async def over(app: Inbox, pilot: Pilot[None], key: str, name: str) -> None:
    """One key, the picture of what it opens, and back."""
    await pilot.press(key)
    await pilot.pause(1.2)
    save(app, name)
    await pilot.press("escape")
    await pilot.pause(0.5)


async def ask_for_approval(house: House, conversation_id: int) -> None:
    """A new colleague asks for a word on a reply."""
    brand_id, key = await house.pool.fetchrow("SELECT id, key FROM brands ORDER BY id LIMIT 1")
    await people.ensure_person(house.pool, "kit", "Kit Moss", brand_id, Role.RESPONDER)
    kit = await connect(house.dsn, key, "kit")
    try:
        opened = await kit.open(conversation_id, datetime.now(UTC))
        assert opened is not None  # noqa: S101
        await kit.ask_approval(
            opened, opened.thread[-1].id, ASKED, private=False, fence=opened.conversation.thread_version,
            close_after=False, planned=None, now=datetime.now(UTC),
        )  # fmt: skip
    finally:
        await kit.close(datetime.now(UTC))


async def search_box(app: Inbox, pilot: Pilot[None]) -> None:
    """A mistake under its character, and what may stand at the cursor."""
    for query, name in (
        ("(refund OR parcel) AND folowers:>=1k", "search"),
        ("(refund OR parcel) -is:question kind:re", "completion"),
    ):
        await pilot.press("slash")
        await pilot.pause(0.5)
        app.screen.query_one(Input).post_message(events.Paste(query))
        await pilot.pause(0.8)
        save(app, name)
        await pilot.press("escape")
        await pilot.pause(0.3)


async def rules(app: Inbox, pilot: Pilot[None], pool: Any) -> None:
    """Why rules fired and why not; then the rules after a day's work, while a broken save is refused."""
    await pilot.press("l")
    await pilot.pause(1.0)
    backend, rows = app.desk.backend, app.place.rows.window.rows
    flagged = []
    for row in rows[:20]:
        opened = await backend.open(row.id, datetime.now(UTC))
        own = next((m for m in reversed(opened.thread) if m.mine and not m.ours and m.text), None) if opened else None
        if own is not None and own.flags:
            flagged.append((row.id, own))
    row_id, _ = max(flagged, key=lambda one: len(one[1].flags))
    app.place.rows.go(row_id)
    await pilot.press("enter")
    await pilot.pause(0.8)
    await pilot.press("W")
    await pilot.pause(1.5)
    save(app, "why")
    await pilot.press("escape")
    for at, (_, message) in enumerate(flagged[:8]):
        verdict = "false alarm" if at % 4 == 1 else "right"
        await backend.mark(message.id, message.flags[0]["rule"], verdict, "", datetime.now(UTC))
    problem = Problem(
        "care.yaml", 13, 22, "bad-value", "'urgnet' is not a priority", "did you mean urgent?"
    )  # fmt: skip
    found = await rulebooks.published(pool, 1)
    await rulebooks.health(pool, [problem], found[0].hash, datetime.now(UTC))
    await pilot.press("R")
    await pilot.pause(2.0)
    save(app, "rule-health")


async def incident(app: Inbox, pilot: Pilot[None], house: House) -> None:
    """A storm of an hour at the end of a day with a hole in it, told to two and taken by one."""
    brand_id = await house.pool.fetchval("SELECT id FROM brands ORDER BY id LIMIT 1")
    at, policy = (
        app.desk.now() - timedelta(minutes=12),
        Policy("storm", "Bad mood about Larkspur", "care", Watched.NEGATIVE),
    )
    usual = [4 + 3 * sin(2 * pi * (n - 130) / 288) for n in range(288)]
    counts: list[int | None] = [
        round(one + 2 * sin(n * 7.3) + sin(n / 5)) if n < 278 else 3 * (n - 275) for n, one in enumerate(usual)
    ]
    counts[110:126] = [None] * 16
    seen, expected = sum(one or 0 for one in counts[-12:]), sum(usual[-12:])
    evidence = {
        "why": f"negative: {seen} in 1 h, expected {expected:.1f}, +7.2 of 3.4 sigmas, 34 bits; {seen} of {seen + 22}, usually 24%, 15 bits",
        "seen": seen, "expected": expected, "low": expected - 25, "high": expected + 30, "seconds": 3600, "size": 2.1, "authors": seen - 11,
        "part": seen, "whole": seen + 22, "share": 0.24, "counter": "negative", "curve": counts, "curve_expected": usual,
        "curve_at": int(at.timestamp()) // 300 * 300 - 288 * 300, "curve_step": 300,
    }  # fmt: skip
    fired = Fired(
        brand_id, policy.key, policy.watched, Told.BEGUN, Severity.CRITICAL, at, at - timedelta(minutes=20), "larkspur", evidence=evidence
    )  # fmt: skip
    staff = Staffed(alerts={policy.key: policy})
    async with house.pool.acquire() as connection, connection.transaction():
        id_ = await incidents.fire(connection, fired, policy, staff, at)
    assert id_ is not None  # noqa: S101
    kit = await house.pool.fetchval("SELECT id FROM people WHERE login = 'kit'")
    await incident_acts.note(
        house.pool, id_, kit, "The network team knows; the outage page is up.", at + timedelta(minutes=4)
    )
    await rulebooks.health(house.pool, [], (await rulebooks.published(house.pool, 1))[0].hash, datetime.now(UTC))
    await pilot.press("number_sign")
    await pilot.pause(2.5)
    save(app, "incident")


async def _nobody_asks() -> None:
    """The listener of the day has ended; the picture shows it as it was."""


def save(app: Inbox, name: str) -> None:
    """One picture."""
    path = DOCS / f"{name}.svg"
    drawn = app.export_screenshot(title="Hubbub")
    drawn = re.sub(
        r"@font-face \{.*?\}\n", "", drawn, flags=re.DOTALL
    )  # a picture must not fetch anything from anywhere
    path.write_text("\n".join(line.rstrip() for line in drawn.splitlines()) + "\n", encoding="utf-8")
    print(path)  # noqa: T201


def main() -> None:
    """Play, then draw."""
    with tempfile.TemporaryDirectory(prefix="hubbub-screens-") as home:
        os.chmod(home, 0o711)  # noqa: S103 - as root, Postgres runs as another user
        asyncio.run(draw(play(Path(home))))


if __name__ == "__main__":
    main()
