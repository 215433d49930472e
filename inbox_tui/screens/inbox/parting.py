"""A reply that is too long for its network: offered as numbered parts, with a look at where it would be cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inbox_tui.screens.inbox.deciding import Deciding
from inbox_tui.view.parts import offered, part_lines
from inbox_tui.widgets import dialogs
from listener import lengths, networks, parts
from listener.model.kinds import Kind

if TYPE_CHECKING:
    from inbox_tui.screens.inbox.answering import Writing


class Parting(Deciding):
    """Numbered parts."""

    async def may_go(self, writing: Writing, body: str) -> bool:
        """Whether it may be sent; too long a text only as parts that the writer has seen."""
        over = next((one for one in lengths.measures(writing.opened.source, body, writing.terms) if one.over), None)
        if over is None:
            return await super().may_go(writing, body)
        pieces = parts.split(writing.opened.source, body, writing.terms)
        aside = writing.private and writing.parent.kind is not Kind.DM
        alone = aside and networks.one_aside(writing.opened.source)
        if not pieces or alone:
            cannot = "its network takes one private message" if alone else "it cannot be cut into parts"
            why_not = f"too long by {over.over} {over.unit}, and {cannot}"
            self.composer.warn(why_not)
            self.say(f"not sent: {why_not}", "bad")
            return False
        if not await super().may_go(writing, body):
            return False
        answer = await self.app.push_screen_wait(
            dialogs.Ask(
                f"Too long by {over.over} {over.unit}",
                [
                    *part_lines(pieces),
                    f"Each answers the one before it. {self.desk.sign('take_back')} takes back all that wait.",
                ],
                [("b", "go back and write less"), ("s", offered(pieces))],
            )
        )
        if answer != "s":
            self.composer.write_on()
        return answer == "s"
