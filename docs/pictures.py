"""Makes the README's pictures, docs/queue.svg and docs/conversation.svg, from the demo's own day: `python docs/pictures.py`.

Needs nothing but the installed project; the demo's database is kept in a temporary folder until the pictures are taken.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from inbox_tui.app import Inbox
from inbox_tui.backend.postgres import connect
from inbox_tui.screens.base import Desk
from listener.settings import find_paths, load
from listener.store.embedded import embedded
from listener.store.programs import scratch_folder

HERE = Path(__file__).parent
SIZE = (150, 42)


async def take(home: Path) -> None:
    """Open the kept house in the inbox, and draw what is there."""
    environ = {**os.environ, "HUBBUB_HOME": str(home)}
    settings = load(home / "hubbub.toml", environ)
    async with embedded(find_paths(environ).postgres) as server:
        brand = settings.brands[0].key
        login = await _login(server.dsn())
        backend = await connect(server.dsn(), brand, login)
        try:
            app = Inbox(Desk(backend, lambda: datetime.now(UTC)))
            async with app.run_test(size=SIZE) as pilot:
                for _ in range(30):  # until the listener has shown its first sign of life
                    await pilot.pause(1.0)
                    if "nobody" not in app.export_screenshot():
                        break
                (HERE / "queue.svg").write_text(app.export_screenshot(title="hubbub inbox"), encoding="utf-8")
                await pilot.press("3")
                await pilot.pause(1.0)
                await pilot.press("enter")
                await pilot.pause(1.5)
                await pilot.press("r")
                await pilot.pause(1.0)
                await pilot.press(*"Glad that it works. We are here until 20:00.")
                await pilot.pause(1.0)
                (HERE / "conversation.svg").write_text(app.export_screenshot(title="hubbub inbox"), encoding="utf-8")
        finally:
            await backend.close(datetime.now(UTC))


async def _login(dsn: str) -> str:
    from listener.store.connect import connect as plain

    connection = await plain(dsn, application_name="pictures")
    try:
        return str(await connection.fetchval("SELECT login FROM people ORDER BY id LIMIT 1"))
    finally:
        await connection.close()


def main() -> int:
    """The exit code."""
    home = scratch_folder("hubbub-pictures-")
    home.chmod(0o711)
    try:
        hubbub = [sys.executable, "-m", "listener"]
        subprocess.run(
            [*hubbub, "demo", "--no-screen", "--keep"], check=True, env={**os.environ, "HUBBUB_HOME": str(home)}
        )
        kept = home / "demo"
        with subprocess.Popen([*hubbub, "serve"], cwd=kept, env={**os.environ, "HUBBUB_HOME": str(kept)}) as listener:
            try:
                asyncio.run(take(kept))
            finally:
                listener.terminate()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
