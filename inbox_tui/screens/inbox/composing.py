"""What helps to write a reply: the writer's own editor. The reply itself is `answering`'s."""

from __future__ import annotations

from textual import on

from inbox_tui.messages import EditorWanted
from inbox_tui.screens.inbox.answering import Answering
from inbox_tui.widgets.editor import edit


class Composing(Answering):
    """Helps for the composer."""

    # The own editor --------------------------------------------------------------------------------------------------

    @on(EditorWanted)
    def _editor_wanted(self, event: EditorWanted) -> None:
        event.stop()
        if self._writing is not None:
            self.work(self._edit(), "editor")

    async def _edit(self) -> None:
        """The draft through the own editor. Meanwhile the claim is renewed; who lost it all the same is told."""
        writing = self._writing
        if writing is None:
            return
        await self.save_draft()
        made = await self.attempt(edit(self.app, self.composer.text))
        if self._writing is not writing:
            return
        if made is not None:
            self.composer.put_all(made)
            await self.save_draft()
            self.say("taken from the editor; ^s sends it", "good")
        if not await self.hold(writing.id):
            await self._end()
            await self.refresh_ids([writing.id])
            return
        self.composer.write_on()
        self.call_after_refresh(lambda: self.work(self.reopen(), "refresh"))
