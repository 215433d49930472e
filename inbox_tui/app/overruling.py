"""A person's word on the tone and the need of a message, from wherever somebody is. Owns the asking; the store keeps it, and whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inbox_tui.app.posts import Posts
from inbox_tui.view import overruled
from inbox_tui.widgets import dialogs
from inbox_tui.widgets.choices import Choice

if TYPE_CHECKING:
    from inbox_tui.screens.base import DeskScreen


class Overruling(Posts, inherit_bindings=False):
    """The part of the app that overrules the methods."""

    def action_overrule(self) -> None:
        """Say what tone a message has, or whether it needs an answer."""
        place = self.place
        if place is not None and not self._in_dialog() and not place.refuse_read_only():
            self.run_worker(self._overrule(place), group="overrule", exclusive=True)

    async def _overrule(self, place: DeskScreen) -> None:

        meant = await self._meant(place)
        if not meant:
            return
        message = meant[0]
        if len(meant) > 1:
            choices = [Choice(str(at), ((one.said, ""),)) for at, one in enumerate(meant)]
            answer = await self._pick("Which message?", choices)
            if answer is None:
                return
            message = meant[int(answer)]
        answers = [("l", "leave it as it is"), *((key, said) for key, (_, _, said) in overruled.ANSWERS.items())]
        answer = await self.push_screen_wait(dialogs.Ask("What is it?", [message.said], answers))
        if answer is None or answer not in overruled.ANSWERS:
            return
        what, value, said = overruled.ANSWERS[answer]
        done = await place.attempt(self.desk.backend.overrule(message.id, what, value, self.desk.now()))
        if done is None:
            return
        if not done.mentions:
            place.say("it is so already", "dim")
            return
        place.say(f"{said}: that counts from now on ({self.desk.sign('take_back')} takes it back)", "good")
        await place.refresh_ids(done.changed)
        await place.mentions_changed(done.mentions)
