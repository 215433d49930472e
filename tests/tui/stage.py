"""What pilot stories share: an app on a fake desk, the text that is on the screen, and waiting for it with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from inbox_tui.app import Inbox, ListeningFirst
from inbox_tui.app.inbox import LOOK_EVERY, TICK_EVERY
from inbox_tui.screens.base import Desk
from tests.tui.fake import FakeBackend

WIDE = (150, 40)
SMALL = (80, 24)


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
        """Press keys, and let the app take them in."""
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Type a text into what has the focus, as fast as a terminal delivers it."""
        await self.until(lambda: isinstance(self.app.focused, Input | TextArea), "something to type into")
        for character in text:
            key = "enter" if character == "\n" else _character_to_key(character)
            self.app.post_message(events.Key(key, character))
        await self.pilot.pause()


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
