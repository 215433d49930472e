"""Macros: several acts in one key. Owns choosing one and doing its parts as one act; the reply among them is only put into the composer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inbox_tui.screens.inbox.deciding import Deciding
from inbox_tui.view import deeds, macros
from inbox_tui.view.lines import say
from inbox_tui.widgets import macros as picking
from inbox_tui.widgets.choices import Choice

if TYPE_CHECKING:
    from inbox_tui.screens.inbox.triage import Targets
    from listener.rulebook.macros import Macro


class Macros(Deciding):
    """The acts of rule files."""

    _used: tuple[Macro, Callable[[], deeds.Deed | None]] | None = None
    """The last macro, and what `again` would do: while that is so, the macro is the last act."""

    def action_macros(self) -> None:
        """Choose a macro and use it."""
        if ids := self._targets_or_say():
            self.work(self._choose_macro(ids))

    async def _choose_macro(self, ids: Targets) -> None:
        found = await self.attempt(self.desk.backend.macros())
        if found is None:
            return
        if not found:
            self.say("there are no macros for this brand: macros: in the rule files makes some", "soon")
            return
        found = sorted(found, key=lambda macro: (not macro.shortcut, macro.shortcut, macro.title.casefold()))
        using, by_key = await self._using(), {macro.key: macro for macro in found}
        many = not isinstance(ids, list) or len(ids) > 1
        key = await self.app.push_screen_wait(
            picking.PickMacro(
                "Macros",
                [Choice(macro.key, macros.line_of(macro, using)) for macro in found],
                macros.by_shortcut(found),
                lambda key: macros.sentences(by_key[key], using, many=many),
            )
        )
        if key is not None:
            await self._use(by_key[key], ids)

    async def _using(self) -> macros.Using:
        people = await self.attempt(self.desk.backend.people()) or ()
        return macros.Using(self.desk.backend.me, people, self.desk.now(), self.desk.zone)

    async def _use(self, macro: Macro, ids: Targets) -> None:
        using = await self._using()
        deed = macros.deed(macro, using)
        if isinstance(deed, str):
            self.say(deed, "soon")
            return

        def again() -> deeds.Deed | None:
            now = macros.Using(using.me, using.people, self.desk.now(), using.zone)
            found = macros.deed(macro, now)
            return found if isinstance(found, deeds.Deed) else None

        if deed is not None:
            await self.act(ids, deed, again)
        self._again, self._used = again, (macro, again)
        if macro.reply:
            await self._write_reply(macro, ids, acted=deed is not None)

    async def _write_reply(self, macro: Macro, ids: Targets, *, acted: bool) -> None:
        """Its reply in the composer, of one conversation."""
        if not isinstance(ids, list) or len(ids) > 1:
            if not acted:
                self.say("a reply is for one conversation at a time: unmark the others first", "soon")
            return
        (conversation_id,) = ids
        if self.composer.is_open and self.composer.conversation_id != conversation_id:
            self.say("another reply is being written: put it down first", "soon")
            return
        if not self.composer.is_open:
            await self._begin(conversation_id, aside=False)
        writing = self._writing
        if writing is None or writing.id != conversation_id or not await self._learn(writing):
            return
        offer = next((one for one in self._know(writing).offers() if one.key == macro.reply), None)
        if offer is None:
            self.composer.warn(f"the saved reply {say(macro.reply)} is not there for this brand")
        else:
            self.composer.put_in(offer.text)

    async def action_again(self) -> None:
        """The last act once more; of a macro, its reply too."""
        if self._used is None or self._again is not self._used[1]:
            await super().action_again()
        elif ids := self._targets_or_say():
            self.work(self._use(self._used[0], ids))
