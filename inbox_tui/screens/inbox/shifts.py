"""The working day: handing back, being away, being warned of what is late, and the note at the end. Owns what is asked and said of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from inbox_tui.screens.inbox.deciding import Deciding
from inbox_tui.screens.inbox.triage import All
from inbox_tui.view import deeds, handing, staff, words
from inbox_tui.view.times import snooze_choices
from inbox_tui.widgets import dialogs
from inbox_tui.widgets import handing as sheets
from inbox_tui.widgets.choices import Choice
from listener.workflow import acts

if TYPE_CHECKING:
    from inbox_tui.messages import NamesChanged
    from inbox_tui.screens.inbox.answering import Until
    from inbox_tui.view.lines import Line, Piece
    from listener.store.views.changed import Changed
    from listener.store.views.staff import Handover

_SPANS = ("1h", "4h", "week")
_WARNED = 50
"""Warnings that are kept to be gone to."""


@dataclass(frozen=True, slots=True)
class _Noted:
    """A note that was handed over from here, for `z`."""

    id: int
    at: datetime
    until: Until


class Shifts(Deciding):
    """The acts of a working day."""

    _staff: dict[int, staff.Colleague] = {}  # noqa: RUF012 - replaced whole, never changed
    _warned: Sequence[int] = ()
    _put_down = ""
    """A note that was begun and not handed over, in this terminal."""
    _noted: _Noted | None = None

    async def first_reads(self) -> None:
        """Who is away, and what the last shift left."""
        await super().first_reads()
        await self.learn_staff()
        self._show_away()
        notes = await self.attempt(self.desk.backend.handovers(1))
        self._announce(notes[0] if notes else None)

    async def learn_staff(self) -> None:
        """Who is there and who is away, as things are now."""
        found = await self.attempt(self.desk.backend.colleagues(self.desk.now()))
        if found is not None:
            self._staff = {one.person_id: one for one in found}

    def beside(self, person_id: int) -> Line:
        """Whether somebody is away."""
        return staff.beside(self._staff.get(person_id), self.desk.now(), self.desk.zone)

    def _known_teams(self) -> list[str]:
        """Those of the rule files too."""
        return sorted({*super()._known_teams(), *(team for one in self._staff.values() for team in one.teams)})

    async def on_names_changed(self, event: NamesChanged) -> None:
        """Other rule files: perhaps other teams."""
        await super().on_names_changed(event)
        await self.learn_staff()

    # Handing back ----------------------------------------------------------------------------------------------------

    async def action_hand_back(self) -> None:
        """Nobody's again, its team's."""
        ids = self._targets_or_say()
        if not ids:
            return
        if self._writing is not None and (isinstance(ids, All) or self._writing.id in ids):
            self.say("you are writing to it: put the reply down first (esc keeps the draft)", "soon")
            return
        await self.act(ids, deeds.Deed(acts.HandBack(), "handed back", "hand", "back to the team"))

    # Away ------------------------------------------------------------------------------------------------------------

    def title_pieces(self) -> list[Piece]:
        """And that this person is away, so that they do not forget it."""
        pieces = super().title_pieces()
        mine = self._staff.get(self.me)
        if mine is not None and mine.said and (mine.until is None or mine.until > self.desk.now()):
            away = staff.away_words(mine, self.desk.now(), self.desk.zone)
            pieces.insert(0, (f"{away} ({self.desk.sign('away')}: back)  ", "soon"))
        return pieces

    def _show_away(self) -> None:
        if self.is_current:
            self.show_bars()

    def action_away(self) -> None:
        """Away, or back."""
        if not self.refuse_read_only():
            self.work(self._away())

    async def _away(self) -> None:
        backend = self.desk.backend
        await self.learn_staff()
        mine = self._staff.get(self.me)
        if mine is not None and mine.said:
            if await self.attempt(backend.back(self.desk.now())) is not None:
                self.say("you are back: work is shared out to you again", "good")
        else:
            await self._leave()
        await self.learn_staff()
        self._show_away()

    async def _leave(self) -> None:
        now, zone = self.desk.now(), self.desk.zone
        times = {key: (said, when) for key, said, when in snooze_choices(now, zone)}
        choices = [Choice("back", (("until I say that I am back", ""),))]
        choices += [
            Choice(key, (("for " if key in _SPANS else "until ", ""), (said, ""))) for key, (said, _) in times.items()
        ]
        answer = await self.app.push_screen_wait(dialogs.Pick("You are away", choices))
        if answer is None:
            return
        until = times[answer][1] if answer in times else None
        ids = await self.attempt(self.desk.backend.untouched(now))
        if ids is None or (leaves := await self._leaves(ids)) is None:
            return
        if not await self.succeeds(self.desk.backend.away(until, self.desk.now())):
            return
        when = "" if until is None else f" until {words.clock(until, now, zone)}"
        self.say(f"you are away{when}: nothing is shared out to you ({self.desk.sign('away')}: back)", "good")
        if leaves:
            await self._give_up(ids)

    async def _leaves(self, ids: Sequence[int]) -> bool | None:
        """Whether what is untouched goes back to its teams; None: not away after all."""
        if not ids:
            return False
        n = words.count(len(ids), "conversation")
        said = [
            f"{n} that you have not begun on would wait for you: never answered, no draft.",
            "Those go back to their teams, nobody's; a team that shares out gives them to whoever is there. What you have begun stays yours.",
        ]
        answers = [("k", "keep them"), ("s", f"share out {len(ids):,}")]
        answer = await self.app.push_screen_wait(dialogs.Ask("What waits for you", said, answers))
        return None if answer is None else answer == "s"

    async def _give_up(self, ids: Sequence[int]) -> None:
        done = await self.attempt(self.desk.backend.do(ids, acts.HandBack(), self.desk.now()))
        if done is not None:
            self._tell_done(len(done.changed))
            await self.refresh_ids(done.changed)

    def _tell_done(self, n: int) -> None:
        back = self.desk.sign("take_back")
        self.say(
            f"you are away; {words.count(n, 'conversation')} handed back to the teams ({back} takes it back)", "good"
        )

    # What is late ----------------------------------------------------------------------------------------------------

    async def heard(self, changed: Changed) -> None:
        """Warnings, once each; a note of a colleague."""
        await super().heard(changed)
        if changed.late or changed.unresolved:
            await self._warn(changed.late, changed.unresolved)
        if changed.handovers and not changed.lost:
            notes = await self.attempt(self.desk.backend.handovers(1))
            self._announce(notes[0] if notes else None)

    async def _warn(self, answers: Collection[int], unresolved: Collection[int]) -> None:
        rows = await self.attempt(self.desk.backend.rows(sorted({*answers, *unresolved})))
        mine = self._staff.get(self.me)
        teams = mine.teams if mine is not None else frozenset[str]()
        mine_now = [row for row in rows or () if staff.concerns(row, self.me, teams)]
        if late := staff.late(mine_now, unresolved, answers):
            self._warned = list(dict.fromkeys(one.row.id for one in late))[:_WARNED]
            self.say(*staff.warning(late, self.desk.now(), self.desk.sign("due")))

    async def action_due(self) -> None:
        """To what was warned of, one after the other."""
        if not self._warned:
            self.say("no warning has been given", "dim")
            return
        first, *rest = self._warned
        self._warned = [*rest, first]
        await self.read_conversation(first)

    # Handing over ----------------------------------------------------------------------------------------------------

    def _announce(self, note: Handover | None) -> None:
        if said := handing.banner(note, self.me, self.desk.now(), self.desk.zone):
            self.say(f"{said}: {self.desk.sign('hand_over')} reads it", "accent")

    def action_hand_over(self) -> None:
        """The last notes, and one's own."""
        self.work(self._hand_over())

    async def _hand_over(self) -> None:

        backend, now, zone = self.desk.backend, self.desk.now(), self.desk.zone
        notes = await self.attempt(backend.handovers())
        if notes is None:
            return
        if not notes:
            if self.desk.read_only:
                self.say("nobody has handed over yet", "dim")
            else:
                await self._write_note()
            return
        if not self.desk.read_only:
            await self.attempt(backend.read_handovers([note.id for note in notes]))
        ids = {id_ for note in notes for id_ in handing.numbers(note.body)}
        rows = {row.id: row for row in await self.attempt(backend.rows(sorted(ids))) or ()}
        answer = await self.app.push_screen_wait(sheets.Reading(notes, rows, now, zone, writes=not self.desk.read_only))
        if answer == sheets.WRITE:
            await self._write_note()
        elif answer is not None:
            await self.read_conversation(answer)

    async def _write_note(self) -> None:

        backend, now, zone = self.desk.backend, self.desk.now(), self.desk.zone
        shift = await self.attempt(backend.shift(handing.today(now, zone), now))
        if shift is None:
            return
        draft = handing.drafted(shift, now, zone)
        body, self._put_down = self._put_down or draft, ""
        while True:
            written = await self.app.push_screen_wait(sheets.Writing(body, shift.rows))
            body = written.body
            if not written.keep:
                self._put_down = body if body != draft else ""
                on = f"put down; {self.desk.sign('hand_over')} goes on with it"
                self.say(on if self._put_down else "nothing handed over", "dim")
                return
            noted = await self.attempt(backend.hand_over(body, shift.since, self.desk.now()))
            if noted is not None:
                self._noted = _Noted(noted, self.desk.now(), await self.until_now())
                read, back = self.desk.sign("hand_over"), self.desk.sign("take_back")
                self.say(f"handed over: everybody of the brand can read it ({read}); {back} takes it back", "good")
                return

    async def _take_back(self) -> None:
        """The note that was handed over last from here, where nothing was done since; else as always."""
        noted = self._noted
        if noted is None or (self.last_queued() or noted.at) > noted.at or await self.done_since(noted.until):
            await super()._take_back()
            return
        self._noted = None
        body = await self.attempt(self.desk.backend.take_back_handover(noted.id, self.desk.now()))
        if body is not None:
            self._put_down = body
            self.say(f"nobody had read it: taken back; {self.desk.sign('hand_over')} goes on with it", "good")
