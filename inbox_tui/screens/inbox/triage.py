"""Acts on conversations: claim, assign, tag, priority, snooze, note, close, reopen, undo. Each says what it did, or why it could not."""

from __future__ import annotations

from collections.abc import Sequence

from inbox_tui.backend import Done
from inbox_tui.screens.inbox.viewing import Viewing
from inbox_tui.view import thread, words
from inbox_tui.view.lines import Line, say, typed
from inbox_tui.view.times import snooze_choices
from inbox_tui.widgets.choices import Choice
from inbox_tui.widgets.dialogs import Ask, Pick, Prompt, Sheet, Write
from listener.errors import HubbubError
from listener.model import Priority
from listener.workflow import Act, Assign, Close, Reopen, SetPriority, Snooze, Tag


class Triage(Viewing):
    """The acts."""

    def targets(self) -> list[int]:
        """What an act is about: the marked rows, else the conversation being read, else the row under the cursor."""
        if self.rows.marked:
            return sorted(self.rows.marked)
        if self.reading and self.opened is not None:
            return [self.opened.conversation.id]
        return [] if self.rows.cursor_id is None else [self.rows.cursor_id]

    def _targets_or_say(self) -> list[int]:
        if self.refuse_read_only():
            return []
        ids = self.targets()
        if not ids:
            self.say("there is no conversation here", "soon")
        return ids

    async def act(self, ids: Sequence[int], act: Act, what: str) -> None:
        """Do it, show it, say it."""
        done = await self.attempt(self.desk.backend.do(ids, act, self.desk.now()))
        if done is None:
            return
        self._tell(done, what)
        self.rows.unmark()
        await self.refresh_ids(ids)

    def _tell(self, done: Done, what: str) -> None:
        if done.refused:
            reason = say(next(iter(done.refused.values())))
            if done.changed:
                self.say(f"{self.said_count(len(done.changed), what)}; not {len(done.refused)}: {reason}", "soon")
            else:
                self.say(f"not {what}: {reason}", "soon")
        elif done.changed:
            self.say(f"{self.said_count(len(done.changed), what)} (z takes it back)", "good")
        else:
            self.say(f"already {what}", "dim")

    # One key, one act ------------------------------------------------------------------------------------------------

    async def action_close(self) -> None:
        """Nothing more to do."""
        if ids := self._targets_or_say():
            await self.act(ids, Close(), "closed")

    async def action_reopen(self) -> None:
        """Back to work."""
        if ids := self._targets_or_say():
            await self.act(ids, Reopen(), "opened again")

    async def action_claim(self) -> None:
        """Take it, or let it go when it is ours."""
        ids = self._targets_or_say()
        if len(ids) != 1:
            if ids:
                self.say("one at a time: unmark the others first", "soon")
            return
        row = self.rows.window.get(ids[0])
        holder = row.claimed_by_id if row is not None else self.opened.claimed_by_id if self.opened else None
        backend, now = self.desk.backend, self.desk.now()
        if holder == self.me:
            await self.attempt(backend.release(ids[0], now))
            self.say("let go", "good")
            await self.refresh_ids(ids)
            return
        self.work(self._claim(ids[0]))

    async def _claim(self, conversation_id: int) -> None:
        if await self.hold(conversation_id):
            self.say("you are on it (c lets go)", "good")
        await self.refresh_ids([conversation_id])

    async def hold(self, conversation_id: int) -> bool:
        """Claim it; where a colleague holds it, ask before taking it over."""
        backend = self.desk.backend
        try:
            holder = await backend.claim(conversation_id, self.desk.now())
            if holder is None:
                return True
            name = say(holder.name)
            answer = await self.app.push_screen_wait(
                Ask(
                    f"{name} is on it",
                    [f"{name} holds this conversation right now. Two answers to one question look bad."],
                    [("l", "leave it to them"), ("t", "take it over")],
                )
            )
            if answer != "t":
                self.say(f"left to {name}", "dim")
                return False
            return await backend.claim(conversation_id, self.desk.now(), take_over=True) is None
        except HubbubError as fault:
            self.say_fault(fault)
            return False

    # Acts that ask first ---------------------------------------------------------------------------------------------

    def action_assign(self) -> None:
        """Give it to a person or a team."""
        if ids := self._targets_or_say():
            self.work(self._assign(ids))

    async def _assign(self, ids: Sequence[int]) -> None:
        people = await self.attempt(self.desk.backend.people())
        if people is None:
            return
        self.desk.names = {person.id: person.name for person in people}
        self.desk.logins = tuple(person.login for person in people)
        mine = [p for p in people if p.id == self.me]
        choices = [Choice(f"person:{p.id}", ((say(p.name), "bold"), (" (you)", "dim"))) for p in mine]
        choices += [
            Choice(f"person:{p.id}", ((say(p.name), ""), (f" {say(p.login)}", "dim")))
            for p in people
            if p.id != self.me
        ]
        choices += [Choice(f"team:{team}", (("team ", "dim"), (say(team), ""))) for team in self._known_teams()]
        choices.append(Choice("nobody", (("nobody", "dim"),)))
        answer = await self.app.push_screen_wait(Pick("Give it to", choices))
        if answer is None:
            return
        kind, _, key = answer.partition(":")
        if kind == "person":
            name = "you" if int(key) == self.me else say(self.desk.names.get(int(key), "somebody"))
            await self.act(ids, Assign(int(key)), f"given to {name}")
        elif kind == "team":
            await self.act(ids, Assign(None, key), f"given to the team {say(key)}")
        else:
            await self.act(ids, Assign(None), "given to nobody")

    def _known_teams(self) -> list[str]:
        return sorted({row.team for row in self.rows.window.rows if row.team})

    def _known_tags(self) -> list[str]:
        return sorted({tag for row in self.rows.window.rows for tag in row.tags})

    def action_tag(self) -> None:
        """Put tags on, take tags off."""
        if ids := self._targets_or_say():
            self.work(self._tag(ids))

    async def _tag(self, ids: Sequence[int]) -> None:
        known = self._known_tags()

        def complete(value: str) -> list[str]:
            last = value.rpartition(" ")[2].lstrip("-#")
            return [say(tag) for tag in known if tag.startswith(last) and tag != last]

        answer = await self.app.push_screen_wait(
            Prompt("Tags", hint="words with spaces between; -word takes a tag off", complete=complete)
        )
        if not answer or not answer.strip():
            return
        parts = answer.split()
        add = tuple(part.lstrip("#") for part in parts if not part.startswith("-") and part.lstrip("#"))
        remove = tuple(part[1:].lstrip("#") for part in parts if part.startswith("-") and part[1:].lstrip("#"))
        said = [f"tagged {' '.join('#' + say(t) for t in add)}"] if add else []
        said += [f"untagged {' '.join('#' + say(t) for t in remove)}"] if remove else []
        if said:
            await self.act(ids, Tag(add, remove), " and ".join(said))

    def action_priority(self) -> None:
        """Set the priority."""
        if ids := self._targets_or_say():
            self.work(self._priority(ids))

    async def _priority(self, ids: Sequence[int]) -> None:
        choices = [
            Choice(
                str(p.value), ((f"{p.value} ", "accent"), words.priority_sign(p), (f" {words.PRIORITY_WORDS[p]}", ""))
            )
            for p in sorted(Priority, reverse=True)
        ]
        choices.append(Choice("0", (("0 ", "accent"), ("  as computed", "dim"))))
        answer = await self.app.push_screen_wait(Pick("Priority", choices, filtered=False))
        if answer == "0":
            await self.act(ids, SetPriority(None), "back to the computed priority")
        elif answer is not None:
            priority = Priority(int(answer))
            await self.act(ids, SetPriority(priority), f"set to {words.PRIORITY_WORDS[priority]}")

    def action_snooze(self) -> None:
        """Out of sight for a while."""
        if ids := self._targets_or_say():
            self.work(self._snooze(ids))

    async def _snooze(self, ids: Sequence[int]) -> None:
        now, zone = self.desk.now(), self.desk.zone
        times = snooze_choices(now, zone)
        choices = [Choice(key, ((said, ""), (f"  {words.clock(when, now, zone)}", "dim"))) for key, said, when in times]
        answer = await self.app.push_screen_wait(Pick("Snooze until they write, or for", choices))
        until = next((when for key, _, when in times if key == answer), None)
        if until is not None:
            await self.act(ids, Snooze(until), f"snoozed until {words.clock(until, now, zone)}")

    def action_note(self) -> None:
        """A note that only we see."""
        if ids := self._targets_or_say():
            self.work(self._note(ids[0]))

    async def _note(self, conversation_id: int) -> None:
        body = await self.app.push_screen_wait(Write("Note, only for us"))
        if not body:
            return
        done = await self.attempt(self.desk.backend.note(conversation_id, body, self.desk.now()))
        if done is not None:
            self._tell(done, "noted")
            await self.refresh_ids([conversation_id])

    # Marks, undo, looking --------------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Mark the row; acts then take all marked rows."""
        if not self.reading and not self.refuse_read_only():
            self.rows.toggle_mark()
            self._show_queue_title()

    def action_unmark(self) -> None:
        """No row is marked."""
        self.rows.unmark()
        self._show_queue_title()

    def action_versions(self) -> None:
        """What an edited message said before."""
        edited = [m for m in (self.opened.thread if self.opened else ()) if m.version > 1 and m.mine]
        if not edited:
            self.say("no message here was edited", "dim")
            return
        self.work(self._versions(edited[-1].id))

    async def _versions(self, mention_id: int) -> None:
        found = await self.attempt(self.desk.backend.versions(mention_id))
        if not found:
            return

        def lines(width: int) -> Sequence[Line]:
            return thread.versions_lines(list(found), self.reader(width))

        self.app.push_screen(Sheet("Versions of the message", lines))

    def action_yank(self) -> None:
        """Copy the text of the newest message by the author."""
        texts = [m.text for m in (self.opened.thread if self.opened else ()) if m.mine and not m.ours and m.text]
        if texts:
            self.app.copy_to_clipboard(typed(texts[-1]))
            self.say("text copied", "good")

    def action_yank_link(self) -> None:
        """Copy the address of the newest message."""
        link = thread.link_of(self.opened) if self.opened else None
        if link:
            self.app.copy_to_clipboard(link)
            self.say("address copied", "good")
        else:
            self.say("there is no address that is safe to open", "soon")
