"""Acts on conversations: claim, assign, tag, priority, snooze, note, close, reopen, undo. Each says what it did, or why it could not."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from textual import on

from inbox_tui.messages import RowMarked
from inbox_tui.screens.inbox.counting import Counting
from inbox_tui.view import copying, deeds, thread, windows, words
from inbox_tui.view.lines import Line, say
from inbox_tui.view.times import snooze_choices
from inbox_tui.widgets import dialogs
from inbox_tui.widgets.choices import Choice
from listener.errors import HubbubError
from listener.model.scales import Priority
from listener.workflow import acts, order

if TYPE_CHECKING:
    from inbox_tui.backend import Done

MOST_OF_VIEW = 1_000
"""Conversations of a view that one act takes; a folder is taken whole."""

PART = 200
"""Conversations of a long act that are done at a time."""


class All:
    """Everything in the folder or view that is shown: who it is, is asked when the person is."""


ALL: Final = All()

Targets = Sequence[int] | All


class Triage(Counting):
    """The acts."""

    _again: Callable[[], deeds.Deed | None] | None = None
    """The last act, to be done to something else; what depends on the time is reckoned anew."""

    def targets(self) -> Targets:
        """What an act is about: all, the marked rows, else the conversation being read, else the row under the cursor."""
        if self.rows.all_marked:
            return ALL
        if self.rows.marked:
            return sorted(self.rows.marked)
        here = self.under_hands
        return [] if here is None else [here]

    def _targets_or_say(self) -> Targets:
        if self.refuse_read_only():
            return []
        ids = self.targets()
        if not ids:
            self.say("there is no conversation here", "soon")
        return ids

    def _one_or_say(self) -> int | None:
        """The one conversation that an act is about."""
        ids = self._targets_or_say()
        if isinstance(ids, All) or len(ids) > 1:
            self.say("one at a time: unmark the others first", "soon")
            return None
        return ids[0] if ids else None

    async def act(self, ids: Targets, deed: deeds.Deed, again: Callable[[], deeds.Deed | None] | None = None) -> None:
        """Do it, show it, say it. `again`: how to do it another time, where not just so."""
        self._again = again or (lambda: deed)
        if isinstance(ids, All):
            self.work(self._act_on_all(deed))
            return
        if len(ids) > PART:
            self.work(self._act_on_many(ids, deed))
            return
        done = await self.attempt(self.desk.backend.do(ids, deed.act, self.desk.now()))
        if done is None:
            return
        self._tell(done, deed.done)
        self.unmark_done(ids)
        await self.refresh_ids(ids)

    def unmark_done(self, ids: Sequence[int]) -> None:
        """What an act was about is marked no longer; what was marked while it was under way is."""
        if self.rows.marked <= set(ids):
            self.rows.unmark()
        else:
            self.rows.marked.difference_update(ids)
            self.rows.redraw()
        self._show_queue_title()

    async def action_again(self) -> None:
        """The last act, on what is under the hands now."""
        ids = self._targets_or_say()
        if not ids:
            return
        if self._again is None:
            self.say("no act to do again yet", "dim")
            return
        deed = self._again()
        if deed is None:
            self.say(f"that time has passed ({self.desk.sign('snooze')} chooses another)", "soon")
        else:
            await self.act(ids, deed, self._again)

    # All that is shown -----------------------------------------------------------------------------------------------

    def action_all(self) -> None:
        """Take all rows of what is shown, also those that are not loaded; or let them go."""
        if not self.reading and not self.refuse_read_only():
            if not self.rows.toggle_all():
                self.say("there is no conversation here", "soon")
            self._show_queue_title()

    async def _act_on_all(self, deed: deeds.Deed) -> None:
        """Count, ask, do. Only what stood there when it was counted, and only as it was then."""
        backend, view, folder = self.desk.backend, self.view, self.folder
        self.say("counting", "dim")
        standing = await self.attempt(
            backend.standing(folder)
            if view is None
            else backend.view_standing(view.query, self.desk.now(), most=MOST_OF_VIEW)
        )
        if standing is None:
            return
        n = len(standing.versions)
        if not n:
            self.say("there is no conversation here", "soon")
            return
        self.say("", "")
        many = f"{n:,} of more conversations" if standing.more else words.count(n, "conversation")
        question = deed.to(f"{many} in {words.FOLDER_WORDS[folder] if view is None else say(view.name)}")
        said = [
            f"What comes or changes from now on stays as it is. One {self.desk.sign('take_back')} takes all of it back."
        ]
        if standing.more:
            said.append(f"Of a view at most {MOST_OF_VIEW:,} are taken at once, the first ones; the others stay.")
        if await self._meant(question, said, deed):
            await self._in_parts(list(standing.versions), deed, question, standing.versions)

    async def _act_on_many(self, ids: Sequence[int], deed: deeds.Deed) -> None:
        """More marked rows than one part: how many, is asked once more, for most of them are out of sight."""
        question = deed.to(f"{len(ids):,} marked conversations")
        said = [f"One {self.desk.sign('take_back')} takes all of it back."]
        if await self._meant(question, said, deed):
            await self._in_parts(ids, deed, question)

    async def _meant(self, question: str, said: Sequence[str], deed: deeds.Deed) -> bool:
        answer = await self.app.push_screen_wait(
            dialogs.Ask(f"{question[:1].upper()}{question[1:]}?", said, [("l", "leave them"), ("y", deed.to("them"))])
        )
        if answer != "y":
            self.say("left as they are", "dim")
        return bool(answer == "y")

    async def _in_parts(
        self, ids: Sequence[int], deed: deeds.Deed, title: str, versions: Mapping[int, int] | None = None
    ) -> None:
        """One act, a part at a time; who stops it keeps what is done, and can take that back. `versions`: none that changed since."""
        backend, act_id, so_far = self.desk.backend, uuid.uuid4(), deeds.Sum(len(ids))
        fault: HubbubError | None = None
        progress = dialogs.Progress(title, len(ids))
        await self.app.push_screen(progress)
        try:
            for begin in range(0, len(ids), PART):
                if progress.stopped:
                    break
                part = ids[begin : begin + PART]
                expect = None if versions is None else {id_: versions[id_] for id_ in part}
                done = await backend.do(part, deed.act, self.desk.now(), expect=expect, act_id=act_id)
                so_far = so_far.and_part(len(part), len(done.changed), done.refused, done.overtaken)
                progress.reached(so_far.seen)
        except HubbubError as found:
            fault = found
        finally:
            progress.finish()
        told = so_far.told(deed, self.desk.table)
        self.say(
            f"{told}; {say(fault.what)}" if fault else told,
            "bad" if fault else "good" if so_far.changed == so_far.total else "soon",
        )
        self.rows.unmark()
        await self.refresh_ids([id_ for id_ in ids if self.rows.window.get(id_) is not None])
        self._show_queue_title()

    def _tell(self, done: Done, what: str) -> None:
        if done.refused:
            reason = say(next(iter(done.refused.values())))
            if done.changed:
                self.say(f"{self.said_count(len(done.changed), what)}; not {len(done.refused)}: {reason}", "soon")
            else:
                self.say(f"not {what}: {reason}", "soon")
        elif done.changed:
            undo = self.desk.sign("take_back")
            self.say(f"{self.said_count(len(done.changed), what)} ({undo} takes it back)", "good")
        else:
            self.say(f"already {what}", "dim")

    # One key, one act ------------------------------------------------------------------------------------------------

    async def action_close(self) -> None:
        """Nothing more to do."""
        if ids := self._targets_or_say():
            await self.act(ids, deeds.Deed(acts.Close(), "closed", "close"))

    async def action_close_next(self) -> None:
        """Nothing more to do, and on to the one below."""
        if one := self._one_or_say():
            await self.act([one], deeds.Deed(acts.Close(), "closed", "close"))
            await self.go_on(one)

    async def action_reopen(self) -> None:
        """Back to work."""
        if ids := self._targets_or_say():
            await self.act(ids, deeds.Deed(acts.Reopen(), "opened again", "open", "again"))

    async def action_claim(self) -> None:
        """Take it, or let it go when it is ours."""
        one = self._one_or_say()
        if one is None:
            return
        row = self.rows.window.get(one)
        shown = self.opened if self.opened is not None and self.opened.conversation.id == one else None
        holder = row.claimed_by_id if row is not None else shown.claimed_by_id if shown is not None else None
        backend, now = self.desk.backend, self.desk.now()
        if holder == self.me:
            await self.attempt(backend.release(one, now))
            self.say("let go", "good")
            await self.refresh_ids([one])
            return
        self.work(self._claim(one))

    async def _claim(self, conversation_id: int) -> None:
        if await self.hold(conversation_id):
            self.say(f"you are on it ({self.desk.sign('claim')} lets go)", "good")
        await self.refresh_ids([conversation_id])

    async def hold(self, conversation_id: int) -> bool:
        """Claim it; where a colleague holds it, ask before taking it over."""
        backend = self.desk.backend
        try:
            holder = await backend.claim(conversation_id, self.desk.now())
            if holder is None:
                return True
            name = say(holder.name)
            question = (
                dialogs.Ask(
                    "You are on it in another terminal",
                    ["That one lets go by itself within a minute of its end. What it wrote is kept as your draft."],
                    [("l", "leave it to that one"), ("t", "go on here")],
                )
                if holder.id == self.me
                else dialogs.Ask(
                    f"{name} is on it",
                    [f"{name} holds this conversation right now. Two answers to one question look bad."],
                    [("l", "leave it to them"), ("t", "take it over")],
                )
            )
            answer = await self.app.push_screen_wait(question)
            if answer != "t":
                self.say("left there" if holder.id == self.me else f"left to {name}", "dim")
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

    async def _assign(self, ids: Targets) -> None:
        people = await self.attempt(self.desk.backend.people())
        if people is None:
            return
        self.desk.names = {person.id: person.name for person in people}
        self.desk.logins = tuple(person.login for person in people)
        await self.learn_staff()
        mine = [p for p in people if p.id == self.me]
        choices = [
            Choice(f"person:{p.id}", ((say(p.name), "bold"), (" (you)", "dim"), *self.beside(p.id))) for p in mine
        ]
        choices += [
            Choice(f"person:{p.id}", ((say(p.name), ""), (f" {say(p.login)}", "dim"), *self.beside(p.id)))
            for p in people
            if p.id != self.me
        ]
        choices += [Choice(f"team:{team}", (("team ", "dim"), (say(team), ""))) for team in self._known_teams()]
        choices.append(Choice("nobody", (("nobody", "dim"),)))
        answer = await self.app.push_screen_wait(dialogs.Pick("Give it to", choices))
        if answer is None:
            return
        kind, _, key = answer.partition(":")
        if kind == "person":
            name = "you" if int(key) == self.me else say(self.desk.names.get(int(key), "somebody"))
            await self.act(ids, _given(acts.Assign(int(key)), name))
        elif kind == "team":
            await self.act(ids, _given(acts.Assign(None, key), f"the team {say(key)}"))
        else:
            await self.act(ids, _given(acts.Assign(None), "nobody"))

    async def learn_staff(self) -> None:
        """Who is there and who is away, as things are now."""

    def beside(self, person_id: int) -> Line:
        """What is to be known of somebody before they are given work."""
        return ()

    def _known_teams(self) -> list[str]:
        return sorted({row.team for row in self.rows.window.rows if row.team})

    def _known_tags(self) -> list[str]:
        return sorted({tag for row in self.rows.window.rows for tag in row.tags})

    def action_tag(self) -> None:
        """Put tags on, take tags off."""
        if ids := self._targets_or_say():
            self.work(self._tag(ids))

    async def _tag(self, ids: Targets) -> None:
        known = self._known_tags()

        def complete(value: str) -> list[str]:
            last = value.rpartition(" ")[2].lstrip("-#")
            return [say(tag) for tag in known if tag.startswith(last) and tag != last]

        answer = await self.app.push_screen_wait(
            dialogs.Prompt("Tags", hint="words with spaces between; -word takes a tag off", complete=complete)
        )
        if not answer or not answer.strip():
            return
        parts = answer.split()
        add = tuple(part.lstrip("#") for part in parts if not part.startswith("-") and part.lstrip("#"))
        remove = tuple(part[1:].lstrip("#") for part in parts if part.startswith("-") and part[1:].lstrip("#"))
        on, off = (" ".join("#" + say(tag) for tag in tags) for tags in (add, remove))
        said = [f"tagged {on}"] if on else []
        said += [f"untagged {off}"] if off else []
        if said:
            before = "tag" if on else f"take {off} off"
            after = f"with {on}" + (f", and take {off} off" if off else "") if on else ""
            await self.act(ids, deeds.Deed(acts.Tag(add, remove), " and ".join(said), before, after))

    def action_priority(self) -> None:
        """Set the priority."""
        if ids := self._targets_or_say():
            self.work(self._priority(ids))

    async def _priority(self, ids: Targets) -> None:
        choices = [
            Choice(
                str(p.value), ((f"{p.value} ", "accent"), words.priority_sign(p), (f" {words.PRIORITY_WORDS[p]}", ""))
            )
            for p in sorted(Priority, reverse=True)
        ]
        choices.append(Choice("0", (("0 ", "accent"), ("  as computed", "dim"))))
        answer = await self.app.push_screen_wait(dialogs.Pick("Priority", choices, filtered=False))
        if answer == "0":
            await self.act(
                ids,
                deeds.Deed(
                    acts.SetPriority(None), "back to the computed priority", "put", "back to the computed priority"
                ),
            )
        elif answer is not None:
            priority = Priority(int(answer))
            word = words.PRIORITY_WORDS[priority]
            await self.act(ids, deeds.Deed(acts.SetPriority(priority), f"set to {word}", "set", f"to {word}"))

    def action_snooze(self) -> None:
        """Out of sight for a while."""
        if ids := self._targets_or_say():
            self.work(self._snooze(ids))

    async def _snooze(self, ids: Targets) -> None:
        now, zone = self.desk.now(), self.desk.zone
        times = snooze_choices(now, zone)
        choices = [Choice(key, ((said, ""), (f"  {words.clock(when, now, zone)}", "dim"))) for key, said, when in times]
        answer = await self.app.push_screen_wait(dialogs.Pick("Snooze until they write, or for", choices))
        if answer is None:
            return

        def deed() -> deeds.Deed | None:
            now = self.desk.now()
            until = next((when for key, _, when in snooze_choices(now, zone) if key == answer), None)
            if until is None:
                return None
            when = f"until {words.clock(until, now, zone)}"
            return deeds.Deed(acts.Snooze(until), f"snoozed {when}", "snooze", when)

        first = deed()
        if first is not None:
            await self.act(ids, first, deed)

    def action_note(self) -> None:
        """A note that only we see."""
        if one := self._one_or_say():
            self.work(self._note(one))

    async def _note(self, conversation_id: int) -> None:
        body = await self.app.push_screen_wait(dialogs.Write("Note, only for us; @login asks"))
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

    @on(RowMarked)
    def _row_marked(self, event: RowMarked) -> None:
        event.stop()
        if not self.refuse_read_only():
            self.rows.focus()
            self.rows.mark(event.row_id, through=event.through)
            self._show_queue_title()

    def action_range(self) -> None:
        """Moving marks from here on, until this or space ends it."""
        if not self.reading and not self.refuse_read_only():
            self.rows.toggle_range()
            self._show_queue_title()

    def action_unmark(self) -> None:
        """No row is marked."""
        self.rows.unmark()
        self._show_queue_title()

    def action_before_next(self) -> None:
        """Why the row under the cursor stands above the next one."""
        row, below = self.rows.cursor_row, self.rows.next_row
        if row is None or below is None:
            self.say("nothing stands below it" if row is not None else "there is no conversation here", "dim")
            return
        found = order.ahead(row.state, row.sort_key, below.state, below.sort_key)
        if found is None or not self.belongs(row):
            self.say("it is held here only until the cursor leaves it", "dim")
        else:
            self.say(f"above the next one: {windows.lead(found, row, below)}", "accent")

    def action_versions(self) -> None:
        """What an edited message said before."""
        self.work(self._versions())

    async def _versions(self) -> None:
        opened = await self.opened_here()
        edited = [m for m in (opened.thread if opened else ()) if m.version > 1 and m.mine]
        if not edited:
            self.say("no message here was edited", "dim")
            return
        found = await self.attempt(self.desk.backend.versions(edited[-1].id))
        if not found:
            return

        def lines(width: int) -> Sequence[Line]:
            return thread.versions_lines(list(found), self.reader(width))

        self.app.push_screen(dialogs.Sheet("Versions of the message", lines))

    async def to_copy(self) -> Sequence[copying.Copyable]:
        """The newest message by the author, of the conversation that is read, else of the one under the cursor."""
        opened = await self.opened_here()
        theirs = [one for one in (opened.thread if opened else ()) if one.mine and not one.ours]
        return copying.copyables(theirs[-1].text, theirs[-1].url, theirs[-1].id) if theirs else ()


def _given(act: acts.Assign, whom: str) -> deeds.Deed:
    return deeds.Deed(act, f"given to {whom}", "give", f"to {whom}")
