"""Replies that go out later: choosing when, and changing that or taking them back while they wait.

The conversation stays where it is meanwhile, and its clock runs: nobody is answered before the answer is out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from textual import on

from inbox_tui.messages import LaterWanted
from inbox_tui.screens.inbox.deciding import Deciding
from inbox_tui.view import approvals, replies, words
from inbox_tui.view.lines import Line, say
from inbox_tui.view.times import TYPED_FORMS, snooze_choices, typed_time
from inbox_tui.widgets import dialogs
from inbox_tui.widgets.choices import Choice
from listener.model.leaving import OutboxState

if TYPE_CHECKING:
    from inbox_tui.screens.inbox.answering import Writing
    from listener.store.views.thread import Opened, OutboxRow

_TYPED = "typed"


class Planning(Deciding):
    """Planned replies."""

    @on(LaterWanted)
    def _later_wanted(self, event: LaterWanted) -> None:
        event.stop()
        self.hand_in(lambda writing: self._send_later(writing, event.body))

    async def _send_later(self, writing: Writing, body: str) -> None:
        if not await self.ready(writing, body):
            return
        planned = await self._when(writing.opened)
        if planned is None or self._writing is not writing:
            self.composer.write_on()
            return
        await self.deliver(writing, body, close_after=False, planned=planned)

    async def _when(self, opened: Opened) -> datetime | None:
        """When it is to go out, by a choice or typed. None: left."""
        zone, now = self.desk.zone, self.desk.now()
        due = opened.conversation.due_at
        times = {key: (said, when) for key, said, when in snooze_choices(now, zone)}

        def late(when: datetime) -> Line:
            return ((f"  late: due {words.clock(due, now, zone)}", "late"),) if due and when > due else ()

        choices = [
            Choice(key, ((said, ""), (f"  {words.clock(when, now, zone)}", "dim"), *late(when)))
            for key, (said, when) in times.items()
        ]
        choices.append(Choice(_TYPED, (("another time", ""), ("  typed", "dim"))))
        answer = await self.app.push_screen_wait(dialogs.Pick("It goes out in, or at", choices))
        if answer is None:
            return None
        if answer != _TYPED:
            return times[answer][1]

        def problem(text: str) -> Sequence[Line]:
            found = typed_time(text, self.desk.now(), zone)
            return [((found, "bad"),)] if isinstance(found, str) else []

        text = await self.app.push_screen_wait(dialogs.Prompt("When it goes out", hint=TYPED_FORMS, problem=problem))
        found = typed_time(text, self.desk.now(), zone) if text else ""
        if isinstance(found, str):
            if found:
                self.say(found, "soon")
            return None
        return found

    def told_before(self, writing: Writing) -> Sequence[Line]:
        """That another reply waits for its time here."""
        now = self.desk.now()
        found = [one for one in writing.opened.replies if replies.planned(one, now)]
        told: list[Line] = [
            (
                (f"{self._whose(one)} goes out {words.clock(one.not_before, now, self.desk.zone)}: ", "soon"),
                ("whatever is sent before stops it", "soon"),
            )
            for one in found[:1]
        ]
        return [*super().told_before(writing), *told]

    def _whose(self, row: OutboxRow) -> str:
        return "a reply of yours" if row.person_id == self.me else f"a reply by {say(row.person)}"

    # Changing --------------------------------------------------------------------------------------------------------

    def settle_opened(self, opened: Opened) -> None:
        """Change when a planned reply goes out, or take it back; else as always."""
        now, rows = self.desk.now(), opened.replies
        row = next((one for one in reversed(rows) if replies.planned(one, now)), None)
        undecided = any(one.state in (OutboxState.FAILED, OutboxState.UNKNOWN, OutboxState.STOPPED) for one in rows)
        if row is None or undecided or approvals.waiting(opened) is not None:
            super().settle_opened(opened)
        elif not self.refuse_read_only():
            self.work(self._replan(opened, row))

    async def _replan(self, opened: Opened, row: OutboxRow) -> None:
        backend, zone = self.desk.backend, self.desk.zone
        when = words.clock(row.not_before, self.desk.now(), zone)
        answer = await self.app.push_screen_wait(
            dialogs.Ask(
                f"It goes out {when}",
                [f"“{say(row.body)[:300]}”", f"{self._whose(row)[0].upper()}{self._whose(row)[1:]}."],
                [
                    ("l", "leave it"),
                    ("t", "at another time"),
                    ("n", "let it go out now"),
                    ("e", "take it back and edit it"),
                ],
            )
        )
        if answer == "e":
            await self._withdraw(row)
            return
        if answer == "n" and await self.succeeds(backend.plan(row.id, None, self.desk.now())):
            self.say("it goes out now", "good")
        elif answer == "t":
            planned = await self._when(opened)
            if planned is not None and await self.succeeds(backend.plan(row.id, planned, self.desk.now())):
                self.say(f"it goes out {words.clock(planned, self.desk.now(), zone)}", "good")
        await self.refresh_ids([row.conversation_id])

    async def settle(self, opened: Opened, row: OutboxRow) -> None:
        """A planned reply that was stopped before its time may keep it."""
        planned = row.planned
        if row.state is not OutboxState.STOPPED or planned is None or planned <= self.desk.now():
            await super().settle(opened, row)
            return
        when = words.clock(planned, self.desk.now(), self.desk.zone)
        answer = await self.app.push_screen_wait(
            dialogs.Ask(
                "It was stopped before its time",
                [f"“{say(row.body)[:200]}”", say(row.problem)],
                [
                    ("l", "leave it"),
                    ("k", f"keep the plan: it goes out {when}"),
                    ("s", "send it now"),
                    ("e", "take it back and edit it"),
                ],
            )
        )
        if answer == "e":
            await self._withdraw(row)
            return
        if answer in ("k", "s"):
            fence, kept = opened.conversation.thread_version, planned if answer == "k" else None
            await self.attempt(self.desk.backend.retry(row.id, fence, self.desk.now(), planned=kept))
        await self.refresh_ids([row.conversation_id])
