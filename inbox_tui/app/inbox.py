"""The inbox as an app: which screen is shown, what comes from the feed, the clock, and the acts that every screen has.

Owns the desk and the feed; refuses to know what screens do with changes.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from inbox_tui import keys
from inbox_tui.app.gone import GONE, noticing
from inbox_tui.app.overruling import Overruling
from inbox_tui.app.pinning import pinning
from inbox_tui.messages import (
    ConversationWanted,
    InboxWanted,
    IncidentsWanted,
    LabelsChanged,
    MarksChanged,
    NamesChanged,
    RulesWanted,
    SearchWanted,
    SourcesWanted,
    TopicWanted,
)
from inbox_tui.screens import inbox, incidents, listening, rules, sources
from inbox_tui.screens.base import Desk, DeskScreen
from inbox_tui.view import keymap
from inbox_tui.widgets import dialogs
from inbox_tui.widgets.bindings import bindings, keymap_of
from inbox_tui.widgets.composer import Composer
from inbox_tui.widgets.themes import DARK, THEMES, after
from inbox_tui.widgets.themes import theme as as_textual
from listener.errors import HubbubError, NotReachable, TryAgain
from listener.query.names import NO_NAMES, Names

if TYPE_CHECKING:
    from textual.driver import Driver

    from listener.store.views.changed import Changed


STOP_LISTENING = 10
"""Exit code: the person asked to stop the listener too. 0: keep it."""

RENEW_EVERY, LOOK_EVERY, TICK_EVERY = 20, 5, 5
"""Seconds between renewals of claims, looks at the listener's pulse, and redrawing of ages."""

BREATH = 0.1
"""Seconds between one change and the next: the first shows at once, a storm of them becomes ten a second, and keys stay quick."""


_ACTS = frozenset(key.act for key in keys.KEYS)


