"""Looking at a picture, one's own or one that was submitted for approval, and saying what can be seen on it. The viewer is the system's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inbox_tui.screens.inbox.deciding import Deciding
from inbox_tui.view.lines import Line, fit, say
from inbox_tui.widgets import dialogs, viewer
from listener import lengths, pictures

if TYPE_CHECKING:
    from inbox_tui.screens.inbox.answering import Writing
    from listener.store.views.approvals import AttachedRow


class Seeing(Deciding):
    """Pictures to look at."""

    async def change_pictures(self, writing: Writing) -> None:
        """Those that go out with what is being written."""

    async def see(self, row: AttachedRow) -> None:
        """Open it beside the inbox, which goes on meanwhile."""
        found = await self.attempt(self.desk.backend.picture(row.id))
        if found is None:
            return
        _, media_type, content = found
        self.say(f"{fit(say(row.name), 30)} opens in the viewer of this machine", "dim")
        self.work(self._shown(media_type, content), f"picture {row.id}")

    async def _shown(self, media_type: str, content: bytes) -> None:
        await self.attempt(viewer.show(media_type, content))

    async def described(self, name: str, alt: str, limit: pictures.Limit) -> str | None:
        """In words what can be seen on a picture: asked until there are some; None: it is left."""

        def problem(value: str) -> Sequence[Line]:
            over = lengths.graphemes(value.strip()) - limit.alt
            return [((f"too long by {over} characters", "bad"),)] if over > 0 else ()

        hint = "In words, for those who cannot see it."
        while True:
            title = f"What can be seen on {fit(say(name), 30)}?"
            said = await self.app.push_screen_wait(dialogs.Prompt(title, value=alt, hint=hint, problem=problem))
            if said is None or said.strip():
                return said
            hint = "A picture without these words is not attached; esc leaves it out."
