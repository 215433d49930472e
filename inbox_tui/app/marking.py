"""Rules and messages, from wherever somebody is: why a rule fired or not, and a person's word on it. Owns no mark; the store keeps them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from inbox_tui.app.looking import Looking
from inbox_tui.messages import MarksChanged, RulesWanted
from inbox_tui.screens.base import DeskScreen, MarkMade
from inbox_tui.view.lines import Piece, say
from inbox_tui.view.marks import FALSE_ALARM, MISSED, NEW_RULE, RIGHT, noted, on_rule
from inbox_tui.widgets import dialogs, explaining
from inbox_tui.widgets.choices import Choice

if TYPE_CHECKING:
    from inbox_tui.backend import Named
    from inbox_tui.view import whys

    Chosen = tuple[whys.Meant, str]
    """A message and a rule."""

MOST = 20
"""Messages of one conversation that may be meant, the newest."""


class Marking(Looking, inherit_bindings=False):
    """The part of the app that asks and marks rules."""

    def action_rules(self) -> None:
        """The rules and their health."""
        if not self._in_dialog():
            self.post_message(RulesWanted())

    def action_why(self) -> None:
        """Why rules fired on the message, and why others did not."""
        if not self._in_dialog():
            self.run_worker(self._why(), group="why", exclusive=True)

    def action_false_alarm(self) -> None:
        """A rule should not have fired."""
        self._begin(FALSE_ALARM)

    def action_confirm(self) -> None:
        """A rule was right to fire."""
        self._begin(RIGHT)

    def action_missed(self) -> None:
        """A rule should have fired."""
        self._begin(MISSED)

    def _begin(self, verdict: str) -> None:
        place = self.place
        if place is not None and not self._in_dialog() and not place.refuse_read_only():
            self.run_worker(self._mark(place, verdict), group="marks", exclusive=True)

    async def _meant(self, place: DeskScreen) -> Sequence[whys.Meant]:
        meant = (await place.meant())[:MOST]
        if not meant:
            place.say("there is no message here", "soon")
        return meant

    # Why -------------------------------------------------------------------------------------------------------------

    async def _why(self) -> None:

        place, backend = self.place, self.desk.backend
        meant = await self._meant(place) if place is not None else ()

        async def ask(mention_id: int, today: bool) -> whys.Explanation | None:
            return await backend.why(mention_id, today=today)

        if meant:
            await self.push_screen_wait(
                explaining.Explaining(meant, ask, now=self.desk.now, zone=self.desk.zone, table=self.desk.table)
            )

    # Marks -----------------------------------------------------------------------------------------------------------

    async def _mark(self, place: DeskScreen, verdict: str) -> None:
        meant = await self._meant(place)
        if not meant:
            return
        chosen = await (self._to_catch(place, meant) if verdict == MISSED else self._that_fired(place, meant, verdict))
        if chosen is None:
            return
        message, rule = chosen
        backend, me = self.desk.backend, self.desk.backend.me.id
        marks = await place.attempt(backend.marks([message.id]))
        if marks is None:
            return
        before = next((one for one in marks if (one.rule, one.person_id) == (rule, me)), None)
        note: str | None = ""
        if before is not None and before.verdict == verdict:
            if await self._again(rule, verdict) == "t":
                await self._said(place, MarkMade(message.id, rule, before, await self._last_act(place)), "", "")
                return
            note = await self._note(verdict, before.note)
        elif verdict == MISSED:
            note = await self._note(verdict, "")
        if note is not None:
            made = MarkMade(message.id, rule, before, await self._last_act(place))
            await self._said(place, made, verdict, " ".join(note.split()))

    async def _said(self, place: DeskScreen, made: MarkMade, verdict: str, note: str) -> None:
        """Keep the person's word, or with '' take it back; undo knows what stood before."""
        backend, now = self.desk.backend, self.desk.now()
        if verdict:
            work = backend.mark(made.mention_id, made.rule, verdict, note, now)
            said = noted(made.rule, verdict, self.desk.table)
        else:
            work = backend.unmark(made.mention_id, made.rule, now)
            said = f"taken back, {on_rule(made.rule)}: you say nothing of it any more"
        if await place.succeeds(work):
            self.desk.marked.append(made)
            place.say(said, "good")
            self.post_message(MarksChanged((made.mention_id,)))

    async def _last_act(self, place: DeskScreen) -> uuid.UUID | None:
        return await place.attempt(self.desk.backend.last_act())

    async def _again(self, rule: str, verdict: str) -> str | None:

        answers = [("n", "write a note to it"), ("t", "take it back"), ("l", "leave it as it is")]
        return await self.push_screen_wait(dialogs.Ask("You said so already", [f"{verdict}: {on_rule(rule)}"], answers))

    async def _note(self, verdict: str, value: str) -> str | None:
        """A short note, '' for none; None: it was left."""

        hint = "for whoever writes the rule; enter alone keeps it without a note"
        return await self.push_screen_wait(
            dialogs.Prompt(f"Note to: {verdict}", value=say(value) if value else "", hint=hint)
        )

    async def _that_fired(self, place: DeskScreen, meant: Sequence[whys.Meant], verdict: str) -> Chosen | None:
        """The rule that is meant among those that fired."""
        found: list[tuple[whys.Meant, Named]] = []
        for message in meant:
            fired = await place.attempt(self.desk.backend.fired(message.id))
            if fired is None:
                return None
            found.extend((message, one) for one in fired)
        if not found:
            place.say(f"no rule fired here ({self.desk.sign('missed')} says which should have)", "soon")
        if len(found) < 2:
            return next(((message, one.id) for message, one in found), None)
        several = len({message.id for message, _ in found}) > 1
        choices = [
            Choice(str(at), _rule_line(one, message if several else None)) for at, (message, one) in enumerate(found)
        ]
        title = "Which rule was right?" if verdict == RIGHT else "Which rule was wrong?"
        answer = await self._pick(title, choices)
        return None if answer is None else (found[int(answer)][0], found[int(answer)][1].id)

    async def _to_catch(self, place: DeskScreen, meant: Sequence[whys.Meant]) -> Chosen | None:
        """The message that was missed, and the rule that should have fired on it."""
        message: whys.Meant | None = meant[0]
        if len(meant) > 1:
            answer = await self._pick(
                "Which message?", [Choice(str(at), ((one.said, ""),)) for at, one in enumerate(meant)]
            )
            message = None if answer is None else meant[int(answer)]
        if message is None:
            return None
        rules = await place.attempt(self.desk.backend.rules())
        fired = await place.attempt(self.desk.backend.fired(message.id))
        if rules is None or fired is None:
            return None
        silent = [one for one in rules if one.id not in {flag.id for flag in fired}]
        none: Choice = Choice("new", (("none of them: ", ""), ("a new rule", "bold")))
        choices = [*(Choice(str(at), _rule_line(one, None)) for at, one in enumerate(silent)), none]
        answer = await self._pick("Which rule should have fired?", choices)
        if answer is None:
            return None
        return message, NEW_RULE if answer == "new" else silent[int(answer)].id

    async def _pick(self, title: str, choices: Sequence[Choice]) -> str | None:

        return await self.push_screen_wait(dialogs.Pick(title, choices))


def _rule_line(one: Named, message: whys.Meant | None) -> tuple[Piece, ...]:
    trying: tuple[Piece, ...] = ((" experimental", "note"),) if one.shadow else ()
    about: tuple[Piece, ...] = () if message is None else ((f" · {message.said}", "dim"),)
    return ((say(one.id), "bold"), *trying, (f" {say(one.title)}", "dim"), *about)