class Inbox(Overruling, inherit_bindings=False):
    """The app. It opens on the Inbox; `ListeningFirst` on Listening."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(keys.EVERYWHERE, but=(_ACTS - keys.APP) | keys.ABOVE_ALL),
        *bindings(keys.EVERYWHERE, but=_ACTS - keys.ABOVE_ALL, priority=True),
    ]
    TITLE = "Hubbub"
    DEFAULT_MODE = "inbox"

    def __init__(
        self,
        desk: Desk,
        *,
        ask_on_quit: bool = False,
        settled: Callable[[], None] = lambda: None,
        theme: str = DARK.name,
        keep_theme: Callable[[str], str] = lambda _: "",
        incident: int | None = None,
    ) -> None:
        """`settled` is called once, when the first screen has been there for a while. `keep_theme` keeps a theme for the next start; what
        it gives back is why it could not. `incident`: it opens on that one.
        """
        super().__init__()
        for colours in THEMES.values():
            self.register_theme(as_textual(colours))
        worn = THEMES.get(theme, DARK)
        if worn.dark:  # Textual begins dark too: nothing of what is drawn first has to be styled anew
            self.set_reactive(Inbox.theme, worn.name)
        else:
            self.theme = worn.name
        self._keep_theme = keep_theme
        self._settled = settled
        self.desk = desk
        self._ask_on_quit = ask_on_quit
        self._seconds = 0
        self._ending = False
        self._names: Names = NO_NAMES
        """Those that the screens have been told of."""
        self._rules_stale = True
        self._reading_rules = asyncio.Lock()
        self.add_mode("inbox", self._inbox_screen)
        self.add_mode("listening", self._listening_screen)
        self._sources_stale = True
        self._reading_sources = asyncio.Lock()
        self.add_mode("rules", self._rules_screen)
        self.add_mode("sources", self._sources_screen)
        self._incident = incident
        self._incidents_stale = True
        self._reading_incidents = asyncio.Lock()
        self.add_mode("incidents", self._incidents_screen)

    def get_driver_class(self) -> type[Driver]:
        """The terminal's own driver, with columns that stay straight, and which says when the terminal is gone."""
        return noticing(pinning(super().get_driver_class()))

    def _inbox_screen(self) -> Screen[None]:

        return inbox.InboxScreen(self.desk)

    def _listening_screen(self) -> Screen[None]:

        return listening.ListeningScreen(self.desk)

    def _rules_screen(self) -> Screen[None]:

        return rules.RulesScreen(self.desk)

    def _sources_screen(self) -> Screen[None]:

        return sources.SourcesScreen(self.desk)

    def _incidents_screen(self) -> Screen[None]:

        return incidents.IncidentsScreen(self.desk)

    # Live ------------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Begin to follow the feed, and the clock."""
        self.set_keymap(keymap_of(self.desk.table))
        self.run_worker(self._follow(), group="feed", exit_on_error=True)
        if not self.is_headless:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hung_up)
        self.set_interval(1.0, self._second)
        self.set_timer(2.0, self._settled)
        if self._incident is not None:
            self.post_message(IncidentsWanted(self._incident))

    async def _follow(self) -> None:
        """Follow the feed for ever. It comes back by itself once it began; until then, this is who tries again."""
        wait = 0.2
        while True:
            try:
                async for changed in self.desk.backend.changes(self._told):
                    wait = 0.2
                    await self._pass_on(changed)
                    await asyncio.sleep(BREATH)
            except (TryAgain, NotReachable):
                self._told(False)
            except HubbubError as fault:
                self._told(False)
                if self.place is not None:
                    self.place.say_fault(fault)
                return
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)

    async def _pass_on(self, changed: Changed) -> None:
        """To every screen that exists, one change after the other: a slow screen makes the feed coalesce."""
        if changed.rulebook or changed.lost:
            self.run_worker(self._read_rules(), group="names")
        self._sources_stale = self._sources_stale or changed.sources or changed.lost
        if changed.incidents or changed.lost:
            self._incidents_stale = True
            self.run_worker(self._read_incidents(), group="incidents")
        for place in self.places:
            await place.unless_ending(place.heard(changed))

    async def _read_rules(self) -> None:
        """Whether the rule files are refused, and what names stand for by the rulebook in force; whoever shows something by them is told.
        Tried again while the store is away.
        """
        backend, self._rules_stale = self.desk.backend, False
        async with self._reading_rules:  # one after the other: what was read earlier never replaces what was read later
            for read in (self._read_refused, backend.read_names):
                try:
                    await read()
                except (TryAgain, NotReachable):
                    self._rules_stale = True
                except HubbubError as fault:
                    if self.place is not None:
                        self.place.say_fault(fault)
        if backend.names is not self._names:
            self._names = backend.names
            shown: list[Screen[Any]] = [*self.places, *self.screen_stack[1:]]
            for screen in shown:
                screen.post_message(NamesChanged())

    async def _read_refused(self) -> None:
        self.desk.refused = await self.desk.backend.rules_refused()
        if self.place is not None and self.place.is_mounted:
            self.place.show_bars()

    async def _read_stopped(self) -> None:
        """Which sources stopped, for every screen; tried again while the store is away."""
        self._sources_stale = False
        async with self._reading_sources:
            try:
                self.desk.stopped = tuple(await self.desk.backend.sources_stopped())
            except (TryAgain, NotReachable):
                self._sources_stale = True
            except HubbubError as fault:
                if self.place is not None:
                    self.place.say_fault(fault)
        if self.place is not None and self.place.is_mounted:
            self.place.show_bars()

    async def _read_incidents(self) -> None:
        """Which incidents stand, for every screen; tried again while the store is away."""
        self._incidents_stale = False
        async with self._reading_incidents:  # one after the other, as of the rules
            try:
                self.desk.alarmed = await self.desk.backend.alarmed()
            except (TryAgain, NotReachable):
                self._incidents_stale = True
            except HubbubError as fault:
                if self.place is not None:
                    self.place.say_fault(fault)
        if self.place is not None and self.place.is_mounted:
            self.place.show_bars()

    def _told(self, connected: bool) -> None:
        if connected != self.desk.connected:
            self.desk.connected = connected
            if self.place is not None and self.place.is_mounted:
                self.place.show_bars()

    def _second(self) -> None:
        self._seconds += 1
        if getattr(self._driver, "is_gone", False):
            self._hung_up()
        place = self.place
        if place is None or not place.is_whole:
            return
        if self._seconds % TICK_EVERY == 0:
            place.tick()
        else:
            place.second()
        if self._sources_stale:
            self.run_worker(self._read_stopped(), group="stopped")
        if self._incidents_stale:
            self.run_worker(self._read_incidents(), group="incidents")
        if self._seconds % RENEW_EVERY == 0 and not self.desk.read_only:
            self.run_worker(place.attempt(self.desk.backend.renew_claims(self.desk.now())), group="claims")
        if self._seconds == 1 or self._seconds % LOOK_EVERY == 0:
            self.run_worker(self._pulse(), group="pulse", exclusive=True)
            if self._rules_stale:  # at first too: the first page does not wait for them
                self.run_worker(self._read_rules(), group="names")

    async def _pulse(self) -> None:
        """Is anybody listening? Nobody rings a bell when a listener dies, so this one row is looked at."""
        try:
            self.desk.beat = await self.desk.backend.listener_beat()
            self.desk.beat_known = True
        except HubbubError:
            self.desk.beat_known = False
        if self.place is not None and self.place.is_mounted:
            self.place.show_bars()

    # From one screen to another --------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """All that comes in; a key that nobody took and that was typed ahead is no act."""
        if isinstance(event, events.Key) and event.is_forwarded and self.screen_stack:
            screen = self.screen
            if isinstance(screen, DeskScreen) and screen.keeps(event):
                return
        await super().on_event(event)

    async def on_conversation_wanted(self, event: ConversationWanted) -> None:
        """To the Inbox, on that conversation."""
        screen = await self.inbox()
        screen.call_after_refresh(screen.read_conversation, event.conversation_id)

    async def on_inbox_wanted(self, event: InboxWanted) -> None:
        """To the Inbox as it was left."""
        await self.switch_mode("inbox")

    async def on_topic_wanted(self, event: TopicWanted) -> None:
        """To Listening."""
        screen = await self.listening()
        if event.topic and (event.topic != screen.topic or screen.query_text is not None):
            await screen.show_topic(event.topic)

    async def on_search_wanted(self, event: SearchWanted) -> None:
        """To Listening, on what matches a query."""
        await (await self.listening()).search(event.query)

    async def on_rules_wanted(self, event: RulesWanted) -> None:
        """To the rules."""
        await self.switch_mode("rules")

    def action_sources(self) -> None:
        """The sources, and how they fare."""
        if not self._in_dialog():
            self.post_message(SourcesWanted())

    async def on_sources_wanted(self, event: SourcesWanted) -> None:
        """To the sources."""
        await self.switch_mode("sources")

    def action_incidents(self) -> None:
        """The incidents, and what became of them."""
        if not self._in_dialog():
            self.post_message(IncidentsWanted())

    async def on_incidents_wanted(self, event: IncidentsWanted) -> None:
        """To the incidents, or to one of them."""

        await self.switch_mode("incidents")
        place = self.place
        if event.incident_id is not None and isinstance(place, incidents.IncidentsScreen):
            await place.unless_ending(place.show_incident(event.incident_id))

    async def on_marks_changed(self, event: MarksChanged) -> None:
        """Rules were marked here: whoever shows those mentions shows it."""
        for place in self.places:
            await place.unless_ending(place.marks_changed(event.ids))

    async def on_labels_changed(self, event: LabelsChanged) -> None:
        """Labels were put or taken off here: whoever shows those conversations shows it."""
        for place in self.places:
            await place.unless_ending(place.labels_changed(event.ids))

    async def listening(self) -> listening.ListeningScreen:
        """Listening, shown."""
        await self.switch_mode("listening")
        return cast("listening.ListeningScreen", self.place)

    async def inbox(self) -> inbox.InboxScreen:
        """The Inbox, shown."""
        await self.switch_mode("inbox")
        return cast("inbox.InboxScreen", self.place)

    # Acts that every screen has --------------------------------------------------------------------------------------

    def action_help(self) -> None:
        """Every key, by group."""

        place = self.place
        if place is not None and not self._in_dialog():
            read_only, table = self.desk.read_only, self.desk.table
            self.push_screen(
                dialogs.Sheet(
                    "Keys", lambda width: keymap.help_lines(width, place.place, read_only=read_only, table=table)
                )
            )

    def action_dark(self) -> None:
        """The next theme: dark, light, and both in high contrast."""
        self.wear(after(self.theme))

    def wear(self, name: str) -> None:
        """A theme from now on, kept for the next start."""
        self.theme = name
        not_kept = self._keep_theme(name)
        if self.place is not None:
            said = f"{THEMES[name].says}; {not_kept}" if not_kept else THEMES[name].says
            self.place.say(said, "soon" if not_kept else "dim")

    def action_leave(self) -> None:
        """Leave; asks once about the listener when told to."""
        if not self._in_dialog():
            self.run_worker(self._leave(), group="leave", exclusive=True)

    async def _leave(self) -> None:
        code = 0
        if self._ask_on_quit:
            answer = await self.push_screen_wait(
                dialogs.Ask(
                    "Keep listening?",
                    ["The listener can go on hearing while nobody looks; hubbub down ends it."],
                    [("k", "keep listening"), ("s", "stop listening")],
                )
            )
            if answer is None:
                return
            code = STOP_LISTENING if answer == "s" else 0
        await self._end(code)

    def _hung_up(self) -> None:
        """The terminal is gone, and nobody can be asked anything."""
        if not self._ending:
            self._ending = True
            self.run_worker(self._end(GONE), group="leave", exclusive=True)

    async def _end(self, code: int) -> None:
        for stack in list(self._screen_stacks.values()):
            if stack and isinstance(stack[0], DeskScreen):
                await stack[0].leaving()
        self.exit(return_code=code)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: every act of the key map that works here, with its keys, and every theme. Over a question there are only themes."""
        for key in self._keys_on(screen):
            shown = " or ".join(keys.shown(k) for k in key.keys)
            yield SystemCommand(key.words, f"key {shown}", self._runner(key, screen))
        for colours in THEMES.values():
            yield SystemCommand(f"Theme: {colours.says}", "how it looks", partial(self.wear, colours.name))

    def _keys_on(self, screen: Screen[object]) -> Sequence[keys.Key]:
        where = [getattr(screen, "place", "")]
        if isinstance(screen, DeskScreen) and any(one.is_open for one in screen.query(Composer)):
            where.append(keys.COMPOSER)
        found = [key for one in where for key in keys.here(one, read_only=self.desk.read_only, table=self.desk.table)]
        return [key for key in found if key.act != "command_palette"] if where[0] else []

    def _runner(self, key: keys.Key, screen: Screen[object]) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            if key.where == keys.COMPOSER and isinstance(screen, DeskScreen):
                await screen.composes(key.act)
            else:
                await (self.run_action(key.act) if key.act in keys.APP else screen.run_action(key.act))

        return run


class ListeningFirst(Inbox):
    """The app, opening on Listening."""

    DEFAULT_MODE = "listening"
