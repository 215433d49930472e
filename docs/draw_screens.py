"""Draws the pictures of docs/inbox.md: plays the demo's day, then photographs the real inbox on it.

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
from pathlib import Path
from typing import Any

from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from inbox_tui.app import Inbox
from inbox_tui.backend.postgres import connect
from inbox_tui.screens.base import Desk
from listener.cli.running import seated
from listener.model import Problem
from listener.service.database import opened
from listener.settings import load
from listener.store import rulebooks

DOCS = Path(__file__).parent
SIZE = (148, 38)
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
        backend = await connect(house.dsn, settings.brands[0].key, login)
        backend.me = type(backend.me)(backend.me.id, backend.me.login, "Ana Sol")
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
                for character in "We are glad to hear it. Please write again if anything is missing.":
                    await pilot.press("space" if character == " " else "full_stop" if character == "." else character)
                await pilot.pause(0.5)
                save(app, "conversation")
                await pilot.press("ctrl+x")
                await pilot.pause(0.5)
                await pilot.press("l")
                await pilot.pause(1.5)
                save(app, "listening")
                await search_box(app, pilot)
                await rules(app, pilot, house.pool)
        finally:
            await backend.close(datetime.now(UTC))


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
