"""What pilot stories share: an app on a fake desk, the text that is on the screen, and waiting for it with a deadline."""

from __future__ import annotations

import asyncio
import time
import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from textual import events
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from inbox_tui.app import Inbox, ListeningFirst
from inbox_tui.app.inbox import LOOK_EVERY, TICK_EVERY
from inbox_tui.screens.base import Desk
from tests.tui.fake import FakeBackend

WIDE = (150, 40)
SMALL = (80, 24)
QUIET, QUIET_BESIDE_A_STORE = 0.002, 0.01
"""The app is at rest after two times that many seconds in which it did next to nothing; a real store answers from another process."""


@dataclass
class Stage:
    """One running app."""

    app: Inbox
    pilot: Pilot[None]
    backend: Any
    desk: Desk

    def lines(self) -> list[str]:
        """The screen as a person sees it, dialogs included, line by line."""
        width, height = self.app.size
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).ljust(width) for strip in strips[:height]]

    def text(self) -> str:
        """All of the screen."""
        return "\n".join(self.lines())

    def sees(self, text: str) -> bool:
        """Whether a text can be read on the screen, on one line."""
        return any(text in line for line in self.lines())

    def line_of(self, text: str) -> int:
        """On which line of the screen a text is."""
        return next(i for i, line in enumerate(self.lines()) if text in line)

    async def until(self, true: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
        """Wait until something is so; fails with the screen."""
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                raise AssertionError(f"never came: {what}\n" + self.text())
            await asyncio.sleep(0.01)

    async def shows(self, text: str, seconds: float = 20.0) -> None:
        """Wait until a text is on the screen."""
        await self.until(lambda: self.sees(text), repr(text), seconds)

    async def hides(self, text: str, seconds: float = 20.0) -> None:
        """Wait until a text is gone from the screen."""
        await self.until(lambda: not self.sees(text), f"{text!r} to go", seconds)

    async def composes(self, text: str = "") -> None:
        """Wait until the composer has the focus, with this text."""
        place = self.app.place
        await self.until(
            lambda: getattr(self.app.focused, "id", "") == "composer-text" and place.composer.text == text,
            "the composer",
        )

    def hurry(self) -> None:
        """What the app does every few seconds, it does at the next one: ages drawn anew, a look after the listener, what failed tried again."""
        self.app._seconds = LOOK_EVERY * TICK_EVERY - 1

    async def press(self, *keys: str) -> None:
        """Press keys, and let the app take each of them in."""
        for key in keys:
            named = _character_to_key(key) if len(key) == 1 and not key.isalnum() else key
            self.app.post_message(events.Key(named, _character_of(named)))
            await self.settle()

    async def settle(self) -> None:
        """Wait until the app has taken in and drawn what there is, and only waits. The pilot's own way waits 40 ms after every key, busy or not."""
        times, grain = 0, QUIET if isinstance(self.backend, FakeBackend) else QUIET_BESIDE_A_STORE
        while times < 2:
            await self.pilot._wait_for_screen()
            worked = time.process_time()
            await asyncio.sleep(grain)
            times = times + 1 if time.process_time() - worked < grain / 2 else 0
            self.app.screen._on_timer_update()

    async def type(self, text: str) -> None:
        """Type a text into what has the focus, as fast as a terminal delivers it."""
        await self.until(lambda: isinstance(self.app.focused, Input | TextArea), "something to type into")
        for character in text:
            key = "enter" if character == "\n" else _character_to_key(character)
            self.app.post_message(events.Key(key, character))
        await self.settle()


def _character_of(key: str) -> str | None:
    """What a key types, if it types anything."""
    try:
        return unicodedata.lookup(_get_unicode_name_from_key(REPLACED_KEYS.get(key, key)))
    except KeyError:
        return key if len(key) == 1 else None


@asynccontextmanager
async def stage(
    backend: Any = None,
    *,
    clock: Callable[[], datetime] | None = None,
    size: tuple[int, int] = WIDE,
    view: str = "inbox",
    ask_on_quit: bool = False,
    theme: str = "",
    keep_theme: Callable[[str], str] = lambda _: "",
    **desk_options: Any,
) -> AsyncIterator[Stage]:
    """The app, running, with its first page read."""
    backend = backend or FakeBackend()
    desk = Desk(backend, clock or backend.clock, zone=UTC, **desk_options)
    app = (ListeningFirst if view == "listening" else Inbox)(
        desk, ask_on_quit=ask_on_quit, theme=theme, keep_theme=keep_theme
    )
    async with app.run_test(size=size) as pilot:
        found = Stage(app, pilot, backend, desk)
        await found.until(
            lambda: app.place is not None and app.place.is_mounted and app.place.rows.loaded, "the first page"
        )
        yield found
