"""What the inbox loads before its first screen is there: on a real terminal and the real store, as people start it.

Every module costs its share of the wait, and what a first screen does not show can be loaded when somebody asks for it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import asyncpg

from tests.journeys.terminal import Terminal
from tests.store.world import world
from tests.tui.stage import stage

HEAVY = (
    "aiohttp",
    "importlib.metadata",
    "inbox_tui.screens.incidents",
    "inbox_tui.screens.listening",
    "inbox_tui.screens.rules",
    "inbox_tui.screens.sources",
    "inbox_tui.view.saved",
    "inbox_tui.view.thread",
    "inbox_tui.view.whys",
    "inbox_tui.widgets.dialogs",
    "inbox_tui.widgets.editor",
    "inbox_tui.widgets.searching",
    "listener.cli",
    "listener.incidents.",
    "listener.lengths",
    "listener.model.heard",
    "listener.parts",
    "listener.pictures",
    "listener.query.match",
    "listener.query.parse",
    "listener.query.sql",
    "listener.query.tree",
    "listener.query.words",
    "listener.rulebook.",
    "listener.sentiment",
    "listener.service",
    "listener.settings",
    "listener.sources",
    "listener.store.acts.doing",
    "listener.store.embedded",
    "listener.store.inbox.opened",
    "listener.store.source_",
    "listener.store.views.thread",
    "listener.style",
    "listener.workflow.acts",
    "listener.workflow.moves",
    "multiprocessing",
    "py3langid",
    "ruamel",
    "sqlite3",
    "textual.widgets._data_table",
    "textual.widgets._markdown",
    "textual.widgets._text_area",
    "tree_sitter",
    "vaderSentiment",
)
"""What thinks, speaks with networks, reads files or asks in dialogs: none of it is on the first screen."""

ROOT = Path(__file__).resolve().parents[2]

READ = """
import runpy, sys
told, house = open(sys.argv.pop(1), "w", buffering=1), sys.argv.pop(1)
def hear(event, about):
    if event == "import" and not about[0].startswith(("inbox_tui.", "listener.")):
        told.write(about[0] + "\\n")
    elif event == "exec" and about[0].co_filename.startswith(house):
        told.write(about[0].co_filename.removeprefix(house).removesuffix(".py").replace("/", ".") + "\\n")
sys.addaudithook(hear)
runpy.run_module("inbox_tui", run_name="__main__")
"""
"""Tells what is read: of others whatever is imported, of the house what is run, for its rooms are imported before they are."""


async def test_the_first_screen_waits_for_nothing_that_it_does_not_show(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    w = await world(pool)
    await w.conversation("where is my parcel? 🙂", author="ana")
    told = tmp_path / "read"
    command = [sys.executable, "-c", READ, str(told), f"{ROOT}/", "--brand", "acme", "--person", "mia-acme"]
    with Terminal(command, {**os.environ, "HUBBUB_DSN": dsn, "TERM": "xterm-256color"}) as terminal:
        terminal.until("where is my parcel?", 30)
        read = [one.removesuffix(".__init__") for one in told.read_text().split()]
    assert "inbox_tui.screens.inbox.screen" in read
    assert [one for one in read if one.startswith(HEAVY)] == []


async def test_what_the_app_holds_back_is_drawn_when_it_does_so_no_longer() -> None:
    async with stage() as s:
        screen = s.app.screen
        with s.app.batch_update():
            screen._compositor._dirty_regions.add(screen.size.region)
            screen._compositor_refresh()
            assert screen._compositor._dirty_regions, "taken for drawn"
        screen._compositor_refresh()
        assert not screen._compositor._dirty_regions
