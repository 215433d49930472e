"""The search box and the kept views, from wherever somebody is: asking, running, keeping, deleting. Owns the searches of this session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import App

from inbox_tui.messages import ForgetWanted, KeepWanted, ViewsChanged, ViewWanted
from inbox_tui.screens.base import Desk, DeskScreen
from inbox_tui.view.lines import say
from inbox_tui.widgets import dialogs, searching

if TYPE_CHECKING:
    from inbox_tui.screens import inbox, listening
    from listener.store.views.queue import SavedView

RECALLED = 50
"""Searches of the session that are kept in memory."""


class Looking(App[None], inherit_bindings=False):
    """The part of the app that searches."""

    desk: Desk

    def __init__(self) -> None:
        super().__init__()
        self._earlier: list[str] = []

    @property
    def place(self) -> DeskScreen | None:
        """The screen of the mode that is shown, also below a dialog."""
        base = self.screen_stack[0] if self.screen_stack else None
        return base if isinstance(base, DeskScreen) else None

    @property
    def places(self) -> list[DeskScreen]:
        """Every screen that exists and has been drawn."""
        bases = [stack[0] for stack in self._screen_stacks.values() if stack]
        return [base for base in bases if isinstance(base, DeskScreen) and base.is_mounted]

    async def listening(self) -> listening.ListeningScreen:
        """Listening, shown."""
        raise NotImplementedError

    async def inbox(self) -> inbox.InboxScreen:
        """The Inbox, shown."""
        raise NotImplementedError

    def _in_dialog(self) -> bool:
        return len(self.screen_stack) > 1

    # The search box --------------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        """Ask for a query, show what matches."""
        if not self._in_dialog():
            self.run_worker(self._search(self.place.query_shown if self.place else ""), group="search", exclusive=True)

    async def _search(self, query: str) -> None:

        backend = self.desk.backend
        asked = await self.push_screen_wait(
            searching.Searching(
                query,
                check=backend.check_query,
                names=lambda: backend.names,
                held=self._held(),
                earlier=self._earlier,
                read_only=self.desk.read_only,
                table=self.desk.table,
            )
        )
        if asked is None:
            return
        self._earlier = [asked.query, *(one for one in self._earlier if one != asked.query)][:RECALLED]
        if asked.keep:
            view = await self._keep(asked.query)
            if view is not None:
                await (await self.inbox()).show_view(view)
        else:
            await (await self.listening()).search(asked.query)

    def _held(self) -> dict[str, Sequence[str]]:
        """Values that fields are known to have, from what is in memory: the box opens at once."""
        found: dict[str, set[str]] = {"assignee": set(self.desk.logins)}
        for place in self.places:
            for field, values in place.known().items():
                found.setdefault(field, set()).update(value for value in values if value)
        return {field: sorted(values) for field, values in found.items()}

    # Kept views ------------------------------------------------------------------------------------------------------

    async def on_view_wanted(self, event: ViewWanted) -> None:
        """To the Inbox, on that view."""
        await (await self.inbox()).show_view(event.view)

    def on_keep_wanted(self, event: KeepWanted) -> None:
        """Keep a query as a view."""
        self.run_worker(self._keep(event.query), group="search", exclusive=True)

    def on_forget_wanted(self, event: ForgetWanted) -> None:
        """Delete a view."""
        self.run_worker(self._forget(event.view, event.query), group="search", exclusive=True)

    async def _keep(self, query: str) -> SavedView | None:
        """Ask for a name, and for whom; None: it was left, or refused."""

        backend, place = self.desk.backend, self.place
        if place is None or place.refuse_read_only():
            return None
        before = next((view for view in await place.attempt(backend.views()) or () if view.query == query), None)
        name = await self.push_screen_wait(
            dialogs.Prompt(
                "Name of the view",
                value=say(before.name) if before else "",
                hint=f"it stands among the folders ({self.desk.sign('folders')})",
            )
        )
        name = " ".join((name or "").split())
        if not name:
            return None
        may_share, shared = await place.attempt(backend.may_share()), False
        if may_share is None:
            return None
        if may_share:
            answers = [("m", "for me alone"), ("e", f"for everybody at {say(backend.brand)}")]
            answer = await self.push_screen_wait(dialogs.Ask("For whom?", ["Everybody sees a shared view."], answers))
            if answer is None:
                return None
            shared = answer == "e"
        if not await self._may_replace(name, query, shared):
            return None
        view = await place.attempt(backend.save_view(name, query, shared, self.desk.now()))
        if view is not None:
            whose = "for everybody" if shared else "for you"
            place.say(f"kept as {say(view.name)}, {whose} ({self.desk.sign('folders')}: folders)", "good")
            self._views_changed()
        return view

    async def _may_replace(self, name: str, query: str, shared: bool) -> bool:
        """Whether nothing else stands under that name, or may go."""

        views = await self.place.attempt(self.desk.backend.views()) if self.place else None
        taken = next((view for view in views or () if (view.name, view.shared) == (name, shared)), None)
        if views is None or taken is None or taken.query == query:
            return views is not None
        said = [f"{say(name)} asks for: {say(taken.query)}"]
        answers = [("l", "leave it as it is"), ("r", "replace what it asks")]
        return await self.push_screen_wait(dialogs.Ask("There is a view of this name", said, answers)) == "r"

    async def _forget(self, view: SavedView | None, query: str) -> None:
        """Delete a view, or the one that asks for `query`; asked first."""

        place = self.place
        if place is None or place.refuse_read_only():
            return
        if view is None:
            views = await place.attempt(self.desk.backend.views()) or ()
            view = next((one for one in views if one.query == query), None)
        if view is None:
            place.say("this is not kept as a view", "soon")
            return
        said = [
            say(view.query),
            "It is everybody's." if view.shared else "Only you have it.",
            "No conversation changes.",
        ]
        answers = [("l", "leave it"), ("d", "delete it")]
        if await self.push_screen_wait(dialogs.Ask(f"Delete the view {say(view.name)}?", said, answers)) == "d":
            await self._delete(view)

    async def _delete(self, view: SavedView) -> None:
        place = self.place
        if place is None:
            return
        try_it = self.desk.backend.delete_view(view.id, self.desk.now())
        if await place.succeeds(try_it):
            place.say(f"{say(view.name)} is deleted", "good")
            self._views_changed()

    def _views_changed(self) -> None:
        for place in self.places:
            place.post_message(ViewsChanged())
